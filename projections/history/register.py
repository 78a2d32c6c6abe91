"""The register of restatements: every fact about a closed month since its close (R64).

Each fact is shown with what it changed in the figures at the end of the period. Invariant: the
changes of a figure add up to the difference between the close and now; a pure fold of the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.closes import month_after
from ledger.events import type_name
from ledger.loading import facts_for
from ledger.periods import Period, local_date, months_of, read_period
from projections.answers.closing import CloseShown, Restatements
from projections.answers.closing import Fact as FactShown
from projections.answers.closing import Moved as MovedShown
from projections.answers.terms import Formatter, Instant, PointShown, Typed
from projections.history.closes import CloseInForce, read_closes
from projections.history.diff import figures, place
from projections.history.fields import MONEY, Cell, Name, written
from projections.history.restated import at_close, by_currency, moved_by
from projections.point import Point

if TYPE_CHECKING:
    from decimal import Decimal

    from ledger.closes import Close, Closes
    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.history.restated import Moved

OPEN, CLOSED, REOPENED = "open", "closed", "reopened"
# Follows from the two others, so it is not a figure of its own.
_DERIVED = Name("available")


class Altered(NamedTuple):
    """One figure that a fact changed: at the close, after the fact, and by how much."""

    name: Name
    as_closed: Cell
    now: Cell
    delta: int | None


class Restatement(NamedTuple):
    """A restatement, and what it changed at the end of the period."""

    moved: Moved
    altered: tuple[Altered, ...]


class RestatementRegister(NamedTuple):
    """The register of one period.

    Attributes:
        closes: every close of its months, oldest first.
        facts: about the period, each with the figures at the end of its own month.
        earlier: about months before it, which moved it too.
        total: whatever moved the end of its last closed month: the difference since that close.

    """

    closes: tuple[Close, ...]
    facts: tuple[Restatement, ...]
    earlier: tuple[Restatement, ...]
    total: tuple[Restatement, ...]


class Month(NamedTuple):
    """A row of ``tally periods``."""

    name: str
    state: str
    close: Close | None
    restatements: int


def governing(closes: Closes, month: Period, position: int) -> list[Close]:
    """List a month's closes known at a position; of one before the first, the first month's."""
    known = [entry for entry in closes.entries if entry.position <= position]
    own = [one for one in known if one.month == month.name]
    first = min(known, key=lambda one: one.starts, default=None)
    if not own and first is not None and month.ends <= first.starts:
        return [one for one in known if one.month == first.month]
    return own


def restating_until(close: Close, position: int) -> int:
    """Return the last position that can restate a close: nothing does while it is reopened."""
    return position if close.reopened is None else min(position, close.reopened)


def register_of(reader: Reader, period: Period, point: Point, offset: int) -> RestatementRegister:
    """Fold the register of a period up to what a point knows."""
    closes = read_closes(reader, until=point.position)
    found: list[Close] = []
    facts: list[Restatement] = []
    total: list[Restatement] = []
    for month in months_of(period, offset):
        own = governing(closes, month, point.position)
        found += [one for one in own if one not in found]
        if own:
            until = restating_until(own[-1], point.position)
            end = Point(month.last, point.known_at, until, everything=False)
            total = _facts(reader, CloseInForce(month.name, own[-1].position), end)
            facts += [one for one in total if one.moved.recorded.effective_at >= month.starts]
    earlier = [one for one in total if one.moved.recorded.effective_at < period.starts]
    facts.sort(key=lambda one: one.moved.recorded.position)
    return RestatementRegister(tuple(found), tuple(facts), tuple(earlier), tuple(total))


def _facts(reader: Reader, frame: CloseInForce, end: Point) -> list[Restatement]:
    base: dict[str, dict[Name, Cell]] = {}
    here: dict[str, dict[Name, Cell]] = {}
    found: list[Restatement] = []
    for moved in moved_by(reader, frame, end):
        account = moved.account
        if account not in base:
            base[account] = figures(reader, account, at_close(frame, end))[1]
            here[account] = dict(base[account])
        altered = []
        last = any(not change.name.what.sums for change in moved.changes)
        after = _after(reader, moved, end) if last else {}
        for change in sorted(moved.changes, key=lambda one: place(one.name)):
            name = change.name
            if name == _DERIVED:
                continue
            delta = None
            if name.what.sums:
                delta = int(change.after or 0) - int(change.before or 0)
                here[account][name] = int(here[account].get(name) or 0) + delta
            else:
                here[account][name] = after.get(name)
            now = here[account][name]
            if delta is None and name.what.kind == MONEY:
                delta = int(now or 0) - int(base[account].get(name) or 0)
            altered.append(Altered(name, base[account].get(name), now, delta))
        found.append(Restatement(moved, tuple(altered)))
    return found


def _after(reader: Reader, moved: Moved, end: Point) -> dict[Name, Cell]:
    return figures(reader, moved.account, end._replace(position=moved.recorded.position))[1]


def months_at(reader: Reader, point: Point, offset: int) -> list[Month]:
    """List every month from the ledger's first to that of the clock."""
    first = reader.row(1)
    if first is None:
        return []
    closes = read_closes(reader, until=point.position)
    names = [local_date(first.recorded_at, offset)[:7], *(entry.month for entry in closes.entries)]
    name, last = min(names), max(*names, local_date(point.at, offset)[:7])
    found: list[Month] = []
    while name <= last:
        found.append(_month(reader, closes, name, point, offset))
        name = month_after(name)
    return found


def _month(reader: Reader, closes: Closes, name: str, point: Point, offset: int) -> Month:
    month = read_period(name, offset)
    own = governing(closes, month, point.position)
    if not own:
        return Month(name, OPEN, None, 0)
    close = own[-1]
    facts: list[RecordedEvent] = facts_for(
        reader, after=close.position, until=restating_until(close, point.position),
        starts=month.starts, ends=month.ends,
    )  # fmt: skip
    return Month(name, CLOSED if close.reopened is None else REOPENED, close, len(facts))


def restatements_of(
    reader: Reader, period: Period, point: Point, offset: int
) -> Restatements:
    """Return the register of a period as its report prints it and a pack keeps it."""
    found = register_of(reader, period, point, offset)
    return Restatements(
        point=PointShown.of(point, offset), period=period.name,
        closes=[_close(close, offset) for close in found.closes],
        facts=[_fact(fact, offset) for fact in found.facts],
        earlier=[_fact(one, offset) for one in found.earlier], by=_sums(found, offset),
    )  # fmt: skip


def _sums(found: RestatementRegister, offset: int) -> dict[str, dict[str, Decimal]]:
    """Add up what every fact changed; what does not differ is left out."""
    sums = by_currency((one.moved for one in (*found.facts, *found.earlier)), offset)
    shown = {
        currency: {name: amount for name, amount in own.told().items() if amount}
        for currency, own in sums.items()
    }
    return {currency: own for currency, own in shown.items() if own}


def _close(close: Close, offset: int) -> CloseShown:
    reopened = close.reopened_at
    return CloseShown(
        position=close.position, period=close.month,
        closed_at=Instant.at(close.closed_at, offset), actor=close.actor,
        reopened_at=None if reopened is None else Instant.at(reopened, offset),
        restatements=list(close.event.restatements),
    )  # fmt: skip


def _fact(fact: Restatement, offset: int) -> FactShown:
    recorded, moved = fact.moved.recorded, fact.moved
    write = Formatter(offset=offset, currency=moved.currency)
    typed = Typed(offset=offset, currency=moved.currency)
    return FactShown(
        position=recorded.position, type=type_name(type(recorded.event)),
        account=moved.account, currency=moved.currency,
        effective_at=typed.instant(recorded.effective_at),
        recorded_at=typed.instant(recorded.recorded_at),
        actor=recorded.actor, reason=recorded.reason,
        changes=[
            MovedShown(
                field=str(one.name), as_closed=written(one.name, one.as_closed, write),
                now=written(one.name, one.now, write),
                delta=None if one.delta is None else typed.money(one.delta),
            )
            for one in fact.altered
        ],
    )  # fmt: skip
