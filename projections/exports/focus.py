"""Charges as FOCUS Cost and Usage rows: usage, purchases, credits, and what took them back.

BilledCost is what is asked for: an invoice's rows add up to the cash and the outstanding part of
its bill or order. Top-ups are not charges. A note or refund is negative, of the category of what it
takes back, and a Correction once that billing period has ended. Invariant: amounts are the event's
own; a cell of the Parquet file holds exactly what the CSV says, typed, and an empty one is null.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from ledger import events as e
from ledger.money import format_minor, format_rated, format_round_down
from ledger.periods import format_instant, local_date, local_day, midnight, parse_instant
from projections.charges import OWED, Charge, charges_at
from projections.exports import Export, csv_pieces
from projections.exports.focus_columns import COLUMNS, DEFAULT_EDITION, KINDS
from projections.exports.tables import tables
from projections.movements import BILL, NOTE, ORDER, REFUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.exports import Piece, Terms
    from projections.exports.tables import Cell, Kind
    from projections.point import Point
    from projections.view import LedgerView

Row = dict[str, str]

PROVIDER = "Alibaba Cloud"
_PERIOD_DAYS = 31  # from a month's first day, one of the next month's first days is this far
_SAME: Row = {
    "BillingAccountType": "Account",
    "InvoiceIssuerName": PROVIDER,
    "ProviderName": PROVIDER,
    "PublisherName": PROVIDER,
    "HostProviderName": PROVIDER,
    "ServiceProviderName": PROVIDER,
    "ServiceCategory": "Internet of Things",
    "ServiceSubcategory": "IoT Platforms",
    "ServiceName": "IoT Platform",
    "ResourceType": "Instance",
}
_SAID = {
    BILL: "Pay-as-you-go bill",
    ORDER: "Order",
    REFUND: "Refund",
    NOTE: "Credit note",
    OWED: "Credit",
}


def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every account's rows as CSV, account by account."""
    columns = COLUMNS[terms.version or DEFAULT_EDITION]
    known = frozenset(columns)
    return csv_pieces(
        columns,
        (
            {name: cell for name, cell in row.items() if name in known}
            for row in rows(view.reader, point, terms)
        ),
    )


def rows(reader: Reader, point: Point, terms: Terms) -> Iterator[Row]:
    """Yield the rows with the cells of every edition; an absent cell is null."""
    for account, currency, found in charges_at(reader, point):
        months: dict[str, int] = {}
        for charge in found:
            yield from _Charged(account, currency, terms.offset, charge, months).rows()


def utc(instant: int) -> str:
    """Write an instant as FOCUS has it."""
    return f"{format_instant(instant, 0).removesuffix('+00:00')}Z"


class _Charged:
    def __init__(
        self, account: str, currency: str, offset: int, charge: Charge, months: dict[str, int]
    ) -> None:
        """Find the billing period; ``months`` keeps those of the invoices so far."""
        self._account, self._currency = account, currency
        self._offset, self._charge = offset, charge
        instant = charge.starts if charge.kind == BILL else charge.recorded.effective_at
        self._month = self._first_of(instant)
        self._corrects = self._month > months.setdefault(charge.invoice, self._month)

    def _first_of(self, instant: int) -> int:
        return parse_instant(f"{local_date(instant, self._offset)[:7]}-01", self._offset)

    def rows(self) -> Iterator[Row]:
        charge = self._charge
        if charge.kind == OWED:
            yield self._credit("", -charge.amount)
            return
        yield self._main()
        if charge.kind != NOTE:
            for coupon, part in charge.parts:
                if part:
                    yield self._credit(coupon, part)

    def _shared(self) -> Row:
        charge, after = self._charge, local_day(self._month, self._offset) + _PERIOD_DAYS
        return {
            **_SAME,
            "BillingAccountId": self._account,
            "BillingAccountName": self._account,
            "BillingCurrency": self._currency,
            "PricingCurrency": self._currency,
            "BillingPeriodStart": utc(self._month),
            "BillingPeriodEnd": utc(self._first_of(midnight(after, self._offset))),
            "ChargePeriodStart": utc(charge.starts),
            "ChargePeriodEnd": utc(charge.ends),
            "ChargeClass": "Correction" if self._corrects else "",
            "InvoiceId": charge.invoice,
            "ResourceId": charge.instance,
            "ResourceName": charge.instance,
            "x_Position": str(charge.recorded.position),
            "x_RecordId": charge.record,
        }

    def _costs(self, *, billed: str, listed: str) -> Row:
        return {
            "BilledCost": billed, "EffectiveCost": billed, "ContractedCost": listed,
            "ListCost": listed, "PricingCurrencyEffectiveCost": billed,
        }  # fmt: skip

    def _credit(self, coupon: str, part: int) -> Row:
        taken = format_minor(-part, self._currency)
        return {
            **self._shared(),
            **self._costs(billed=taken, listed=taken),
            "ChargeCategory": "Credit",
            "ChargeFrequency": "One-Time",
            "ChargeDescription": (
                f"Coupon {coupon} on {self._charge.record}" if coupon
                else f"{_SAID[OWED]} {self._charge.record}"
            ),
            "x_CouponId": coupon,
        }

    def _main(self) -> Row:
        charge, currency = self._charge, self._currency
        usage = charge.kind in (BILL, NOTE)
        # A note gives back coupon parts as coupons: nobody is asked for less because of them.
        asked = charge.amount - charge.coupons if charge.kind == NOTE else charge.amount
        listed = format_minor(charge.amount, currency)
        if charge.round_down:
            listed = format_rated(charge.amount, charge.round_down, currency)
        sku = charge.product if usage else f"{charge.product}/{charge.sku}"
        return {
            **self._shared(),
            **self._costs(billed=format_minor(asked, currency), listed=listed),
            **self._priced(listed),
            **({"ConsumedUnit": "Count", "ConsumedQuantity": self._sign()} if usage else {}),
            "ChargeCategory": "Usage" if usage else "Purchase",
            "ChargeFrequency": self._frequency(),
            "ChargeDescription": f"{_SAID[charge.kind]} {charge.record}",
            "PricingCategory": "Standard",
            "SkuId": sku,
            "SkuPriceId": sku,
            "SkuMeter": "Rated usage of a cycle" if usage else "Months of service",
            "x_RoundDownDiscount": format_round_down(charge.round_down, currency),
            "x_PaymentAmount": format_minor(charge.cash, currency),
            "x_OutstandingAmount": format_minor(charge.outstanding, currency),
            "x_CouponsReturned": format_minor(
                -charge.coupons if charge.kind == NOTE else 0, currency
            ),
        }

    def _sign(self) -> str:
        return "1.0" if self._charge.amount >= 0 else "-1.0"

    def _priced(self, listed: str) -> Row:
        """Return quantity and price: months of an order, else one thing at its amount."""
        event = self._charge.recorded.event
        quantity, unit, each = self._sign(), "Count", listed.removeprefix("-")
        if isinstance(event, e.InstancePurchased | e.InstanceRenewed | e.UpgradedToEnterprise):
            quantity, unit = f"{event.months}.0", "Months"
            each = format_minor(event.monthly_price, self._currency)
        return {
            "PricingQuantity": quantity, "PricingUnit": unit, "ListUnitPrice": each,
            "ContractedUnitPrice": each, "PricingCurrencyListUnitPrice": each,
            "PricingCurrencyContractedUnitPrice": each,
        }  # fmt: skip

    def _frequency(self) -> str:
        if self._charge.kind in (BILL, NOTE):
            return "Usage-Based"
        event = self._charge.recorded.event
        automatic = isinstance(event, e.InstanceRenewed) and event.via == "auto"
        return "Recurring" if automatic else "One-Time"


def _parquet(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write the rows as a typed table. Raises: InvalidInput."""
    edition = terms.version or DEFAULT_EDITION
    columns = {name: KINDS.get(name, "text") for name in COLUMNS[edition]}
    typed = (
        {name: _typed(columns[name], cell) for name, cell in row.items() if name in columns}
        for row in rows(view.reader, point, terms)
    )
    return tables(columns, typed, {"focus.version": edition, "tally.ledger": terms.ledger})


def _typed(kind: Kind, cell: str) -> Cell:
    if not cell:
        return None
    if kind == "instant":
        return datetime.fromisoformat(cell)
    if kind == "decimal":
        return Decimal(cell)
    return int(cell) if kind == "integer" else cell


EXPORT = Export(pieces, spelled={"parquet": _parquet})
