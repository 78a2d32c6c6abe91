"""One account's history, event by event, with what each event changed.

Two axes: ``effective`` folds in (effective_at, position) order, as every answer does; ``known``
walks the recorded positions with ``at`` held. Both give the same state for the same set of events:
money is a sum, a late fact is refused where it would come before what it builds on (R11), and
what a fact causes is effective when recorded. So one incremental pass answers every position.
Policy events are merged in: releases, promises and renewal slots depend on them.
This module must not know how changes are shown.
"""

from __future__ import annotations

from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ledger import events as e
from ledger.account import evolve
from ledger.config import LedgerConfig
from ledger.events import ACCOUNT_PREFIX, POLICY_STREAM
from ledger.kept.stream_tiles import Tiles
from ledger.state import AccountState
from projections.history.fields import ACCOUNT, FAMILIES, Cell, Look, Name
from projections.point import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point

Axis = Literal["effective", "known"]
EFFECTIVE: Axis = "effective"
KNOWN: Axis = "known"

_BY_EFFECTIVE = attrgetter("effective_at", "position")
_BY_POSITION = attrgetter("position")


class Change(NamedTuple):
    """One field before and after an event."""

    name: Name
    before: Cell
    after: Cell


def _parts(*fields: str) -> Callable[[Any], Iterable[str]]:
    return lambda event: (name for field in fields for name, _ in getattr(event, field))


def _maybe(field: str) -> Callable[[Any], Iterable[str]]:
    def names(event: object) -> Iterable[str]:
        name = getattr(event, field)
        return () if name is None else (name,)

    return names


_Touch = tuple[tuple[str, "Callable[[Any], Iterable[str]]"], ...]
# Events that name an instance without changing it.
_INSTANCE_UNTOUCHED = (e.UsageRecorded, e.BillPosted, e.RefundIssued)


def _touches(kind: type[e.Event]) -> _Touch:
    """Find which members an event of this type can change, by the fields it has."""
    fields = kind.__struct_fields__
    found: list[tuple[str, Callable[[Any], Iterable[str]]]] = []
    if "instance" in fields and kind not in _INSTANCE_UNTOUCHED:
        found.append(("instances", _maybe("instance")))
    if "coupon" in fields:
        found.append(("coupons", _maybe("coupon")))
    parts = [name for name in fields if name.startswith("coupons")]
    if parts:
        found.append(("coupons", _parts(*parts)))
    found.extend(("unpaid", _maybe(field)) for field in ("item", "bill") if field in fields)
    return tuple(found)


TOUCHES: dict[type[e.Event], _Touch] = {kind: _touches(kind) for kind in e.EVENT_TYPES}


class Watch:
    """Keeps what every field was, and says after each event what it changed."""

    def __init__(self, look: Look, focus: Name | None = None) -> None:
        """Begin with what ``look`` sees now; a focus leaves out what is not of its owner."""
        self.look = look
        self.focus = focus
        self._account: tuple[Cell, ...] = ()
        self._members: dict[tuple[str, str], tuple[Cell, ...]] = {}
        self.renew()

    def renew(self) -> None:
        """Look at everything again."""
        self._members.clear()
        self._account = _read_account(self.look)
        for family, (members, _) in FAMILIES.items():
            for member in members(self.look.state):
                self._members[family, member] = _read_member(self.look, family, member)

    def after(self, recorded: RecordedEvent) -> list[Change]:
        """Return what the event that was just applied changed."""
        changes: list[Change] = []
        account = _read_account(self.look)
        if account != self._account:
            _compare(Name(""), self._account, account, changes)
            self._account = account
        members, focus = self._members, self.focus
        if focus is not None and not focus.family:
            return changes
        for key in touched(recorded, self.look):
            family, member = key
            if focus is not None and focus[1:] != key:
                continue
            before = members.get(key) or (None,) * len(FAMILIES[family].fields)
            after = _read_member(self.look, family, member)
            if before != after:
                members[key] = after
                _compare(Name("", family, member), before, after, changes)
        return changes


def touched(recorded: RecordedEvent, look: Look) -> list[tuple[str, str]]:
    """List the (family, member) that an event can change."""
    kind = type(recorded.event)
    if kind is e.PolicyAdopted:
        return [("instances", member) for member in sorted(look.state.instances)]
    return [
        (family, member) for family, names in TOUCHES[kind] for member in names(recorded.event)
    ]


def _read_account(look: Look) -> tuple[Cell, ...]:
    if look.state.opened_at is None:
        return (None,) * len(ACCOUNT)
    return tuple([what.read(look, None) for what in ACCOUNT.values()])


def _read_member(look: Look, family: str, member: str) -> tuple[Cell, ...]:
    members, fields = FAMILIES[family]
    owner = members(look.state).get(member)
    if owner is None:
        return (None,) * len(fields)
    return tuple([what.read(look, owner) for what in fields.values()])


def _compare(
    owner: Name, before: tuple[Cell, ...], after: tuple[Cell, ...], changes: list[Change]
) -> None:
    _, family, member = owner
    fields = FAMILIES[family].fields if family else ACCOUNT
    for field, one, other in zip(fields, before, after, strict=True):
        if one != other:
            changes.append(Change(Name(field, family, member), one, other))


class Walk:
    """The events of one account that a point selects, with the policy's, on one axis."""

    def __init__(
        self, reader: Reader, account: str, point: Point, *,
        axis: Axis = EFFECTIVE, policies: bool = True, tiles: bool = True,
    ) -> None:  # fmt: skip
        """Read the streams, the account's from its tiles if it may be; nothing is folded yet."""
        self.account = account
        self.point = point
        self.axis: Axis = axis
        stream, by = ACCOUNT_PREFIX + account, Tiles(reader) if tiles else None
        self._own = self._ordered(history(reader, stream, point, by))
        self._policies = self._ordered(history(reader, POLICY_STREAM, point))
        self.config = LedgerConfig()
        self.with_policies = policies
        if not policies:
            for recorded in self._policies:
                self.config.apply(recorded)
        self.look = Look(AccountState(account), self.config.policy, 0)

    def _ordered(self, events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
        """Put events that are in the order of a fold in the order of the axis."""
        return sorted(events, key=_BY_POSITION) if self.axis == KNOWN else list(events)

    @property
    def length(self) -> int:
        """How many events the account has here."""
        return len(self._own)

    def events(self) -> Iterator[RecordedEvent]:
        """Return the events in the order of the axis."""
        own = self._own
        if not self.with_policies or not self._policies:
            return iter(own)
        key: Any = _BY_POSITION if self.axis == KNOWN else _BY_EFFECTIVE
        return merge(own, self._policies, key=key)

    def seen_at(self, recorded: RecordedEvent) -> int:
        """Return the instant whose page it is right after an event."""
        if self.axis == KNOWN:
            return min(self.point.at, recorded.recorded_at)
        return min(recorded.effective_at, self.point.known_at)

    def step(self, recorded: RecordedEvent) -> None:
        """Apply one event to the look."""
        look = self.look
        look.seen_at = self.seen_at(recorded)
        if type(recorded.event) is e.PolicyAdopted:
            self.config.apply(recorded)
        else:
            evolve(look.state, recorded)

    def steps(self) -> Iterator[RecordedEvent]:
        """Apply event after event; ``look`` stands right after the one that is given."""
        for recorded in self.events():
            self.step(recorded)
            yield recorded

    def changes_by(
        self, wanted: Callable[[RecordedEvent], bool]
    ) -> Iterator[tuple[RecordedEvent, list[Change]]]:
        """Yield each wanted event with what it changed; the others are only applied."""
        look = self.look
        for recorded in self.events():
            if not wanted(recorded):
                self.step(recorded)
                continue
            keys = dict.fromkeys(touched(recorded, look))
            account = _read_account(look)
            members = [_read_member(look, *key) for key in keys]
            self.step(recorded)
            changes: list[Change] = []
            _compare(Name(""), account, _read_account(look), changes)
            for key, before in zip(keys, members, strict=True):
                _compare(Name("", *key), before, _read_member(look, *key), changes)
            yield recorded, changes

    def changes(
        self, focus: Name | None = None
    ) -> Iterator[tuple[RecordedEvent, list[Change]]]:
        """Yield each event that changed something, with what it changed."""
        watch = Watch(self.look, focus)
        for recorded in self.steps():
            changes = watch.after(recorded)
            if changes:
                yield recorded, changes
