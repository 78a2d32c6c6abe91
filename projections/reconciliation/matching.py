"""Matching: passes from the surest to the least sure, each independent of the order of rows.

A name matches only where it is unique on both sides among what is left, or where its whole group
adds up. So no pass ever takes the first that fits: what is not unique waits for a sharper name,
and is ambiguous if none comes. Which names may say what: identity.py.
Invariant: every line of both sides is in one match or one tie, or left over; never in two.
This module must not know what a difference is called (breaks.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.periods import DAY
from projections.reconciliation import collecting
from projections.reconciliation.lines import (
    DIFFERENCE,
    FAILED,
    TRANSACTION,
    explicit,
    hints,
    name_of,
    names_of,
    owner_of,
    proofs,
    transactions,
)
from projections.reconciliation.sides import Candidates, Match, OpenSides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from projections.reconciliation.lines import Line
    from projections.reconciliation.sides import Key, Keys

WINDOW: Final = 3 * DAY
REFERENCE, ORDER, GROUP, NEAR = "reference", "order", "group", "amount_and_date"
BY_HAND, REVERSAL = "by_hand", "reversal"
Confirmed = tuple[tuple[str, ...], tuple[str, ...]]


class Matched(NamedTuple):
    """What matching gives: matches, ties, and what nobody wanted.

    Attributes:
        replaced: their pending lines that the booked line of the same payment replaces.

    """

    matches: list[Match]
    ties: list[Match]
    ours: list[Line]
    theirs: list[Line]
    replaced: list[Line]


def match(
    ours: Sequence[Line], theirs: Sequence[Line], *,
    window: int = WINDOW, confirmed: Sequence[Confirmed] = (),
    accounts: AbstractSet[str] = frozenset(),
) -> Matched:  # fmt: skip
    """Match two sides. Nothing depends on the order of either.

    ``accounts`` are all that the ledger has: a payer may name one that paid nothing here.
    """
    left, replaced = collecting.without_replaced(theirs, window)
    sides = OpenSides(ours, left)
    names = _Names(ours, left, accounts=accounts)
    if confirmed:
        sides.sort()
        sides.take(BY_HAND, _by_hand(sides, confirmed))
    # Equal in everything first, then in all but one thing, so that a difference is seen last.
    names.surest(sides)
    sides.unique(ORDER, names.orders(_exactly), names.orders(_exactly))
    sides.sort()
    for named in names.either(_dated):
        sides.unique(*named)
    names.hint(sides, _exactly, window=window, tie=False)
    sides.settle(GROUP, _sums(sides))
    for how in (_inward, _anyhow):
        for named in names.either(how):
            sides.unique(*named)
    for how in (_inward, _anyhow):
        names.hint(sides, how, window=window, tie=False)
    for rule, mine, others in names.either(_exactly):
        # The rows are equal in all compared fields, so the earliest stands for them and the others
        # are duplicates of it: which of them is taken makes no difference to any figure.
        again = [group for group in sides.shared(mine, others) if _said_again(sides, group)]
        firsts = [Candidates(group.ours[:1], group.theirs[:1]) for group in again]
        sides.settle(rule, firsts, tie=False)
    for rule, mine, others in names.either(_exactly):
        # What both sides say several times under one name: nothing tells which is which.
        sides.settle(rule, sides.shared(mine, others), pairs=True)
    sides.take(REVERSAL, collecting.taken_back(sides.theirs, window))
    names.hint(sides, _exactly, window=window, tie=True)
    for owned in (True, False):
        alike = sides.nearby(names.alike(owned=owned), names.unnamed(owned=owned), window)
        sides.settle(NEAR, alike, pairs=True)
    collecting.add_up(sides, names.owner, window)
    return Matched(sides.matches, sides.ties, sides.ours, sides.theirs, replaced)


def _exactly(line: Line) -> Key:
    return (line.amount, line.currency)


def _dated(line: Line) -> Key:
    return (line.amount, line.currency, line.instant)


def _inward(line: Line) -> Key:
    return (line.amount >= 0, line.currency)


def _anyhow(line: Line) -> Key:
    del line
    return ()


class _Names:
    """Which names of a line count, each with what else must agree.

    A payment's key is (channel, serial), never the serial alone. What a statement calls a channel
    counts where the ledger knows a channel of that name.
    """

    def __init__(
        self, ours: Sequence[Line], theirs: Sequence[Line], *,
        accounts: AbstractSet[str] = frozenset(),
    ) -> None:
        self.accounts = {line.account for line in ours if line.account} | accounts
        self.channels = {line.channel for line in ours if line.channel}
        said = {line.channel for line in theirs}
        self.spoken = not said.isdisjoint(self.channels)
        self.unspoken = not said <= self.channels

    def surest(self, sides: OpenSides) -> None:
        """Match what a proof, the amount and the currency tell: nearly all, so in plain loops."""
        if self.spoken:
            sides.unique(REFERENCE, self.proven(_exactly), self.proved(_exactly))
            return
        mine, shared = _own_keys(sides.ours, named=sides.named)
        sides.pair(REFERENCE, mine, _their_keys(sides, mine, shared))

    def proven(self, how: Callable[[Line], Key]) -> Keys:
        """Return the keys of our lines."""
        if not self.spoken:
            return lambda line, account: [
                ("", account, name, *how(line)) for name in proofs(line)
            ]

        def keys(line: Line, account: str) -> Iterable[Key]:
            own = how(line)
            for name in proofs(line):
                yield (line.channel, account, name, *own)
                if self.unspoken and line.channel:
                    yield ("", account, name, *own)

        return keys

    def proved(self, how: Callable[[Line], Key]) -> Keys:
        """Return the keys of their lines; a reversal is not a payment of another amount."""
        channels = self.channels if self.spoken else frozenset[str]()

        def keys(line: Line, account: str) -> Iterable[Key]:
            if line.reversal and how in (_inward, _anyhow):
                return ()
            channel = line.channel if line.channel in channels else ""
            own = how(line)
            return [(channel, account, name, *own) for name in proofs(line)]

        return keys

    def either(self, how: Callable[[Line], Key]) -> tuple[tuple[str, Keys, Keys], ...]:
        """Return the two ways of naming outright, each with our keys and theirs."""
        return (
            (REFERENCE, self.proven(how), self.proved(how)),
            (ORDER, self.orders(how), self.orders(how)),
        )

    def hint(
        self, sides: OpenSides, how: Callable[[Line], Key], *, window: int, tie: bool
    ) -> None:
        """Match by what counts within the window alone: an instruction's or an entry's name."""

        def mine(line: Line, account: str) -> Iterable[Key]:
            return [(account, name, *how(line)) for name in proofs(line)]

        def others(line: Line, account: str) -> Iterable[Key]:
            if line.reversal and how in (_inward, _anyhow):
                return ()
            return [(account, name, *how(line)) for name in hints(line)]

        sides.settle(REFERENCE, sides.nearby(mine, others, window), tie=tie, pairs=True)

    def owner(self, line: Line) -> str:
        """Return the account that one of their lines names, in a column or in the payer's words."""
        return owner_of(line, self.accounts)

    @staticmethod
    def alike(*, owned: bool) -> Keys:
        """Return what identifies our payment where it is not named."""
        return lambda line, account: (
            (line.amount, line.currency, line.account if owned else account),
        )

    def unnamed(self, *, owned: bool) -> Keys:
        """Return the same of their line, where nothing on the line names another payment."""

        def keys(line: Line, account: str) -> Iterable[Key]:
            if line.reversal or line.status == FAILED or explicit(line):
                return ()
            owner = self.owner(line)
            if bool(owner) != owned:
                return ()  # who is named is not somebody else
            return ((line.amount, line.currency, owner if owned else account),)

        return keys

    @staticmethod
    def orders(how: Callable[[Line], Key]) -> Keys:
        """Return our id of what a line is about; a nameless row's own name stands for one."""

        def keys(line: Line, account: str) -> Iterable[Key]:
            name = line.order or line.name
            return ((account, name, *how(line)),) if name else ()

        return keys


def _own_keys(ours: Sequence[Line], *, named: bool) -> tuple[dict[object, int], set[str]]:
    """Return the places of our names, and the names that several lines share.

    A name that one line has is a key by itself, which is what makes this fast: with it the rest
    of the key is compared instead of hashed. Shared names have whole keys beside them.
    """
    mine: dict[object, int] = {}
    shared: set[str] = set()
    for place, line in enumerate(ours):
        for text, scope in line.references:
            if scope == TRANSACTION and mine.setdefault(text, place) != place:
                shared.add(text)
    for place, line in enumerate(ours) if shared else ():
        for text, scope in line.references:
            if scope == TRANSACTION and text in shared:
                key = (text, line.amount, line.currency, line.account if named else "")
                if mine.setdefault(key, place) != place:
                    mine[key] = -1
    return mine, shared


def _their_keys(
    sides: OpenSides, mine: Mapping[object, int], shared: AbstractSet[str]
) -> dict[object, int]:
    """Return the places of those of our keys that they have too, -1 where several lines do."""
    ours, named = sides.ours, sides.named
    found: dict[object, int] = {}
    names: list[str] = []
    for place, line in enumerate(sides.theirs):
        names.clear()
        for text, scope in line.references:
            if text in mine and scope == TRANSACTION:
                names.append(text)
        if line.number in mine:
            names.append(line.number)
        if line.name in mine:
            names.append(line.name)
        for text in names:
            key: object = text
            if text in shared:
                key = (text, line.amount, line.currency, line.account if named else "")
                if key not in mine:
                    continue
            there = ours[mine[key]]
            if (
                line.amount == there.amount and line.currency == there.currency
                and (not named or line.account == there.account)
                and found.setdefault(key, place) != place
            ):  # fmt: skip
                found[key] = -1
    return found


def _by_hand(sides: OpenSides, confirmed: Sequence[Confirmed]) -> list[Candidates]:
    """Return the groups that a person confirmed and whose lines are all still there."""
    ours = {name_of(line): place for place, line in enumerate(sides.ours)}
    theirs = {name: place for place, name in enumerate(names_of(sides.theirs))}
    found: list[Candidates] = []
    used: set[tuple[str, str]] = set()
    for mine, others in confirmed:
        named = {("ours", name) for name in mine} | {("theirs", name) for name in others}
        if all(name in ours for name in mine) and all(name in theirs for name in others):
            if not named & used:
                found.append(
                    Candidates(
                        tuple(sorted(ours[name] for name in mine)),
                        tuple(sorted(theirs[name] for name in others)),
                    )
                )
            used |= named
    return found


def _sums(sides: OpenSides) -> list[Candidates]:
    """Return the groups that share a name and whose sums agree, fees taken into account."""
    found = []
    for group in sides.shared(_grouped, _grouped):
        mine, others = group
        if len(mine) == len(others) == 1:  # the other passes see to those
            continue
        if len({sides.ours[place].channel for place in mine}) > 1:
            continue  # one serial in two channels is two payments
        fees = sum(sides.theirs[place].fee for place in others)
        total = sum(sides.ours[place].amount for place in mine)
        if sum(sides.theirs[place].amount for place in others) in (total, total - fees):
            found.append(group)
    return found


def _grouped(line: Line, account: str) -> Iterable[Key]:
    """Name the groups of a line: a payout, an order paid at once, a bill with its notes."""
    names = (line.group, line.order, line.name, *transactions(line))
    return [(account, name.removesuffix(DIFFERENCE), line.currency) for name in names if name]


def _said_again(sides: OpenSides, group: Candidates) -> bool:
    """Return whether one side says the very same payment once, and the other perhaps again."""
    channels = {sides.ours[place].channel for place in group.ours}
    numbers = {sides.theirs[place].number for place in group.theirs}
    once = min(map(len, group)) == 1 == len(channels)
    return once and (len(group.theirs) == 1 or len(numbers) == 1)
