"""The relations that SQL can ask: each is the rows of a command, typed.

Invariant: a cell is what the command prints with --json: an exact decimal, an instant, a text; the
columns and their types follow from the fields of the rows' structs. This module must not know SQL.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import inspect

from ledger import codec
from ledger.money import RATED_SCALE, exponent
from projections.answers.balances import Balance, balance_of
from projections.answers.events import Event
from projections.answers.reconciling import BreakRow
from projections.answers.state import InstanceRow
from projections.answers.terms import Currency, Exact, Fine, Id, Instant, Money, Part, Typed
from projections.columns.books import CouponHeld
from projections.reports.coupons import CouponRow, row_of
from projections.reports.lots import LotShown, lot_shown
from projections.reports.overdue import Owing
from projections.reports.overdue import row_of as owing_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.bootstrap import Session
    from projections.point import Point

Row = dict[str, Any]
MONEY: Final = "MONEY"  # a DECIMAL with the decimals of the ledger's currencies
_TYPES: Final[dict[type, str]] = {
    inspect.StrType: "VARCHAR", inspect.LiteralType: "VARCHAR", inspect.IntType: "BIGINT",
    inspect.BoolType: "BOOLEAN", inspect.DecimalType: MONEY, inspect.DictType: "JSON",
    Instant: "TIMESTAMPTZ",
    Exact: f"DECIMAL(38, {RATED_SCALE})",  # the books carry fractions of a minor unit (R8)
}  # fmt: skip
_KIN: Final = "_at"


class Relation(NamedTuple):
    """A relation: its columns with their types, and what makes its rows at a point."""

    name: str
    columns: dict[str, str]
    rows: Callable[[Session, Point], Iterator[Row]]

    @property
    def kin(self) -> str:
        """The name of its table function, which takes a point."""
        return f"{self.name}{_KIN}"


class Account(Part, frozen=True, kw_only=True):
    """An account, and how many events it has."""

    account: Id
    currency: Currency
    opened_at: Instant | None
    version: int


class Bill(Part, frozen=True, kw_only=True):
    """A posted bill, and what paid it."""

    account: Id
    bill: Id
    currency: Currency
    instance: Id
    product: Id
    cycle_start: Instant
    cycle_end: Instant
    posted_at: Instant
    late: bool
    amount: Money
    coupons_paid: Money
    cash_paid: Money
    credited: Money
    outstanding: Money


class Posted(Part, frozen=True, kw_only=True):
    """One leg of the books; revenue of terms and openings have no position."""

    position: int | None
    effective_at: Instant
    account: Id | None
    type: Id
    book: Id
    root: Id
    commodity: Id
    amount: Fine


class Owner(Part, frozen=True, kw_only=True):
    """Whose a lot is."""

    account: Id
    currency: Currency


def decimals(session: Session, point: Point) -> int:
    """Return how many decimals the currencies of the accounts at a point have at the most."""
    found = {exponent(session.config.currency)}
    found.update(exponent(str(row[1])) for row in _balances(session, point))
    return max(found)


# --- the rows ---------------------------------------------------------------------------------


def _events(session: Session, point: Point) -> Iterator[Row]:
    reader = session.reader
    bodies = (
        reader.bodies(until=point.position) if point.everything
        else reader.bodies_by_effect(until=point.position, at=point.at)
    )  # fmt: skip
    for recorded in codec.decode_all(bodies):
        shown = session.currencies.event(recorded).plain()
        shown.pop("schema")
        yield shown


def _accounts(session: Session, point: Point) -> Iterator[Row]:
    for state in session.states(point):
        opened = Typed(offset=session.offset, currency=state.currency).maybe(state.opened_at)
        yield Account(
            account=state.account, currency=state.currency, opened_at=opened,
            version=state.version,
        ).plain()  # fmt: skip


def _balances(session: Session, point: Point) -> Iterator[Any]:
    return session.view_rows("balances", point, session.derivation(point, None))


def _balance_rows(session: Session, point: Point) -> Iterator[Row]:
    return (balance_of(row, session.offset).plain() for row in _balances(session, point))


def _instances(session: Session, point: Point) -> Iterator[Row]:
    for row in session.each_instance(point, session.derivation(point, None)):
        yield row.plain()


def _coupons(session: Session, point: Point) -> Iterator[Row]:
    instant = cache(partial(Instant.at, offset=session.offset))
    for row in session.view_rows("coupons", point, session.derivation(point, None)):
        account, coupon, *numbers = map(str, row)
        currency = session.currencies.of(account).currency
        held = CouponHeld(account, coupon, currency, *map(int, numbers))
        yield row_of(held, point.seen_at, session.offset, instant).plain()


def _bills(session: Session, point: Point) -> Iterator[Row]:
    for state in session.states(point):
        write = Typed(offset=session.offset, currency=state.currency)
        money, instant = write.money, write.instant
        for name, bill in sorted(state.bills.items()):
            yield Bill(
                account=state.account, bill=name, currency=state.currency,
                instance=bill.instance, product=bill.product,
                cycle_start=instant(bill.cycle_start), cycle_end=instant(bill.cycle_end),
                posted_at=instant(bill.posted_at), late=bill.late, amount=money(bill.amount),
                coupons_paid=money(bill.coupons_paid), cash_paid=money(bill.cash_paid),
                credited=money(bill.credited), outstanding=money(bill.outstanding),
            ).plain()  # fmt: skip


def _overdue(session: Session, point: Point) -> Iterator[Row]:
    for state in session.owing(point):
        yield owing_of(state, point.seen_at, session.offset).plain()


def _postings(session: Session, point: Point) -> Iterator[Row]:
    from projections.answers.books import exact  # noqa: PLC0415 - for the books alone
    from projections.journal.transactions import BARE, Ledgered  # noqa: PLC0415 - the same

    for entry in Ledgered(session.reader, point, offset=session.offset, form=BARE):
        at = Instant.at(entry.effective_at, session.offset)
        for leg in entry.legs:
            yield Posted(
                position=entry.position, effective_at=at, account=entry.account or None,
                type=entry.name, book=str(leg.key.account), root=leg.key.account.root,
                commodity=leg.key.commodity, amount=exact(leg.amount, leg.key.commodity),
            ).plain()  # fmt: skip


def _lots(session: Session, point: Point) -> Iterator[Row]:
    from projections.lots import all_lots  # noqa: PLC0415 - for lots alone

    for account, lots in all_lots(session.reader, point):
        write = Typed(offset=session.offset, currency=lots.currency)
        head = Owner(account=account, currency=lots.currency).plain()
        yield from (head | lot_shown(lot, write).plain() for lot in lots.lots)


def _breaks(session: Session, point: Point) -> Iterator[Row]:
    from projections.reconciliation.runs import breaks_at  # noqa: PLC0415 - for breaks alone

    for row in breaks_at(session, point).rows:
        yield row.plain()


# --- the catalogue ------------------------------------------------------------------------------


def _columns(*rows: type[Part], but: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the columns of the structs of a relation's rows, in the order of their fields."""
    return {
        name: kind for row in rows for name, kind in _fields(inspect.type_info(row))
        if name not in but
    }  # fmt: skip


def _fields(struct: Any) -> list[tuple[str, str]]:
    return [(field.encode_name, _type(field.type)) for field in struct.fields]


def _type(kind: Any) -> str:
    """Return the SQL type of a field."""
    if isinstance(kind, inspect.Metadata):
        names = (kind.extra_json_schema or {}).get("required", ())  # of a map with known keys
        if names and isinstance(kind.type, inspect.DictType):
            of = _type(kind.type.value_type)
            return f"STRUCT({', '.join(f'{chr(34)}{name}{chr(34)} {of}' for name in names)})"
        return _type(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next(_type(one) for one in kind.types if not isinstance(one, inspect.NoneType))
    if isinstance(kind, inspect.StructType):
        return f"STRUCT({', '.join(f'{name} {of}' for name, of in _fields(kind))})"
    if isinstance(kind, inspect.CollectionType):
        return f"{_type(kind.item_type)}[]"
    return _TYPES[kind.cls if isinstance(kind, inspect.CustomType) else type(kind)]


RELATIONS: Final = {
    one.name: one
    for one in (
        Relation("events", _columns(Event), _events),
        Relation("accounts", _columns(Account), _accounts),
        Relation("balances", _columns(Balance), _balance_rows),
        Relation("instances", _columns(InstanceRow), _instances),
        Relation("coupons", _columns(CouponRow), _coupons),
        Relation("bills", _columns(Bill), _bills),
        Relation("overdue", _columns(Owing), _overdue),
        Relation("postings", _columns(Posted), _postings),
        Relation("lots", _columns(Owner, LotShown), _lots),
        Relation("breaks", _columns(BreakRow, but=("expected", "file")), _breaks),
    )
}  # fmt: skip
