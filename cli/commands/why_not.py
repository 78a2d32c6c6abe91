"""``tally why-not``: which rule refuses a command, and what would be needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.commands.record import fields_of, options_of
from cli.errors import DONE, FOUND
from cli.options import Output, account_argument, tally_command
from cli.rehearsals.trees import render_flips
from cli.render import short, write
from ledger import commands as c
from ledger.errors import InvalidInput, NoSuchThing
from ledger.policy import did_you_mean
from projections.history.points import read_position
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session

_NOTHING = "no single top-up or coupon would have made it acceptable"


@click.command("why-not", context_settings={"ignore_unknown_options": True})
@account_argument()
@click.argument("words", metavar="COMMAND...", nargs=-1, type=click.UNPROCESSED, required=True)
@tally_command()
def command(session: Session, output: Output, *, account: str, words: tuple[str, ...]) -> int:
    """Show which rule refuses a command, and what would have to change.

    The command is decided on a copy at the ledger's clock, with the options of
    tally record; @POSITION explains a refusal of the past. Exit code 1 when a rule
    refuses, 0 when nothing does. Nothing is written.

    \b
    Examples:
      tally why-not a-1 renew --instances i-1 --months 1
      tally why-not a-1 @17
    """
    session.state(account, session.point(Asked()))
    if words[0].startswith("@"):
        answer = _past(session, account, words)
    else:
        answer = _now(session, _command(account, words))
    if output.human:
        _page(answer)
    else:
        output.object(answer)
    return DONE if answer["accepted"] else FOUND


def _command(account: str, words: tuple[str, ...]) -> c.AnyCommand:
    """Read a command as ``tally record`` does. Raises: InvalidInput."""
    kind = c.COMMANDS.get(words[0])
    if kind is None or not issubclass(kind, c.AccountCommand):
        msg = f"there is no account command {words[0]!r}"
        raise InvalidInput(msg, hint=did_you_mean(words[0], list(c.COMMANDS)))
    parser = click.Command(words[0], params=options_of(kind))
    name = f"tally why-not {account} {words[0]}"
    given = parser.make_context(name, ["--account", account, *words[1:]])
    wanted = c.from_fields(fields_of(kind, given.params))
    if wanted.at is not None:
        msg = "why-not decides at the ledger's clock"
        raise InvalidInput(msg, hint="omit --at; for the past: tally whatif --insert")
    return wanted


def _now(session: Session, wanted: c.AnyCommand) -> dict[str, Any]:
    from cli.rehearsals.answers import why_not_json  # noqa: PLC0415 - loads the write side
    from cli.rehearsals.written import Writers  # noqa: PLC0415 - loaded when needed
    from ledger.rehearsal.why_not import cures, try_now  # noqa: PLC0415 - loaded when needed

    c.normalise(wanted, session.offset)
    answer = try_now(session.reader, wanted, now=session.now)
    return why_not_json(
        wanted, answer, cures(session.reader, wanted, answer, now=session.now),
        now=session.now, writers=Writers(session.reader, session.config),
    )  # fmt: skip


def _past(session: Session, account: str, words: tuple[str, ...]) -> dict[str, Any]:
    from cli.rehearsals.answers import past_refusal_json  # noqa: PLC0415 - loaded when needed
    from cli.rehearsals.written import Writers  # noqa: PLC0415 - loaded when needed
    from ledger.rehearsal.flip import RecordedDecision, flips  # noqa: PLC0415 - loaded when needed
    from ledger.rehearsal.why_not import recorded_refusal  # noqa: PLC0415 - loaded when needed

    if len(words) > 1:
        msg = f"{' '.join(words[1:])!r} after a position"
        raise InvalidInput(msg, hint=f"tally why-not {account} {words[0]}")
    position = read_position(words[0], session.reader.head().position)
    recorded = recorded_refusal(session.reader, position)
    if recorded.stream != f"account:{account}":
        msg = f"the refusal @{position} is not in the log of account {account!r}"
        raise NoSuchThing(msg, hint=f"see: tally show {position}")
    found = flips(RecordedDecision(session.reader, recorded))
    return past_refusal_json(recorded, found, Writers(session.reader, session.config))


def _page(answer: dict[str, Any]) -> None:
    what = f"{answer['command']['do']} of {answer['account']}"
    if answer["accepted"]:
        duplicate = "is a duplicate: its original result applies"
        said = duplicate if answer["duplicate"] else "is accepted"
        write(f"{what} at {short(answer['at'])} {said}")
        for event in answer["events"]:
            where = f" {event['instance']}" if event["instance"] else ""
            write(f"  + {event['type']}{where}")
        return
    refused = answer["refused"]
    write(f"{what} at {short(answer['at'])} is refused by {refused['rule']}: {refused['code']}")
    write(f"  {refused['message']}")
    if refused["needed"] is not None:
        write(
            f"  needed {refused['needed']}, there was {refused['available']} {answer['currency']}"
        )
    write(f"  {refused['hint']}")
    if "flips" in answer:
        render_flips(answer["flips"], _NOTHING)
    for i, cure in enumerate(answer.get("cures", ())):
        what = "a top-up" if cure["kind"] == "top-up" else "a coupon"
        word = "or" if i else "accepted with"
        write(f"{word} {what} of {cure['amount']} {cure['currency']} first")
