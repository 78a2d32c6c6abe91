"""``tally whatif``: the history with changes, decided again or only refolded."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from cli.changes import owner_of, spelled
from cli.commands.init import read_policy
from cli.errors import DONE
from cli.options import Output, account_argument, tally_command
from cli.render import point_line, table, write
from projections.history.points import read_position
from projections.pages import short
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.bootstrap import Session
    from ledger.rehearsal.changes import Changes
    from projections.answers.events import Planned
    from projections.answers.rehearsing import FieldMoved, Verdict, WhatIfShown
    from projections.history.points import Point

DECIDE, FACTS = "decide", "facts"
LISTED = 30  # of each list on the page


@click.command("whatif")
@account_argument(required=False)
@click.option("--account", "only", hidden=True)
@click.option("--insert", multiple=True, metavar="JSON", help='Insert a command, with its "at".')
@click.option("--skip", multiple=True, metavar="POSITION", help="Remove a command.")
@click.option(
    "--patch", multiple=True, nargs=2, metavar="POSITION K=V", help="Change a field of a command."
)
@click.option("--policy", multiple=True, metavar="KEY=VALUE", help="Policy value to override.")
@click.option(
    "--mode", type=click.Choice([DECIDE, FACTS]), default=DECIDE, show_default=True,
    help="Decide again, or only fold what was recorded.",
)  # fmt: skip
@tally_command(point=True)
def command(
    session: Session, output: Output, *, mode: str, when: Point | None, **options: Any
) -> int:
    """Change the past on a copy and compare; nothing is written.

    --mode decide decides again everything that the rules had derived. --mode facts
    only folds the recorded events with the changes, and says if that is impossible.
    An inserted command comes after those recorded at its instant.

    \b
    Examples:
      tally whatif --insert '{"do":"top-up","account":"a-1","at":"2025-03-09",
        "amount":"100","channel":"alipay","serial":"T9"}'
      tally whatif --skip 17 --at 2025-03-31
      tally whatif --patch 17 amount=250 --mode facts
      tally whatif a-1 --policy overdue_grace_legacy=48h
    """
    from projections.rehearsing.whatif import WhatIf  # noqa: PLC0415 - loads the write side

    point = session.at(when)
    account = options["account"] or options["only"]
    if account is not None:
        session.state(account, session.point(Asked()))
    patches = _patches(session, options["patch"])
    decides = mode == DECIDE
    changes = _changes(session, options, patches if decides else {}, decides=decides)
    question = WhatIf(session.reader, changes, point=point)
    if decides:
        answer = question.decided(account=account)
    else:
        answer = question.folded(_event_values(session, patches))
    if not output.answered(answer):
        _page(answer)
    return DONE


def _changes(
    session: Session,
    options: dict[str, Any],
    patches: Mapping[int, Mapping[str, str]],
    *,
    decides: bool,
) -> Changes:
    from ledger.rehearsal.changes import (  # noqa: PLC0415 - loaded when needed
        Changes,
        check_policy,
        insertion,
        with_patch,
    )
    from ledger.rehearsal.whatif import recorded_command  # noqa: PLC0415 - loaded when needed

    reader, offset = session.reader, session.offset
    head = reader.head().position
    skips = frozenset(read_position(text, head) for text in options["skip"])
    if decides:
        for position in skips:
            recorded_command(reader, position)
    policy = read_policy(options["policy"])
    check_policy(policy)
    inserts = [insertion(text, offset=offset, until=session.now) for text in options["insert"]]
    changes = Changes(skips=skips, policy=policy).with_inserts(*inserts)
    for position, values in patches.items():
        recorded = recorded_command(reader, position)
        changes = with_patch(changes, recorded, values, offset=offset)
    return changes


def _patches(
    session: Session, pairs: tuple[tuple[str, str], ...]
) -> dict[int, dict[str, str]]:
    head = session.reader.head().position
    found: dict[int, dict[str, str]] = {}
    for where, pair in pairs:
        found.setdefault(read_position(where, head), {}).update(read_policy((pair,)))
    return found


def _event_values(
    session: Session, patches: Mapping[int, Mapping[str, str]]
) -> dict[int, dict[str, Any]]:
    from ledger.events import account_of  # noqa: PLC0415 - loaded when needed
    from ledger.rehearsal.whatif import recorded_event  # noqa: PLC0415 - loaded when needed
    from projections.rehearsing.whatif import event_value  # noqa: PLC0415 - loaded when needed

    found: dict[int, dict[str, Any]] = {}
    for position, values in patches.items():
        account = account_of(recorded_event(session.reader, position).stream)
        write_as = session.currencies.of(account)
        found[position] = {
            name: event_value(name, text, write_as) for name, text in values.items()
        }
    return found


# --- the page: long lists say how much they leave out -------------------------------------------


def _page(answer: WhatIfShown) -> None:
    write(
        f"what if ({answer.mode}; nothing is written): {len(answer.dropped)} dropped, "
        f"{len(answer.derived)} derived, {len(answer.refused)} refused"
    )
    write(point_line(answer.point))
    for broken in answer.violations or ():
        write(
            f"! impossible: {broken.message} ({broken.rule}, {broken.account} @{broken.position})"
        )
    _some([[_event("-", event)] for event in answer.dropped_events])
    _some([[_event("+", event)] for event in answer.derived])
    _some([
        [f"{_verdict(one)} is refused: {one.code}", f"      {one.message}"]
        for one in answer.refused
    ])  # fmt: skip
    _some([[f"{_verdict(one)} is now accepted"] for one in answer.accepted or ()])
    _some([[f"{_verdict(one)} is now a repeat"] for one in answer.duplicates or ()])
    rows = list(_merged(answer.diff))
    if rows:
        table(("account", "field", "before", "after"), rows[:LISTED])
        _hidden(len(rows))
    else:
        write("no field of any account differs at this point")


def _some(many: Sequence[Sequence[str]]) -> None:
    for lines in many[:LISTED]:
        for line in lines:
            write(line)
    _hidden(len(many))


def _hidden(count: int) -> None:
    if count > LISTED:
        write(f"  ... {count - LISTED} more (--json has them all)")


def _event(mark: str, event: Planned) -> str:
    """Write an event on one line; new ones have no position of their own."""
    where = f"@{event.position}" if mark == "-" else "new"
    what = f"{event.type} {event.instance or ''}".rstrip()
    when = short(event.effective_at)
    return f"  {mark} {where:<7} {when:<19}  {event.account or 'ledger'}  {what}"


def _verdict(one: Verdict) -> str:
    who = "inserted" if one.inserted else f"@{one.position}"
    return f"  ! {who} {one.command['do']} {one.command.get('account', '')}".rstrip()


def _merged(rows: Sequence[FieldMoved]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a member that comes or goes as one row, everything else field by field."""
    for (account, member), group in groupby(
        rows, key=lambda row: (row.account, owner_of(row.field)[0])
    ):
        found = list(group)
        if member and all(row.a is None for row in found):
            yield account, member, "-", "there"
        elif member and all(row.b is None for row in found):
            yield account, member, "there", "-"
        else:
            for row in found:
                yield account, row.field, spelled(row.a), spelled(row.b)
