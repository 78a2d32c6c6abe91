"""Quoting what others wrote in a message, escaped and cut where it is long; and counting.

Invariant: a message stays short however long the input was.
"""

from __future__ import annotations

import re

QUOTED_MAX = 60
WORD_MAX, MESSAGE_MAX = 400, 2000  # a path may be long


def quoted(thing: object) -> str:
    """Quote a text of others, or write a number; of a long one its beginning and its length."""
    whole = str(thing)
    shown = whole[:QUOTED_MAX]
    shown = repr(shown) if isinstance(thing, str) else shown
    return shown if len(whole) <= QUOTED_MAX else f"{shown}... ({len(whole)} characters)"


def plural(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def address(text: str) -> str:
    """Write the address of a server for people: without what may be a login or a token in it."""
    plain, _, more = re.sub(r"(?<=//)[^/@]*(@[^/@]*)*@", "***@", text).partition(";")
    plain, _, query = plain.partition("?")
    return plain + ("?***" if query else "") + (";***" if more else "")


def bounded(message: str) -> str:
    """Cut what a message quotes at length, whoever wrote it."""
    text = re.sub(rf"\S{{{WORD_MAX},}}", lambda word: _begun(word[0], QUOTED_MAX), message)
    return text if len(text) <= MESSAGE_MAX else _begun(text, MESSAGE_MAX)


def _begun(text: str, most: int) -> str:
    return f"{text[:most]}... ({len(text)} characters)"
