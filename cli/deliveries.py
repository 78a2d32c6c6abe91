"""Files that banks, vendors and providers deliver, as the readers take them.

A FOCUS file is handed over by its path, for it is read piece by piece; any other is read whole.
This module must not know what is in a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ledger import clock as clocks
from ledger import codec
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX, AccountOpened
from projections.answers import Formatter
from projections.reconciliation.focus.booking import FocusImporter
from projections.reconciliation.focus.fitting import by_currency
from projections.reconciliation.imports import Importer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.bootstrap import Session
    from ledger.store import Reader
    from projections.reconciliation.lines import Statement

BYTES_MAX = 1 << 30


def statement_file(file: str, source: str) -> bytes | Path:
    """Read a file, or give its path. Raises: OSError, InvalidInput."""
    path = Path(file)
    if source == "focus" and path.is_file():
        return path
    stream = sys.stdin.buffer if file == "-" else path.open("rb")
    with stream:
        body = stream.read(BYTES_MAX + 1)
    if len(body) > BYTES_MAX:
        raise InvalidInput("the file is larger than 1 GiB", hint="reconcile month by month")
    return body


def importing(
    session: Session, statement: Statement, *, dates_lost: bool = False
) -> tuple[Importer, Statement]:
    """Give what makes commands of a statement, and the statement in the ledger's words."""
    kind = Importer
    if statement.source == "focus":
        kind = FocusImporter
        named = currencies(session.reader, (line.account for line in statement.lines))
        statement = by_currency(statement, named)
    importer = kind(
        Formatter(offset=session.offset, currency=session.catalog.currency), now=session.now,
        clock=session.now if session.catalog.clock == clocks.SIMULATED else None,
        known=[stream.removeprefix(ACCOUNT_PREFIX) for stream in session.reader.streams()],
        dates_lost=dates_lost,
    )  # fmt: skip
    return importer, statement


def currencies(reader: Reader, accounts: Iterable[str]) -> dict[str, str]:
    """Give the currencies of those accounts that the ledger has."""
    found = {}
    for account in set(accounts):
        for recorded in codec.decode_all(reader.stream_bodies(ACCOUNT_PREFIX + account)[:1]):
            if isinstance(recorded.event, AccountOpened):
                found[account] = recorded.event.currency
    return found
