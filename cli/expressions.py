"""Expressions on the command line: compiled for an account's currency, with a word on names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render import note
from ledger.policy import did_you_mean
from projections.history.compiling import compile_expression
from projections.point import Asked
from projections.snapshots import look_at

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.expressions import Expression
    from projections.point import Point


def expression_for(session: Session, account: str, text: str, point: Point) -> Expression:
    """Compile an expression for an account. Raises: InvalidInput, NoSuchThing."""
    state = session.state(account, point)
    return compile_expression(text, currency=state.currency, offset=session.offset)


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
