"""Quoting what others wrote in a message, escaped and cut where it is long; and counting.

Invariant: a message stays short however long the input was.
"""

from __future__ import annotations

QUOTED_MAX = 60


def quoted(thing: object) -> str:
    """Quote a text of others, or write a number; of a long one its beginning and its length."""
    whole = str(thing)
    shown = whole[:QUOTED_MAX]
    shown = repr(shown) if isinstance(thing, str) else shown
    return shown if len(whole) <= QUOTED_MAX else f"{shown}... ({len(whole)} characters)"


def plural(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
