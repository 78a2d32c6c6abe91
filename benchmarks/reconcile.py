"""A statement of many lines, read, matched and proved, beside a plain dictionary join.

The peer reads the same file with the csv module and joins it by reference, with exact decimals: it
finds what is absent on one side, and no ties, duplicates, ages, classes or proof.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, best
from ledger.events import AccountOpened, RecordedEvent, TopUpReceived
from ledger.memory import no_cycles
from ledger.periods import HOUR, format_instant
from projections.reconciliation.breaks import Scope
from projections.reconciliation.ours import side_of
from projections.reconciliation.readers import read_statement
from projections.reconciliation.report import reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 500
MOST_JOINS = 5.0  # SPEED: as exact, with ties, classes, ages and proof, beside a join that has none
OFFSET = 8 * HOUR
START = 1_740_758_400_000_000
STEP = 12_000_000  # microseconds between payments: 200 000 fit into a month
COLUMNS = (
    "OwnerID", "TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow",
    "TransactionChannelSN", "Amount", "Currency",
)  # fmt: skip
EVERY = 1000  # one line in N is missing, on either side


def _events(count: int) -> Iterator[RecordedEvent]:
    """Yield the ledger's payments: accounts are opened, then pay in turn."""
    for n in range(ACCOUNTS):
        yield _recorded(n + 1, n, START, AccountOpened(account=f"a-{n}", currency="CNY"))
    for n in range(count):
        if n % EVERY != 1:
            event = TopUpReceived(channel="bank", serial=f"S{n}", amount=1000 + n % 977)
            yield _recorded(ACCOUNTS + n, n % ACCOUNTS, START + n * STEP, event)


def _recorded(
    position: int, account: int, at: int, event: AccountOpened | TopUpReceived
) -> RecordedEvent:
    return RecordedEvent(
        position=position, stream=f"account:a-{account}", version=1, recorded_at=at,
        effective_at=at, event=event,
    )  # fmt: skip


def _statement(count: int) -> bytes:
    """Write the vendor's list of the same payments."""
    rows = [",".join(COLUMNS)]
    for n in range(count):
        if n % EVERY != 2:  # another line than the ledger lacks
            cents = 1000 + n % 977
            when = format_instant(START + n * STEP, OFFSET)
            rows.append(
                f"a-{n % ACCOUNTS},P{n},{when},Payment,Income,S{n},"
                f"{cents // 100}.{cents % 100:02d},CNY"
            )
    return ("\n".join(rows) + "\n").encode()


def _join(body: bytes, ours: dict[str, Decimal]) -> tuple[int, int]:
    theirs = {
        row["TransactionChannelSN"]: Decimal(row["Amount"])
        for row in csv.DictReader(io.StringIO(body.decode()))
    }
    return len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())


def reconcile_lines(count: int) -> Figure:
    """Read, match and prove a statement of N lines."""
    body, events = _statement(count), list(_events(count))
    plain = {
        event.event.serial: Decimal(event.event.amount) / 100
        for event in events if isinstance(event.event, TopUpReceived)
    }  # fmt: skip

    def ours() -> int:
        with no_cycles():
            return compared()

    def compared() -> int:
        statement = read_statement(body, "alibaba-transactions", offset=OFFSET, currency="CNY")
        side = side_of(events, statement.subject)
        scope = Scope("CNY", statement.starts, statement.ends, kinds=statement.kinds)
        return len(reconcile(statement, side.lines, scope).breaks)

    found = ours()
    assert found == sum(_join(body, plain)) == 2 * count // EVERY  # noqa: S101 - both must agree
    seconds, peer = best(ours), best(lambda: _join(body, plain))
    return Figure(
        f"reconcile_{count}", f"{seconds:.2f} s", f"dict join {peer:.2f} s", seconds / peer,
        f"<= {MOST_JOINS}", seconds / peer <= MOST_JOINS,
    )  # fmt: skip
