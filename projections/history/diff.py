"""What differs between two points, field by field, with the bridge of every sum.

The bridge: activity + late + corrections + rules = delta. Money fields are sums over events, so a
figure changes between two points by exactly the events that one point selects and the other does
not. Each such event goes to one part:

- corrections: it takes back what was recorded before (``CORRECTIONS``), whenever it is effective;
- activity: it is effective after the first point (after its ``at``, or what it could know);
- late: it is effective by then, but was recorded after the first point's knowledge;
- rules: nothing, between two points of one log: events carry results, so no later rule moves them.

Invariant: a row stands for each field of ``tally.state/1`` that differs, and no other; the parts of
a bridge add up to the delta, or ``DoesNotAddUp`` is raised. An event that only the first point
selects (the second lies before it) counts with the opposite sign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from ledger import events as e
from ledger.certain import certain
from ledger.errors import CorruptHistory
from ledger.events import ACCOUNT_PREFIX, POLICY_STREAM, account_of
from projections.answers.diff import BridgeEvents, BridgeShown, Diff, Difference
from projections.answers.terms import Formatter, Typed
from projections.history.fields import MONEY, Cell, Look, Name, read_all, written
from projections.history.walk import Walk
from projections.point import Point, config_at
from projections.snapshots import look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.view import LedgerView

_DIGITS = re.compile(r"(\d+)")


ACTIVITY, LATE, CORRECTED, RULES = "activity", "late", "corrections", "rules"
PARTS = (ACTIVITY, LATE, CORRECTED, RULES)

# What takes back something recorded before (R55): by credit note, reversal, refund, cancellation.
CORRECTIONS: tuple[type[e.Event], ...] = (
    e.CreditNoteIssued, e.TopUpReversed, e.DebtRecorded, e.RefundIssued, e.RenewalCancelled,
)  # fmt: skip


class DoesNotAddUp(CorruptHistory):
    """The parts of a bridge do not make its delta: our bug or a damaged log."""

    code = "DOES_NOT_ADD_UP"


class BridgePart(NamedTuple):
    """What one event adds to one field, and in which part."""

    part: str
    position: int
    amount: int
    recorded: RecordedEvent


class Bridge(NamedTuple):
    """The entries of one field, in the order of the log."""

    entries: tuple[BridgePart, ...]

    def sum(self, part: str) -> int:
        """Add one part up."""
        return sum(entry.amount for entry in self.entries if entry.part == part)

    def positions(self, part: str) -> list[int]:
        """List the events of one part."""
        return [entry.position for entry in self.entries if entry.part == part]

    def check(self, delta: int, what: str) -> Bridge:
        """Return itself if the parts make the delta. Raises: DoesNotAddUp."""
        found = sum(self.sum(part) for part in PARTS)
        if found != delta:
            msg = f"the bridge of {what} makes {found} minor units, the delta is {delta}"
            raise DoesNotAddUp(msg)
        return self


def selects(point: Point, recorded: RecordedEvent) -> bool:
    """Return whether a point selects an event."""
    return recorded.position <= point.position and (
        point.everything or recorded.effective_at <= point.at
    )


def part_of(recorded: RecordedEvent, first: Point) -> str:
    """Return to which part of a bridge from ``first`` an event belongs."""
    if isinstance(recorded.event, CORRECTIONS):
        return CORRECTED
    if recorded.effective_at > first.seen_at or recorded.position <= first.position:
        return ACTIVITY
    # A point like @17 bounds no effective time: what follows it in the same second is not late.
    on_time = first.at > first.known_at and recorded.effective_at == recorded.recorded_at
    return ACTIVITY if on_time else LATE


def bridges(walk: Walk, a: Point, b: Point) -> Mapping[Name, Bridge]:
    """Collect the entries of every sum from a walk over the events of both points."""
    found: dict[Name, list[BridgePart]] = {}

    def differs(recorded: RecordedEvent) -> bool:
        return selects(a, recorded) != selects(b, recorded)

    for recorded, changes in walk.changes_by(differs):
        in_b = selects(b, recorded)
        part = part_of(recorded, a if in_b else b)
        for name, before, after in changes:
            if not (name.field and name.what.sums):
                continue
            amount = int(after or 0) - int(before or 0)
            found.setdefault(name, []).append(
                BridgePart(part, recorded.position, amount if in_b else -amount, recorded)
            )
    return {
        name: Bridge(tuple(sorted(entries, key=lambda entry: entry.position)))
        for name, entries in found.items()
    }


class FieldDiff(NamedTuple):
    """One differing field: both figures, and for a sum the bridge between them."""

    account: str
    currency: str
    name: Name
    a: Cell
    b: Cell
    bridge: Bridge | None

    @property
    def delta(self) -> int | None:
        """The difference of an amount; what does not exist counts as nothing."""
        return int(self.b or 0) - int(self.a or 0) if self.name.what.kind == MONEY else None


def union(a: Point, b: Point) -> Point:
    """Return a point that selects at least what either selects."""
    return Point(
        max(a.at, b.at), max(a.known_at, b.known_at), max(a.position, b.position),
        a.everything or b.everything,
    )  # fmt: skip


def figures(reader: Reader, account: str, point: Point) -> tuple[str, dict[Name, Cell]]:
    """Return an account's currency and every field of it at a point; none where it is not there."""
    state = look_at(reader, account, point)
    if state is None:
        return "", {}
    look = Look(state, config_at(reader, point).policy, point.seen_at)
    return state.currency, dict(read_all(look))


def diff_account(reader: Reader, account: str, a: Point, b: Point) -> list[FieldDiff]:
    """Return the rows of one account. Raises: DoesNotAddUp."""
    currency_a, before = figures(reader, account, a)
    currency_b, after = figures(reader, account, b)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not names:
        return []
    made = bridges(Walk(reader, account, union(a, b), policies=False), a, b)
    rows = []
    for name in sorted(names, key=place):
        row = FieldDiff(
            account, currency_b or currency_a, name, before.get(name), after.get(name), None
        )
        if name.what.sums:
            there = made.get(name, Bridge(()))
            row = row._replace(bridge=there.check(certain(row.delta), f"{account}.{name}"))
        rows.append(row)
    return rows


_ORDER = ("", "coupons", "unpaid", "instances")


def place(name: Name) -> tuple[int, list[tuple[int, str]]]:
    """Order names as ``tally.state/1`` does; ids by their numbers where they have any."""
    parts = [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in _DIGITS.split(name.member)
    ]
    return _ORDER.index(name.family), parts


def candidates(reader: Reader, a: Point, b: Point) -> list[str]:
    """List the accounts that can differ between two points."""
    low, high = sorted((a.position, b.position))
    policy = POLICY_STREAM in reader.streams_touched(after=low, until=high)
    if a.at != b.at or a.seen_at != b.seen_at or policy:
        streams: Iterable[str] = reader.streams(ACCOUNT_PREFIX)
    else:
        streams = reader.streams_touched(after=low, until=high)
    return sorted(name for name in map(account_of, streams) if name is not None)


def diff_of(
    view: LedgerView, a: Point, b: Point, account: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Diff, list[FieldDiff]]:  # fmt: skip
    """Compare one account, or all; the second is what the answer shows. Raises: NoSuchThing."""
    if account is not None and not view.reader.has_stream(ACCOUNT_PREFIX + account):
        raise view.no_account(account)
    names = candidates(view.reader, a, b) if account is None else [account]
    rows: list[FieldDiff] = []
    for done, name in enumerate(names, 1):
        rows += diff_account(view.reader, name, a, b)
        progress(done, len(names))
    moved = view.restated("diff", b, account)
    answer = Diff(
        a=view.shown(a), b=view.shown(b), rows=[difference(row, view.offset) for row in rows],
        restated=view.restated("diff", a, account) if moved is UNSET else moved,
    )  # fmt: skip
    return answer, rows


def difference(row: FieldDiff, offset: int) -> Difference:
    """Return one row of ``tally.diff/1``."""
    write = Formatter(offset=offset, currency=row.currency)
    typed, bridge = Typed(offset=offset, currency=row.currency), row.bridge
    return Difference(
        account=row.account, currency=row.currency, field=str(row.name),
        a=written(row.name, row.a, write), b=written(row.name, row.b, write),
        delta=UNSET if row.delta is None else typed.money(row.delta),
        bridge=UNSET if bridge is None else BridgeShown(
            **{part: typed.money(bridge.sum(part)) for part in PARTS}
        ),
        events=UNSET if bridge is None else BridgeEvents(
            **{part: bridge.positions(part) or UNSET for part in PARTS}
        ),
    )  # fmt: skip
