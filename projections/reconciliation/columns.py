"""The columns of the vendor's files that are read and written, named once.

Readers and exports both take their names from here, so that what is exported can be read back.
Invariant: names are the vendor's own, verbatim; ``OwnerID`` (our account) is the one addition.
This module must not know how a cell is read.

Meaning of the cells, where the names do not say it:
    RecordID: the id of what is charged: the bill's id (R5), the note's id (an Adjustment, R10),
        or for orders and refunds ``order:N``, N the position of the event. In the transactions it
        is the id of the bill, order, note or refund whose cash moved; empty for top-ups.
    TransactionChannelSN: the payment's serial (R3); a reversal carries that of its payment.
    PretaxGrossAmount: the rated amount (R8). PretaxAmount = PretaxGrossAmount - InvoiceDiscount
        - DeductedByCoupons - RoundDownDiscount. PretaxAmount = DeductedByCashCoupons +
        PaymentAmount + OutstandingAmount. An Adjustment or a Refund has negative amounts; what a
        credit note cancels stays in the bill's own row and is negative in the note's.
    Amount: unsigned, TransactionFlow says the way. Balance: the cash after the transaction.
"""

from __future__ import annotations

BILLS = (
    "BillingCycle", "OwnerID", "RecordID", "InstanceID", "Item", "PretaxGrossAmount",
    "InvoiceDiscount", "DeductedByCoupons", "RoundDownDiscount", "PretaxAmount",
    "DeductedByCashCoupons", "PaymentAmount", "OutstandingAmount", "Currency", "UsageStartTime",
    "UsageEndTime",
)  # fmt: skip
BILL_ITEMS = ("SubscriptionOrder", "PayAsYouGoBill", "Refund", "Adjustment")
# Without these a row says nothing; the others may be absent (their amounts are then 0).
BILLS_NEEDED = ("RecordID", "Item", "Currency")
BILL_TOTALS = ("PretaxGrossAmount", "PretaxAmount")  # one of them is needed

TRANSACTIONS = (
    "OwnerID", "TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow",
    "TransactionChannel", "TransactionChannelSN", "Amount", "Currency", "Balance", "RecordID",
    "BillingCycle",
)  # fmt: skip
TRANSACTION_TYPES = ("Payment", "Withdraw", "Refund", "Consumption", "Transfer", "Adjust")
TRANSACTION_FLOWS = ("Income", "Expense")
TRANSACTIONS_NEEDED = (
    "TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow", "Amount",
)  # fmt: skip

OWNERS = ("OwnerID", "AccountID")  # the account, under either name

# FOCUS: the columns read; ``x_RecordId`` is the bill's, note's or order's id where it is not the
# InvoiceId. Sum of BilledCost per id = what the bill asks for (amount less coupons).
FOCUS_NEEDED = ("BilledCost", "ChargeCategory", "ChargePeriodStart")
FOCUS = (
    *FOCUS_NEEDED, "BillingCurrency", "ChargePeriodEnd", "BillingPeriodStart",
    "BillingAccountId", "SubAccountId",
    "ChargeClass", "ChargeFrequency", "InvoiceId", "ResourceId", "x_RecordId",
)  # fmt: skip
FOCUS_ACCOUNTS = ("SubAccountId", "BillingAccountId")
FOCUS_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
