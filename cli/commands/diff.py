"""``tally diff``: what differs between two points, with the bridge of every sum."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from cli.changes import write_changes
from cli.errors import DONE, FOUND
from cli.expressions import is_account
from cli.options import Output, tally_command
from cli.points import PointCommand
from cli.progress import Progress
from cli.render import point_line, strong, write
from cli.restatements import say_restated, write_was
from ledger.certain import certain
from ledger.quoting import plural
from projections.answers.terms import Typed
from projections.history.diff import PARTS, diff_of

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.diff import BridgeShown, Diff, Difference
    from projections.history.diff import FieldDiff

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
    first, second = session.at(a), session.at(b)
    with Progress("comparing accounts") as progress:
        found, rows = diff_of(session, first, second, account, progress)
    if not output.answered(found):
        write(strong("a  " + point_line(found.a)))
        write(strong("b  " + point_line(found.b)))
        _page(session, rows, found, bridge=bridge)
        say_restated(found.restated)
        if account is not None:
            write_was(session, account, second)
    return FOUND if exit_code and rows else DONE


def _page(session: Session, rows: list[FieldDiff], found: Diff, *, bridge: bool) -> None:
    by_field = {(row.account, str(row.name)): row for row in rows}

    def beneath(row: Difference) -> None:
        if bridge and row.bridge:
            _bridge(session, by_field[row.account, row.field], row.bridge)

    for account, group in groupby(found.rows, key=lambda row: row.account):
        write()
        write(strong(account))
        write_changes(group, before="a", after="b", beneath=beneath)
    if not rows:
        write("nothing differs")
        return
    write()
    fields = "1 field differs" if len(rows) == 1 else f"{len(rows)} fields differ"
    write(f"{fields}{'; every bridge adds up' if bridge else ''}")


def _bridge(session: Session, row: FieldDiff, shown: BridgeShown) -> None:
    typed = Typed(offset=session.offset, currency=row.currency)
    for part in PARTS:
        entries = [entry for entry in certain(row.bridge).entries if entry.part == part]
        count = "" if part == "rules" else plural(len(entries), "event")
        write(f"      {part:<12} {count:<12} {getattr(shown, part):>12}")
        for entry in entries[:ENTRIES_MAX]:
            recorded = entry.recorded
            effective = typed.instant(recorded.effective_at).date()
            known = typed.instant(recorded.recorded_at).date()
            late = f"{effective}, recorded {known}" if known != effective else effective
            who = f" {recorded.actor}" if recorded.actor else ""
            what = f"@{entry.position} {type(recorded.event).__name__} {late}{who}"
            write(f"        {what[:57]:<57} {typed.money(entry.amount):>12}")
        if len(entries) > ENTRIES_MAX:
            write(f"        and {len(entries) - ENTRIES_MAX} more events")
