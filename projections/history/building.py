"""Closures for checked terms: what may stand beside what, and what it then means.

Kinds never mix: money compares with money or a plain number of major units, an instant with an
instant or a text that is one, a text with a text it can hold. Invariant: exact; a literal is
brought to minor units or microseconds once, when compiling, so a look only compares integers.
"""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ledger.errors import InvalidInput
from ledger.money import exponent
from ledger.periods import parse_instant
from ledger.policy import did_you_mean
from projections.history.expressions import KINDS, NULL, ORDERED, Expr
from projections.history.fields import (
    ACCOUNT,
    COUNT,
    FAMILIES,
    FLAG,
    INSTANT,
    MONEY,
    TEXT,
    Name,
)

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from projections.history.fields import Look

    class Complain(Protocol):
        """Makes the error that names a place in the text."""

        def __call__(
            self, node: ast.AST | None, what: str, *, hint: str | None = None
        ) -> InvalidInput:
            """Make it."""
            ...


_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "+": operator.add, "-": operator.sub,
    "*": operator.mul,
}  # fmt: skip

# The shortest way to each account field: most expressions read nothing else.
_DIRECT: dict[str, Callable[[Look], Any]] = {
    "cash": lambda look: look.state.cash,
    "outstanding": lambda look: look.state.outstanding,
    "available": lambda look: look.state.cash - look.state.outstanding,
    "overdue": lambda look: look.state.overdue_since is not None,
}


class Builder:
    """Builds terms for accounts of one currency, in one calendar offset."""

    def __init__(self, complain: Complain, *, currency: str, offset: int) -> None:
        """``complain`` makes the errors."""
        self.complain = complain
        self.scale: int = 10 ** exponent(currency)
        self.currency = currency
        self.offset = offset

    # --- fields ---------------------------------------------------------------------------

    def field(self, name: Name) -> Expr:
        """Read a field, or whether a member exists (true or null)."""
        if not name.family:
            what = ACCOUNT[name.field]
            read = what.read
            direct = _DIRECT.get(name.field) or (lambda look: read(look, None))
            return Expr(what.kind, direct, nullable=what.nullable, words=what.words)
        members, fields = FAMILIES[name.family]
        member = name.member
        if not name.field:
            return Expr(
                FLAG, lambda look: True if member in members(look.state) else None, nullable=True
            )
        what = fields[name.field]
        of_member = what.read

        def read_member(look: Look) -> Any:  # noqa: ANN401 - whatever the field holds
            owner = members(look.state).get(member)
            return None if owner is None else of_member(look, owner)

        return Expr(what.kind, read_member, nullable=True, words=what.words)

    # --- logic ----------------------------------------------------------------------------

    def all_of(self, parts: Sequence[Expr]) -> Expr:
        """True where every part is."""
        reads = [part.read for part in parts]
        if len(reads) == 2:  # noqa: PLR2004 - the common case, without a loop
            one, other = reads
            return Expr(FLAG, lambda look: bool(one(look) and other(look)))
        return Expr(FLAG, lambda look: all(read(look) for read in reads))

    def any_of(self, parts: Sequence[Expr]) -> Expr:
        """True where some part is."""
        reads = [part.read for part in parts]
        return Expr(FLAG, lambda look: any(read(look) for read in reads))

    def negated(self, part: Expr) -> Expr:
        """True where the part is false, null or zero."""
        read = part.read
        return Expr(FLAG, lambda look: not read(look))

    # --- comparing ------------------------------------------------------------------------

    def compare(self, node: ast.AST, sign: str, *, left: Expr, right: Expr) -> Expr:
        """Compare two terms of one kind, or anything with null."""
        left, right = self._alike(node, left, right, verb="compare")
        if sign not in {"==", "!="} and (left.kind not in ORDERED or right.kind not in ORDERED):
            kind = left.kind if left.kind not in ORDERED else right.kind
            raise self.complain(node, f"{KINDS[kind]} has no order: only == and != apply")
        test, one, other = _SIGNS[sign], left.read, right.read
        nullable = left.nullable or right.nullable
        if nullable and sign not in {"==", "!="}:

            def ordered(look: Look) -> bool:
                first, second = one(look), other(look)
                return first is not None and second is not None and bool(test(first, second))

            return Expr(FLAG, ordered)
        if right.constant:
            bound = right.literal
            return Expr(FLAG, lambda look: test(one(look), bound))
        return Expr(FLAG, lambda look: test(one(look), other(look)))

    def among(
        self, node: ast.AST, term: Expr, choices: Sequence[Expr], *, inside: bool
    ) -> Expr:
        """Return whether a term is one of some literals."""
        allowed: set[Any] = set()
        for choice in choices:
            if not choice.constant:
                raise self.complain(node, "lists may hold only literals")
            allowed.add(self._alike(node, term, choice, verb="compare")[1].literal)
        read = term.read
        if inside:
            return Expr(FLAG, lambda look: read(look) in allowed)
        return Expr(FLAG, lambda look: read(look) not in allowed)

    def _alike(self, node: ast.AST, left: Expr, right: Expr, *, verb: str) -> tuple[Expr, Expr]:
        """Bring literals to the kind of what they stand beside."""
        if left.constant and not right.constant:
            right, left = self._alike(node, right, left, verb=verb)
            return left, right
        if right.constant:
            right = self._converted(node, right, left)
        if NULL in (left.kind, right.kind) or left.kind == right.kind:
            return left, right
        raise self.complain(
            node, f"cannot {verb} {KINDS[left.kind]} with {KINDS[right.kind]}"
        )

    def _converted(self, node: ast.AST, literal: Expr, beside: Expr) -> Expr:
        cell = literal.literal
        if beside.kind == MONEY and isinstance(cell, Fraction):
            return _fixed(MONEY, self._minor(node, cell))
        if beside.kind == COUNT and isinstance(cell, Fraction) and cell.denominator == 1:
            return _fixed(COUNT, cell.numerator)
        if beside.kind == INSTANT and isinstance(cell, str):
            try:
                return _fixed(INSTANT, parse_instant(cell, self.offset))
            except InvalidInput as error:
                raise self.complain(node, str(error), hint=error.hint) from None
        if beside.kind == TEXT and isinstance(cell, str) and beside.words:
            if cell not in beside.words:
                hint = did_you_mean(cell, list(beside.words)) or " ".join(beside.words)
                raise self.complain(node, f"{cell!r} is not a possible value", hint=hint)
        elif beside.kind == MONEY and isinstance(cell, str):
            raise self.complain(node, "an amount is written without quotes", hint="as in: 350.00")
        return literal

    def _minor(self, node: ast.AST, amount: Fraction) -> int:
        minor: Fraction = amount * self.scale
        if minor.denominator != 1:
            raise self.complain(node, f"too many decimals for {self.currency}")
        return minor.numerator

    # --- arithmetic -----------------------------------------------------------------------

    def minus(self, node: ast.AST, term: Expr) -> Expr:
        """Turn the sign of an amount or a number."""
        if term.kind not in {MONEY, COUNT}:
            raise self.complain(node, f"- does not apply to {KINDS[term.kind]}")
        if term.constant and isinstance(term.literal, Fraction):
            return _fixed(COUNT, -term.literal)
        read = term.read
        if not term.nullable:
            return Expr(term.kind, lambda look: -read(look))  # type: ignore[operator]
        return self.arithmetic(node, "-", left=_fixed(term.kind, 0), right=term)

    def arithmetic(self, node: ast.AST, sign: str, *, left: Expr, right: Expr) -> Expr:
        """Add, subtract or multiply exactly; null with anything is null."""
        if sign == "*":
            kind, left, right = self._factors(node, left, right)
        else:
            left, right = self._alike(node, left, right, verb="add or subtract")
            kind = right.kind if left.kind == NULL else left.kind
        if not {left.kind, right.kind} <= {MONEY, COUNT}:
            what = left.kind if left.kind not in {MONEY, COUNT} else right.kind
            raise self.complain(node, f"{sign} does not apply to {KINDS[what]}")
        combine, one, other = _SIGNS[sign], left.read, right.read
        if left.constant and right.constant:
            return _fixed(kind, combine(left.literal, right.literal))
        if not (left.nullable or right.nullable):
            return Expr(kind, lambda look: combine(one(look), other(look)))

        def combined(look: Look) -> Any:  # noqa: ANN401 - an amount or a number
            first, second = one(look), other(look)
            return None if first is None or second is None else combine(first, second)

        return Expr(kind, combined, nullable=True)

    def _factors(self, node: ast.AST, left: Expr, right: Expr) -> tuple[str, Expr, Expr]:
        if left.kind == right.kind == MONEY:
            raise self.complain(node, "an amount cannot be multiplied by an amount")
        kind = MONEY if MONEY in (left.kind, right.kind) else COUNT
        factors = []
        for term in (left, right):
            cell = term.literal
            if kind == MONEY and isinstance(cell, Fraction):
                if cell.denominator != 1:
                    raise self.complain(node, "an amount can be multiplied only by whole numbers")
                term = _fixed(COUNT, cell.numerator)  # noqa: PLW2901 - the same, as an integer
            factors.append(term)
        return kind, factors[0], factors[1]


def _fixed(kind: str, cell: int | Fraction) -> Expr:
    return Expr(kind, lambda _: cell, constant=True, literal=cell)
