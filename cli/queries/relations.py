"""The relations that SQL can ask: each is the rows of a command, typed.

Invariant: a cell is what the command prints with --json: an exact decimal, an instant, a text.
This module must not know SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger import codec
from ledger.events import account_of
from ledger.money import RATED_SCALE, exponent, format_minor
from ledger.periods import format_instant
from projections.ages import NAMES as AGES
from projections.answers import event_json
from projections.answers.balances import balance_of
from projections.answers.state import status_within
from projections.opened import FOLD, VIEW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.bootstrap import Session
    from ledger.state import AccountState
    from projections.point import Point

Row = dict[str, Any]
MONEY: Final = "MONEY"  # a DECIMAL with the decimals of the ledger's currencies
BOOKED: Final = f"DECIMAL(38, {RATED_SCALE})"  # the books carry fractions of a minor unit (R8)
INSTANT: Final = "TIMESTAMPTZ"
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


def decimals(session: Session, point: Point) -> int:
    """Return how many decimals the currencies of the accounts at a point have at the most."""
    found = {exponent(session.config.currency)}
    found.update(exponent(str(row[1])) for row in _balances(session, point))
    return max(found)


# --- the rows ---------------------------------------------------------------------------------


def _events(session: Session, point: Point) -> Iterator[Row]:
    from cli.rehearsals.written import Writers  # noqa: PLC0415 - for events alone

    reader = session.reader
    write = Writers(session.reader, session.config)
    bodies = (
        reader.bodies(until=point.position) if point.everything
        else reader.bodies_by_effect(until=point.position, at=point.at)
    )  # fmt: skip
    for recorded in codec.decode_all(bodies):
        shown = event_json(recorded, write.of(account_of(recorded.stream)))
        shown.pop("schema")
        yield shown


def _accounts(session: Session, point: Point) -> Iterator[Row]:
    for state in session.states(point):
        yield {
            "account": state.account, "currency": state.currency,
            "opened_at": _instant(state.opened_at, session), "version": state.version,
        }  # fmt: skip


def _balances(session: Session, point: Point) -> Iterator[Any]:
    return session.balance_rows(point, session.derivation(point, None))


def _balance_rows(session: Session, point: Point) -> Iterator[Row]:
    return (balance_of(row, session.offset).plain() for row in _balances(session, point))


def _instances(session: Session, point: Point) -> Iterator[Row]:
    for row in session.each_instance(point, session.derivation(point, None)):
        yield row.plain()


def _coupons(session: Session, point: Point) -> Iterator[Row]:
    derivation = session.derivation(point, None)
    if derivation == FOLD:
        for state in session.states(point):
            for name, held in sorted(state.coupons.items()):
                amounts = (held.amount, held.used, held.remaining, held.forfeited)
                yield _coupon(session, point, state.account, name, amounts, held.starts, held.ends)
        return
    if derivation == VIEW:
        found = session.stored_rows("coupons", point)
    else:
        found = session.columns(point, derivation).rows("coupons", point)
    for row in found:
        *parts, starts, ends = (int(str(one)) for one in row[2:])
        yield _coupon(session, point, str(row[0]), str(row[1]), tuple(parts), starts, ends)


def _coupon(
    session: Session, point: Point, account: str, name: str, amounts: tuple[int, ...],
    starts: int, ends: int,
) -> Row:  # fmt: skip
    currency = session.currencies.of(account).currency
    amount, used, remaining, forfeited = (format_minor(one, currency) for one in amounts)
    return {
        "account": account, "coupon": name, "currency": currency, "amount": amount, "used": used,
        "forfeited": forfeited, "remaining": remaining,
        "status": status_within(starts, ends, point.seen_at),
        "starts": _instant(starts, session), "ends": _instant(ends, session),
    }  # fmt: skip


def _bills(session: Session, point: Point) -> Iterator[Row]:
    for state in session.states(point):
        for name, bill in sorted(state.bills.items()):
            yield {
                "account": state.account, "bill": name, "currency": state.currency,
                "instance": bill.instance, "product": bill.product,
                "cycle_start": _instant(bill.cycle_start, session),
                "cycle_end": _instant(bill.cycle_end, session),
                "posted_at": _instant(bill.posted_at, session), "late": bill.late,
                **{part: _money(getattr(bill, part), state)
                   for part in ("amount", "cash_paid", "credited", "outstanding",
                                "coupons_paid")},
            }  # fmt: skip


def _overdue(session: Session, point: Point) -> Iterator[Row]:
    from projections.reports.overdue import row_of  # noqa: PLC0415 - a report's module

    for state in session.owing(point):
        yield row_of(state, point.seen_at, session.offset).plain()


def _postings(session: Session, point: Point) -> Iterator[Row]:
    from projections.journal.chart import format_full  # noqa: PLC0415 - for the books alone
    from projections.journal.transactions import BARE, Ledgered  # noqa: PLC0415 - the same

    for entry in Ledgered(session.reader, point, offset=session.offset, form=BARE):
        for leg in entry.legs:
            yield {
                "position": entry.position, "effective_at": _instant(entry.effective_at, session),
                "account": entry.account or None, "type": entry.name,
                "book": str(leg.key.account), "root": leg.key.account.root,
                "commodity": leg.key.commodity, "amount": format_full(leg.amount),
            }  # fmt: skip


def _lots(session: Session, point: Point) -> Iterator[Row]:
    from projections.answers.terms import Typed  # noqa: PLC0415 - for lots alone
    from projections.lots import all_lots  # noqa: PLC0415 - the same
    from projections.reports.lots import lot_shown  # noqa: PLC0415 - the same

    for account, lots in all_lots(session.reader, point):
        write = Typed(offset=session.offset, currency=lots.currency)
        head = {"account": account, "currency": lots.currency}
        yield from (head | lot_shown(lot, write).plain() for lot in lots.lots)


def _breaks(session: Session, point: Point) -> Iterator[Row]:
    from projections.reconciliation.runs import breaks_at  # noqa: PLC0415 - for breaks alone

    yield from breaks_at(session, point).plain()["rows"]


def _money(minor: int, state: AccountState) -> str:
    return format_minor(minor, state.currency)


def _instant(at: int | None, session: Session) -> str | None:
    return None if at is None else format_instant(at, session.offset)


# --- the catalogue ------------------------------------------------------------------------------

_TEXT: Final = "VARCHAR"
_NUMBER: Final = "BIGINT"
_ITEM: Final = (
    f"STRUCT(item VARCHAR, kind VARCHAR, outstanding {MONEY}, posted_at {INSTANT}, days BIGINT)"
)
_SPENT: Final = f"STRUCT(position BIGINT, type VARCHAR, item VARCHAR, amount {MONEY})"


def _names(kind: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, kind)


RELATIONS: Final = {
    relation.name: relation
    for relation in (
        Relation(
            "events",
            {
                "position": _NUMBER, "account": _TEXT, "version": _NUMBER, "type": _TEXT,
                "effective_at": INSTANT, "recorded_at": INSTANT, "actor": _TEXT,
                "reason": _TEXT, "cause": _NUMBER, "command": _TEXT, "instance": _TEXT,
                "data": "JSON",
            },
            _events,
        ),
        Relation(
            "accounts",
            {"account": _TEXT, "currency": _TEXT, "opened_at": INSTANT, "version": _NUMBER},
            _accounts,
        ),
        Relation(
            "balances",
            {
                **_names(_TEXT, "account", "currency"),
                **_names(MONEY, "cash", "outstanding", "available", "coupons"),
                "overdue": "BOOLEAN", "overdue_since": INSTANT,
            },
            _balance_rows,
        ),
        Relation(
            "instances",
            {
                **_names(_TEXT, "account", "instance", "kind", "state"), "available": "BOOLEAN",
                "sku": _TEXT, **_names(INSTANT, "expires_at", "releases_at", "restored_at"),
                "auto_renew": f"STRUCT(enabled BOOLEAN, months BIGINT, next_attempt_at {INSTANT})",
            },
            _instances,
        ),
        Relation(
            "coupons",
            {
                **_names(_TEXT, "account", "coupon", "currency"),
                **_names(MONEY, "amount", "used", "forfeited", "remaining"), "status": _TEXT,
                **_names(INSTANT, "starts", "ends"),
            },
            _coupons,
        ),
        Relation(
            "bills",
            {
                **_names(_TEXT, "account", "bill", "currency", "instance", "product"),
                **_names(INSTANT, "cycle_start", "cycle_end", "posted_at"), "late": "BOOLEAN",
                **_names(MONEY, "amount", "coupons_paid", "cash_paid", "credited", "outstanding"),
            },
            _bills,
        ),
        Relation(
            "overdue",
            {
                "account": _TEXT, "currency": _TEXT, "outstanding": MONEY,
                "overdue_since": INSTANT, "days": _NUMBER, "items": f"{_ITEM}[]",
                "ages": f"STRUCT({', '.join(f'{chr(34)}{age}{chr(34)} {MONEY}' for age in AGES)})",
            },
            _overdue,
        ),
        Relation(
            "postings",
            {
                "position": _NUMBER, "effective_at": INSTANT,
                **_names(_TEXT, "account", "type", "book", "root", "commodity"),
                "amount": BOOKED,
            },
            _postings,
        ),
        Relation(
            "lots",
            {
                **_names(_TEXT, "account", "currency"), "position": _NUMBER,
                **_names(_TEXT, "type", "channel", "serial", "item"), "received_at": INSTANT,
                **_names(MONEY, "amount", "remaining"), "spent": f"{_SPENT}[]",
            },
            _lots,
        ),
        Relation(
            "breaks",
            {
                **_names(_TEXT, "break", "class", "key", "source", "currency"),
                **_names(BOOKED, "ours", "theirs", "delta"), "status": _TEXT,
                "first_seen": INSTANT, "age_days": _NUMBER, "age": _TEXT,
                **_names(_NUMBER, "opened", "changed"),
                **_names(_TEXT, "preparer", "by", "how"),
            },
            _breaks,
        ),
    )
}  # fmt: skip
