"""The words that statements of several languages are written with: the file ``words.toml``.

This module must not know who looks for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from projections.toml import read_toml


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says, and why each list is there."""

    totals: tuple[str, ...]
    income: tuple[str, ...]
    expense: tuple[str, ...]
    months: tuple[str, ...]
    days: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    states: dict[str, tuple[str, ...]]
    held: dict[str, tuple[str, ...]]
    symbols: dict[str, str]


_FILE: Final = Path(__file__).resolve().parent.parent / "words.toml"
WORDS: Final = msgspec.convert(read_toml(_FILE.read_bytes(), _FILE.name), Words)
