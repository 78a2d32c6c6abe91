"""``tally breaks``: list, resolve, sign off or reopen what reconciliations found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.groups import Commands
from cli.options import Output, tally_command
from cli.render import strong, table, write
from ledger.quoting import plural
from ledger.reconciling import OPEN, REOPENED, RESOLVED, SIGNED_OFF, known_break, register
from projections.answers.reconciling import Breaks
from projections.pages import Figure, cell, short
from projections.point import Asked
from projections.reconciliation.runs import breaks_at, chosen, run_shown, whole_break

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bootstrap import Session
    from projections.answers.reconciling import BreakRow, BreakShown
    from projections.history.points import Point


@click.group("breaks", cls=Commands)
def command() -> None:
    """List, match, resolve, sign off or reopen what reconciliations found.

    \b
    Examples:
      tally breaks list
      tally breaks show 1f0c2a9be4d7
      tally breaks resolve 1f0c2a9be4d7 --actor lin --reason "booked as T9"
      tally breaks sign-off 1f0c2a9be4d7 --actor wang
    """


@command.command("list", short_help="List the recorded breaks, the oldest first.")
@click.option("--open", "only_open", is_flag=True, help="Only open breaks.")
@tally_command(rows=True, point=True)
def list_(session: Session, output: Output, *, only_open: bool, when: Point | None) -> None:
    """List the recorded breaks as they stood at a point, the oldest first.

    \b
    Examples:
      tally breaks list --open
      tally breaks list --known-at 2025-01-31
    """
    found = breaks_at(session, session.at(when), only_open=only_open)
    if output.answered(found):
        return
    if found.rows:
        table(
            ("break", "class", "key", "delta", "status", "age", "by"),
            [(row.break_, row.class_, row.key[:20], row.delta, _state(row),
              f"{row.age_days} d", row.by or row.preparer) for row in found.rows],
        )  # fmt: skip
    else:
        write("no breaks; find some with: tally reconcile FILE --source S --record")


def _state(row: BreakRow) -> str:
    return "expected" if row.expected and row.status == OPEN else row.status


@command.command("show", short_help="Show a break: both sides, candidates, history.")
@click.argument("break_id", metavar="BREAK")
@tally_command(point=True)
def show(session: Session, output: Output, break_id: str, when: Point | None) -> None:
    """Show a break: both sides, candidates, and what was done about it.

    \b
    Examples:
      tally breaks show 1f0c2a9be4d7
      tally breaks show 1f0c2a9be4d7 --json
    """
    point = session.at(when)
    found = whole_break(session, point, break_id)
    if not output.answered(found):
        _page(found)


def _page(found: BreakShown) -> None:
    """Print one break for a person."""
    row = found.break_
    write(strong(f"{row.break_}  {row.class_}  {row.key}") + f"   {_state(row)}")
    write(f"ours {cell(row.ours)}   theirs {cell(row.theirs)}   "
          f"difference {row.delta} {row.currency}")  # fmt: skip
    write(f"first seen {short(row.first_seen)}, {plural(row.age_days, 'day')} ago")
    write(f"found in {found.file or 'a file'} ({row.source}), run {found.run}")
    write(f"sha256 {found.sha256}")
    for title, lines in (("lines", found.lines), ("nearby lines", found.near)):
        if lines:
            write()
            write(strong(title))
            table(
                ("side", "line", "date", "amount", "account", "reference", "payer",
                 "payer's words", "where", "kind", "status"),
                [(line.side, line.name, line.at, Figure(line.amount), line.account,
                  line.reference or line.order,
                  " ".join(filter(None, (line.payer, line.payer_account))), line.text,
                  line.place, line.kind, line.status) for line in lines],
            )  # fmt: skip
    if found.candidates:
        write()
        write(strong("it could be") + f"   (tally breaks match {row.break_} LINE... confirms)")
        for names in found.candidates:
            write("  " + " + ".join(names))
    write()
    write(strong("history"))
    table(
        ("at", "position", "what", "by", "why"),
        [(one.at, one.position, one.what + (f" as {one.class_}" if one.class_ else ""), one.by,
          one.reason) for one in found.history],
    )  # fmt: skip


def _decision(name: str, *, actor: str, reason: str, on: str = "BREAK") -> Callable[..., Any]:
    """Make a command that records what somebody decides of a break, and why."""

    def made(body: Callable[..., None]) -> click.Command:
        body = tally_command()(body)
        body = click.option("--reason", help=reason)(body)
        body = click.option("--actor", help=actor)(body)
        return command.command(name)(click.argument("break_id", metavar=on)(body))

    return made


@_decision("match", actor="Who says so.", reason="How you know.")
@click.argument("lines", metavar="LINE...", nargs=-1, required=True)
def match(
    session: Session, output: Output, *, break_id: str, lines: tuple[str, ...], **said: Any
) -> None:
    """Match lines of a break by hand: lines of both sides that add up.

    `tally breaks show BREAK` prints the names of the lines. The next reconciliation uses the
    match; `tally breaks reopen BREAK` undoes it.

    \b
    Examples:
      tally breaks match 1f0c2a9be4d7 @17 line-3fa2b1c09e4d-1 --actor lin
    """
    from ledger.decisions import reviewing  # noqa: PLC0415 - recording alone needs the write side

    ours, theirs = chosen(known_break(register(session.reader), break_id), break_id, lines)
    recorded = reviewing.confirm(
        session.ledger, break_id, ours=tuple(ours), theirs=tuple(theirs), **said
    )
    _moved(session, output, break_id, recorded.position)


@_decision("resolve", actor="Who says so.", reason="How it was resolved.")
def resolve(session: Session, output: Output, **given: Any) -> None:
    """Resolve a break and record how.

    \b
    Examples:
      tally breaks resolve 1f0c2a9be4d7 --actor lin --reason "booked as T9"
    """
    _move(session, output, RESOLVED, **given)


@_decision("sign-off", actor="The reviewer: not the one who prepared it.",
           reason="Why it is accepted.", on="BREAK|RUN")  # fmt: skip
def sign_off(session: Session, output: Output, **given: Any) -> None:
    """Accept a break or a whole run, as a second person.

    \b
    Examples:
      tally breaks sign-off 1f0c2a9be4d7 --actor wang --reason "bank error"
      tally breaks sign-off 9182ad7a6b0f --actor wang --reason "March agrees"
    """
    run = given["break_id"]
    if run not in register(session.reader).runs:
        _move(session, output, SIGNED_OFF, **given)
        return
    from ledger.decisions import reviewing  # noqa: PLC0415 - recording alone needs the write side

    del given["break_id"]
    recorded = reviewing.sign_off_run(session.ledger, run, **given)
    known = register(session.reader)
    signed = run_shown(known.runs[run], known, session.offset)
    shown = session.shown(session.point(Asked()))
    if not output.answered(Breaks(point=shown, rows=[], run=signed)):
        write(f"run {run} is signed off [@{recorded.position}]")


@_decision("reopen", actor="Who reopens it.", reason="Why.")
def reopen(session: Session, output: Output, **given: Any) -> None:
    """Open a resolved or signed-off break again.

    \b
    Examples:
      tally breaks reopen 1f0c2a9be4d7 --actor lin --reason "the bank reversed it"
    """
    _move(session, output, REOPENED, **given)


def _move(
    session: Session, output: Output, state: str, *, break_id: str, **said: str | None
) -> None:
    from ledger.decisions.reviewing import review  # noqa: PLC0415 - recording alone needs the write side

    recorded = review(session.ledger, break_id, state, **said)
    _moved(session, output, break_id, recorded.position)


def _moved(session: Session, output: Output, break_id: str, position: int) -> None:
    found = breaks_at(session, session.point(Asked()), only=break_id)
    if not output.answered(found):
        write(f"{break_id} is {found.rows[0].status.replace('_', ' ')} [@{position}]")
