"""The words of the vendor's files that readers look for (those of FOCUS: focus/columns.py).

Invariant: names are the vendor's own, verbatim; ``OwnerID`` (our account) and ``RelatedRecordID``
are additions that files may lack. What our exports write is read back (tests/reconciliation).
This module must not know how a cell is read.

Meaning of the cells, where the names do not say it:
    RecordID: the id of what is charged: the bill's id (R5), the note's id (an Adjustment, R10),
        or ``order:N`` and ``refund:N``, N the position of the event. In the transactions it
        is the id of the bill, order, note or refund whose cash moved; empty for top-ups.
    RelatedRecordID: the bill that an Adjustment takes back from, the order that a Refund ends.
    TransactionChannelSN: the payment's serial (R3); a reversal carries that of its payment.
    PretaxGrossAmount: the rated amount (R8). PretaxAmount = PretaxGrossAmount - InvoiceDiscount
        - DeductedByCoupons - RoundDownDiscount. PretaxAmount = DeductedByCashCoupons +
        PaymentAmount + OutstandingAmount. An Adjustment or a Refund has negative amounts; what a
        credit note cancels stays in the bill's own row and is negative in the note's.
    Amount: unsigned, TransactionFlow says the way. Balance: the cash after the transaction.
"""

from __future__ import annotations

BILL_ITEMS = ("SubscriptionOrder", "PayAsYouGoBill", "Refund", "Adjustment")
# Without these a row says nothing; the others may be absent (their amounts are then 0).
BILLS_NEEDED = ("RecordID", "Item", "Currency")
BILL_TOTALS = ("PretaxGrossAmount", "PretaxAmount")  # one of them is needed

TRANSACTION_TYPES = ("Payment", "Withdraw", "Refund", "Consumption", "Transfer", "Adjust")
TRANSACTION_FLOWS = ("Income", "Expense")
TRANSACTIONS_NEEDED = (
    "TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow", "Amount",
)  # fmt: skip

OWNERS = ("OwnerID", "AccountID")  # the account, under either name
