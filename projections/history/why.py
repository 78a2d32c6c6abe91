"""Why a field is what it is: the tree of causes, down to facts, checked to add up.

A field that is a sum has every event that moved it as a cause; each event's part is what the
books post for it (journal/postings.py), not what the fold made of it, so the sum is a second
derivation of the value. Any other field has the one event that last set it. Invariant: at every
level of a sum's tree the parts of the causes add up to the part of what they caused. This module
looks only: whether another decision was possible is for ledger/rehearsal.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET

from ledger import events as e
from ledger.errors import NoSuchThing
from ledger.memory import no_cycles
from ledger.policy import did_you_mean
from projections.answers.terms import Typed
from projections.answers.why import CashPart, CashThere, Cause, Why
from projections.history.causes import Causes, is_fact, rule_of
from projections.history.fields import FAMILIES, Cell, Name, written
from projections.history.walk import Walk
from projections.journal.postings import effect
from projections.lots import flows, fold_lots
from projections.reports.lots import paid_from

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.answers.terms import Formatter
    from projections.point import Point
    from projections.view import LedgerView

DEPTH_MAX = 60


class FieldCauses(NamedTuple):
    """The value of a field, its causes and, for a sum, what they add up to in minor units.

    Attributes:
        decision: the event that last set it; None for a sum, or where nothing has.

    """

    name: Name
    value: Cell
    causes: tuple[Cause, ...]
    sum: int | None
    decision: RecordedEvent | None
    causes_of: Causes

    @property
    def adds_up(self) -> bool | None:
        """Whether the causes add up to the value; None where there is nothing to add."""
        return None if self.sum is None else self.sum == (self.value or 0)


def why(
    reader: Reader, account: str, name: Name, point: Point, write: Formatter
) -> FieldCauses | None:
    """Explain a field of an account at a point; None where there is no such account."""
    with no_cycles():
        return _why(reader, account, name, point, write)


def _why(
    reader: Reader, account: str, name: Name, point: Point, write: Formatter
) -> FieldCauses | None:
    sums = name.what.sums
    walk = Walk(reader, account, point, policies=name.what.by_policy)
    history: list[RecordedEvent] = []
    value: Cell = None
    setter: RecordedEvent | None = None
    for recorded in walk.steps():
        history.append(recorded)
        if not sums:
            found = name.read(walk.look)
            if found != value:
                value, setter = found, recorded
    if walk.look.state.opened_at is None:
        return None
    walk.look.seen_at = point.seen_at
    value = name.read(walk.look)
    causes = Causes(sorted(history, key=attrgetter("position")))
    tree = _Tree(causes, write)
    if not sums:
        last = () if setter is None else (tree.cause(setter, None),)
        return FieldCauses(name, value, last, None, setter, causes)
    parts = [(one, part) for one in history if (part := part_of(name, one.event))]
    nodes = tuple(tree.cause(one, part) for one, part in parts)
    return FieldCauses(name, value, nodes, sum(part for _, part in parts), None, causes)


def explained(
    view: LedgerView, account: str, name: Name, point: Point
) -> tuple[Why, FieldCauses]:
    """Explain a field, and say what the explanation rests on. Raises: NoSuchThing."""
    write = view.currencies.of(account)
    found = why(view.reader, account, name, point, write)
    if found is None:
        raise view.no_account(account)
    if not found.causes and name.family and found.value is None:
        known = list(FAMILIES[name.family].members(view.state(account, point)))
        msg = f"account {account!r} never had {name.family}[{name.member!r}] at that point"
        hint = did_you_mean(name.member, known) or f"see: tally state {account}"
        raise NoSuchThing(msg, hint=hint)
    answer = Why(
        point=view.shown(point), account=account, currency=write.currency, **told(found, write),
        restated=view.restated_fields(point, account, (name,)),
    )  # fmt: skip
    return answer, found


def told(found: FieldCauses, write: Formatter) -> dict[str, Any]:
    """Return what every answer says of an explanation."""
    typed = Typed(offset=write.offset, currency=write.currency)
    return {
        "field": str(found.name), "value": written(found.name, found.value, write),
        "causes": list(found.causes), "sum": None if found.sum is None else typed.money(found.sum),
        "adds_up": found.adds_up,
    }  # fmt: skip


def why_event(reader: Reader, account: str, point: Point, write: Formatter) -> Cause:
    """Explain the last event of an account up to a point: what it rests on, down to facts."""
    with no_cycles():
        history = sorted(
            Walk(reader, account, point).steps(), key=attrgetter("position")
        )
        return _Tree(Causes(history), write).cause(history[-1], None)


class _Tree:
    """Builds causes; what was shown once is not expanded again."""

    def __init__(self, causes: Causes, write: Formatter) -> None:
        self._causes = causes
        self._write = Typed(offset=write.offset, currency=write.currency)
        self._shown: set[int] = set()
        self._flows = flows(fold_lots(causes.events.values()))

    def cause(self, recorded: RecordedEvent, delta: int | None, depth: int = 0) -> Cause:
        causes, position, money = self._causes, recorded.position, self._write.money
        again = position in self._shown
        parents: tuple[int, ...] = ()
        if not again and depth < DEPTH_MAX:
            self._shown.add(position)
            parents = causes.parents.get(position, ())
        below: list[Cause] = []
        for i, parent in enumerate(parents):
            # The part flows through the most telling cause.
            part = None if delta is None else (0 if i else delta)
            below.append(self.cause(causes.events[parent], part, depth + 1))
        needed, available = causes.needed.get(position) or (None, 0)
        tells_cash = needed is not None and not again and delta is None
        lots, had_paid = paid_from(self._flows.get(position), self._write)
        return Cause(
            position=position, type=e.type_name(type(recorded.event)), rule=rule_of(recorded),
            effective_at=self._write.instant(recorded.effective_at), command=recorded.command,
            fact=is_fact(recorded), delta=None if delta is None else money(delta), causes=below,
            needed=UNSET if needed is None else money(needed),
            available=UNSET if needed is None else money(available),
            cash=self._cash_before(recorded) if tells_cash else UNSET,
            again=True if again and not is_fact(recorded) else UNSET,
            lots=lots, had_paid=had_paid,
        )  # fmt: skip

    def _cash_before(self, recorded: RecordedEvent) -> CashThere:
        """Break down the cash that there was before the batch of a decision."""
        first = self._causes.batch_start(recorded).position
        before = [event for event in self._causes.events.values() if event.position < first]
        parts = [(one, part) for one in before if (part := effect(one.event).cash)]
        money = self._write.money
        return CashThere(
            value=money(sum(part for _, part in parts)),
            parts=[
                CashPart(position=one.position, type=e.type_name(type(one.event)),
                         delta=money(part))
                for one, part in parts
            ],
        )  # fmt: skip


# --- what each event adds, read from the event itself -------------------------------------------


def part_of(name: Name, event: e.Event) -> int:
    """Return what an event adds to a field that is a sum, in minor units."""
    if name.family == "coupons":
        return _coupon(name.member, name.field, event)
    if name.family == "unpaid":
        return _item(name.member, event)
    moved = effect(event)
    if name.field == "cash":
        return moved.cash
    if name.field == "outstanding":
        return moved.outstanding
    return moved.cash - moved.outstanding


def _item(item: str, event: e.Event) -> int:
    named = getattr(event, "item", None) or getattr(event, "bill", None)
    return effect(event).outstanding if named == item else 0


def _coupon(coupon: str, field: str, event: e.Event) -> int:
    """Return what an event adds to a coupon's amount, remainder or forfeited part."""
    granted = expired = lost = back = used = 0
    if isinstance(event, e.CouponGranted) and event.coupon == coupon:
        granted = event.amount
    elif isinstance(event, e.CouponExpired) and event.coupon == coupon:
        expired = event.forfeited
    elif isinstance(event, e.CreditNoteIssued):
        back = _named(event.coupons_restored, coupon)
        lost = _named(event.coupons_forfeited, coupon)
    elif isinstance(event, e.BillSettled):
        used = _named(event.coupons, coupon)
    elif getattr(event, "coupon", None) == coupon:
        used = int(getattr(event, "coupon_part", 0))
    if field == "amount":
        return granted
    return expired + lost if field == "forfeited" else granted - used - expired + back


def _named(parts: Iterable[tuple[str, int]], coupon: str) -> int:
    return sum(part for name, part in parts if name == coupon)
