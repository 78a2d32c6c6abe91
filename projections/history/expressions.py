"""The expression language of trace, bisect and debug: what it is, and how it is run.

    cash < 100 and not overdue          instances["i-1"].state == "running"
    coupons["c-1"].remaining            changed(outstanding) and delta(cash) <= -50

Names are those of ``tally.state/1``. A number beside money is major units, exact; a text beside
an instant is an instant (a bare date: its 00:00). A member that does not exist is null, and so is
all that is read of it: null equals only null, is never less or more than anything, is false, and
arithmetic with it gives null. Before the account exists everything is null. ``old(x)`` is what
``x`` was before the event, ``changed(x)`` whether that differs, ``delta(x)`` by how much.
Invariant: text is parsed, checked and turned into closures; nothing of it is ever evaluated as
Python. This module must not know how the account is folded.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from projections.history.fields import COUNT, FLAG, INSTANT, MONEY, TEXT, Cell, spelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.answers.terms import Formatter
    from projections.history.fields import Look, Name

NULL = "null"
Value = Cell | Fraction


class Expr(NamedTuple):
    """A checked part of an expression.

    Attributes:
        kind: money, instant, flag, text, count or null.
        read: gives its value at a look.
        nullable: whether that can be null while the account exists.
        constant: whether it is written out in the text; ``literal`` is what was written.
        words: the only texts it can hold, where that is known.

    """

    kind: str
    read: Callable[[Look], Value]
    nullable: bool = False
    constant: bool = False
    literal: Value = None
    words: tuple[str, ...] = ()


class Expression:
    """A compiled expression: ask ``value`` at a look, then ``remember`` before the next event.

    Attributes:
        names: the fields that it reads.
        by_policy: whether a policy change alone can move it.
        by_clock: whether time alone can move it.
        remembers: whether it compares with what was before the event.

    """

    __slots__ = (
        "_memory", "_read", "_remembered", "by_clock", "by_policy", "kind", "names", "remembers",
        "text",
    )  # fmt: skip

    def __init__(
        self, text: str, term: Expr, *,
        names: tuple[Name, ...], remembered: tuple[Expr, ...], memory: list[Value],
    ) -> None:  # fmt: skip
        """Keep what the compiler made."""
        self.text = text
        self.kind = term.kind
        self.names = names
        fields = [name.what for name in names if name.field]
        self.by_policy = any(field.by_policy for field in fields)
        self.by_clock = any(field.by_clock for field in fields)
        self.remembers = bool(remembered)
        self._read = term.read
        self._remembered = [one.read for one in remembered]
        self._memory = memory

    @property
    def quick(self) -> Callable[[Look], Value]:
        """What ``value`` does, for an account that exists and an expression without memory."""
        return self._read

    def value(self, look: Look) -> Value:
        """Return the value here; null before the account exists."""
        return None if look.state.opened_at is None else self._read(look)

    def remember(self, look: Look) -> None:
        """Set ``old`` to the present values."""
        exists = look.state.opened_at is not None
        self._memory[:] = [read(look) if exists else None for read in self._remembered]

    def written(self, value: Value, write: Formatter) -> str | int | bool | None:
        """Write a value as ``tally.state/1`` would."""
        if isinstance(value, Fraction):
            return write_number(value)
        return spelled(self.kind, value, write)


def write_number(number: Fraction) -> str | int:
    """Write a plain number; what was made of decimals is one."""
    if number.denominator == 1:
        return number.numerator
    places = 0
    scaled = number
    while scaled.denominator != 1:
        scaled *= 10
        places += 1
    digits = f"{abs(scaled.numerator):0{places + 1}d}"
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


ORDERED = (MONEY, INSTANT, COUNT)
KINDS = {MONEY: "an amount", INSTANT: "an instant", FLAG: "true or false", TEXT: "a text",
         COUNT: "a number", NULL: "null"}  # fmt: skip
