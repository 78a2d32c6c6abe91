"""Chains of balances: each link says what was there before it and what was there after it.

Pages of a statement, statements of an account and rows with a running balance are all links.
Files come oldest first, newest first or sorted by something else, so the order proves nothing.
Invariant: a chain has one beginning and one end and every link is on the way between them; what
does not fit is refused with the place of the first link that does not follow.
This module must not know a file format.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ledger.certain import certain
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import ControlTotalWrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Link(NamedTuple):
    """One step of a chain, in fine units."""

    before: int
    after: int
    place: str


class Ends(NamedTuple):
    """Where a chain begins and where it ends."""

    opening: int
    closing: int


def ends_of(links: Sequence[Link], *, what: str, currency: str) -> Ends:
    """Return the two ends of a chain, whatever the order of its links.

    Raises: ControlTotalWrong, naming the link that does not follow.
    """
    for way in (links, links[::-1]):
        if not any(_gaps(way)):
            return Ends(way[0].before, way[-1].after)
    ends = _woven(links)
    if ends is not None:
        return ends
    way = min((links, links[::-1]), key=lambda one: sum(1 for _ in _gaps(one)))
    earlier, later = next(_gaps(way))
    raise ControlTotalWrong(
        what=f"of {later.place}, {what}", stated=write_amount(later.before, currency),
        found=write_amount(earlier.after, currency),
        difference=write_amount(later.before - earlier.after, currency),
    )  # fmt: skip


def _gaps(links: Sequence[Link]) -> Iterator[tuple[Link, Link]]:
    return ((a, b) for a, b in pairwise(links) if a.after != b.before)


def _woven(links: Sequence[Link]) -> Ends | None:
    """Return the ends of a chain in some other order, None where there is none.

    In a whole chain every inner balance is left as often as it is reached, so at most one is left
    over on each side; and all balances hang together, so no ring stands beside the chain.
    """
    before = Counter(link.before for link in links)
    after = Counter(link.after for link in links)
    begun, ended = list((before - after).elements()), list((after - before).elements())
    if len(begun) > 1 or not _connected(links):
        return None
    if begun:
        return Ends(begun[0], ended[0])
    # A ring: it ended where it began, and only the order of the file says where that was.
    return Ends(links[0].before, links[0].before)


def _connected(links: Sequence[Link]) -> bool:
    parent: dict[int, int] = {}

    def root(balance: int) -> int:
        while parent.setdefault(balance, balance) != balance:
            parent[balance] = balance = parent[parent[balance]]
        return balance

    for link in links:
        parent[root(link.before)] = root(link.after)
    return len({root(balance) for balance in parent}) == 1


class Step(NamedTuple):
    """A row that moves a balance, and the balance after it where the row states one."""

    effect: int
    left: int | None
    instant: int
    place: str


def running(steps: Sequence[Step], *, currency: str) -> Ends | None:
    """Return the ends of a running balance, None where no row states one.

    Rows without a balance belong to the next that has one: then rows are in order, upwards or
    downwards. Raises: ControlTotalWrong, naming the row that does not follow.
    """
    what = "the balance before it = the balance of the row before"
    known = [step for step in steps if step.left is not None]
    if not known:
        return None
    downwards = steps[0].instant > steps[-1].instant
    if len(known) == len(steps):  # a ring has its beginning at the earliest row
        steps = steps[::-1] if downwards else steps
        links = [
            Link(certain(step.left) - step.effect, certain(step.left), step.place)
            for step in steps
        ]
        return ends_of(links, what=what, currency=currency)
    ways = [list(steps), list(steps)[::-1]]
    errors: list[ControlTotalWrong] = []
    for way in ways[::-1] if downwards else ways:
        try:
            return _sparse(way, what=what, currency=currency)
        except ControlTotalWrong as error:
            errors.append(error)
    raise errors[0]


def _sparse(steps: Sequence[Step], *, what: str, currency: str) -> Ends:
    """Return the ends where some rows state no balance and the rows are in order."""
    opening = closing = None
    moved = 0
    for step in steps:
        moved += step.effect
        if step.left is None:
            continue
        before = step.left - moved
        if closing is not None and before != closing:
            raise ControlTotalWrong(
                what=f"of {step.place}, {what}", stated=write_amount(before, currency),
                found=write_amount(closing, currency),
                difference=write_amount(before - closing, currency),
            )  # fmt: skip
        opening = before if opening is None else opening
        closing, moved = step.left, 0
    return Ends(certain(opening), certain(closing) + moved)
