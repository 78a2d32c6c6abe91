"""``tally diff``: what differs between two points, with the bridge of every sum."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from msgspec import UNSET

from cli.changes import write_changes
from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.points import PointCommand, point_argument
from cli.progress import Progress
from cli.render import point_line, short, strong, write
from cli.restatements import say_restated, write_was
from projections.answers.diff import Diff
from projections.history.bridge import PARTS
from projections.history.diff import candidates, diff_account, difference
from projections.history.naming import is_account

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.diff import Row
    from projections.point import Point

ENTRIES_MAX = 10


@click.command("diff", cls=PointCommand)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.argument("account", required=False)
@click.option("--bridge", is_flag=True, help="For sums: split the difference by event.")
@click.option("--exit-code", is_flag=True, help="Exit with status 1 when something differs.")
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, a: str, b: str, account: str | None,
    bridge: bool, exit_code: bool,
) -> int:  # fmt: skip
    """Show what differs between two points: T, @position, tag:NAME or AT::KNOWN.

    The bridge: activity (effective after A) + late (effective by then, recorded
    after A) + corrections (credit notes, reversals, refunds, cancelled renewals)
    + rules = the difference, checked to add up.

    \b
    Examples:
      tally diff 2025-02 2025-03 a-1
      tally diff tag:close-2025-03 2025-03 --bridge
      tally diff 2025-03-31::2025-04-01 2025-03-31::head a-1 --bridge
    """
    reader = session.reader
    if account is not None and is_account(reader, a) and not is_account(reader, account):
        a, b, account = b, account, a  # ACCOUNT A B is read as well
    first, second = point_argument(session, a), point_argument(session, b)
    rows = _rows(session, first, second, account)
    moved = session.restated("diff", second, account)
    found = Diff(
        a=session.shown(first), b=session.shown(second),
        rows=[difference(row, session.offset) for row in rows],
        restated=session.restated("diff", first, account) if moved is UNSET else moved,
    )  # fmt: skip
    if not output.answered(found):
        shown = found.plain()
        write(strong("a  " + point_line(shown["a"])))
        write(strong("b  " + point_line(shown["b"])))
        _page(session, rows, shown["rows"], bridge=bridge)
        say_restated(shown.get("restated"), human=True)
        if account is not None and moved is not UNSET:
            write_was(session, account, second)
    return FOUND if exit_code and rows else DONE


def _rows(session: Session, a: Point, b: Point, account: str | None) -> list[Row]:
    names = candidates(session.reader, a, b) if account is None else [account]
    if account is not None and not session.reader.has_stream(f"account:{account}"):
        raise session.no_account(account)
    rows: list[Row] = []
    with Progress("comparing accounts") as progress:
        for done, name in enumerate(names, 1):
            rows += diff_account(session.reader, name, a, b)
            progress(done, len(names))
    return rows


def _page(
    session: Session, rows: list[Row], shown: list[dict[str, Any]], *, bridge: bool
) -> None:
    by_field = {(row.account, str(row.name)): row for row in rows}

    def beneath(row: dict[str, Any]) -> None:
        if bridge and "bridge" in row:
            _bridge(session, by_field[row["account"], row["field"]], row)

    for account, group in groupby(shown, key=lambda row: str(row["account"])):
        write()
        write(strong(account))
        write_changes(group, before="a", after="b", beneath=beneath)
    if not shown:
        write("nothing differs")
        return
    write()
    fields = "1 field differs" if len(shown) == 1 else f"{len(shown)} fields differ"
    write(f"{fields}{'; every bridge adds up' if bridge else ''}")


def _bridge(session: Session, row: Row, shown: dict[str, Any]) -> None:
    from projections.answers.terms import Formatter  # noqa: PLC0415 - for this page alone

    assert row.bridge is not None  # noqa: S101 - the row was shown with its bridge
    formatter = Formatter(offset=session.offset, currency=row.currency)
    for part in PARTS:
        entries = [entry for entry in row.bridge.entries if entry.part == part]
        count = "" if part == "rules" else f"{len(entries)} event{'s'[: len(entries) != 1]}"
        write(f"      {part:<12} {count:<12} {shown['bridge'][part]:>12}")
        for entry in entries[:ENTRIES_MAX]:
            recorded = entry.recorded
            effective = short(formatter.instant(recorded.effective_at))[:10]
            known = short(formatter.instant(recorded.recorded_at))[:10]
            late = f"{effective}, recorded {known}" if known != effective else effective
            who = f" {recorded.actor}" if recorded.actor else ""
            what = f"@{entry.position} {type(recorded.event).__name__} {late}{who}"
            write(f"        {what[:57]:<57} {formatter.money(entry.amount):>12}")
        if len(entries) > ENTRIES_MAX:
            write(f"        and {len(entries) - ENTRIES_MAX} more events")
