"""The one read API: ask a ledger anything, at any point on both time axes.

The command line, the explorer, SQL and the package ``tallystick`` stand on it. Every answer is a
struct (projections/answers) whose ``plain()`` is what ``--json`` prints. Invariant: an answer
depends on the log and the point alone. This module must not know how an answer is shown.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from msgspec import UNSET, UnsetType

from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX
from projections.answers.balances import (
    Balance,
    Balances,
    Totals,
    arranged,
    balance_of,
    totals_of,
)
from projections.answers.events import Event, Log, Show
from projections.answers.state import (
    InstanceRow,
    Instances,
    State,
    instance_row,
    state_of,
)
from projections.answers.terms import PointShown
from projections.balances import rows as balance_rows
from projections.history import points
from projections.history.closes import frame_of
from projections.history.points import here, parse_at, parse_point, read_start
from projections.instances import rows as instance_rows
from projections.opened import FOLD, SPARK, SQL, VIEW, Opened
from projections.point import Asked, Point
from projections.selecting import Wanted, kinds_of, require_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from ledger.events import RecordedEvent
    from ledger.state import AccountState
    from projections.answers.books import TrialBalance
    from projections.answers.diff import Diff
    from projections.answers.reconciling import Reconcile
    from projections.answers.rows import ViewRows
    from projections.answers.terms import Answer, Restated
    from projections.answers.why import Why
    from projections.history.closes import CloseInForce
    from projections.history.fields import Name
    from projections.history.points import Here
    from projections.history.restated import Moved

# How a point may be given: as it is asked for, resolved, as text, as an aware datetime; None is
# everything recorded so far.
When: TypeAlias = points.Point | Point | str | datetime | None
Derived = Literal["fold", "spark", "sql", "view"]


class LedgerView(Opened):
    """A ledger that is asked, and never written."""

    _frame: tuple[Point, CloseInForce | None] | None = None

    def here(self) -> Here:
        """Return what points are read against: the clock, the calendar, the head, the tags."""
        return here(self.reader, clock=self.now, offset=self.offset)

    def at(self, when: When = None) -> Point:
        """Resolve a point, against the clock and the log as they are now.

        Raises: InvalidInput, PointInTheFuture, NoSuchThing.
        """
        if isinstance(when, Point):
            return when
        self.refresh()
        if when is None:
            return self.point(Asked())
        if isinstance(when, str):
            return self.point(parse_point(when, self.here()))
        given = points.Point(at=when) if isinstance(when, datetime) else when
        return self.point(given.read(self.here()))

    # --- one account ----------------------------------------------------------------------

    def account(self, account: str, when: When = None) -> State:
        """Return one account: money, coupons, unpaid items, instances.

        Raises: NoSuchThing, with a suggestion.
        """
        point = self.at(when)
        state = self.state(account, point)
        moved = self.restated("state", point, account)
        return state_of(state, self.config_at(point).policy, point, moved)

    def why(self, account: str, field: str, when: When = None) -> Why:
        """Explain a field (``cash``, ``instances["i-1"].state``) by its causes, down to facts.

        Raises: NoSuchThing, InvalidInput.
        """
        from projections.history.compiling import parse_name  # noqa: PLC0415 - for this alone
        from projections.history.why import explained  # noqa: PLC0415 - as above

        return explained(self, account, parse_name(field), self.at(when))[0]

    # --- the whole ledger -------------------------------------------------------------------

    def balances(
        self, when: When = None, *, accounts: Collection[str] = (), overdue: bool = False,
        below: Decimal | str | None = None, sort: str | None = None, reverse: bool = False,
        top: int | None = None, engine: str | None = None,
    ) -> Balances:  # fmt: skip
        """Return every account's money, by id, or of the ``accounts`` alone.

        ``below`` keeps the accounts whose available is below it; ``sort`` names a field, amounts
        come from the largest down; ``top`` keeps the first rows. ``engine`` chooses how it is
        derived (fold, sql, spark); by itself whichever is cheapest.
        """
        point = self.at(when)
        derivation = FOLD if accounts else self.derivation(point, engine)
        rows = arranged(
            self.each_balance(
                point, derivation, accounts=accounts, overdue=overdue, below=below
            ),
            sort=sort, reverse=reverse, top=top,
        )  # fmt: skip
        return Balances(
            point=self.shown(point), derivation=cast("Derived", derivation), rows=list(rows),
            restated=self.restated("balances", point),
        )  # fmt: skip

    def totals(self, when: When = None, *, engine: str | None = None) -> Totals:
        """Return the sums of every account's money, by currency."""
        point = self.at(when)
        derivation = self.derivation(point, engine)
        rows = self.view_rows("balances", point, derivation)
        return Totals(
            point=self.shown(point), derivation=cast("Derived", derivation),
            rows=totals_of(rows, self.offset), restated=self.restated("balances", point),
        )  # fmt: skip

    def each_balance(
        self, point: Point, derivation: str, *, accounts: Collection[str] = (),
        overdue: bool = False, below: Decimal | str | None = None,
    ) -> Iterator[Balance]:  # fmt: skip
        """Yield every account's money, by id, one at a time. Raises: NoSuchThing."""
        limit = None if below is None else _limit(below)
        rows = self.view_rows("balances", point, derivation)
        if accounts:
            policy = self.config_at(point).policy
            states = [self.state(name, point) for name in sorted(set(accounts))]
            rows = (row for state in states for row in balance_rows(state, policy))
        for row in rows:
            one = balance_of(row, self.offset)
            if (one.overdue or not overdue) and (limit is None or one.available < limit):
                yield one

    def instances(
        self, when: When = None, *, state: str | None = None,
        before: str | datetime | int | None = None, engine: str | None = None,
    ) -> Instances:  # fmt: skip
        """Return every instance, by account and id; ``before``: those whose term ends before."""
        point = self.at(when)
        derivation = self.derivation(point, engine)
        ends = before if before is None or isinstance(before, int) else self.instant(before)
        rows = self.each_instance(point, derivation, state=state, before=ends)
        return Instances(
            point=self.shown(point), derivation=cast("Derived", derivation), rows=list(rows),
            restated=self.restated("instances", point),
        )  # fmt: skip

    def each_instance(
        self, point: Point, derivation: str, *, state: str | None = None,
        before: int | None = None,
    ) -> Iterator[InstanceRow]:  # fmt: skip
        """Yield every instance, one at a time; ``before`` is when its term must have ended."""

        def wanted(held: str, ends: int | None) -> bool:
            over = before is None or (ends is not None and ends < before and held != "released")
            return over and state in (None, held)

        if derivation == VIEW:
            offset, rows = self.offset, self.stored_rows("instances", point)
        else:
            policy = self.config_at(point).policy
            offset = policy.calendar_offset
            folded = self._folded(point, derivation, wanted)
            rows = (row for state in folded for row in instance_rows(state, policy))
        for row in rows:
            if wanted(*cast("Any", row[3:6:2])):
                yield instance_row(row, offset)

    def _folded(
        self, point: Point, derivation: str, wanted: Callable[[str, int | None], bool]
    ) -> Iterable[AccountState]:
        """Fold the accounts, or take from the columns what they say of wanted instances."""
        if derivation not in (SQL, SPARK):
            return self.states(point)
        from projections.columns.asking import rebuilt  # noqa: PLC0415 - loaded when needed
        rows = self.columns(point, derivation).rows("instances", point)
        return (rebuilt(row) for row in rows if wanted(*cast("Any", row[3:6:2])))

    # --- the log ------------------------------------------------------------------------------

    def log(
        self, account: str | None = None, when: When = None, *, instance: str | None = None,
        starts: str | datetime | None = None, ends: str | datetime | None = None,
        types: Iterable[str] = (), late: bool = False, last: int | None = None,
    ) -> Log:  # fmt: skip
        """Return events in the order they were recorded; effective in [``starts``, ``ends``).

        ``last`` keeps only the last events, and only those are read.
        """
        first, last = (None if one is None else self.instant(one) for one in (starts, ends))
        wanted = Wanted(account, instance, first, last, kinds_of(types), late)
        return Log(rows=list(self.each_event(wanted, self.at(when), last=last)))

    def each_event(
        self, wanted: Wanted, point: Point, *, last: int | None = None
    ) -> Iterator[Event]:
        """Yield events one at a time. Raises: NoSuchThing."""
        self.require(wanted)
        yield from map(self.event, wanted.events(self.reader, point, last=last))

    def event(self, recorded: RecordedEvent) -> Event:
        """Return an event as answers show it."""
        return self.currencies.event(recorded)

    def require(self, wanted: Wanted) -> None:
        """Refuse an account or an instance that no event ever named. Raises: NoSuchThing."""
        account = wanted.account
        if account is not None and self.reader.stream_row(ACCOUNT_PREFIX + account, 1) is None:
            raise self.no_account(account)
        require_instance(self.reader, account, wanted.instance)

    def show(self, position: int | str) -> Show:
        """Return one event whole. Raises: NoSuchThing, PointInTheFuture."""
        from projections.history.whole import whole_event  # noqa: PLC0415 - for this alone

        return whole_event(self, str(position))

    def diff(self, a: When, b: When, account: str | None = None) -> Diff:
        """Return what differs between two points, with the bridge of every sum."""
        from projections.history.diff import diff_of  # noqa: PLC0415 - for this alone

        return diff_of(self, self.at(a), self.at(b), account)[0]

    # --- the books, reports, statements of others ---------------------------------------------

    def books(
        self, when: When = None, *, account: str | None = None, summary: bool = False,
        engine: str | None = None,
    ) -> TrialBalance:  # fmt: skip
        """Return the trial balance: every account of the books; ``summary`` a line for a kind."""
        options = {"account": account, "summary": summary, "engine": engine}
        return cast("TrialBalance", self.report("trial-balance", when, **cast("Any", options)))

    def rows(self, name: str, when: When = None) -> ViewRows:
        """Return the rows of a view by name, ours or that of an installed package, at any point.

        Every account is folded. Raises: NoSuchThing.
        """
        from projections.answers.rows import ViewRows  # noqa: PLC0415 - for this alone
        from projections.projection import VIEWS  # noqa: PLC0415 - as above

        projection, point = VIEWS.load(name), self.at(when)
        policy, columns = self.config_at(point).policy, [one for one, _ in projection.columns]
        return ViewRows(
            view=name, version=projection.version, point=self.shown(point), columns=columns,
            rows=[
                dict(zip(columns, row, strict=True))
                for state in self.states(point)
                for row in projection.rows(state, policy)
            ],
        )  # fmt: skip

    def report(
        self, name: str, when: When = None, *, account: str | None = None,
        starts: str | datetime | None = None, **options: object,
    ) -> Answer:  # fmt: skip
        """Return the figures of a report by name, ours or that of an installed package.

        ``starts`` is where a span begins. Raises: NoSuchThing.
        """
        from projections.reports import REPORTS, Question  # noqa: PLC0415 - for this alone

        point = self.at(when)
        since = None if starts is None else self.instant(starts)
        return REPORTS.load(name).figures(
            self, Question(point, account, since, options=options)
        )

    def reconcile(self, file: str, *, source: str, when: When = None) -> Reconcile:
        """Compare a statement of others with the ledger: what matched, every break, the proof.

        Raises: InvalidInput, BadStatement, ControlTotalWrong.
        """
        from pathlib import Path  # noqa: PLC0415 - for this alone

        from projections.reconciliation.sources import (  # noqa: PLC0415 - as above
            ComparisonAsked,
            compare,
        )

        point = self.at(when)
        return compare(self, point, Path(file), ComparisonAsked(source)).answer(self, point)

    # --- what answers share -------------------------------------------------------------------

    def shown(self, point: Point) -> PointShown:
        """Return a resolved point as answers show it."""
        return PointShown.of(point, self.offset)

    def frame(self, point: Point) -> CloseInForce | None:
        """Return the close that a point lies in: it never changes, so it is looked for once."""
        found = self._frame
        if found is None or found[0] != point:
            found = self._frame = point, frame_of(self.reader, point)
        return found[1]

    def restated(
        self, name: str, point: Point, account: str | None = None
    ) -> Restated | UnsetType:
        """Return what facts since a close moved in an answer; UNSET outside closed periods."""
        frame = self.frame(point)
        if frame is None:
            return UNSET
        from projections.history.restated import MOVES, restated_in  # noqa: PLC0415 - rarely needed

        if name not in MOVES:
            return UNSET
        return restated_in(self, frame, point, MOVES[name], account, told=name == "state")

    def restated_fields(
        self, point: Point, account: str, names: Sequence[Name] = ()
    ) -> Restated | UnsetType:
        """Return what facts since a close moved in some fields of an account, all by default."""
        frame = self.frame(point)
        if frame is None:
            return UNSET
        from projections.history.restated import restated_in  # noqa: PLC0415 - as above

        def moves(one: Moved) -> bool:
            return any(not names or any(name.covers(it.name) for name in names)
                       for it in one.changes)  # fmt: skip

        return restated_in(self, frame, point, moves, account)

    def instant(self, given: str | datetime) -> int:
        """Read the beginning of a span: a date is its 00:00:00; -7d counts from the clock."""
        text = given if isinstance(given, str) else points.written(given)
        try:
            return read_start(text, self.offset)
        except InvalidInput:
            return parse_at(text, self.here())


def _limit(below: Decimal | str) -> Decimal:
    from re import ASCII, fullmatch  # noqa: PLC0415 - for this alone

    if isinstance(below, str) and not fullmatch(r"-?\d+(\.\d+)?", below, ASCII):
        msg = f"{below!r} is not an amount"
        raise InvalidInput(msg, hint="write it like 100.00")
    return Decimal(below)
