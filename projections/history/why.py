"""Why a field is what it is: the tree of causes, down to facts, checked to add up.

A field that is a sum has every event that moved it as a cause; each event's part is what the
books post for it (projections/effects.py), not what the fold made of it, so the sum is a second
derivation of the value. Any other field has the one event that last set it. Invariant: at every
level of a sum's tree the parts of the causes add up to the part of what they caused. This module
looks only: whether something could have been decided otherwise is for ledger/rehearsal.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.memory import no_cycles
from projections.effects import effect
from projections.history.causes import Causes, is_fact
from projections.history.fields import Cell, Name, written
from projections.history.rules_of import rule_of
from projections.history.walk import Walk
from projections.lots import Flow, flows, fold_lots
from projections.reports.lots import flow_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.answers.terms import Formatter, Json
    from projections.point import Point

DEPTH_MAX = 60


class Node(NamedTuple):
    """An event, and what it rests on.

    Attributes:
        delta: its part in the field, in minor units; None where the field is not a sum.
        needed: what was needed and what was there, in minor units, where money decided.
        cash: what the cash that was there consisted of, for such a decision.
        again: it stands elsewhere in the tree with its causes.
        flow: which receipts its cash came from, where it spent any (R66).

    """

    recorded: RecordedEvent
    rule: str
    delta: int | None
    causes: tuple[Node, ...]
    needed: tuple[int, int] | None = None
    cash: Sum | None = None
    again: bool = False
    flow: Flow | None = None


class Sum(NamedTuple):
    """An amount and the events that it consists of."""

    value: int
    parts: tuple[tuple[RecordedEvent, int], ...]

    @property
    def adds_up(self) -> bool:
        """Whether the parts give the amount."""
        return sum(part for _, part in self.parts) == self.value


class Why(NamedTuple):
    """The answer: the value, its causes and, for a sum, what they add up to."""

    name: Name
    value: Cell
    causes: tuple[Node, ...]
    sum: int | None
    causes_of: Causes

    @property
    def adds_up(self) -> bool | None:
        """Whether the causes add up to the value; None where there is nothing to add."""
        return None if self.sum is None else self.sum == (self.value or 0)

    @property
    def decision(self) -> RecordedEvent | None:
        """The event that decided, None for a sum or a field that nothing has set."""
        return self.causes[0].recorded if self.sum is None and self.causes else None


def why(reader: Reader, account: str, name: Name, point: Point) -> Why | None:
    """Explain a field of an account at a point; None where there is no such account."""
    with no_cycles():
        return _why(reader, account, name, point)


def _why(reader: Reader, account: str, name: Name, point: Point) -> Why | None:
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
    tree = _Tree(causes)
    if not sums:
        last = () if setter is None else (tree.node(setter, None),)
        return Why(name, value, last, None, causes)
    parts = [(one, part) for one in history if (part := part_of(name, one.event))]
    nodes = tuple(tree.node(one, part) for one, part in parts)
    return Why(name, value, nodes, sum(part for _, part in parts), causes)


def why_event(reader: Reader, account: str, point: Point) -> Node:
    """Explain the last event of an account up to a point: what it rests on, down to facts."""
    with no_cycles():
        history = sorted(
            Walk(reader, account, point).steps(), key=attrgetter("position")
        )
        return _Tree(Causes(history)).node(history[-1], None)


class _Tree:
    """Builds nodes; what was shown once is not expanded again."""

    def __init__(self, causes: Causes) -> None:
        self._causes = causes
        self._shown: set[int] = set()
        self._flows = flows(fold_lots(causes.events.values()))

    def node(self, recorded: RecordedEvent, delta: int | None, depth: int = 0) -> Node:
        causes, position = self._causes, recorded.position
        again = position in self._shown
        parents: tuple[int, ...] = ()
        if not again and depth < DEPTH_MAX:
            self._shown.add(position)
            parents = causes.parents.get(position, ())
        nodes: list[Node] = []
        for i, parent in enumerate(parents):
            # The part flows through the most telling cause.
            part = None if delta is None else (0 if i else delta)
            nodes.append(self.node(causes.events[parent], part, depth + 1))
        needed = causes.needed.get(position)
        cash = None
        if needed is not None and not again and delta is None:
            cash = self._cash_before(recorded)
        return Node(
            recorded, rule_of(recorded), delta, tuple(nodes), needed, cash,
            again and not is_fact(recorded), self._flows.get(position),
        )  # fmt: skip

    def _cash_before(self, recorded: RecordedEvent) -> Sum:
        """Break down the cash that there was before the batch of a decision."""
        first = self._causes.batch_start(recorded).position
        before = [one for one in self._causes.events.values() if one.position < first]
        parts = [(one, part) for one in before if (part := effect(one.event).cash)]
        return Sum(sum(part for _, part in parts), tuple(parts))


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


# --- as JSON ----------------------------------------------------------------------------------


def why_json(found: Why, write: Formatter) -> Json:
    """Return an explanation: ``tally.why/1``, without its account and point."""
    return {
        "schema": "tally.why/1",
        "field": str(found.name),
        "value": written(found.name, found.value, write),
        "causes": [node_json(node, write) for node in found.causes],
        "sum": write.money(found.sum),
        "adds_up": found.adds_up,
    }


def node_json(node: Node, write: Formatter) -> Json:
    """Return one cause and its own causes."""
    shown: Json = {
        "position": node.recorded.position,
        "type": e.type_name(type(node.recorded.event)),
        "rule": node.rule,
        "effective_at": write.instant(node.recorded.effective_at),
        "command": node.recorded.command,
        "fact": is_fact(node.recorded),
        "delta": write.money(node.delta),
        "causes": [node_json(cause, write) for cause in node.causes],
    }
    if node.needed is not None:
        shown["needed"], shown["available"] = map(write.money, node.needed)
    if node.cash is not None:
        shown["cash"] = {
            "value": write.money(node.cash.value),
            "parts": [
                {"position": one.position, "type": e.type_name(type(one.event)),
                 "delta": write.money(part)}
                for one, part in node.cash.parts
            ],
        }  # fmt: skip
    if node.again:
        shown["again"] = True
    if node.flow is not None:
        shown |= flow_json(node.flow, write)
    return shown
