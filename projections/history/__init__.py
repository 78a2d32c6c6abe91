"""Time travel that only looks: points, tags, diff, blame, last, trace, bisect, the debugger.

Every answer is a fold of the events that a point selects (projections/point.py); nothing here
decides, and nothing is written. Deciding again is ledger/rehearsal's work.
"""
