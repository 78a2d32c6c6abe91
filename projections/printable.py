"""Text of others, made safe to look at: what a terminal or a page would act on is spelled out.

Invariant: what is given back prints as it reads: it moves no cursor, turns no direction, hides
nothing and adds no line; doing it twice changes nothing more. This module must not know where
text comes from or goes to.
"""

from __future__ import annotations

import json
import re
from typing import Final

# Controls, formats (bidi marks and zero widths among them), surrogates, unassigned, line ends.
_SPELLED_OUT: Final = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), wide forms included.
_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_BYTE, _PLANE = 0x100, 0x10000


def printable(text: str) -> str:
    """Return text with control, bidi and format characters spelled out, as backslash x1b."""
    if text.isprintable():
        return text
    from unicodedata import category  # noqa: PLC0415 - loaded for odd text alone

    return "".join(
        _spelled(one) if category(one) in _SPELLED_OUT else one for one in text
    )


def _spelled(one: str) -> str:
    code = ord(one)
    if code < _BYTE:
        return _SHORT.get(one, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < _PLANE else f"\\U{code:08x}"


def width(text: str) -> int:
    """Return how many columns text takes on a terminal: CJK two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width  # noqa: PLC0415 - for other scripts alone

    return sum(
        0 if category(one) in {"Mn", "Me"} else 1 + (east_asian_width(one) in {"W", "F"})
        for one in text
    )


def cut(text: str, columns: int) -> str:
    """Return text that takes at most ``width`` columns, with an ellipsis where it was cut."""
    if width(text) <= columns:
        return text
    kept, taken = "", 1
    for one in text:
        taken += width(one)
        if taken > columns:
            break
        kept += one
    return kept + "\N{HORIZONTAL ELLIPSIS}"


def csv_cell(content: object) -> object:
    """Write one cell of a CSV, so that a spreadsheet shows it and does not run it."""
    if isinstance(content, (dict, list, bool)):
        content = json.dumps(content, ensure_ascii=False)
    if isinstance(content, str) and content.startswith(_RUN) and not _NUMBER.fullmatch(content):
        return f"'{content}"
    return content
