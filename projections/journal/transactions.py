"""The books as dated transactions, for external programs: events by local day, then revenue.

Invariant: at the end of every local day the transactions so far come to our balances of that day,
for every account; revenue of terms is one transaction a day and product, after that day's events.
This module must not know any program's syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.certain import certain
from ledger.events import CreditNoteIssued, account_of, type_name
from ledger.money import format_minor
from ledger.periods import SECOND, format_instant, local_day, midnight
from projections.journal.books import RECOGNISED, Books
from projections.lots import all_lots, flows
from projections.refunds import Orders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.journal.books import JournalEntry
    from projections.journal.chart import BookAccount, Key
    from projections.point import Point
    from projections.refunds import RefundPart

OPENED = "OpeningBalances"
# What a transaction names besides its legs grew with the forms; files of each stay verifiable.
BARE, WITH_LOTS, WITH_ORDERS = FORMS = (1, 2, 3)


class Leg(NamedTuple):
    """One posting of a transaction, and the balance after it."""

    key: Key
    amount: int
    balance: int


class Transaction(NamedTuple):
    """A balanced entry of one local day; revenue and an opening have no position.

    ``lots`` names the receipts that its cash came from, or itself where it is one (R66);
    ``orders`` those that a refund takes back, each with its amount.
    """

    day: int
    name: str
    position: int | None
    effective_at: int
    account: str
    legs: tuple[Leg, ...]
    lots: tuple[tuple[int, int], ...] = ()
    orders: tuple[tuple[int, int], ...] = ()


class Ledgered:
    """Turns the events that a point selects into transactions, keeping the running balances.

    From ``starts`` on, what came before is one transaction: the balances that it left.
    """

    def __init__(
        self, reader: Reader, point: Point, *, offset: int, form: int,
        starts: int | None = None,
    ) -> None:  # fmt: skip
        """Choose the point, the calendar, and by the form what transactions name."""
        self._starts = starts
        self._reader = reader
        self._point = point
        self._offset = offset
        self._lots = _lots_by_position(reader, point) if form >= WITH_LOTS else {}
        self._balances: dict[Key, int] = {}
        self._recognised: dict[Key, int] = {}
        self._orders = Orders() if form >= WITH_ORDERS else None
        self._refunded: tuple[RefundPart, ...] = ()  # by the last event

    def __iter__(self) -> Iterator[Transaction]:
        """Yield the transactions in the order of their days."""
        books = Books(credited=self._credited())
        day: int | None = None
        point, starts = self._point, self._starts
        bodies = self._reader.bodies_by_effect(until=point.position, at=point.at)
        for recorded in codec.decode_all(bodies):
            if starts is not None:
                if recorded.effective_at < starts:
                    self._entered(books, recorded)
                    continue
                yield from self._opening(books, starts)
                day, starts = local_day(starts, self._offset), None
            today = local_day(recorded.effective_at, self._offset)
            while day is not None and day < today:
                yield from self._revenue(books, day)
                day += 1
            entry = self._entered(books, recorded)
            if entry is not None:
                day = today
                yield self._posted(entry, day)
        if starts is not None:
            yield from self._opening(books, starts)
            day = local_day(starts, self._offset)
        while day is not None and day <= local_day(point.seen_at, self._offset):
            yield from self._revenue(books, day)
            day += 1

    def _opening(self, books: Books, starts: int) -> Iterator[Transaction]:
        """Write the balances that everything before an instant left."""
        self._balances = dict(books.posted)
        self._recognised = books.recognised(starts - SECOND, forward=True)
        for key, amount in self._recognised.items():
            self._leg(key, amount)
        legs = tuple(
            Leg(key, balance, balance) for key, balance in sorted(self._balances.items()) if balance
        )
        if legs:
            day = local_day(starts, self._offset)
            yield Transaction(day, OPENED, None, starts, "", legs)

    def _credited(self) -> set[tuple[str, str]]:
        """Name the bills that are credited: the only ones to remember on the way."""
        topic = codec.tag(CreditNoteIssued)
        notes = codec.decode_all(self._reader.bodies_of(topic, until=self._point.position))
        return {
            (certain(account_of(note.stream)), note.event.bill)
            for note in notes
            if isinstance(note.event, CreditNoteIssued)
        }

    def _leg(self, key: Key, amount: int) -> Leg:
        balance = self._balances.get(key, 0) + amount
        self._balances[key] = balance
        return Leg(key, amount, balance)

    def _entered(self, books: Books, recorded: RecordedEvent) -> JournalEntry | None:
        account = account_of(recorded.stream)
        if self._orders is not None and account is not None:
            self._refunded = self._orders.take(recorded, account)
        return books.take(recorded)

    def _posted(self, entry: JournalEntry, day: int) -> Transaction:
        recorded = entry.recorded
        legs = tuple(self._leg(key, amount) for key, amount in entry.legs)
        return Transaction(
            day, type_name(type(recorded.event)), recorded.position, recorded.effective_at,
            entry.account, legs, self._lots.get(recorded.position, ()),
            tuple((part.order.position, part.amount) for part in self._refunded),
        )  # fmt: skip

    def _revenue(self, books: Books, day: int) -> Iterator[Transaction]:
        """Recognise what the day earned, up to its last second or to the point."""
        end = min(midnight(day + 1, self._offset) - SECOND, self._point.seen_at)
        now = books.recognised(end, forward=True)
        legs = tuple(
            self._leg(key, change)
            for key in sorted(now)
            if (change := now[key] - self._recognised.get(key, 0))
        )
        self._recognised = now
        if legs:
            yield Transaction(day, RECOGNISED, None, end, "", legs)


def _lots_by_position(reader: Reader, point: Point) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return (lot, amount) by position, of receipts and of what was paid from them."""
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for _, lots in all_lots(reader, point):
        found.update((lot.position, ((lot.position, lot.amount),)) for lot in lots.lots)
        found.update((position, flow.lots) for position, flow in flows(lots).items())
    return found


def parts_text(parts: Sequence[tuple[int, int]], currency: str) -> str:
    """Write lots or orders as ``@4 500.00 + @7 20.00``: no comma, which would end hledger's tag."""
    return " + ".join(f"@{position} {format_minor(amount, currency)}" for position, amount in parts)


def date_of(day: int, offset: int) -> str:
    """Write a local day."""
    return format_instant(midnight(day, offset), offset)[:10]


def safe_name(account: BookAccount) -> str:
    """Write an account so that every program takes it: letters, digits and dashes.

    Injective: a dash of an id is two dashes, any other byte of its UTF-8 a dash and two capital
    hex digits; ``Id-`` before it keeps the first letter a capital.
    """
    if not account.owner:
        return account.root
    return f"{account.root}:Id-{''.join(map(_safe, account.owner.encode()))}"


def _safe(byte: int) -> str:
    one = chr(byte)
    if one.isascii() and one.isalnum():
        return one
    return "--" if one == "-" else f"-{byte:02X}"
