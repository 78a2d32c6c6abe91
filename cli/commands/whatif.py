"""``tally whatif``: the history with changes, decided again or only refolded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.commands.init import read_policy
from cli.errors import DONE
from cli.options import Output, account_argument, point_options, tally_command
from cli.points import asked
from cli.rehearsals.pages import whatif_page
from projections.history.points import read_position
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.bootstrap import Session
    from ledger.rehearsal.changes import Changes

DECIDE, FACTS = "decide", "facts"


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
def command(session: Session, output: Output, *, mode: str, **options: Any) -> int:
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
    from cli.rehearsals.whatif import WhatIf  # noqa: PLC0415 - loads the write side

    point = asked(session, **point_options(options))
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
    if output.human:
        whatif_page(answer)
    else:
        output.object(answer)
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
    from cli.rehearsals.written import Writers, event_value  # noqa: PLC0415 - loaded when needed
    from ledger.events import account_of  # noqa: PLC0415 - loaded when needed
    from ledger.rehearsal.whatif import recorded_event  # noqa: PLC0415 - loaded when needed

    writers = Writers(session.reader, session.config)
    found: dict[int, dict[str, Any]] = {}
    for position, values in patches.items():
        write_as = writers.of(account_of(recorded_event(session.reader, position).stream))
        found[position] = {
            name: event_value(name, text, write_as) for name, text in values.items()
        }
    return found
