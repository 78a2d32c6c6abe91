"""``tally why-not``: which rule refuses a command, and what would be needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec import UNSET

from cli.commands.record import fields_of, options_of
from cli.errors import DONE, FOUND
from cli.options import Output, account_argument, tally_command
from cli.render import write
from cli.trees import render_flips
from ledger import commands as c
from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.history.points import read_position
from projections.pages import short
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.rehearsing import WhyNot

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
    from projections.rehearsing.why_not import why_not, why_refused  # noqa: PLC0415 - the write side

    session.state(account, session.point(Asked()))
    if not words[0].startswith("@"):
        answer = why_not(session, account, _command(account, words))
    elif len(words) > 1:
        msg = f"{' '.join(words[1:])!r} after a position"
        raise InvalidInput(msg, hint=f"tally why-not {account} {words[0]}")
    else:
        position = read_position(words[0], session.reader.head().position)
        answer = why_refused(session, account, position)
    if not output.answered(answer):
        _page(answer)
    return DONE if answer.accepted else FOUND


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


def _page(answer: WhyNot) -> None:
    what = f"{answer.command['do']} of {answer.account} at {short(answer.at)}"
    refused = answer.refused
    if refused is None:
        duplicate = "is a duplicate: its original result applies"
        write(f"{what} {duplicate if answer.duplicate else 'is accepted'}")
        for event in answer.events:
            write(f"  + {event.type}{f' {event.instance}' if event.instance else ''}")
        return
    write(f"{what} is refused by {refused.rule}: {refused.code}")
    write(f"  {refused.message}")
    if refused.needed is not None:
        write(f"  needed {refused.needed}, there was {refused.available} {answer.currency}")
    write(f"  {refused.hint}")
    if answer.flips is not UNSET:
        render_flips(answer.flips, _NOTHING)
    for i, cure in enumerate(answer.cures or ()):
        kind = "a top-up" if cure.kind == "top-up" else "a coupon"
        word = "or" if i else "accepted with"
        write(f"{word} {kind} of {cure.amount} {cure.currency} first")
