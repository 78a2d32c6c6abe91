"""A ledger opened for looking: its points, its policy, its states, and what answers cheapest.

Invariant: nothing is opened before it is needed, and nothing is written but stored views that
catch up, where that is allowed. This module must not know any answer (projections/view.py).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

from ledger import clock as clocks
from ledger.connection import tables
from ledger.errors import NoSuchThing
from ledger.events import ACCOUNT_PREFIX
from ledger.kept.stream_tiles import Tiles
from ledger.policy import did_you_mean
from ledger.store import open_reader, open_store, settings
from ledger.store.errors import DiskFull, LedgerBusy, LedgerReadOnly, NoRights
from projections.columns import folder_of
from projections.point import Asked, Point, account_at, config_at, resolve
from projections.projection import VIEWS
from projections.snapshots import look_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.config import LedgerConfig
    from ledger.state import AccountState
    from ledger.store import Reader, Store
    from projections.columns.asking import Asking
    from projections.columns.spark import Spark
    from projections.currencies import Currencies
    from projections.projection import ViewRow
    from projections.runner import Views

# How an answer about the whole ledger was derived.
FOLD, SPARK, SQL, VIEW = "fold", "spark", "sql", "view"

# What may keep stored views from being written although the log is sound.
_KEPT_WAITING = (LedgerReadOnly, NoRights, DiskFull, LedgerBusy)


class Opened:
    """One ledger, opened as little as the question needs.

    Attributes:
        may_write: whether this process may open the ledger for writing, if only to catch stored
            views up on the way to an answer; a server that only reads says no.

    """

    may_write = False

    def __init__(self, location: str) -> None:
        """Remember where the ledger is; nothing is opened yet."""
        self.location = location
        self._asked: list[Asking | Spark] = []
        self._spark_at = ""

    def __enter__(self) -> Self:
        """Begin to ask."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close what was opened; the view may be asked again, and opens what it needs."""
        while self._asked:
            self._asked.pop().close()
        for name in ("reader", "store"):  # the writer last: it leaves the file complete
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def refresh(self) -> None:
        """Forget what is known of the clock, the policy and the prices: they may have moved on."""
        for name in ("config", "now", "currencies"):
            self.__dict__.pop(name, None)

    @cached_property
    def reader(self) -> Reader:
        """The ledger, for looking only."""
        return open_reader(self.location, beside_writer="store" in self.__dict__)

    @cached_property
    def store(self) -> Store:
        """The ledger, for writing. Raises: LedgerReadOnly."""
        if not self.may_write:
            raise LedgerReadOnly(self.location)
        from ledger.store.journal import standing  # noqa: PLC0415 - only where a view is written
        from projections.layout import require_layout  # noqa: PLC0415 - as above

        store = self.open_store()
        try:
            journal = standing(store.reader)
            if journal is not None and journal.state == "absent":
                self.say(str(journal.said))
            require_layout(store.reader)
        except BaseException:
            store.close()
            raise
        return store

    def open_store(self) -> Store:
        """Open the ledger for writing."""
        return open_store(self.location)

    def say(self, text: str) -> None:
        """Take note of what a person should know and no answer says: here nobody listens."""

    @cached_property
    def config(self) -> LedgerConfig:
        """Policy, prices and identity at the head."""
        head = self.reader.head()
        return config_at(self.reader, Point(0, 0, head.position, everything=True))

    @property
    def offset(self) -> int:
        """The calendar offset in force, in microseconds."""
        return self.config.policy.calendar_offset

    @cached_property
    def now(self) -> int:
        """The ledger's clock."""
        head = self.reader.head()
        if self.config.clock == clocks.SIMULATED:
            return max(settings.clock_at(self.reader.meta(settings.CLOCK_KEY)), head.recorded_at)
        return max(clocks.system_now(), head.recorded_at)

    @cached_property
    def currencies(self) -> Currencies:
        """The currency of each account, and the writer of its amounts."""
        from projections.currencies import Currencies  # noqa: PLC0415 - where amounts are written

        return Currencies(own=self.config.currency, offset=self.offset, reader=self.reader)

    def point(self, asked: Asked) -> Point:
        """Resolve a point against the clock and the head."""
        return resolve(self.reader, asked, clock=self.now, offset=self.offset)

    def config_at(self, point: Point) -> LedgerConfig:
        """Return policy and prices at a point."""
        return self.config if point.everything else config_at(self.reader, point)

    def root(self, position: int) -> str:
        """Return the root of the tree over the log's first events, in base64."""
        from ledger.proof.nodes import Nodes  # noqa: PLC0415 - loaded when needed
        from ledger.proof.notes import write_base64  # noqa: PLC0415 - as above

        return write_base64(Nodes(self.reader.connection).root(position))

    def state(self, account: str, point: Point) -> AccountState:
        """Return what is shown of an account at a point. Raises: NoSuchThing, with a suggestion."""
        state = look_at(self.reader, account, point)
        if state is None:
            raise self.no_account(account)
        return state

    def no_account(self, account: str) -> NoSuchThing:
        """Return the error that there is no such account, or not yet."""
        if self.reader.has_stream(ACCOUNT_PREFIX + account):
            return NoSuchThing(
                f"account {account!r} does not exist at that point",
                hint=f"see when it was opened: tally log {account}",
            )
        hint = did_you_mean(account, self.reader.accounts()) or "list them with: tally balances"
        return NoSuchThing(f"no account {account!r}", hint=hint)

    def states(self, point: Point) -> Iterator[AccountState]:
        """Fold every account that exists at a point, by id, one at a time."""
        tiles = Tiles(self.reader)
        for account in self.reader.accounts():
            state = account_at(self.reader, account, point, tiles)
            if state is not None:
                yield state

    def view_rows(self, name: str, point: Point, derivation: str) -> Iterator[ViewRow]:
        """Read a stored view, ask the columns, or fold every account."""
        if derivation == VIEW:
            yield from self.stored_rows(name, point)
        elif derivation in (SQL, SPARK):
            yield from self.columns(point, derivation).rows(name, point)
        else:
            projection, policy = VIEWS.load(name), self.config_at(point).policy
            for state in self.states(point):
                yield from projection.rows(state, policy)

    def stored_rows(self, name: str, point: Point) -> Iterator[ViewRow]:
        """Yield the rows of a stored view, at the head or at a recent point."""
        if point.everything:
            return self.views().rows(name)
        from projections.recent import rows_at  # noqa: PLC0415 - for such a point alone

        return rows_at(self.views(), name, point)

    def owing(self, point: Point) -> Iterator[AccountState]:
        """Fold every account that has something unpaid at a point, found by what is cheapest."""
        derivation = self.derivation(point, None)
        if derivation == FOLD:
            yield from (state for state in self.states(point) if state.items)
            return
        for account, _, _, outstanding, *_ in self.view_rows("balances", point, derivation):
            if outstanding:
                yield self.state(str(account), point)

    def views(self) -> Views:
        """Return the stored views, caught up with the log."""
        from projections.runner import Views  # noqa: PLC0415 - one account needs no view

        views = Views(self.reader)
        if not views.fresh:
            writable = Views(self.store.reader, self.store)
            for notice in writable.catch_up():
                self.say(notice)
        return views

    def views_caught_up(self) -> bool:
        """Return whether the stored views are caught up; maybe not if read-only."""
        try:
            self.views()
        except _KEPT_WAITING:
            return False
        return True

    def catch_views_up(self) -> None:
        """Catch the stored views up after something was recorded: that stands, whatever they do."""
        try:
            self.views()
        except _KEPT_WAITING:
            self.say("all is recorded; the stored views cannot be written now and wait")

    def derivation(self, point: Point, engine: str | None, *, stored: bool = True) -> str:
        """Choose how to answer about the whole ledger: as asked, else what is cheapest.

        ``engine`` is fold, sql or spark; ``spark=URL`` says where Spark runs (docs/SCALE.md).
        ``stored`` says whether a view keeps the answer at the head. Raises: ExtraMissing, before
        anything is printed.
        """
        if engine is None and stored and self._is_stored(point):
            return VIEW
        if engine == FOLD:
            return FOLD
        if engine is None and not folder_of(self.location).exists():
            return FOLD  # nothing of the columns is loaded where there are none
        from projections.columns import arrow, asking  # noqa: PLC0415 - loaded when needed

        name, _, where = (engine or "").partition("=")
        if name == SPARK:
            from projections.columns.spark import LOCAL, require  # noqa: PLC0415 - when needed

            require()
            self._spark_at = where or LOCAL
            return SPARK
        if engine == SQL:
            for name in arrow.PACKAGES:
                arrow.package(name)
            return SQL
        return SQL if asking.pays(self.reader, point) else FOLD

    def _is_stored(self, point: Point) -> bool:
        """Return whether stored rows answer: at the head caught up, else as they are."""
        if point.everything:
            return self.views_caught_up()
        from projections.recent import FEW, is_recent  # noqa: PLC0415 - for a past point alone
        from projections.runner import Views  # noqa: PLC0415 - as above

        few = FEW if folder_of(self.location).exists() else None
        return is_recent(self.reader, point, most=few) and Views(self.reader).fresh

    def columns(self, point: Point, derivation: str) -> Asking | Spark:
        """Open the columns up to a point. Raises: ExtraMissing, ColumnsDamaged."""
        if derivation == SPARK:
            from projections.columns.spark import Spark  # noqa: PLC0415 - loaded when needed

            self._asked.append(Spark(self.reader, until=point.position, master=self._spark_at))
        else:
            from projections.columns.asking import Asking  # noqa: PLC0415 - loaded when needed

            self._asked.append(Asking(self.reader, until=point.position))
        return self._asked[-1]

    def waiting(self) -> int:
        """Count the accounts whose transitions are due and not recorded, on a system clock."""
        if self.config.clock != clocks.SYSTEM:
            return 0
        if "view_deadlines" not in tables(self.reader.connection):
            return 0
        (waiting,) = self.reader.connection.execute(
            "SELECT COUNT(*) FROM view_deadlines WHERE due_at <= ?", (self.now,)
        ).fetchone()
        return int(waiting)
