"""Restatements: what facts recorded after a close have changed in an answer about that period.

An answer for a point inside a closed period says how many facts moved it since the close, and by
how much in total; zero says so too (R64). A sealed tag, the older form of a close, is looked at in
the same way where no close covers the point.
Invariant: the sums are the difference between the answer at the close and this one. Nothing is
folded where no fact was recorded late.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from ledger.events import account_of
from ledger.loading import facts_for
from projections.answers.terms import Cell as CellShown
from projections.answers.terms import Formatter, Instant, Restated, Sums, Typed
from projections.history.diff import figures
from projections.history.fields import Cell, Name, written
from projections.history.walk import Change, Walk
from projections.journal.postings import postings
from projections.point import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.history.closes import CloseInForce
    from projections.view import LedgerView

SUMS = ("cash", "outstanding")
COUPONS = "coupons"
_ANY_PRODUCT = "any"


class Moved(NamedTuple):
    """A fact with what it changed in one account, at its place in the fold."""

    recorded: RecordedEvent
    account: str
    currency: str
    changes: tuple[Change, ...]

    def sum(self, field: str) -> int:
        """Return what it added to the account's cash, outstanding or coupons."""
        names = [
            change for change in self.changes
            if (change.name.family == COUPONS and change.name.field == "remaining"
                if field == COUPONS else change.name == Name(field))
        ]  # fmt: skip
        return sum(int(change.after or 0) - int(change.before or 0) for change in names)


# --- the facts ------------------------------------------------------------------------------------


def moved_by(
    reader: Reader, frame: CloseInForce, point: Point, account: str | None = None
) -> list[Moved]:
    """List the facts recorded after a close that moved anything at a point, by position."""
    facts = facts_for(
        reader, after=frame.position, until=point.position, ends=point.at + 1, account=account
    )
    found: list[Moved] = []
    by_stream = sorted(facts, key=lambda one: (one.stream, one.position))
    for stream, group in groupby(by_stream, key=lambda one: one.stream):
        found += _moved_in(reader, str(account_of(stream)), list(group), frame, point)
    return sorted(found, key=lambda one: one.recorded.position)


def _moved_in(
    reader: Reader, account: str, facts: list[RecordedEvent], frame: CloseInForce, point: Point
) -> list[Moved]:
    positions = {fact.position for fact in facts}
    bounded = point._replace(everything=False)
    walk = Walk(reader, account, bounded, policies=False)
    walked = list(walk.changes_by(lambda one: one.position in positions))
    names = {change.name for _, changes in walked for change in changes}
    if any(not name.what.sums for name in names):  # a last value may be replaced later
        _, before = figures(reader, account, at_close(frame, point))
        _, after = figures(reader, account, bounded)
        names = {name for name in names if name.what.sums or before.get(name) != after.get(name)}
    currency = walk.look.state.currency
    return [
        Moved(
            recorded, account, currency,
            tuple(one for one in changes if one.name in names and not one.name.what.by_clock),
        )
        for recorded, changes in walked
    ]  # fmt: skip


def at_close(frame: CloseInForce, point: Point) -> Point:
    """Return the same effective instant as it was known at the close."""
    return Point(point.at, point.known_at, frame.position, everything=False)


# --- what an answer says --------------------------------------------------------------------------


def restated_in(
    view: LedgerView, frame: CloseInForce, point: Point, moves: Callable[[Moved], bool],
    account: str | None = None, *, told: bool = False,
) -> Restated:  # fmt: skip
    """Return what facts since the close that a point lies in moved in an answer.

    ``told``: beside an account, a sealed tag has always told field by field what it was.
    """
    found = [one for one in moved_by(view.reader, frame, point, account) if moves(one)]
    restated = Restated(
        period=frame.name, facts=len(found), by=by_currency(found, view.offset)
    )
    if account is None or not (told and found and frame.tag):
        return restated
    was = was_and_is(view, frame, account, point)
    if was is None:
        return restated
    return replace(
        restated, since=frame.name, at=Instant.at(point.at, view.offset), was=was.was,
        now=was.now, events=was.positions,
    )  # fmt: skip


def by_currency(found: Iterable[Moved], offset: int) -> dict[str, Sums]:
    """Add up what facts moved: cash and outstanding always, coupons where there are any."""
    sums: dict[str, dict[str, int]] = {}
    for one in found:
        own = sums.setdefault(one.currency, dict.fromkeys((*SUMS, COUPONS), 0))
        for field in own:
            own[field] += one.sum(field)
    shown: dict[str, Sums] = {}
    for currency, own in sorted(sums.items()):
        write = Typed(offset=offset, currency=currency)
        cash, outstanding, left = map(write.money, own.values())
        shown[currency] = Sums(cash=cash, outstanding=outstanding, coupons=left or UNSET)
    return shown


class Was(NamedTuple):
    """Fields of one account that differ from what they were at the close."""

    was: dict[str, CellShown]
    now: dict[str, CellShown]
    positions: list[int]


def was_and_is(view: LedgerView, frame: CloseInForce, account: str, point: Point) -> Was | None:
    """Return every field of an account that facts after the close have changed at a point."""
    facts = facts_for(
        view.reader, after=frame.position, until=point.position, ends=point.at + 1,
        account=account,
    )  # fmt: skip
    if not facts:
        return None
    currency_was, before = figures(view.reader, account, at_close(frame, point))
    currency, after = figures(view.reader, account, point._replace(everything=False))
    write = Formatter(offset=view.offset, currency=currency or currency_was)
    names = [
        name for name in {**before, **after}
        if before.get(name) != after.get(name) and not name.what.by_clock
    ]  # fmt: skip

    def shown(cells: dict[Name, Cell]) -> dict[str, CellShown]:
        return {str(name): written(name, cells.get(name), write) for name in names}

    return Was(shown(before), shown(after), [fact.position for fact in facts])


def _changes(wanted: Callable[[Name], bool]) -> Callable[[Moved], bool]:
    return lambda moved: any(wanted(change.name) for change in moved.changes)


def _posted(moved: Moved) -> bool:
    return bool(postings(moved.recorded.event, moved.account, billed=_ANY_PRODUCT))


anything = _changes(lambda _: True)
# What counts as having moved an answer, by the name of its command or report: whatever it shows.
MOVES: dict[str, Callable[[Moved], bool]] = {
    "state": anything, "diff": anything, "timeline": anything, "sql": anything,
    "balances": _changes(
        lambda name: not name.family or (name.family == COUPONS and name.field == "remaining")
    ),
    "instances": _changes(lambda name: name.family == "instances"),
    "coupons": _changes(lambda name: name.family == COUPONS),
    "overdue": _changes(
        lambda name: name.family == "unpaid"
        or name.field in ("outstanding", "overdue", "overdue_since")
    ),
    "lots": lambda moved: moved.sum("cash") != 0,
    "statement": _posted, "trial-balance": _posted, "rollforward": _posted,
    "deferred": lambda _: False,  # the cash of terms: no fact from outside can move it
}  # fmt: skip
