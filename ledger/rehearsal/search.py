"""Looking for the edge of a decision: the last instant and the least amount that alter it.

Invariant: what is found was tried, and so was what is one second later or one minor unit less.
This module must not know what is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.periods import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

AMOUNT_MAX = 10**13  # more than any account needs, and far from what a ledger can hold
_ROUNDS_MAX = 8


class Edge(NamedTuple):
    """The last instant, and the least amount at it, for which a trial succeeds."""

    at: int
    amount: int


def last_instant(trial: Callable[[int], bool], first: int, last: int) -> int | None:
    """Return the last whole second in [first, last] for which a trial succeeds.

    None if it does not even at ``first``. Where success comes and goes, it is still an edge.
    """
    if trial(last):
        return last
    if first >= last or not trial(first):
        return None
    good, bad = first // SECOND, last // SECOND
    while bad - good > 1:
        middle = (good + bad) // 2
        if trial(middle * SECOND):
            good = middle
        else:
            bad = middle
    return good * SECOND


def least_amount(trial: Callable[[int], bool], *, near: int = 1) -> int | None:
    """Return the least amount from 1 on for which a trial succeeds, None if none does.

    ``near``: where to look first.
    """
    bad, good = 0, max(1, near)
    while not trial(good):
        bad, good = good, good * 8
        if good > AMOUNT_MAX:
            return None
    while good - bad > 1:
        middle = (good + bad) // 2
        if trial(middle):
            good = middle
        else:
            bad = middle
    return good


def edge(
    trial: Callable[[int, int], bool], *, first: int, last: int, near: int = 1
) -> Edge | None:
    """Return an edge in both directions: neither a second later nor a minor unit less succeeds.

    The instant is as late as any amount allows; at it the amount is as small as can be.
    """
    ample = AMOUNT_MAX
    for _ in range(_ROUNDS_MAX):
        at = last_instant(lambda instant, ample=ample: trial(instant, ample), first, last)  # type: ignore[misc]
        if at is None:
            return None
        amount = least_amount(lambda some, at=at: trial(at, some), near=near)  # type: ignore[misc]
        if amount is None:
            return None
        if at >= last or not trial(at + SECOND, amount):
            return Edge(at, amount)
        # Success comes and goes: look after this edge, with the amount that does there.
        first, ample, near = at + SECOND, amount, amount
    return None
