"""``tally forecast --all``: what is to come for everybody, in shares of accounts.

Invariant: the rows come out by account, whoever did the shares. This module must not know the
rules.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from cli.cluster.running import place
from cli.render import short, table, write
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.memory import no_cycles
from ledger.money import format_minor
from ledger.periods import format_instant
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from ledger.quoting import plural
from ledger.rehearsal.forecast import forecast
from ledger.store import open_reader
from projections.outlook import Outlook
from projections.shares import divide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.bootstrap import Session
    from cli.cluster.running import Work
    from cli.outputs import Target

Json = dict[str, Any]
HEADER = ("account", "expire", "stop", "release", "overdue since", "renewals", "cash", "")


class Ahead(NamedTuple):
    """What a share of the forecast came to."""

    events: int
    rows: list[Outlook]


class Table(NamedTuple):
    """A table of the page: its first ``text`` columns are words."""

    header: list[str]
    rows: list[list[str]]
    text: int


class OutlookTask(NamedTuple):
    """Look ahead for one share of accounts."""

    location: str
    accounts: list[str]
    to: int
    offset: int

    def __call__(self) -> Ahead:
        """Do it."""
        with closing(open_reader(self.location)) as reader, no_cycles():
            found = forecast(reader, self.to, accounts=self.accounts)
        rows = {
            name: Outlook(name, state.currency) for name, state in sorted(found.states.items())
        }
        for recorded in found.events:
            account = account_of(recorded.stream)
            assert account is not None  # noqa: S101 - only accounts have deadlines
            rows[account].see(recorded, offset=self.offset)
        for name, row in rows.items():
            row.end(found.states[name])
        return Ahead(len(found.events), [row for row in rows.values() if row.events])


def look_ahead(
    session: Session, work: Work, *, account: str | None, to: int,
    progress: Callable[[int, int], None],
) -> list[Outlook]:  # fmt: skip
    """Look ahead for everybody, or for one account; only those for whom something is to come."""
    names = (
        [stream.removeprefix(ACCOUNT_PREFIX) for stream in session.reader.streams(ACCOUNT_PREFIX)]
        if account is None else [account]
    )  # fmt: skip
    where = place(session.location)
    tasks = [OutlookTask(where, share, to, session.offset) for share in divide(names)]
    rows = [row for done in work.run(tasks, progress) for row in done.rows]
    work.say()
    return sorted(rows, key=lambda row: row.account)


def row_json(row: Outlook, offset: int) -> Json:
    """Write one account's row."""
    since = row.overdue_since
    return {
        "account": row.account, "currency": row.currency, "expire": row.expire, "stop": row.stop,
        "release": row.release,
        "overdue_since": None if since is None else format_instant(since, offset),
        "outstanding": format_minor(row.outstanding, row.currency), "renewals": row.renewals,
        "renewals_failed": row.renewals_failed,
        "renewal_cash": format_minor(row.cash, row.currency), "events": row.events,
    }  # fmt: skip


def days_json(rows: Sequence[Outlook]) -> list[Json]:
    """Write what automatic renewals will take, by day and currency."""
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        for day, cash in row.days.items():
            sums[day, row.currency] = sums.get((day, row.currency), 0) + cash
    return [
        {"date": day, "currency": currency, "renewal_cash": format_minor(cash, currency)}
        for (day, currency), cash in sorted(sums.items())
    ]


def answer(session: Session, rows: Sequence[Outlook], to: int) -> Json:
    """Write ``tally.outlook/1``."""
    offset = session.offset
    return {
        "schema": "tally.outlook/1", "from": format_instant(session.now, offset),
        "to": format_instant(to, offset), "position": session.reader.head().position,
        "days": days_json(rows), "rows": [row_json(row, offset) for row in rows],
    }  # fmt: skip


def _cells(row: Outlook, offset: int) -> list[str]:
    since = None if row.overdue_since is None else format_instant(row.overdue_since, offset)
    return [
        row.account, str(len(row.expire)), str(len(row.stop)), str(len(row.release)),
        short(since), str(row.renewals), format_minor(row.cash, row.currency), row.currency,
    ]  # fmt: skip


def print_page(session: Session, rows: Sequence[Outlook], to: int) -> None:
    """Print a row for each account for which something is to come, then the days."""
    offset = session.offset
    until = short(format_instant(to, offset))
    write(f"from {short(format_instant(session.now, offset))} to {until}, if nobody does anything")
    if not rows:
        write("nothing is to come; nothing is written")
        return
    table(HEADER, [_cells(row, offset) for row in rows], words=1)
    write(f"{plural(len(rows), 'account')}; nothing is written")
    days = days_json(rows)
    if days:
        write()
        write("Cash that automatic renewals will take")
        rows_of = [[day["date"], day["renewal_cash"], day["currency"]] for day in days]
        table(("date", "cash", ""), rows_of, words=1)


def write_page(target: Target, session: Session, rows: Sequence[Outlook], to: int) -> None:
    """Write the same as a page. Raises: OSError."""
    from projections.html.page import Source  # noqa: PLC0415 - for --html alone
    from projections.html.sheets import sheets_page  # noqa: PLC0415 - the same

    offset, position = session.offset, session.reader.head().position
    now, until = format_instant(session.now, offset), format_instant(to, offset)
    root = write_base64(Nodes(session.reader.connection).root(position))
    source = Source(f"tally forecast --to {until} --all", until, now, position, root)
    days = [[day["date"], day["currency"], day["renewal_cash"]] for day in days_json(rows)]
    parts: list[Table | str] = [
        Table(list(HEADER), [_cells(row, offset) for row in rows], 1),
        "Cash that automatic renewals will take, by day", Table(["date", "", "cash"], days, 2),
    ]  # fmt: skip
    target.write(sheets_page("Forecast", now, parts, source))
