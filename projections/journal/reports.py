"""Reports that are read off the books: trial balance and roll-forward.

Invariant: every figure is a sum of postings and schedules (books.py), at the scale of the books;
opening + movements = closing in each. This module must not format.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ledger.events import ACCOUNT_PREFIX, type_name
from ledger.kept.stream_tiles import Tiles
from ledger.periods import SECOND
from projections.journal.books import RECOGNISED, Books, books_at
from projections.journal.chart import CONTROLS, ROOTS, BookAccount, Key
from projections.point import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point

    Progress = Callable[[int, int], None]

OPENING, CLOSING = "opening", "closing"
_PLACE = {root: place for place, root in enumerate(ROOTS)}


class TrialLine(NamedTuple):
    """One line of a trial balance: debit is plus, credit is minus."""

    key: Key
    amount: int


def in_chart_order(balances: dict[Key, int]) -> list[TrialLine]:
    """Sort balances as the chart lists its accounts, then by owner and commodity."""
    keys = sorted(
        balances, key=lambda key: (_PLACE[key.account.root], key.account.owner, key.commodity)
    )
    return [TrialLine(key, balances[key]) for key in keys]


def trial_balance(
    reader: Reader, point: Point, account: str | None = None, progress: Progress | None = None
) -> list[TrialLine]:
    """Return every account's balance at a point, or what one customer's postings come to."""
    books = books_at(reader, point, account, progress=progress)
    return in_chart_order(books.balances(point.seen_at))


def of_root(account: BookAccount) -> BookAccount:
    """Return the account that all of its kind are summed into."""
    return account._replace(owner="")


def by_root(lines: list[TrialLine]) -> list[TrialLine]:
    """Sum the accounts of each kind: one line for all wallets."""
    sums: dict[Key, int] = defaultdict(int)
    for line in lines:
        sums[Key(of_root(line.key.account), line.key.commodity)] += line.amount
    return in_chart_order(sums)


class ControlMovement(NamedTuple):
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


class SpanBooks:
    """What customers' books were at both ends of a span, and what moved them in it: one fold each.

    ``summed`` gives the account that one of the books is summed into. Memory is that of one
    customer, and of the sums.
    """

    def __init__(
        self, starts: int | None, *, first_at: int, last_at: int,
        summed: Callable[[BookAccount], BookAccount],
    ) -> None:  # fmt: skip
        """Begin with nothing; ``starts`` None is from the first event on."""
        self.sums: dict[str, dict[Key, int]] = {
            OPENING: defaultdict(int), CLOSING: defaultdict(int),
        }  # fmt: skip
        self.moved: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._starts = starts
        self._at = {OPENING: first_at, CLOSING: last_at}
        self._summed = summed

    def take(
        self, history: Iterable[RecordedEvent], *,
        each: Callable[[RecordedEvent], None] = lambda _: None,
        ended: Callable[[str, dict[Key, int]], None] = lambda _end, _balances: None,
    ) -> None:  # fmt: skip
        """Post one customer's events, in the order of a fold; ``ended`` gets the balances."""
        books, earned, before = Books(), dict[Key, int](), self._starts is not None
        for recorded in history:
            if before and recorded.effective_at >= (self._starts or 0):
                before = False
                earned = self._end(OPENING, books, ended)
            each(recorded)
            entry = books.take(recorded)
            for key, amount in entry.legs if entry is not None and not before else ():
                self._move(key, type_name(type(recorded.event)), amount)
        if before:
            earned = self._end(OPENING, books, ended)
        closing = self._end(CLOSING, books, ended)
        for key in closing.keys() | earned.keys():
            self._move(key, RECOGNISED, closing.get(key, 0) - earned.get(key, 0))

    def _move(self, key: Key, name: str, amount: int) -> None:
        self.moved[Key(self._summed(key.account), key.commodity)][name] += amount

    def _end(
        self, end: str, books: Books, ended: Callable[[str, dict[Key, int]], None]
    ) -> dict[Key, int]:
        earned = books.recognised(self._at[end])
        balances = books.with_revenue(earned)
        for key, amount in balances.items():
            self.sums[end][Key(self._summed(key.account), key.commodity)] += amount
        ended(end, balances)
        return earned


def roll_forward(
    reader: Reader, point: Point, *, starts: int | None, account: str | None = None,
    progress: Progress | None = None,
) -> list[ControlMovement]:  # fmt: skip
    """Roll every control account forward to a point, from an instant or from nothing."""
    first_at = point.seen_at if starts is None else before(point, starts).seen_at
    span = SpanBooks(starts, first_at=first_at, last_at=point.seen_at, summed=of_root)
    names, tiles = reader.accounts() if account is None else [account], Tiles(reader)
    for done, name in enumerate(names, 1):
        span.take(history(reader, ACCOUNT_PREFIX + name, point, tiles))
        if progress is not None:
            progress(done, len(names))
    return movements(span.sums[OPENING], span.moved, span.sums[CLOSING])


def movements(
    first: Mapping[Key, int], moved: Mapping[Key, Mapping[str, int]], last: Mapping[Key, int]
) -> list[ControlMovement]:
    """Put each control account's opening, movements and closing together, in the chart's order."""
    return [
        ControlMovement(
            found.account.root, found.commodity, first.get(found, 0),
            tuple((name, one) for name, one in sorted(moved.get(found, {}).items()) if one),
            last.get(found, 0),
        )
        for found in sorted(
            {*first, *last}, key=lambda one: (_PLACE[one.account.root], one.commodity)
        )
        if found.account.root in CONTROLS
    ]  # fmt: skip
