"""Every error of the ledger: one root, one class per broken rule, stable codes.

Invariant: a message says what is wrong, shows the offending value and what to do next;
``code`` never changes once released (docs/ERRORS.md is generated from this file).
This module must not know how errors are shown: the command line maps them to exit codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class LedgerError(Exception):
    """The root of everything that the ledger raises on purpose.

    Attributes:
        hint: the remedy, apart from the message.

    """

    code: ClassVar[str] = "LEDGER_ERROR"
    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the remedy apart from the message."""
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class InvalidInput(LedgerError):
    """The input is not a command, an instant, an amount or a setting at all (exit 2)."""

    code = "INVALID_INPUT"


class BadLine(LedgerError):
    """A line is not a command: it is named, and the import stops before it (exit 2)."""

    code = "BAD_LINE"

    def __init__(self, *, line: int, error: InvalidInput) -> None:
        """Name the line and keep the remedy."""
        super().__init__(f"line {line}: {error}", hint=error.hint)
        self.line, self.error = line, error


class EffectiveTimeOutOfOrder(InvalidInput):
    """A fact is effective after it is recorded, or before the fact it names (R11, exit 2)."""

    code = "EFFECTIVE_TIME_OUT_OF_ORDER"

    def __init__(self, *, effective_at: str, bound: str, why: str) -> None:
        """Name both instants."""
        super().__init__(
            f"effective_at {effective_at} is {why} ({bound})",
            hint="give an effective_at from the fact it names up to the instant of recording",
        )


class ClockWentBackwards(InvalidInput):
    """A simulated clock may only move forward (exit 2)."""

    code = "CLOCK_BACKWARDS"

    def __init__(self, *, at: str, clock: str) -> None:
        """Name both instants."""
        super().__init__(
            f"at {at} lies before the ledger's clock {clock}",
            hint="commands come in the order of their instants; see: tally clock show",
        )


class WrongClock(InvalidInput):
    """The command needs the other kind of clock (exit 2)."""

    code = "WRONG_CLOCK"

    def __init__(self, *, what: str, clock: str) -> None:
        """Name the clock that the ledger has."""
        super().__init__(
            f"{what} on a ledger whose clock is {clock}",
            hint="see: tally clock show; the clock is chosen once, by tally init --clock",
        )


class ExtraMissing(InvalidInput):
    """This needs an optional package that is not installed (exit 2)."""

    code = "EXTRA_MISSING"

    def __init__(self, *, package: str, extra: str) -> None:
        """Name the package and how to install it."""
        super().__init__(
            f"the package {package!r} is not installed",
            hint=f"install it with: pip install 'tallystick[{extra}]'",
        )


class UnknownEventType(LedgerError):
    """Stored bytes carry an event type or schema number that this program does not know."""

    code = "UNKNOWN_EVENT_TYPE"

    def __init__(self, detail: str) -> None:
        """Name what could not be read."""
        super().__init__(f"cannot read a stored event: {detail}; use the program that wrote it")


class NoSuchThing(LedgerError):
    """An account, event, tag or point that is asked for does not exist (exit 3)."""

    code = "NO_SUCH_THING"


class PointInTheFuture(NoSuchThing):
    """A reading point lies after the ledger's clock or head (exit 3)."""

    code = "POINT_IN_THE_FUTURE"

    hint = "tally forecast --to T runs the same rules ahead of the clock on a copy"

    def __init__(self, *, point: str, now: str, hint: str | None = None) -> None:
        """Name both."""
        super().__init__(f"{point} lies after the ledger's {now}", hint=hint)


class SelfReview(LedgerError):
    """A break is signed off by a named person who did not prepare it (exit 4)."""

    code = "SELF_REVIEW"

    def __init__(self, *, break_id: str, preparer: str, what: str = "break") -> None:
        """Name the break or the run, and who prepared it."""
        said = f"{what} {break_id} was prepared by {preparer!r}"
        super().__init__(said, hint="another person signs it off: --actor NAME")


class WrongBreakState(LedgerError):
    """A break is in a state in which this cannot be done to it (exit 4)."""

    code = "WRONG_BREAK_STATE"

    def __init__(self, *, break_id: str, state: str, wanted: str, what: str = "break") -> None:
        """Name the state that it is in."""
        said = f"{what} {break_id} is {state}, so it cannot be {wanted}"
        super().__init__(said, hint="see it with: tally breaks list")


class CorruptHistory(LedgerError):
    """The fold met an event that our histories cannot contain: our bug or a damaged log."""

    code = "CORRUPT_HISTORY"


# What happened to a ledger, as far as that can be told.
MODIFIED, DELETED, INSERTED, REORDERED = "modified", "deleted", "inserted", "reordered"
TRUNCATED, FORKED, BACKWARDS = "truncated", "forked", "clock_backwards"
UNSIGNED, UNKNOWN_KEY = "unsigned", "unknown_key"


class IntegrityBroken(LedgerError):
    """What is stored, signed or proven is not what was recorded (R59, exit 5).

    Attributes:
        kind: modified, deleted, inserted, reordered, truncated, forked, unsigned, unknown_key,
            clock_backwards; None where it is something else.
        position: the first bad position, where it is known.

    """

    code = "INTEGRITY_BROKEN"
    hint = "keep the file as it is; see: tally verify"

    def __init__(
        self, message: str, *, kind: str | None = None, position: int | None = None,
        hint: str | None = None,
    ) -> None:  # fmt: skip
        """Keep the kind and the first bad position beside the message."""
        super().__init__(message, hint=hint)
        self.kind = kind
        self.position = position


class Refused(LedgerError):
    """A rule refuses the command (exit 4). One subclass per code of RULEBOOK section 5.

    Attributes:
        rule: the rule that refused, e.g. ``R26``.
        needed: what would have been needed, in minor units, where money decides.
        available: what was there, in minor units.
        facts: what was looked at, as JSON; told to whoever asked, not recorded.

    """

    remedy: str = ""
    facts: Mapping[str, Any] = {}

    def __init__(
        self, message: str, *, rule: str, needed: int | None = None, available: int | None = None,
        remedy: str | None = None,
    ) -> None:  # fmt: skip
        """Keep the facts that decided beside the message; ``remedy``: another than its class's."""
        super().__init__(message)
        self.rule = rule
        self.needed = needed
        self.available = available
        if remedy is not None:
            self.remedy = remedy


class PeriodIsClosed(Refused):
    """The fact would restate a closed period, and no permitted person has overridden that."""

    code = "PERIOD_CLOSED"
    remedy = "record it with override, actor and reason, by another person than who closed"


class ChecklistOpen(Refused):
    """What the policy requires of a close is not there yet."""

    code = "CHECKLIST_OPEN"
    remedy = "see what is open: tally close PERIOD --check"


class AccountOverdue(Refused):
    """A fee operation while the account is overdue."""

    code = "ACCOUNT_OVERDUE"
    remedy = "settle what is outstanding first: top-up"


class InsufficientBalance(Refused):
    """One coupon and the cash do not cover the whole order."""

    code = "INSUFFICIENT_BALANCE"
    remedy = "top up the difference, or name a larger coupon"


class NotRenewable(Refused):
    """A list of instances holds one that cannot be renewed, or is itself no valid list."""

    code = "NOT_RENEWABLE"
    remedy = "give 1-100 different paid or trial Enterprise instances that are not released"


class NotCancellable(Refused):
    """There is nothing to cancel: public, released, or no renewal that has not begun."""

    code = "NOT_CANCELLABLE"
    remedy = "see the instance's kind, state and terms: tally state ACCOUNT"


class NotFrozen(Refused):
    """Only a frozen instance can continue its trial."""

    code = "NOT_FROZEN"
    remedy = "see the instance's state: tally state ACCOUNT"


class Expired(Refused):
    """The instance's term has ended."""

    code = "EXPIRED"
    remedy = "renew it first (until its release)"


class PaymentConflict(Refused):
    """The payment's key was used before with another amount or account."""

    code = "PAYMENT_CONFLICT"
    remedy = "a new payment needs a new serial; a retry repeats amount and account exactly"


class OverReversal(Refused):
    """More would be reversed than was paid."""

    code = "OVER_REVERSAL"
    remedy = "reverse at most what is left of the payment"


class OverCredit(Refused):
    """More would be credited than was billed."""

    code = "OVER_CREDIT"
    remedy = "credit at most what is left of the bill"


class UnknownPayment(Refused):
    """This account has no payment with that key."""

    code = "UNKNOWN_PAYMENT"
    remedy = "find it with: tally log ACCOUNT --type TopUpReceived"


class UnknownBill(Refused):
    """This account has no posted bill with that id."""

    code = "UNKNOWN_BILL"
    remedy = "find it with: tally log ACCOUNT --type BillPosted"


class UnknownAccount(Refused):
    """There is no such account."""

    code = "UNKNOWN_ACCOUNT"
    remedy = "open it first: open-account"


class UnknownInstance(Refused):
    """This account has no such instance."""

    code = "UNKNOWN_INSTANCE"
    remedy = "see the account's instances: tally state ACCOUNT"


class UnknownSku(Refused):
    """The sku has no list price."""

    code = "UNKNOWN_SKU"
    remedy = "set its price first: set-price"


class AlreadyExists(Refused):
    """The id is taken."""

    code = "ALREADY_EXISTS"
    remedy = "choose another id; to repeat a command safely give it a token"


class InvalidPeriod(Refused):
    """The months or the period are not allowed here."""

    code = "INVALID_PERIOD"
    remedy = "orders: 1-9, 12, 24 or 36 months; auto-renewal: 1, 2, 3, 6, 12, 24 or 36"


class InvalidAmount(Refused):
    """The amount is zero or negative, too fine for its currency, or more than can be held."""

    code = "INVALID_AMOUNT"
    remedy = "give a positive amount with at most the currency's decimals"


class NotBillable(Refused):
    """The instance is never billed, or was not in service when the cycle began."""

    code = "NOT_BILLABLE"
    remedy = "see the instance's history: tally log ACCOUNT --instance I"


class BillTooEarly(Refused):
    """The bill is posted before its cycle has ended."""

    code = "BILL_TOO_EARLY"
    remedy = "post the bill after cycle_end"


class CouponNotEligible(Refused):
    """The coupon that was named cannot pay this order."""

    code = "COUPON_NOT_ELIGIBLE"
    remedy = "name another coupon, or leave the choice: coupon=auto"


class ConcurrentModification(Refused):
    """The account's stream has moved past the expected version."""

    code = "CONCURRENT_MODIFICATION"
    remedy = "read the account again, then retry"


class TokenReused(Refused):
    """The token was used before for another command or other fields."""

    code = "TOKEN_REUSED"
    remedy = "a new command needs a new token; a retry repeats all fields exactly"


class WrongState(Refused):
    """The command does not apply to an instance of this kind or in this state."""

    code = "WRONG_STATE"
    remedy = "see the instance's kind and state: tally state ACCOUNT"


REFUSALS: tuple[type[Refused], ...] = (
    AccountOverdue, InsufficientBalance, NotRenewable, NotCancellable, NotFrozen, Expired,
    PaymentConflict, OverReversal, OverCredit, UnknownPayment, UnknownBill, UnknownAccount,
    UnknownInstance, UnknownSku, AlreadyExists, InvalidPeriod, InvalidAmount, NotBillable,
    BillTooEarly, CouponNotEligible, ConcurrentModification, TokenReused, WrongState,
    PeriodIsClosed, ChecklistOpen,
)  # fmt: skip
