"""Reports that are read off the books: trial balance and roll-forward.

Invariant: every figure is a sum of postings and schedules (books.py), at the scale of the books;
opening + movements = closing in each. This module must not format.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ledger.events import type_name
from ledger.periods import SECOND
from projections.journal.books import RECOGNISED, Books, books_at
from projections.journal.chart import CONTROLS, ROOTS, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledger.store import Reader
    from projections.journal.books import Entry
    from projections.point import Point

    Progress = Callable[[int, int], None]

_PLACE = {root: place for place, root in enumerate(ROOTS)}


class Line(NamedTuple):
    """One line of a trial balance: debit is plus, credit is minus."""

    key: Key
    amount: int


def in_chart_order(balances: dict[Key, int]) -> list[Line]:
    """Sort balances as the chart lists its accounts, then by owner and commodity."""
    keys = sorted(
        balances, key=lambda key: (_PLACE[key.account.root], key.account.owner, key.commodity)
    )
    return [Line(key, balances[key]) for key in keys]


def trial_balance(
    reader: Reader, point: Point, account: str | None = None, progress: Progress | None = None
) -> list[Line]:
    """Return every account's balance at a point, or what one customer's postings come to."""
    books = books_at(reader, point, account, progress=progress)
    return in_chart_order(books.balances(point.seen_at))


def by_root(lines: list[Line]) -> list[Line]:
    """Sum the accounts of each kind: one line for all wallets."""
    sums: dict[Key, int] = defaultdict(int)
    for line in lines:
        root = line.key.account._replace(owner="")
        sums[Key(root, line.key.commodity)] += line.amount
    return in_chart_order(sums)


class Movement(NamedTuple):
    """A control account of a commodity through a span: opening, each event type, closing."""

    root: str
    commodity: str
    opening: int
    moved: tuple[tuple[str, int], ...]
    closing: int

    @property
    def adds_up(self) -> bool:
        """Whether the opening and the movements are the closing."""
        return self.opening + sum(amount for _, amount in self.moved) == self.closing


def before(point: Point, starts: int) -> Point:
    """Return the point of the last second before a span, known as the span's end is."""
    return point._replace(at=starts - SECOND, everything=False)


def roll_forward(
    reader: Reader, point: Point, *, starts: int | None, account: str | None = None,
    progress: Progress | None = None,
) -> list[Movement]:  # fmt: skip
    """Roll every control account forward to a point, from an instant or from nothing."""
    moved: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def each(entry: Entry) -> None:
        if starts is not None and entry.recorded.effective_at < starts:
            return
        name = type_name(type(entry.recorded.event))
        for key, amount in entry.legs:
            moved[key.account.root, key.commodity][name] += amount

    opening = Books()
    earned: dict[Key, int] = defaultdict(int)
    first_at = point.seen_at
    if starts is not None:
        first_at = before(point, starts).seen_at
        opening = books_at(reader, before(point, starts), account)
        for key, amount in opening.recognised(first_at).items():
            earned[key] -= amount
    closing = books_at(reader, point, account, progress=progress, each=each)
    for key, amount in closing.recognised(point.seen_at).items():
        earned[key] += amount
    for key, amount in earned.items():
        moved[key.account.root, key.commodity][RECOGNISED] += amount
    first = _sums(opening, first_at)
    last = _sums(closing, point.seen_at)
    return movements(first, moved, last)


def movements(
    first: Mapping[tuple[str, str], int], moved: Mapping[tuple[str, str], Mapping[str, int]],
    last: Mapping[tuple[str, str], int],
) -> list[Movement]:  # fmt: skip
    """Put each control account's opening, movements and closing together, in the chart's order."""
    return [
        Movement(
            *found, first.get(found, 0),
            tuple((name, one) for name, one in sorted(moved.get(found, {}).items()) if one),
            last.get(found, 0),
        )
        for found in sorted({*first, *last}, key=lambda one: (_PLACE[one[0]], one[1]))
        if found[0] in CONTROLS
    ]  # fmt: skip


def _sums(books: Books, at: int) -> dict[tuple[str, str], int]:
    lines = by_root(in_chart_order(books.balances(at)))
    return {(line.key.account.root, line.key.commodity): line.amount for line in lines}
