"""One account from its opening to a point: what was known at each instant, and what is known now.

A step holds from its instant to the next one, and is what ``tally state --as-of`` that instant says
(after the point's effective time: with --at the point and --known-at the instant), folded in the
order of recording. The second line is the fold by effective time of everything that the point
knows; where the two differ, a fact came late. Invariant: a step says only what it changed; steps
are in the order of time. This module must not know how it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar, cast

from msgspec import UNSET, Meta, UnsetType

from ledger import events as e
from ledger.account import evolve
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX, type_name
from ledger.quoting import plural
from ledger.state import AccountState
from projections.answers import terms as answered
from projections.answers.books import OfSpan
from projections.answers.state import InstanceState, coupon_status
from projections.answers.terms import Currency, Id, Instant, Part, Position, Restated, Typed
from projections.pages import Page, Sheet
from projections.point import history
from projections.reports import Flat, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.answers.terms import Json
    from projections.html.page import Source
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView

T = TypeVar("T")
MONEY = ("cash", "outstanding", "available")


class CouponThen(Part, frozen=True, kw_only=True):
    """A coupon from a step on."""

    remaining: answered.Money
    status: Literal["pending", "active", "ended"]


class StepShown(Part, frozen=True, kw_only=True):
    """What changed at an instant; what it does not name is as before."""

    at: Instant
    position: Position
    cash: answered.Money | UnsetType = UNSET
    outstanding: answered.Money | UnsetType = UNSET
    available: answered.Money | UnsetType = UNSET
    overdue_since: Instant | UnsetType | None = UNSET
    instances: Mapping[str, InstanceState] | UnsetType = UNSET
    coupons: Mapping[str, CouponThen] | UnsetType = UNSET


class AvailableFrom(Part, frozen=True, kw_only=True):
    """What was available from an instant on."""

    at: Instant
    available: answered.Money


class Renewal(Part, frozen=True, kw_only=True):
    """An automatic renewal."""

    at: Instant
    instance: Id
    failed: bool
    said: str


class LateEvent(Part, frozen=True, kw_only=True):
    """An event that was recorded after it was effective."""

    position: Position
    type: Annotated[str, Meta(pattern="^[A-Z][A-Za-z]+$")]
    effective_at: Instant
    recorded_at: Instant


class TimelineReport(OfSpan, frozen=True, kw_only=True, tag="tally.timeline/1"):
    """One account from its opening to a point: what changed at each instant, as known then.

    A step holds until the next one; what it does not name is as before.

    Attributes:
        known_then: what was available from each instant on, as it was known at that instant.
        known_now: the same by effective time, as the point knows it.
        late: events that were recorded after they were effective.

    """

    account: Id
    currency: Currency
    steps: Sequence[StepShown]
    known_then: Sequence[AvailableFrom]
    known_now: Sequence[AvailableFrom]
    renewals: Sequence[Renewal]
    late: Sequence[LateEvent]
    restated: Restated | UnsetType = UNSET


class CouponNow(NamedTuple):
    """What a coupon holds, and whether it can be used."""

    remaining: int
    status: str


class Money(NamedTuple):
    """What an account has and owes."""

    cash: int = 0
    outstanding: int = 0
    overdue_since: int | None = None

    @property
    def available(self) -> int:
        """Cash less what is outstanding."""
        return self.cash - self.outstanding


class TimelineStep(NamedTuple):
    """What changed at an instant; ``money`` is None where none did."""

    at: int
    position: int
    money: Money | None
    instances: dict[str, str]
    coupons: dict[str, CouponNow]


class StateSpan(NamedTuple):
    """A state of an instance on [starts, ends)."""

    state: str
    starts: int
    ends: int


class RenewalMark(NamedTuple):
    """A renewal of an instance, or a slot that failed and why."""

    at: int
    instance: str
    said: str
    failed: bool = False


class Drop(NamedTuple):
    """One event of the river."""

    position: int
    type: str
    effective_at: int
    recorded_at: int


class TimelineFigures(NamedTuple):
    """Everything that a page of one account shows."""

    account: str
    currency: str
    starts: int
    ends: int
    steps: tuple[TimelineStep, ...]
    known_then: tuple[tuple[int, int], ...]
    known_now: tuple[tuple[int, int], ...]
    instances: dict[str, tuple[StateSpan, ...]]
    marks: tuple[RenewalMark, ...]
    river: tuple[Drop, ...]


def timeline(reader: Reader, account: str, point: Point) -> TimelineFigures:
    """Walk an account that exists at the point."""
    stream = ACCOUNT_PREFIX + account
    by_effect = list(history(reader, stream, point))
    recorded = sorted(by_effect, key=lambda one: one.position)
    state = AccountState(account)
    steps = tuple(_steps(state, recorded, point))
    # Where the point's two axes differ, late facts were recorded after its effective time.
    ends = max(point.seen_at, recorded[-1].recorded_at)
    return TimelineFigures(
        account, state.currency, recorded[0].effective_at, ends, steps, _line(steps),
        tuple(_now(account, by_effect)), _spans(steps, ends), tuple(_marks(recorded)),
        tuple(_river(recorded)),
    )  # fmt: skip


def _steps(
    state: AccountState, recorded: list[RecordedEvent], point: Point) -> Iterator[TimelineStep
]:
    watched = _Watched(state, until=point.at)
    waiting: list[int] = []  # starts and ends of coupons, ahead of what was walked
    for at, together in groupby(recorded, key=lambda one: one.recorded_at):
        for turn in sorted({one for one in waiting if one < at and one <= point.seen_at}):
            yield from watched.step(turn)
        waiting = [one for one in waiting if one >= at]
        for one in together:
            evolve(state, one)
            watched.position = one.position
            if isinstance(one.event, e.CouponGranted):
                waiting += [turn for turn in (one.event.starts, one.event.ends) if turn > at]
        yield from watched.step(at)
    for turn in sorted({one for one in waiting if one <= point.seen_at}):
        yield from watched.step(turn)


class _Watched:
    """Keeps the last values, and returns what is new."""

    def __init__(self, state: AccountState, *, until: int) -> None:
        self.position = 0
        self._until = until
        self._state = state
        self._money: Money | None = None
        self._instances: dict[str, str] = {}
        self._coupons: dict[str, CouponNow] = {}

    def step(self, at: int) -> Iterator[TimelineStep]:
        """Yield a step where anything changed."""
        state = self._state
        money = Money(state.cash, state.outstanding, state.overdue_since)
        instances = {name: one.state for name, one in state.instances.items()}
        coupons = {
            name: CouponNow(one.remaining, coupon_status(one, min(at, self._until)))
            for name, one in state.coupons.items()
        }
        new = TimelineStep(
            at, self.position, None if money == self._money else money,
            _changed(self._instances, instances), _changed(self._coupons, coupons),
        )  # fmt: skip
        self._money, self._instances, self._coupons = money, instances, coupons
        if new.money is not None or new.instances or new.coupons:
            yield new


def _changed(before: dict[str, T], after: dict[str, T]) -> dict[str, T]:
    return {name: one for name, one in after.items() if before.get(name) != one}


def _line(steps: Iterable[TimelineStep]) -> tuple[tuple[int, int], ...]:
    return tuple((step.at, step.money.available) for step in steps if step.money is not None)


def _now(account: str, by_effect: list[RecordedEvent]) -> Iterator[tuple[int, int]]:
    state, before = AccountState(account), None
    for at, together in groupby(by_effect, key=lambda one: one.effective_at):
        for one in together:
            evolve(state, one)
        if state.available != before:
            before = state.available
            yield at, before


def _spans(steps: tuple[TimelineStep, ...], ends: int) -> dict[str, tuple[StateSpan, ...]]:
    found: dict[str, list[StateSpan]] = {}
    for step in steps:
        for name, state in step.instances.items():
            own = found.setdefault(name, [])
            if own:
                own[-1] = own[-1]._replace(ends=step.at)
            own.append(StateSpan(state, step.at, ends))
    return {name: tuple(own) for name, own in sorted(found.items())}


def _marks(recorded: list[RecordedEvent]) -> Iterator[RenewalMark]:
    for one in recorded:
        event = one.event
        if isinstance(event, e.InstanceRenewed):
            yield RenewalMark(one.effective_at, event.instance, f"renewed, {event.via}")
        elif isinstance(event, e.AutoRenewFailed):
            said = f"slot {event.slot} failed: {event.reason}"
            yield RenewalMark(one.effective_at, event.instance, said, failed=True)


def _river(recorded: list[RecordedEvent]) -> Iterator[Drop]:
    for one in recorded:
        yield Drop(one.position, type_name(type(one.event)), one.effective_at, one.recorded_at)


def figures(view: LedgerView, question: Question) -> TimelineReport:
    """Return what changed at each instant. Raises: InvalidInput, where no account is named."""
    account, point = question.account, question.point
    if account is None:
        raise InvalidInput("a timeline is of one customer", hint="name the account")
    view.state(account, point)  # or say that there is no such account
    found = timeline(view.reader, account, point)
    write = Typed(offset=view.offset, currency=found.currency)

    def line(points: tuple[tuple[int, int], ...]) -> list[AvailableFrom]:
        return [
            AvailableFrom(at=write.instant(at), available=write.money(amount))
            for at, amount in points
        ]

    return TimelineReport(
        point=view.shown(point), starts=None, account=account, currency=found.currency,
        steps=[step_shown(step, write) for step in found.steps],
        known_then=line(found.known_then), known_now=line(found.known_now),
        renewals=[
            Renewal(
                at=write.instant(mark.at), instance=mark.instance, failed=mark.failed,
                said=mark.said,
            )
            for mark in found.marks
        ],
        late=[
            LateEvent(
                position=drop.position, type=drop.type,
                effective_at=write.instant(drop.effective_at),
                recorded_at=write.instant(drop.recorded_at),
            )
            for drop in found.river if drop.effective_at < drop.recorded_at
        ],
        restated=view.restated("timeline", point, account),
    )  # fmt: skip


def step_shown(step: TimelineStep, write: Typed) -> StepShown:
    """Return a step: only what it changed."""
    held = step.money
    money: dict[str, Any] = {} if held is None else {
        **{name: write.money(getattr(held, name)) for name in MONEY},
        "overdue_since": write.maybe(held.overdue_since),
    }  # fmt: skip
    return StepShown(
        at=write.instant(step.at), position=step.position, **money,
        instances=cast("Any", step.instances or UNSET),
        coupons={
            name: CouponThen(
                remaining=write.money(one.remaining), status=cast("Any", one.status)
            )
            for name, one in step.coupons.items()
        } or UNSET,
    )  # fmt: skip


def page(found: TimelineReport) -> Page:
    """Show every step."""
    rows = [
        (str(step.at)[:19], _told(step),
         *("" if (money := getattr(step, name)) is UNSET else money for name in MONEY))
        for step in found.steps
    ]  # fmt: skip
    said = f"{plural(len(rows), 'step')}, {plural(len(found.late), 'event')} late"
    return [
        Sheet(("from", "changed", *MONEY), rows),
        f"{said}; as known then. --html draws it",
    ]


def _told(step: StepShown) -> str:
    states = {} if step.instances is UNSET else step.instances
    coupons = {} if step.coupons is UNSET else step.coupons
    changed = [*states.items(), *((name, one.status) for name, one in coupons.items())]
    return ", ".join(f"{name} {state}" for name, state in changed)


def _flat(view: LedgerView, question: Question) -> Iterator[Json]:
    """Yield a step as a row of plain cells; what it did not change is null."""
    names = ("at", "position", *MONEY, "overdue_since")
    for one in figures(view, question).steps:
        step = one.plain()
        row = {name: step.get(name) for name in names}
        yield {**row, "instances": step.get("instances", {}), "coupons": step.get("coupons", {})}


def _drawn(view: LedgerView, question: Question, source: Source) -> str:
    from projections.html.timeline import timeline_page  # noqa: PLC0415 - for --html alone

    found = timeline(view.reader, str(question.account), question.point)
    return timeline_page(found, source, offset=view.offset)


REPORT = Report(
    """Show a customer's money, instances and coupons at every instant up to a point.

    Each step lists what changed, as known then. The page of --html has a slider for any instant
    and shows where late facts changed the past.
    """,
    TimelineReport, figures, page,
    examples=(
        "tally report timeline a-1 --html -o a-1.html",
        "tally report timeline a-1 --at 2025-03-31 --json",
    ),
    account="required", span=False, rows="steps", flat=Flat(_flat, ("csv", "ndjson")),
    drawn=_drawn,
)  # fmt: skip
