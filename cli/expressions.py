"""Accounts with an expression or a field on the command line: ``a-1 'cash < 100'``, ``a-1.cash``.

Accounts may hold dots, so ACCOUNT.FIELD is tried at each dot; the first field that reads counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from cli.render import note
from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.history.compiling import compile_expression, parse_name
from projections.point import Asked
from projections.snapshots import look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.bootstrap import Session
    from ledger.store import Reader
    from projections.history.expressions import Expression
    from projections.history.fields import Name
    from projections.point import Point

_BOTH: Final = 2  # an account and an expression

def account_and_expression(body: Callable[..., Any]) -> Callable[..., Any]:
    """Take an account and an expression: as ACCOUNT EXPR, or with --expr."""
    argument = click.argument(
        "words", nargs=-1, required=True, metavar="ACCOUNT [EXPR]"
    )
    option = click.option("--expr", "text", metavar="EXPR", help="The expression, e.g. cash<100.")
    return argument(option(body))


def expression_for(
    session: Session, words: Sequence[str], text: str | None, point: Point
) -> tuple[str, Expression]:
    """Find the account and compile its expression; EXPR ACCOUNT is read as well.

    Raises: InvalidInput, NoSuchThing.
    """
    if len(words) + (text is not None) != _BOTH:
        msg = "an account and one expression are needed"
        raise InvalidInput(msg, hint="write them like a-1 'cash < 100', or a-1 --expr 'cash < 100'")
    account, text = words[0], words[-1] if text is None else text
    if len(words) == _BOTH and is_account(session.reader, text):
        # Where both are accounts, whatever is not an expression names the account.
        turned = not is_account(session.reader, account)
        if turned or _is_expression(account):
            account, text = text, account
    state = session.state(account, point)
    return account, compile_expression(text, currency=state.currency, offset=session.offset)


def _is_expression(text: str) -> bool:
    try:
        compile_expression(text, currency="CNY", offset=0)
    except InvalidInput:
        return False
    return True


def note_what_is_missing(session: Session, account: str, expression: Expression) -> None:
    """Print on stderr which member an expression names that the account never had."""
    state = look_at(session.reader, account, session.point(Asked()))
    if state is None:
        return
    known = {"instances": list(state.instances), "coupons": list(state.coupons)}
    for name in expression.names:
        if name.family in known and name.member not in known[name.family]:
            near = did_you_mean(name.member, known[name.family])
            owner = str(name._replace(field=""))
            hint = f"; {near}" if near else ""
            note(f"note: {account} never had {owner}: it is null throughout{hint}")


def is_account(reader: Reader, text: str) -> bool:
    """Return whether there is an account of that name."""
    return reader.stream_row(f"account:{text}", 1) is not None


def names_account(reader: Reader, text: str) -> bool:
    """Return whether a text is an account and nothing more."""
    return "." not in text or is_account(reader, text)


def account_and_field(text: str, *, members: bool = False) -> tuple[str, Name]:
    """Split ``a-1.cash`` or ``a-1.instances["i-1"].state``. Raises: InvalidInput.

    With ``members``, ``a-1.instances["i-1"]`` names all fields of the instance.
    """
    failure: InvalidInput | None = None
    for place, letter in enumerate(text):
        if letter != "." or not place:
            continue
        try:
            name = parse_name(text[place + 1 :])
        except InvalidInput as error:
            failure = failure or error
            continue
        if name.field or members:
            return text[:place], name
        msg = f"{text!r} names {name}, not one field of it"
        raise InvalidInput(msg, hint=f"e.g. {text}.{_example(name)}")
    if failure is not None:
        raise failure
    msg = f"{text!r} names no field"
    raise InvalidInput(msg, hint=f"e.g. {text}.cash")


def _example(name: Name) -> str:
    return "state" if name.family == "instances" else "amount"
