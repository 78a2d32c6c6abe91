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
from projections.reconciliation.lines import BOOKED, ControlTotalWrong, Ends, check_total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from projections.reconciliation.lines import Line


class Link(NamedTuple):
    """One step of a chain, in fine units; ``instant`` where its place in time is known."""

    before: int
    after: int
    place: str
    instant: int = 0


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
    said = f"of {later.place}, {what}"
    raise ControlTotalWrong(said, later.before, earlier.after, currency)


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
    # A ring: it ended where it began, which time says, else only the order of the file.
    timed = links[0].instant != 0
    first = min(links, key=lambda one: (one.instant, one.before)) if timed else links[0]
    return Ends(first.before, first.before)


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
    if len(known) == len(steps):
        links = [
            Link(certain(step.left) - step.effect, certain(step.left), step.place, step.instant)
            for step in (steps[::-1] if downwards else steps)
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
        if closing is not None:
            check_total(f"of {step.place}, {what}", before, closing, currency=currency)
        opening = before if opening is None else opening
        closing, moved = step.left, 0
    return Ends(certain(opening), certain(closing) + moved)


Chains = dict[tuple[str, str], list[Step]]  # by account and currency


def chains_of(rows: Iterable[tuple[Line, int | None]]) -> Chains:
    """Sort booked rows, each with the balance after it, by account and currency."""
    found: Chains = {}
    for line, left in rows:
        if line.status == BOOKED:
            steps = found.setdefault((line.account, line.currency), [])
            steps.append(Step(line.amount, left, line.instant, line.place))
    return found


def whole(chains: Mapping[tuple[str, str], Ends | None], currency: str) -> dict[str, Ends] | None:
    """Return the ends of the accounts in a currency, None where not all of them are stated."""
    every = {account: ends for (account, code), ends in chains.items() if code == currency}
    found = {account: ends for account, ends in every.items() if ends is not None}
    return found if found and len(found) == len(every) else None


def elsewhere(chains: Mapping[tuple[str, str], Ends | None], main: str) -> dict[str, int]:
    """Return the opening in each other currency, where every account states its balance."""
    codes = sorted({code for _, code in chains} - {main})
    return {
        code: sum(one.opening for one in ends.values()) for code in codes
        if (ends := whole(chains, code)) is not None
    }  # fmt: skip
