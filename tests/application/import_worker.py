"""Imports a file into a ledger, to be killed at any moment by a test."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.importer import import_lines
from tests.application.worlds import reopen


def main() -> None:
    """Import argv[2] into the ledger argv[1], saying when it has begun."""
    ledger = reopen(sys.argv[1])
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    with Path(sys.argv[2]).open("rb") as lines:
        for _ in import_lines(ledger, lines, resume=True, batch_lines=40):
            pass


if __name__ == "__main__":
    main()
