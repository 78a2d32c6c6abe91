"""``tally breaks``: list, resolve, sign off or reopen what reconciliations found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.groups import Commands
from cli.options import Output, point_options, tally_command
from cli.points import asked
from cli.render import short, strong, table, write
from ledger.quoting import plural
from projections.answers.reconciling import Breaks
from projections.point import Asked
from projections.reconciliation.runs import breaks_at, chosen, run_shown, whole_break

if TYPE_CHECKING:
    from cli.bootstrap import Session


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
def list_(session: Session, output: Output, *, only_open: bool, **options: Any) -> None:
    """List the recorded breaks as they stood at a point, the oldest first.

    \b
    Examples:
      tally breaks list --open
      tally breaks list --known-at 2025-01-31
    """
    found = breaks_at(session, asked(session, **point_options(options)), only_open=only_open)
    if output.answered(found):
        return
    if found.rows:
        break_table(found.plain()["rows"])
    else:
        write("no breaks; find some with: tally reconcile FILE --source S --record")


def break_table(rows: list[dict[str, Any]]) -> None:
    """Print breaks for a person."""
    table(
        ("break", "class", "key", "delta", "status", "age", "by"),
        [(row["break"], row["class"], row["key"][:20], row["delta"], _state(row),
          f"{row['age_days']} d", row["by"] or row["preparer"]) for row in rows],
    )  # fmt: skip


def _state(row: dict[str, Any]) -> str:
    return "expected" if row["expected"] and row["status"] == "open" else str(row["status"])


@command.command("show", short_help="Show a break: both sides, candidates, history.")
@click.argument("break_id", metavar="BREAK")
@tally_command(point=True)
def show(session: Session, output: Output, break_id: str, **options: Any) -> None:
    """Show a break: both sides, candidates, and what was done about it.

    \b
    Examples:
      tally breaks show 1f0c2a9be4d7
      tally breaks show 1f0c2a9be4d7 --json
    """
    point = asked(session, **point_options(options))
    found = whole_break(session, point, break_id)
    if not output.answered(found):
        break_page(found.plain())


def break_page(found: dict[str, Any]) -> None:
    """Print one break for a person."""
    row = found["break"]
    write(strong(f"{row['break']}  {row['class']}  {row['key']}") + f"   {_state(row)}")
    write(f"ours {row['ours'] or '-'}   theirs {row['theirs'] or '-'}   "
          f"difference {row['delta']} {row['currency']}")  # fmt: skip
    write(f"first seen {short(row['first_seen'])}, {plural(row['age_days'], 'day')} ago")
    write(f"found in {found['file'] or 'a file'} ({row['source']}), run {found['run']}")
    write(f"sha256 {found['sha256']}")
    for title, lines in (("lines", found["lines"]), ("nearby lines", found["near"])):
        if lines:
            write()
            write(strong(title))
            table(
                ("side", "line", "date", "amount", "account", "reference", "payer",
                 "payer's words", "where", "kind", "status"),
                [(one["side"], one["name"], short(one["at"]), one["amount"], one["account"],
                  one["reference"] or one["order"],
                  " ".join(filter(None, (one["payer"], one["payer_account"]))), one["text"],
                  one["place"], one["kind"], one["status"]) for one in lines],
            )  # fmt: skip
    if found["candidates"]:
        write()
        write(strong("it could be") + f"   (tally breaks match {row['break']} LINE... confirms)")
        for names in found["candidates"]:
            write("  " + " + ".join(names))
    write()
    write(strong("history"))
    table(
        ("at", "position", "what", "by", "why"),
        [(short(one["at"]), one["position"],
          one["what"] + (f" as {one['class']}" if one["class"] else ""), one["by"],
          one["reason"]) for one in found["history"]],
    )  # fmt: skip


@command.command("match")
@click.argument("break_id", metavar="BREAK")
@click.argument("lines", metavar="LINE...", nargs=-1, required=True)
@click.option("--actor", help="Who says so.")
@click.option("--reason", help="How you know.")
@tally_command()
def match(
    session: Session, output: Output, break_id: str, lines: tuple[str, ...],
    *, actor: str | None, reason: str | None,
) -> None:  # fmt: skip
    """Match lines of a break by hand: lines of both sides that add up.

    `tally breaks show BREAK` prints the names of the lines. The next reconciliation uses the
    match; `tally breaks reopen BREAK` undoes it.

    \b
    Examples:
      tally breaks match 1f0c2a9be4d7 @17 line-3fa2b1c09e4d-1 --actor lin
    """
    from ledger import reconciling, reviewing  # noqa: PLC0415 - recording alone needs the write side

    one = reconciling.known_break(reconciling.register(session.reader), break_id)
    ours, theirs = chosen(one, break_id, lines)
    recorded = reviewing.confirm(
        session.ledger, break_id, ours=tuple(ours), theirs=tuple(theirs),
        actor=actor, reason=reason,
    )  # fmt: skip
    _moved(session, output, break_id, recorded.position)


@command.command("resolve")
@click.argument("break_id", metavar="BREAK")
@click.option("--actor", help="Who says so.")
@click.option("--reason", help="How it was resolved.")
@tally_command()
def resolve(session: Session, output: Output, **given: Any) -> None:
    """Resolve a break and record how.

    \b
    Examples:
      tally breaks resolve 1f0c2a9be4d7 --actor lin --reason "booked as T9"
    """
    _move(session, output, "resolve", **given)


@command.command("sign-off")
@click.argument("break_id", metavar="BREAK|RUN")
@click.option("--actor", help="The reviewer: not the one who prepared it.")
@click.option("--reason", help="Why it is accepted.")
@tally_command()
def sign_off(session: Session, output: Output, **given: Any) -> None:
    """Accept a break or a whole run, as a second person.

    \b
    Examples:
      tally breaks sign-off 1f0c2a9be4d7 --actor wang --reason "bank error"
      tally breaks sign-off 9182ad7a6b0f --actor wang --reason "March agrees"
    """
    from ledger import reconciling  # noqa: PLC0415 - recording alone needs the write side

    if given["break_id"] in reconciling.register(session.reader).runs:
        _sign_off_run(session, output, given.pop("break_id"), **given)
        return
    _move(session, output, "sign_off", **given)


@command.command("reopen")
@click.argument("break_id", metavar="BREAK")
@click.option("--actor", help="Who reopens it.")
@click.option("--reason", help="Why.")
@tally_command()
def reopen(session: Session, output: Output, **given: Any) -> None:
    """Open a resolved or signed-off break again.

    \b
    Examples:
      tally breaks reopen 1f0c2a9be4d7 --actor lin --reason "the bank reversed it"
    """
    _move(session, output, "reopen", **given)


def _move(
    session: Session, output: Output, what: str, *,
    break_id: str, actor: str | None, reason: str | None,
) -> None:  # fmt: skip
    from ledger import reviewing  # noqa: PLC0415 - recording alone needs the write side

    moves = {
        "resolve": reviewing.resolve, "sign_off": reviewing.sign_off,
        "reopen": reviewing.reopen,
    }  # fmt: skip
    recorded = moves[what](
        session.ledger, break_id, actor=actor, reason=reason
    )
    _moved(session, output, break_id, recorded.position)


def _moved(session: Session, output: Output, break_id: str, position: int) -> None:
    found = breaks_at(session, session.point(Asked()), only=break_id)
    if not output.answered(found):
        write(f"{break_id} is {found.rows[0].status.replace('_', ' ')} [@{position}]")


def _sign_off_run(
    session: Session, output: Output, run: str, *, actor: str | None, reason: str | None
) -> None:
    from ledger.reconciling import register  # noqa: PLC0415 - recording alone
    from ledger.reviewing import sign_off_run  # noqa: PLC0415 - as above

    recorded = sign_off_run(session.ledger, run, actor=actor, reason=reason)
    known = register(session.store.reader)
    shown = session.shown(session.point(Asked()))
    signed = run_shown(known.runs[run], known, session.offset)
    if not output.answered(Breaks(point=shown, rows=[], run=signed)):
        write(f"run {run} is signed off [@{recorded.position}]")
