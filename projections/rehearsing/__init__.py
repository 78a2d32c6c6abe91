"""Answers of what was decided again: what-if, why-not, forecast, recheck, backtest.

The one place of the read side that asks ledger/rehearsal. Invariant: nothing is decided here and
nothing is written; this package must not know click or the terminal.
"""
