"""Every field that ``tally.state/1`` shows, by name: what it holds and how it is read.

The one list for diff, blame, last, trace, bisect and the debugger, so that a name means the
same everywhere: ``cash``, ``coupons["c-1"].remaining``, ``instances["i-1"].auto_renew.months``.
Invariant: reading all fields gives what ``answers.state.state_of`` writes, before formatting; what
a text may be is said there.
This module must not know which events change a field.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from ledger.account.deadlines import next_slot, releases_at, restored_at
from projections.answers.state import (
    CouponStatus,
    InstanceKind,
    InstanceState,
    ItemKind,
    coupon_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ledger.policy import Policy
    from ledger.state import AccountState, Instance
    from projections.answers.terms import Formatter

# What a field holds. A count is a plain number.
MONEY, INSTANT, FLAG, TEXT, COUNT = "money", "instant", "flag", "text", "count"

Cell = int | str | bool | None


class Look:
    """One account as a reader sees it: its state, the policy in force, whose instant it is."""

    __slots__ = ("policy", "seen_at", "state")

    def __init__(self, state: AccountState, policy: Policy, seen_at: int) -> None:
        """Look at a state; the walk moves ``seen_at`` and evolves the state in place."""
        self.state = state
        self.policy = policy
        self.seen_at = seen_at


class Field(NamedTuple):
    """One field: what it holds, how to read it, and what may move it besides its own events.

    Attributes:
        read: takes the look and, for a member's field, the member.
        nullable: whether it can be null while its owner exists.
        words: the only texts it can hold, where that is known.
        by_policy: whether a change of policy alone can move it.
        by_clock: whether the passing of time alone can move it.
        sums: whether it is a sum over events, so that each event adds a fixed amount.

    """

    kind: str
    read: Callable[[Look, Any], Cell]
    nullable: bool = False
    words: tuple[str, ...] = ()
    by_policy: bool = False
    by_clock: bool = False
    sums: bool = False


class Family(NamedTuple):
    """Members that have an id: coupons, unpaid items, instances."""

    members: Callable[[AccountState], Mapping[str, Any]]
    fields: Mapping[str, Field]


def _releases_at(look: Look, instance: Instance) -> Cell:
    # Public instances have none (INTERFACE section 4).
    return None if instance.expires_at is None else releases_at(instance, look.policy)


def _next_attempt_at(look: Look, instance: Instance) -> Cell:
    slot = next_slot(instance, look.policy)
    return None if slot is None else slot[0]


ACCOUNT: Mapping[str, Field] = {
    "currency": Field(TEXT, lambda look, _: look.state.currency),
    "cash": Field(MONEY, lambda look, _: look.state.cash, sums=True),
    "outstanding": Field(MONEY, lambda look, _: look.state.outstanding, sums=True),
    "available": Field(
        MONEY, lambda look, _: look.state.cash - look.state.outstanding, sums=True
    ),
    "overdue": Field(FLAG, lambda look, _: look.state.overdue_since is not None),
    "overdue_since": Field(INSTANT, lambda look, _: look.state.overdue_since, nullable=True),
    "alert.threshold": Field(MONEY, lambda look, _: look.state.alert.threshold, nullable=True),
    "alert.raised": Field(FLAG, lambda look, _: look.state.alert.raised_at is not None),
}

COUPON: Mapping[str, Field] = {
    "amount": Field(MONEY, lambda _, coupon: coupon.amount, sums=True),
    "remaining": Field(
        MONEY, lambda _, coupon: coupon.amount - coupon.used - coupon.forfeited, sums=True
    ),
    "forfeited": Field(MONEY, lambda _, coupon: coupon.forfeited, sums=True),
    "starts": Field(INSTANT, lambda _, coupon: coupon.starts),
    "ends": Field(INSTANT, lambda _, coupon: coupon.ends),
    "status": Field(
        TEXT, lambda look, coupon: coupon_status(coupon, look.seen_at),
        words=get_args(CouponStatus), by_clock=True,
    ),
}  # fmt: skip

UNPAID: Mapping[str, Field] = {
    "kind": Field(TEXT, lambda _, item: item.kind, words=get_args(ItemKind)),
    "amount": Field(MONEY, lambda _, item: item.amount),
    "outstanding": Field(MONEY, lambda _, item: item.outstanding, sums=True),
    "posted_at": Field(INSTANT, lambda _, item: item.posted_at),
    "late": Field(FLAG, lambda _, item: item.late),
}

INSTANCE: Mapping[str, Field] = {
    "kind": Field(TEXT, lambda _, instance: instance.kind, words=get_args(InstanceKind)),
    "state": Field(TEXT, lambda _, instance: instance.state, words=get_args(InstanceState)),
    "available": Field(FLAG, lambda _, instance: instance.state == "running"),
    "sku": Field(TEXT, lambda _, instance: instance.sku, nullable=True),
    "expires_at": Field(INSTANT, lambda _, instance: instance.expires_at, nullable=True),
    "releases_at": Field(INSTANT, _releases_at, nullable=True, by_policy=True),
    "restored_at": Field(
        INSTANT, lambda look, instance: restored_at(instance, look.policy),
        nullable=True, by_policy=True,
    ),
    "auto_renew.enabled": Field(FLAG, lambda _, instance: instance.auto_enabled),
    "auto_renew.months": Field(COUNT, lambda _, instance: instance.auto_months, nullable=True),
    "auto_renew.next_attempt_at": Field(
        INSTANT, _next_attempt_at, nullable=True, by_policy=True
    ),
}  # fmt: skip

FAMILIES: Mapping[str, Family] = {
    "coupons": Family(lambda state: state.coupons, COUPON),
    "unpaid": Family(lambda state: state.items, UNPAID),
    "instances": Family(lambda state: state.instances, INSTANCE),
}


class Name(NamedTuple):
    """A parsed name: ``field`` of the account, or of member ``member`` of ``family``.

    An empty ``field`` stands for the whole member.
    """

    field: str
    family: str = ""
    member: str = ""

    def __str__(self) -> str:
        """Spell it as everywhere: ``instances["i-1"].state``."""
        if not self.family:
            return self.field
        owner = f"{self.family}[{json.dumps(self.member, ensure_ascii=False)}]"
        return f"{owner}.{self.field}" if self.field else owner

    @property
    def what(self) -> Field:
        """Look the field up; the name must be a whole one."""
        return (FAMILIES[self.family].fields if self.family else ACCOUNT)[self.field]

    def covers(self, other: Name) -> bool:
        """Return whether ``other`` is this field, or one of this member's."""
        return self == other or (not self.field and self[1:] == other[1:])

    def read(self, look: Look) -> Cell:
        """Read the field; null where its owner does not exist."""
        if look.state.opened_at is None:
            return None
        if not self.family:
            return ACCOUNT[self.field].read(look, None)
        member = FAMILIES[self.family].members(look.state).get(self.member)
        if member is None:
            return None
        return FAMILIES[self.family].fields[self.field].read(look, member) if self.field else True


def read_all(look: Look) -> Iterator[tuple[Name, Cell]]:
    """Yield every field of an account, in the order of ``tally.state/1``."""
    if look.state.opened_at is None:
        return
    for field, what in ACCOUNT.items():
        yield Name(field), what.read(look, None)
    for family, (members, fields) in FAMILIES.items():
        for member, owner in sorted(members(look.state).items()):
            for field, what in fields.items():
                yield Name(field, family, member), what.read(look, owner)


def names_of(state: AccountState) -> Iterator[str]:
    """Yield the name of every field of an account, as an expression spells it."""
    yield from ACCOUNT
    for family, (members, fields) in FAMILIES.items():
        for member in members(state):
            for field in fields:
                yield str(Name(field, family, member))


def written(name: Name, cell: Cell, write: Formatter) -> str | int | bool | None:
    """Write a field's content as ``tally.state/1`` does."""
    return spelled(name.what.kind if name.field else FLAG, cell, write)


def spelled(kind: str, cell: Cell, write: Formatter) -> str | int | bool | None:
    """Write content of a kind: money and instants as text, the rest as it is."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        if kind == MONEY:
            return write.money(cell)
        if kind == INSTANT:
            return write.instant(cell)
    return cell
