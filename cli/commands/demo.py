"""``tally demo``: a year of billing life, recorded, replayed and questioned."""

from __future__ import annotations

import json
import textwrap
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cli.bootstrap import Session
from cli.commands.show import page as show_event
from cli.commands.state import page
from cli.options import Output, tally_command
from cli.outputs import Target
from cli.progress import Progress
from cli.render import strong, table, write
from ledger import clock as clocks
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX
from ledger.money import format_minor
from ledger.periods import HOUR, parse_instant
from ledger.quoting import plural
from ledger.store import is_server
from ledger.store.making import new_ledger
from projections.answers.keeping import DemoMade, Planted
from projections.answers.terms import Instant
from projections.pages import Figure
from projections.point import Asked
from projections.reconciliation.sources import ComparisonAsked, compare

if TYPE_CHECKING:
    from projections.reconciliation.report import ReconciliationReport

DEMO_LEDGER = "./tally-demo.db"
DEMO_ID = "tallystick-demo-year"
MARK = "demo"  # the setting that tells whether a demo ledger was changed
START = "2025-01-01T00:00:00+08:00"
GRACE = "overdue_grace_legacy"
INSTANTS = ("2025-03-31T23:59:59+08:00", "2025-07-31T23:59:59+08:00", "2025-12-30T23:59:59+08:00")


@click.command("demo")
@click.option("--force", is_flag=True, help="Replace a demo ledger that has changed.")
@tally_command()
def command(session: Session, output: Output, *, force: bool) -> None:
    """Make a ledger of a year of 40 accounts and walk through the main reports.

    \b
    Examples:
      tally demo
      tally demo --ledger year.db
    """
    location = DEMO_LEDGER if session.default else session.location
    earlier = _holds_demo(location, force=force)
    begun = time.perf_counter_ns()
    with new_ledger(location, replace=earlier) as fresh, Session(fresh) as making:
        commands, refused = _record_the_year(making)
    milliseconds = (time.perf_counter_ns() - begun) // 1_000_000
    session = Session(location)
    rows, difference = session.views().compare()
    head = session.reader.head().position
    statements = check_statements(session)
    answer = DemoMade(
        ledger=location, commands=commands, refused=refused, events=head, rows_compared=rows,
        equal=difference is None,
        statements=[
            Planted(file=one.name, matched=len(one.report.matches), breaks=len(one.found),
                    planted=len(one.planted), exact=one.exact)
            for one in statements
        ],
    )  # fmt: skip
    if output.answered(answer):
        return
    write(strong(f"1. A year recorded in {location}"))
    rate = commands * 1000 // max(milliseconds, 1)
    write(f"   {commands} commands ({refused} refused) became {head} events: {rate} commands/s")
    write()
    write(strong("2. Who is overdue, and since when?   tally balances --overdue"))
    _overdue(session)
    write()
    account = _interesting(session)
    write(strong(f"3. One account at three instants      tally state {account} --at T"))
    for instant in INSTANTS:
        _state(session, account, instant)
        write()
    write(strong("4. One event whole                    tally show POSITION"))
    _one_event(session, account)
    write()
    write(strong("5. Does a refold equal what is stored? tally replay --compare"))
    said = "yes" if difference is None else f"NO: {difference}"
    write(f"   {said}: {rows} rows of {len(session.views().status())} views, {head} events")
    write()
    write(strong("6. Do bank and vendor agree?           tally reconcile FILE --source S"))
    _statements(statements)
    write()
    write(strong("7. What would 48 h of grace have cost? tally backtest --policy K=V"))
    _more_grace(session, account)
    write()
    write(f"Next: tally log {account} --ledger {location}")


def _statements(checked: list[Checked]) -> None:
    """Print what each statement showed: the fixtures hold planted breaks of every class."""
    for one in checked:
        agreed = "exactly the planted breaks" if one.exact else "NOT the planted breaks"
        classes = sorted({kind for kind, _ in one.found})
        told = f"{len(one.report.matches)} matched, {plural(len(one.found), 'break')}: {agreed}"
        write(f"   {one.name:<17} {told}")
        for line in textwrap.wrap(", ".join(classes), 56):
            write(f"   {'':<17}   {line}")


def _more_grace(session: Session, account: str) -> None:
    """Decide the year again with two days of grace, and show one account that can be checked."""
    from ledger.rehearsal.changes import Changes  # noqa: PLC0415 - loads the write side
    from projections.rehearsing.backtest import backtest_of  # noqa: PLC0415 - the same
    from projections.rehearsing.backtest_shares import Scenario, decide  # noqa: PLC0415 - the same

    streams = session.reader.streams(ACCOUNT_PREFIX)
    names = [stream.removeprefix(ACCOUNT_PREFIX) for stream in streams]
    question = Scenario(Changes(policy={GRACE: "48h"}), (), 0, session.now, session.offset)
    rows = decide(session.reader, names, question).rows
    answer = backtest_of(session, question, rows, customers="as recorded")
    one = next(row for row in answer.rows if row["account"] == account)
    write(f"   {answer.changed} of {plural(answer.accounts, 'account')} change;"
          f" charged {answer.totals['CNY']['charged']['delta']} CNY more")  # fmt: skip
    table(
        ("", "stops", "out of service", "with 48 h: stops", "out of service"),
        [
            (f"   {name}", row["stops"]["before"], Figure(f"{row['stopped_seconds']['before']} s"),
             row["stops"]["after"], Figure(f"{row['stopped_seconds']['after']} s"))
            for name, row in (("all accounts", answer.totals), (account, one))
        ],
    )  # fmt: skip
    write(f"   By hand: each stop of {account} comes 86400 s later, or is not reached.")


def _holds_demo(location: str, *, force: bool) -> bool:
    """Return whether an earlier demo is there that may be replaced. Raises: InvalidInput."""
    path = Path(location)
    if not is_server(location):
        Target(location).check_new([])
    if not path.exists():
        return False
    with Session(location) as there:
        ours, unchanged = there.config.ledger == DEMO_ID, _unchanged(there)
    if not ours:
        msg = f"{location!r} holds another ledger"
        raise InvalidInput(msg, hint="choose another path: tally demo --ledger PATH")
    if not force and not unchanged:
        msg = f"{location!r} holds a demo ledger that was changed since it was made"
        raise InvalidInput(msg, hint="add --force to replace it, or choose another --ledger PATH")
    if not force and location != DEMO_LEDGER:
        msg = f"{location!r} holds a demo already"
        raise InvalidInput(msg, hint="add --force to build it again")
    return True


def _mark(session: Session) -> str:
    """Return what the log is now: its length and the hash of its last event."""
    head = session.reader.head()
    return f"{head.position} {head.body_sha256.hex()}"


def _unchanged(session: Session) -> bool:
    """Return whether a demo ledger holds exactly what was recorded when it was made."""
    return session.reader.meta(MARK) == _mark(session)


def _record_the_year(session: Session) -> tuple[int, int]:
    from ledger.founding import create  # noqa: PLC0415 - loads the write side
    from ledger.importer import import_lines  # noqa: PLC0415 - loaded when needed

    create(
        session.store, clock=clocks.SIMULATED, start=parse_instant(START, 8 * HOUR),
        currency="CNY", policy={}, ledger=DEMO_ID,
    )  # fmt: skip
    lines = files("cli").joinpath("demo", "year.ndjson").read_bytes().splitlines(keepends=True)
    commands = refused = 0
    with Progress("import") as progress:
        for result in import_lines(session.ledger, iter(lines)):
            commands += 1
            refused += not result.outcome.ok
            progress(commands, len(lines))
    session.views()
    with session.store.writing() as writer:
        writer.set_meta(MARK, _mark(session))
    return commands, refused


def _overdue(session: Session) -> None:
    views = session.views()
    table(
        ("account", "outstanding", "since", "item"),
        [
            (account, Figure(_money(outstanding)), Instant.at(int(str(since)), session.offset),
             item)
            for account, since, item, outstanding, _ in views.rows("overdue")
        ],
    )  # fmt: skip


def _money(minor: Any) -> str:
    return format_minor(int(minor), "CNY")


def _interesting(session: Session) -> str:
    """Choose the account with the most stops, so that there is something to see."""
    stops = Counter(str(row.account) for row in session.log(types=("ServiceStopped",)).rows)
    return min(stops, key=lambda account: (-stops[account], account))


def _state(session: Session, account: str, instant: str) -> None:
    at = min(parse_instant(instant, session.offset), session.now)
    point = session.point(Asked(at=at))
    page(session.account(account, point))


def _one_event(session: Session, account: str) -> None:
    first = session.log(account, types=("ServiceStopped",)).rows[0]
    show_event(session.show(first.position))


STATEMENTS = (
    ("bank.xml", ComparisonAsked("camt053")),
    ("transactions.csv", ComparisonAsked("alibaba-transactions")),
    ("bills.csv", ComparisonAsked("alibaba-bills", kinds=frozenset(("PayAsYouGoBill",)))),
)


class Checked(NamedTuple):
    """One statement of the demo, and the breaks that were planted in it: (class, key)."""

    name: str
    report: ReconciliationReport
    planted: list[tuple[str, str]]

    @property
    def found(self) -> list[tuple[str, str]]:
        """The breaks that were found."""
        report = self.report
        return sorted((one.kind, one.key) for one in (*report.breaks, *report.expected))

    @property
    def exact(self) -> bool:
        """Whether each planted break was found, and nothing else."""
        return self.found == self.planted


def check_statements(session: Session) -> list[Checked]:
    """Reconcile each statement of the demo with its ledger."""
    folder = files("cli").joinpath("demo", "statements")
    planted = json.loads(folder.joinpath("planted.json").read_text(encoding="utf-8"))
    point = session.point(Asked())
    checked = []
    for name, asked in STATEMENTS:
        compared = compare(session, point, folder.joinpath(name).read_bytes(), asked)
        expected = sorted((one["class"], one["key"]) for one in planted[name])
        checked.append(Checked(name, compared.report, expected))
    return checked
