"""Notices: which there are, and how they arrive."""
