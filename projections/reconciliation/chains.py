"""Chains of balances: each step says by how much it moves a balance, and what is left after it.

Pages of a statement, statements of an account and rows with a running balance are all steps.
Files come oldest first, newest first or sorted by something else, so the order proves nothing.
Invariant: a chain has one beginning and one end and every step is on the way between them; what
does not fit is refused with the place of the first step that does not follow.
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


class BalanceStep(NamedTuple):
    """A row or a page that moves a balance, in fine units.

    Attributes:
        left: the balance after it, None where it states none.
        instant: when, 0 for a page.

    """

    effect: int
    left: int | None
    instant: int
    place: str


_new = tuple.__new__  # of a NamedTuple, without detours: one a row


def ends_of(steps: Sequence[BalanceStep], *, what: str, currency: str) -> Ends:
    """Return the two ends of a chain whose steps all state a balance, whatever their order.

    Raises: ControlTotalWrong, naming the step that does not follow.
    """
    for way in (steps, steps[::-1]):
        if not any(_gaps(way)):
            return Ends(_before(way[0]), certain(way[-1].left))
    ends = _woven(steps)
    if ends is not None:
        return ends
    way = min((steps, steps[::-1]), key=lambda one: sum(1 for _ in _gaps(one)))
    earlier, later = next(_gaps(way))
    said = f"of {later.place}, {what}"
    raise ControlTotalWrong(said, _before(later), certain(earlier.left), currency)


def _before(step: BalanceStep) -> int:
    return certain(step.left) - step.effect


def _gaps(steps: Sequence[BalanceStep]) -> Iterator[tuple[BalanceStep, BalanceStep]]:
    return (
        (a, b) for a, b in pairwise(steps)
        if a.left != b.left - b.effect  # type: ignore[operator] # each states its balance
    )


def _woven(steps: Sequence[BalanceStep]) -> Ends | None:
    """Return the ends of a chain in some other order, None where there is none.

    In a whole chain every inner balance is left as often as it is reached, so at most one is left
    over on each side; and all balances hang together, so no ring stands beside the chain.
    """
    before = Counter(map(_before, steps))
    after = Counter(certain(step.left) for step in steps)
    begun, ended = list((before - after).elements()), list((after - before).elements())
    if len(begun) > 1 or not _connected(steps):
        return None
    if begun:
        return Ends(begun[0], ended[0])
    # A ring: it ended where it began, which time says, else only the order of the file.
    timed = steps[0].instant != 0
    first = min(steps, key=lambda one: (one.instant, _before(one))) if timed else steps[0]
    return Ends(_before(first), _before(first))


def _connected(steps: Sequence[BalanceStep]) -> bool:
    parent: dict[int, int] = {}

    def root(balance: int) -> int:
        while parent.setdefault(balance, balance) != balance:
            parent[balance] = balance = parent[parent[balance]]
        return balance

    for step in steps:
        parent[root(_before(step))] = root(certain(step.left))
    return len({root(balance) for balance in parent}) == 1


def running(steps: Sequence[BalanceStep], *, currency: str) -> Ends | None:
    """Return the ends of a running balance, None where no row states one.

    Rows without a balance belong to the next that has one: then rows are in order, upwards or
    downwards. Raises: ControlTotalWrong, naming the row that does not follow.
    """
    what = "the balance before it = the balance of the row before"
    stated = [step.left is not None for step in steps]
    if not any(stated):
        return None
    downwards = steps[0].instant > steps[-1].instant
    if all(stated):
        return ends_of(steps[::-1] if downwards else steps, what=what, currency=currency)
    ways = [list(steps), list(steps)[::-1]]
    errors: list[ControlTotalWrong] = []
    for way in ways[::-1] if downwards else ways:
        try:
            return _sparse(way, what=what, currency=currency)
        except ControlTotalWrong as error:
            errors.append(error)
    raise errors[0]


def _sparse(steps: Sequence[BalanceStep], *, what: str, currency: str) -> Ends:
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


Chains = dict[tuple[str, str], list[BalanceStep]]  # by account and currency


def chains_of(rows: Iterable[tuple[Line, int | None]]) -> Chains:
    """Sort booked rows, each with the balance after it, by account and currency."""
    found: Chains = {}
    for line, left in rows:
        if line.status == BOOKED:
            steps = found.setdefault((line.account, line.currency), [])
            steps.append(_new(BalanceStep, (line.amount, left, line.instant, line.place)))
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
