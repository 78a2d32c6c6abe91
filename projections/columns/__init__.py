"""The log as columns: typed Parquet segments beside the ledger, and the views as plain SQL.

Invariant: derived and disposable; every number here equals the fold of the same point (DESIGN,
two derivations that must agree), and is never written back. Nothing is imported before it is
asked for: pyarrow and duckdb are the extra ``columns``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ledger.store import is_server, name_of

SUFFIX: Final = ".columns"


def folder_of(location: str) -> Path:
    """Return the folder beside a ledger's file, or for one on a server in this folder."""
    return Path((name_of(location) if is_server(location) else location) + SUFFIX)
