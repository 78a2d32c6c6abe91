"""What ``tally backtest`` is given, and how it is answered.

Invariant: an answer is the same bytes however the work was divided. This package must not know the
rules.
"""
