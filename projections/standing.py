"""Standing checks: what must hold of accounts and books, and the first position where it fails.

``always`` is judged after every batch of the log (inside one money is on its way, R1), in one
fold of each account; ``closes`` at the point of every close; ``now`` at the point asked for.
Invariant: the same log, check and point give the same finding. This module must not know files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.account import evolve
from ledger.envelopes import batches
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX, PeriodClosed
from ledger.state import AccountState
from projections.evidence.digests import point_of
from projections.history.closes import recorded_closes
from projections.history.compiling import compile_expression
from projections.history.fields import FLAG, Look
from projections.history.walk import KNOWN, Walk
from projections.journal.identities import IDENTITIES, Customer, broken_at
from projections.point import account_at, config_at, history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.store import Reader
    from projections.history.expressions import Expression
    from projections.point import Point

ALWAYS, CLOSES, NOW = "always", "closes", "now"
WHEN = (ALWAYS, CLOSES, NOW)
BOOKS = tuple(identity.__name__ for identity in IDENTITIES)


class StandingCheck(NamedTuple):
    """One check: an expression of accounts, identities of the books, or a query.

    Attributes:
        accounts: those that it is about, () for all; ``currency``: of these alone.
        sql: rows that it gives are what is wrong; cli/ asks it.
        monotone: once it fails, it fails for ever after (so a query can be bisected).

    """

    name: str
    when: str
    expr: str | None = None
    books: tuple[str, ...] = ()
    sql: str | None = None
    accounts: tuple[str, ...] = ()
    currency: str | None = None
    monotone: bool = False


class Finding(NamedTuple):
    """How a check held: how often it was judged, in how many accounts it failed, where first."""

    checked: int
    failing: int = 0
    first_bad: int | None = None
    account: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it held everywhere."""
        return self.first_bad is None


class _Found:
    """Collects the first failure."""

    def __init__(self) -> None:
        self.checked = 0
        self._failing: set[str] = set()
        self._first: tuple[int, str] | None = None

    def fails(self, position: int, account: str) -> None:
        self._failing.add(account)
        self._first = min(self._first or (position, account), (position, account))

    def finding(self) -> Finding:
        first, account = self._first or (None, None)
        return Finding(self.checked, len(self._failing), first, account)


Rows = Callable[[StandingCheck, "Point"], int]  # asks a query at a point: how many rows it gives


def evaluate(
    reader: Reader, check: StandingCheck, point: Point, *, offset: int, rows: Rows,
    end: Point | None = None,
) -> Finding:  # fmt: skip
    """Evaluate a check; ``end``: where a check of closes is evaluated, in place of every close.

    Raises: InvalidInput (no such name in an expression).
    """
    if check.when == CLOSES and end is not None:
        check, point = check._replace(when=NOW), end
    if check.sql is not None:
        return _ask(reader, check, point, rows)
    try:
        return _derive(reader, check, point, offset)
    except InvalidInput as error:
        raise InvalidInput(f"check {check.name!r}: {error}", hint=error.hint) from None


def _ask(reader: Reader, check: StandingCheck, point: Point, rows: Rows) -> Finding:
    """Ask a query, at every point that it is to hold at: rows are what is wrong."""
    if check.when == ALWAYS:
        return _bisected(reader, check, point, rows)
    points = close_points(reader, point) if check.when == CLOSES else [(point.position, point)]
    failing, first = 0, None
    for position, at in points:
        wrong = rows(check, at)
        if wrong:
            failing, first = max(failing, wrong), position if first is None else first
    return Finding(len(points), failing, first)


def _bisected(reader: Reader, check: StandingCheck, point: Point, rows: Rows) -> Finding:
    """Find the first position at which a query that stays wrong is wrong, by halving."""
    asked, low, high = 1, 1, point.position
    wrong = rows(check, point)
    if not wrong:
        return Finding(asked)
    while low < high:
        middle = (low + high) // 2
        row = reader.row(middle)
        at = row.recorded_at if row is not None else point.at
        asked += 1
        if rows(check, point_of(reader, at=at, position=middle)):
            high = middle
        else:
            low = middle + 1
    return Finding(asked, wrong, low)


def _derive(reader: Reader, check: StandingCheck, point: Point, offset: int) -> Finding:
    found = _Found()
    points = close_points(reader, point) if check.when == CLOSES else [(point.position, point)]
    for account, currency in _accounts(reader, check, point):
        expression = None
        if check.expr is not None:
            expression = compile_expression(check.expr, currency=currency, offset=offset)
            if expression.kind != FLAG:
                msg = f"{check.expr!r} is not true or false"
                raise InvalidInput(msg, hint="compare it with something, as in: cash >= 0")
        if check.when == ALWAYS:
            if expression is not None:
                _expression_always(reader, account, expression, point, found)
            else:
                _books_always(reader, account, check.books, point, found)
            continue
        for position, at in points:
            _at(reader, account, check, expression, at, position, found)
    return found.finding()


def close_points(reader: Reader, point: Point) -> list[tuple[int, Point]]:
    """Return the position of every close that a point knows, and the point that it closed."""
    found = []
    for recorded in recorded_closes(reader, until=point.position):
        event = recorded.event
        assert isinstance(event, PeriodClosed)  # noqa: S101 - recorded_closes gives no other
        at = point_of(reader, at=event.at, position=event.known_position)
        found.append((recorded.position, at))
    return found


def _accounts(reader: Reader, check: StandingCheck, point: Point) -> Iterator[tuple[str, str]]:
    """Yield the accounts that a check is about, with their currencies."""
    for account in reader.accounts():
        if check.accounts and account not in check.accounts:
            continue
        row = reader.stream_row(ACCOUNT_PREFIX + account, 1)
        if row is None or row[0] > point.position:
            continue
        currency = str(getattr(codec.decode(row[1]).event, "currency", ""))
        if check.currency in (None, currency):
            yield account, currency


def _expression_always(
    reader: Reader, account: str, expression: Expression, point: Point, found: _Found
) -> None:
    walk = Walk(reader, account, point, axis=KNOWN, policies=True, tiles=False)
    last = 0

    def settle() -> None:
        if walk.look.state.opened_at is not None:
            found.checked += 1
            if not expression.value(walk.look):
                found.fails(last, account)
            expression.remember(walk.look)

    for recorded in walk.events():
        if recorded.cause is None and last:
            settle()
        walk.step(recorded)
        last = recorded.position
    settle()


def _books_always(
    reader: Reader, account: str, names: Sequence[str], point: Point, found: _Found
) -> None:
    wanted = [identity for identity in IDENTITIES if identity.__name__ in names]
    customer = Customer(AccountState(account))
    stream = reader.stream_bodies(
        ACCOUNT_PREFIX + account, until_position=point.position,
        at=None if point.everything else point.at,
    )  # fmt: skip
    for batch in batches(codec.decode_all(stream)):
        for recorded in batch:
            evolve(customer.state, recorded)
        customer.take(batch)
        found.checked += 1
        if not all(identity(customer) for identity in wanted):
            found.fails(batch[-1].position, account)


def _at(
    reader: Reader, account: str, check: StandingCheck, expression: Expression | None, point: Point,
    position: int, found: _Found,
) -> None:  # fmt: skip
    """Judge one account at one point."""
    if expression is not None:
        state = account_at(reader, account, point)
        if state is None:
            return
        look = Look(state, config_at(reader, point).policy, point.seen_at)
        good = bool(expression.value(look))
    else:
        events = list(history(reader, ACCOUNT_PREFIX + account, point))
        if not events:
            return
        broken = {one.name for one in broken_at(AccountState(account), events, point.seen_at)}
        good = broken.isdisjoint(check.books)
    found.checked += 1
    if not good:
        found.fails(position, account)
