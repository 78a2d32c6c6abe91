"""Delivering notices: channels, texts, and the loop that tries again.

Invariant: what is sent follows from the log (projections/notices); every attempt is recorded; no
secret is printed or stored. Nothing but ``tally notify`` and ``tally run --notify`` comes here.
"""
