"""Bills as the vendor's instance bill CSV lists them: one row a bill, order, refund or note.

Our coupons are what the vendor calls cash coupons: money-like, with a rest that stays (R40). So
PretaxAmount is the event's own amount, and DeductedByCashCoupons + PaymentAmount +
OutstandingAmount = PretaxAmount in every row; the rows of an account add up to what it owes for
bills. Invariant: figures are the events' own. This module must not know where the rows go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.money import format_minor, format_rated, format_round_down
from ledger.periods import format_instant, local_date
from projections.charges import OWED, Charge, charges_at
from projections.exports import Export, csv_pieces
from projections.movements import BILL, NOTE, ORDER, REFUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.exports import Piece, Terms
    from projections.point import Point
    from projections.view import LedgerView

COLUMNS = (
    "BillingCycle", "RecordID", "InstanceID", "Item", "PretaxGrossAmount", "InvoiceDiscount",
    "DeductedByCoupons", "RoundDownDiscount", "PretaxAmount", "DeductedByCashCoupons",
    "PaymentAmount", "OutstandingAmount", "Currency", "UsageStartTime", "UsageEndTime",
    "OwnerID", "RelatedRecordID",
)  # fmt: skip
ITEMS = {
    BILL: "PayAsYouGoBill", ORDER: "SubscriptionOrder", REFUND: "Refund", NOTE: "Adjustment",
}  # fmt: skip


def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every account's charges, account by account, each in the order of a fold."""
    return csv_pieces(COLUMNS, _rows(view.reader, point, terms))


def _rows(reader: Reader, point: Point, terms: Terms) -> Iterator[dict[str, str]]:
    for account, currency, found in charges_at(reader, point):
        for charge in found:
            if charge.kind != OWED:  # the vendor's bills have no such row
                yield _row(account, currency, charge, terms.offset)


def cycle_of(charge: Charge, offset: int) -> str:
    """Return the local month of a charge: of its cycle's start, or of its value date (R11)."""
    instant = charge.starts if charge.kind == BILL else charge.recorded.effective_at
    return local_date(instant, offset)[:7]


def _row(account: str, currency: str, charge: Charge, offset: int) -> dict[str, str]:
    def money(minor: int) -> str:
        return format_minor(minor, currency)

    gross = money(charge.amount)
    if charge.round_down:
        gross = format_rated(charge.amount, charge.round_down, currency)
    return {
        "BillingCycle": cycle_of(charge, offset),
        "RecordID": charge.record,
        "InstanceID": charge.instance,
        "Item": ITEMS[charge.kind],
        "PretaxGrossAmount": gross,
        "InvoiceDiscount": money(0),
        "DeductedByCoupons": money(0),
        "RoundDownDiscount": format_round_down(charge.round_down, currency),
        "PretaxAmount": money(charge.amount),
        "DeductedByCashCoupons": money(charge.coupons),
        "PaymentAmount": money(charge.cash),
        "OutstandingAmount": money(charge.outstanding),
        "Currency": currency,
        "UsageStartTime": format_instant(charge.starts, offset),
        "UsageEndTime": format_instant(charge.ends, offset),
        "OwnerID": account,
        "RelatedRecordID": charge.invoice if charge.invoice != charge.record else "",
    }


EXPORT = Export(pieces)
