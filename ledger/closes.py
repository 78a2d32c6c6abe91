"""Which months are closed, by whom, and since when: a fold of the ledger's own stream (R61-R63).

Invariant: nothing about a close is ever removed; a close is in force from its position up to the
position that reopened it. Months before the first closed one count as closed with it.
This module must not know how a close is recorded, nor what was derived for it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import PeriodIsClosed, PointInTheFuture, WrongState
from ledger.events import PeriodClosed, PeriodReopened
from ledger.periods import (
    DAY,
    SECOND,
    Period,
    add_months,
    format_instant,
    local_date,
    local_day,
    parse_instant,
)
from ledger.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.events import RecordedEvent


class Close(NamedTuple):
    """One close of one month.

    Attributes:
        starts, ends: the month as it was closed: [starts, ends).
        position: of the close; what is recorded after it restates the month.
        reopened: position of the event that reopened it, None while it is in force.

    """

    month: str
    starts: int
    ends: int
    position: int
    closed_at: int
    actor: str | None
    event: PeriodClosed
    reopened: int | None = None
    reopened_at: int | None = None

    @property
    def offset(self) -> int:
        """The calendar offset in which it was closed."""
        return parse_instant(f"{self.month}-01", 0) - self.starts

    def month_of(self, instant: int) -> str:
        """Name the month of an instant that is closed with this one."""
        if instant >= self.starts:
            return self.month
        return local_date(instant, self.offset)[:7]

    def in_force(self, position: int | None) -> bool:
        """Return whether it was in force after the first ``position`` events; None: after all."""
        if position is None:
            return self.reopened is None
        return self.position <= position and (self.reopened is None or self.reopened > position)


class Closes:
    """Every close of a ledger, in the order of the log."""

    __slots__ = ("_until", "entries")

    def __init__(self) -> None:
        """Begin with none."""
        self.entries: list[Close] = []
        self._until = 0  # nothing at or after this instant is closed

    def apply(self, recorded: RecordedEvent) -> None:
        """Apply one event of the ledger's own stream."""
        event = recorded.event
        if type(event) is PeriodClosed:
            first = local_day(parse_instant(f"{event.period}-01", 0), 0)
            ends = event.at + SECOND
            starts = ends - (add_months(first, 1) - first) * DAY
            self.entries.append(
                Close(
                    event.period, starts, ends, recorded.position, recorded.recorded_at,
                    recorded.actor, event,
                )
            )  # fmt: skip
        elif type(event) is PeriodReopened:
            self.entries = [
                close._replace(reopened=recorded.position, reopened_at=recorded.recorded_at)
                if close.month == event.period and close.reopened is None
                else close
                for close in self.entries
            ]
        else:
            return
        self._until = max((close.ends for close in self.in_force()), default=0)

    def in_force(self, position: int | None = None) -> list[Close]:
        """List the closes in force after the first events (None: all), by month."""
        there = (close for close in self.entries if close.in_force(position))
        return sorted(there, key=attrgetter("starts"))

    @property
    def first_month(self) -> str | None:
        """The first month that is closed; those before it count as closed with it."""
        there = self.in_force() or self.entries
        return min(there, key=attrgetter("starts")).month if there else None

    @property
    def next_month(self) -> str | None:
        """The first month, from the first one ever closed, that is not closed."""
        if not self.entries:
            return None
        there = {close.month for close in self.in_force()}
        name = min(self.entries, key=attrgetter("starts")).month
        while name in there:
            name = month_after(name)
        return name

    def of(self, month: str) -> list[Close]:
        """List the closes of one month, oldest first."""
        return [close for close in self.entries if close.month == month]

    def over(self, instant: int, position: int | None = None) -> Close | None:
        """Find the close that an instant lies in, in force after the first events (None: all)."""
        if not self.entries or (position is None and instant >= self._until):
            return None
        for place, close in enumerate(self.in_force(position)):
            if instant < close.ends and (instant >= close.starts or place == 0):
                return close
        return None

    # --- what may be closed and reopened (R61, R63) -------------------------------------------

    def check_close(self, period: Period, months: Sequence[Period]) -> None:
        """Refuse a close out of order, with a gap, or of a closed month. Raises: WrongState."""
        there = {close.month: close for close in self.in_force()}
        for month in months:
            if (close := there.get(month.name)) is not None:
                who = f" by {quoted(close.actor)}" if close.actor else ""
                msg = f"{month.name} was closed at @{close.position}{who} and stays closed"
                remedy = (
                    f"to sign and pack it: tally seal, tally pack --period {month.name}; "
                    f"to close it again: tally reopen {month.name}"
                )
                raise WrongState(msg, rule="R61", remedy=remedy)
        first = min((close.starts for close in self.entries), default=None)
        if first is None or (not there and months[0].starts <= first):
            return
        wanted = self.next_month
        if months[0].name != wanted:
            msg = f"months close in order: {wanted} comes before {period.name}"
            if months[0].starts < first:
                msg = f"{period.name} lies before the first closed month, so it is closed too"
            raise WrongState(msg, rule="R61", remedy=f"tally close {wanted}")

    def check_reopen(self, period: Period, months: Sequence[Period]) -> list[Close]:
        """Return the closes to reopen, the latest first. Raises: WrongState."""
        there = self.in_force()
        named = {close.month: close for close in there}
        for month in months:
            if month.name not in named:
                msg = f"{month.name} is not closed"
                raise WrongState(msg, rule="R63", remedy="see: tally periods")
        latest = there[-1].month
        if months[-1].name != latest:
            msg = f"the latest closed month is reopened first: {latest}, not {period.name}"
            raise WrongState(msg, rule="R63", remedy=f"tally reopen {latest}")
        return [named[month.name] for month in reversed(months)]

    # --- a fact for a closed period (R62) -----------------------------------------------------

    def check_fact(
        self, effective_at: int, *, override: bool, actor: str | None, reason: str | None
    ) -> None:
        """Refuse a fact for a closed period, unless somebody else overrides it.

        Raises: PeriodIsClosed.
        """
        close = self.over(effective_at)
        if close is None:
            return
        month = close.month_of(effective_at)
        closer = quoted(close.actor) if close.actor else "nobody named"
        if not override:
            said = f"{month} was closed by {closer} at @{close.position}"
        elif not actor or not reason:
            said = f"{month} is closed, and an override of that needs an actor and a reason"
        elif actor == close.actor:
            said = f"{month} was closed by {closer}, who may not override it"
        else:
            return
        raise PeriodIsClosed(said, rule="R62")

    def warning(self, recorded: RecordedEvent) -> str | None:
        """Return the closed period that a recorded fact restates, or None (R62)."""
        if recorded.cause is not None or not self.entries:
            return None
        close = self.over(recorded.effective_at, recorded.position - 1)
        if close is None:
            return None
        month = close.month_of(recorded.effective_at)
        since = "" if month == close.month else f" with {close.month}"
        return (
            f"{month} was closed{since} at @{close.position}: this restates it (R62); "
            f"see: tally report restatements {month}"
        )


def month_after(name: str) -> str:
    """Name the month after one: ``2025-12`` gives ``2026-01``."""
    year, month = divmod(int(name[:4]) * 12 + int(name[5:]), 12)
    return f"{year:04d}-{month + 1:02d}"


def check_ended(period: Period, *, now: int, offset: int) -> None:
    """Refuse a period that has not ended. Raises: PointInTheFuture."""
    if now < period.ends:
        raise PointInTheFuture(
            point=f"the end of {period.name}", now=f"clock {format_instant(now, offset)}",
            hint="a period closes once the clock has reached its end; see: tally clock show",
        )  # fmt: skip
