"""The ledger's own side of a reconciliation: lines made of recorded events at a point.

Subjects: ``payments`` what went through the payment channels, ``wallet`` what moved the cash,
``owing`` what moved cash less debts (for files whose balances fall below zero),
``bills`` what was charged before coupons, ``charges`` what was charged after them: a refund is
a line for each order that it takes back.
Invariant: what an event moves is said in projections/movements.py, what it charges in
projections/charges.py; here it is put into a line. This module must not know statements or
matching.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger import codec
from ledger import events as e
from ledger.events import account_of
from projections.charges import OWED, Charges
from projections.movements import (
    BILL,
    NOTE,
    ORDER,
    REFUND,
    REVERSAL,
    SETTLEMENT,
    movement,
    order_id,
    refund_id,
)
from projections.reconciliation.amounts import from_minor
from projections.reconciliation.lines import PAID, TRANSACTION, UNPAID, Line, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.movements import Movement
    from projections.point import Point

CHARGED: Final = ("bills", "charges")  # the subjects of charges, not of movements
PAYMENTS: Final = "payments"
_WORDS: Final = {
    REVERSAL: "Withdraw", BILL: "Consumption", SETTLEMENT: "Consumption", ORDER: "Consumption",
    NOTE: "Refund", REFUND: "Refund",
}  # fmt: skip
_CHARGES: Final = {
    BILL: "PayAsYouGoBill", NOTE: "Adjustment", ORDER: "SubscriptionOrder", REFUND: "Refund",
    OWED: "Credit",
}  # fmt: skip
_new = tuple.__new__


class Side(NamedTuple):
    """The ledger's lines, and what else a person may need to name."""

    lines: tuple[Line, ...]
    accounts: dict[str, str]
    instances: dict[tuple[str, str], str]


def ledger_side(
    reader: Reader, point: Point, subject: str, *, channels: frozenset[str] = frozenset()
) -> Side:
    """Return the ledger's lines of a subject at a point; channels narrow the payments."""
    recorded = (
        one for one in codec.decode_all(reader.bodies(until=point.position))
        if one.effective_at <= point.at
    )  # fmt: skip
    return side_of(recorded, subject, channels=channels)


def side_of(
    history: Iterable[RecordedEvent], subject: str, *, channels: frozenset[str] = frozenset()
) -> Side:
    """Return the lines of a subject from events."""
    fold = _Charged(subject) if subject in CHARGED else _Moved(subject, channels)
    for recorded in history:
        account = account_of(recorded.stream)
        if account is not None:
            fold.apply(recorded, account)
    return Side(tuple(fold.finished()), fold.currencies, fold.instances)


class _Fold:
    """Collects lines, and what accounts and instances there are."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.currencies: dict[str, str] = {}
        self.instances: dict[tuple[str, str], str] = {}
        self.lines: list[Line] = []
        self._causes: dict[int, int] = {}  # of orders: the one before, of the same payment

    def apply(self, recorded: RecordedEvent, account: str) -> None:
        """Apply one event of an account."""
        event = recorded.event
        if isinstance(event, e.AccountOpened):
            self.currencies[account] = event.currency
        elif isinstance(event, e.PublicInstanceActivated):
            self.instances[account, event.instance] = event.kind
        elif isinstance(event, e.Ordered):
            self.instances[account, event.instance] = "enterprise"
            self._causes[recorded.position] = recorded.cause or recorded.position

    def finished(self) -> Iterable[Line]:
        """Return the lines in the order of the log."""
        return self.lines

    def line(
        self, recorded: RecordedEvent, account: str, amount: int, kind: str, key: str,
        **more: object,
    ) -> Line:  # fmt: skip
        """Return a line of an event."""
        event, currency = recorded.event, self.currencies.get(account, "")
        given: dict[str, Any] = {"instant": recorded.effective_at, "order": key, **more}
        return Line(
            key=key, amount=from_minor(amount, currency), currency=currency, kind=kind,
            account=account, place=f"@{recorded.position}",
            starts=getattr(event, "cycle_start", 0) or getattr(event, "starts", 0),
            ends=getattr(event, "cycle_end", 0), instance=getattr(event, "instance", ""),
            channel=getattr(event, "channel", ""),
            twin=getattr(event, "suspected_duplicate_of", None) or "", **given,
        )  # fmt: skip

    def payment_of(self, position: int) -> str:
        """Name the payment of an order: instances renewed by one are one group (R27)."""
        while (before := self._causes.get(position, position)) != position:
            if before not in self._causes:
                break
            position = before
        return order_id(position)


class _Moved(_Fold):
    """What moved: payments, cash, or cash less debts."""

    def __init__(self, subject: str, channels: frozenset[str]) -> None:
        super().__init__(subject)
        self.channels = channels if subject == PAYMENTS else frozenset[str]()
        self._factors: dict[str, int] = {}  # fine units of a minor one
        self._posted: dict[tuple[str, str], RecordedEvent] = {}

    def apply(self, recorded: RecordedEvent, account: str) -> None:
        """Apply one event of an account."""
        event = recorded.event
        if isinstance(event, e.TopUpReceived):  # most of what is compared: without detours
            serial, currency = event.serial, self.currencies.get(account, "")
            factor = self._factors.get(currency)
            if factor is None:
                factor = self._factors[currency] = from_minor(1, currency)
            if event.amount and (not self.channels or event.channel in self.channels):
                self.lines.append(
                    Line(
                        serial, event.amount * factor, currency, recorded.effective_at,
                        (_new(Reference, (serial, TRANSACTION)),), "", "", 0, "", "Payment",
                        account, f"@{recorded.position}", "", event.suspected_duplicate_of or "",
                        channel=event.channel,
                    )
                )  # fmt: skip
            return
        super().apply(recorded, account)
        moved = movement(recorded)
        if moved is None or (self.channels and moved.channel not in self.channels):
            return
        if moved.kind == BILL:
            self._posted[account, moved.record] = recorded
        amount = moved.cash if self.subject == "wallet" else moved.cash - moved.owed
        wanted = moved.kind == REVERSAL or self.subject != PAYMENTS
        if wanted and (amount or (moved.kind == BILL and self.subject == "owing")):
            self.lines.append(self._moved(recorded, account, moved, amount))

    def _moved(
        self, recorded: RecordedEvent, account: str, moved: Movement, amount: int
    ) -> Line:
        more: dict[str, object] = {}
        if moved.kind == REVERSAL:
            more = {"references": (Reference(moved.serial),), "order": ""}
        elif moved.kind == SETTLEMENT:
            posted = self._posted.get((account, moved.record))
            if posted is not None and recorded.cause == posted.position:
                more["instant"] = posted.effective_at  # a late bill keeps its value date (R11)
            if self.subject == "wallet":
                more["references"] = (Reference(moved.record),)
        elif moved.kind == NOTE:
            more["group"] = moved.about
        elif moved.kind == ORDER:
            more["group"] = self.payment_of(recorded.position)
        key = moved.serial or moved.record
        return self.line(recorded, account, amount, _WORDS[moved.kind], key, **more)


class _Charged(_Fold):
    """What was charged: before coupons, or after them; bills learn what was paid of them."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self._charges = Charges()
        self._accounts: list[str] = []  # of each charge

    def apply(self, recorded: RecordedEvent, account: str) -> None:
        """Apply one event of an account."""
        super().apply(recorded, account)
        self._charges.take(recorded, account)
        found = self._charges.found
        self._accounts += [account] * (len(found) - len(self._accounts))

    def finished(self) -> Iterator[Line]:
        """Yield the lines in the order of the log."""
        before_coupons = self.subject == "bills"
        refunds = Counter(
            one.recorded.position for one in self._charges.found if one.kind == REFUND
        )
        for account, one in zip(self._accounts, self._charges.found, strict=True):
            amount = one.amount if before_coupons else one.amount - one.coupons
            if (one.kind == OWED and before_coupons) or not (amount or one.kind == BILL):
                continue
            more: dict[str, object] = {"status": UNPAID if one.outstanding > 0 else PAID}
            position = one.recorded.position
            if one.kind == BILL:
                code = self.currencies.get(account, "")
                more |= {"paid": from_minor(one.cash, code),
                         "coupons": from_minor(one.coupons, code)}  # fmt: skip
            elif one.kind == NOTE:
                more["group"] = one.invoice
            elif one.kind == ORDER:
                more["group"] = self.payment_of(position)
            elif refunds[position] > 1:  # what a refund takes back, order by order
                more["group"] = refund_id(position)
            yield self.line(one.recorded, account, amount, _CHARGES[one.kind], one.record, **more)
