"""Lines that are one thing only together: pending and booked, taken back, and sums of several.

Invariant: pending lines give way to the booked line of the same payment; a reversal takes back one
line; lines are one sum only where nothing else within the window adds up to it, and where more than
the amounts says so: a payout's id or fee, or the account that both sides name.
This module must not know what a difference is called.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Final

from ledger.periods import DAY
from projections.reconciliation.lines import (
    ENTRY,
    FAILED,
    PENDING,
    explicit,
    hints,
    order_of,
    proofs,
)
from projections.reconciliation.sides import Candidates, knots, subsets, within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from projections.reconciliation.lines import Line
    from projections.reconciliation.sides import OpenSides

SUM: Final = "sum"
SEARCHED_MAX: Final = 2000  # lines for which a sum is looked for
SUGGESTED_MAX, PARTS_MAX = 12, 4  # bounds of what is suggested: at most 781 sums a line


def without_replaced(lines: Sequence[Line], window: int) -> tuple[list[Line], list[Line]]:
    """Part a side into what stands and the pending lines that a booked line replaces."""
    pending = [line for line in lines if line.status == PENDING]
    if not pending:
        return list(lines), []
    booked = [line for line in lines if line.status not in (PENDING, FAILED) and not line.reversal]
    gone: set[int] = set()
    used: set[int] = set()
    by_name = _by_name(booked)
    for one in sorted(pending, key=order_of):
        found = {id(other): other for key in _keys(one) for other in by_name.get(key, ())}
        same = [
            other for other in sorted(found.values(), key=order_of)
            if id(other) not in used and _one_payment(one, other, window)
        ]  # fmt: skip
        if same:
            used.add(id(same[0]))
            gone.add(id(one))
    return (
        [line for line in lines if id(line) not in gone],
        [line for line in pending if id(line) in gone],
    )


def _by_name(lines: Sequence[Line]) -> dict[tuple[object, ...], list[Line]]:
    found: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        for key in _keys(line):
            found.setdefault(key, []).append(line)
    return found


def _keys(line: Line) -> list[tuple[object, ...]]:
    where = (line.account, line.currency)
    keys: list[tuple[object, ...]] = [(*where, "proof", name) for name in _own_proofs(line)]
    keys += [(*where, "hint", name, line.amount) for name in hints(line)]
    if len(keys) == 0:
        keys.append((*where, "alike", line.text, line.amount))
    return keys


def _own_proofs(line: Line) -> list[str]:
    return [name for name in proofs(line) if name != line.name]


def _one_payment(pending: Line, booked: Line, window: int) -> bool:
    mine, others = set(_own_proofs(pending)), set(_own_proofs(booked))
    if mine and others:
        return bool(mine & others)  # two explicit and different names are two payments
    if not _one_payer(pending, booked):
        return False
    # The booking of the day before is a different payment; a bank may name days alone.
    return -DAY < booked.instant - pending.instant <= window


def taken_back(lines: Sequence[Line], window: int) -> list[Candidates]:
    """Pair each reversal with the one line that it takes back, where that is clear."""
    reversals = [place for place, line in enumerate(lines) if line.reversal]
    if not reversals:
        return []
    sizes: dict[tuple[int, str, str], list[int]] = {}
    for place, line in enumerate(lines):
        if not line.reversal and line.status not in (PENDING, FAILED):
            sizes.setdefault((line.amount, line.currency, line.account), []).append(place)
    found: list[Candidates] = []
    for place in reversals:
        line = lines[place]
        others = sizes.get((-line.amount, line.currency, line.account), ())
        names = {*_own_proofs(line), *hints(line)}
        same = [one for one in others if names & {*_own_proofs(lines[one]), *hints(lines[one])}]
        # A bank numbers each of its entries, so that number alone says nothing of another entry.
        telling = names - {one.text for one in line.references if one.scope == ENTRY}
        near = [one for one in (same if same or telling else others)
                if abs(lines[one].instant - line.instant) <= window
                and (one in same or _one_payer(line, lines[one]))]  # fmt: skip
        found += [Candidates((), (one, place)) for one in (near if len(same) != 1 else same)]
    return [knot[0] for knot in knots(found) if len(knot) == 1]


def _one_payer(line: Line, other: Line) -> bool:
    """Return whether nothing says that two lines are of different payers."""
    return not (line.payer and other.payer) or line.payer == other.payer


def add_up(sides: OpenSides, owner: Callable[[Line], str], window: int) -> None:
    """Match sums of several lines where each is the only one; tie those that exclude others."""
    if sides.ours and sides.theirs and len(sides.ours) + len(sides.theirs) <= SEARCHED_MAX:
        sides.settle(SUM, _covers(sides, owner, window))


def _covers(sides: OpenSides, owner: Callable[[Line], str], window: int) -> list[Candidates]:
    """Return every sum that more than the amounts speak for."""
    owners = [owner(line) for line in sides.theirs]
    said = Counter(line.group for line in sides.theirs)
    usable = [not line.reversal and line.status != FAILED for line in sides.theirs]
    ours_at = [line.instant for line in sides.ours]
    theirs_at = [line.instant for line in sides.theirs]
    found: list[Candidates] = []
    for place, line in enumerate(sides.theirs):
        if not usable[place] or not _collects(line, owners[place], said):
            continue
        near = [
            one for one in within(ours_at, line.instant, window)
            if sides.ours[one].currency == line.currency
            and owners[place] in ("", sides.ours[one].account)
        ]  # fmt: skip
        sums = _sums(sides.ours, near, {line.amount, line.amount + line.fee})
        found += [Candidates(parts, (place,)) for parts in sums]
    for place, line in enumerate(sides.ours):
        near = [
            one for one in within(theirs_at, line.instant, window)
            if usable[one] and owners[one] == line.account and not explicit(sides.theirs[one])
            and sides.theirs[one].currency == line.currency
        ]  # fmt: skip
        found += [
            Candidates((place,), parts) for parts in _sums(sides.theirs, near, {line.amount})
        ]
    return found


def _collects(line: Line, owner: str, said: Counter[str]) -> bool:
    """Return whether one of their lines may be several payments: a payout, or one payer's."""
    payout = bool(line.group) and said[line.group] == 1
    if explicit(line):  # then only what the payout itself is called
        return payout and line.group in proofs(line) and not line.firm
    return bool(owner) or payout or bool(line.fee)


def _sums(lines: Sequence[Line], near: Sequence[int], totals: set[int]) -> list[tuple[int, ...]]:
    if len(near) < 2:  # noqa: PLR2004 - a sum has two parts
        return []
    amounts = [lines[place].amount for place in near]
    return [
        tuple(near[place] for place in parts)
        for total in sorted(totals) for parts in subsets(amounts, total)
    ]  # fmt: skip


def suggestions(
    lines: Sequence[Line], others: Sequence[Line], window: int
) -> dict[int, list[tuple[Line, ...]]]:
    """Suggest, and never book, sums of a few lines of one side that are a line of the other."""
    found: dict[int, list[tuple[Line, ...]]] = {}
    near = _nearby(others, window)
    for line in lines[:200]:
        sums = _few(line, near(line))
        if sums:
            found[id(line)] = sums
    return found


def _nearby(lines: Sequence[Line], window: int) -> Callable[[Line], list[Line]]:
    instants = [line.instant for line in lines]
    return lambda line: [lines[place] for place in within(instants, line.instant, window)]


def _few(line: Line, candidates: list[Line]) -> list[tuple[Line, ...]]:
    """Return the subsets of 2 to 4 lines that sum to a line; none where there are too many."""
    same = [
        candidate for candidate in candidates
        if candidate.currency == line.currency and candidate.amount
        and (candidate.amount > 0) == (line.amount > 0) and abs(candidate.amount) < abs(line.amount)
    ]  # fmt: skip
    if len(same) > SUGGESTED_MAX:
        return []
    return [
        chosen for size in range(2, PARTS_MAX + 1) for chosen in combinations(same, size)
        if sum(one.amount for one in chosen) == line.amount
    ]  # fmt: skip
