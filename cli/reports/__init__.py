"""The reports of ``tally report``: one small module each, named in ``REPORTS``."""
