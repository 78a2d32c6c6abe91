"""What both sides of a reconciliation are made of: lines, their names, and the statement.

A bank's transaction id, a UETR or a provider's serial names one payment for ever. An entry's
reference names a booking, a batch's many payments, an instruction's may come again each month
(a standing order), a mandate's with each collection.
Invariant: amounts are signed fine units (in: positive), instants are UTC microseconds, and a
statement cannot be made whose control totals do not hold. Only a TRANSACTION reference proves a
repeat or matches across periods; an INSTRUCTION matches within the date window; BATCH and MANDATE
identify nothing. What has no name of its own is named by a hash of what it says and by the n-th
of its equals, so that the same file read again gives the same names, whatever the order of rows.
This module must not know a file format, and nothing of matching.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping  # noqa: TC003 - the struct asks for it
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import write_amount

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

CHARGE = "charge"  # the kind of a line that is what the provider kept, no payment
BOOKED, PENDING, PAID, UNPAID, FAILED = "booked", "pending", "paid", "unpaid", "failed"
ROUNDING = "rounding"  # the kind of a line that no bill has: what rounding to minor units cut off


class Line(Struct, frozen=True, gc=False):
    """One movement or charge, on either side.

    Attributes:
        key: what a person looks for: the payment's serial, the bill's id, the provider's number.
        amount: signed fine units; positive is in (or charged).
        instant: when it was booked.
        references: names that may stand on the other side, each with its scope (identity.py).
        order: our id of what it is about (bill, note, order), where it is known.
        group: the payout or settlement that it is part of.
        fee: what the provider kept of it, fine units.
        status: booked, pending, paid, unpaid, failed; empty where it is not said.
        kind: what sort of movement, in the source's or the ledger's own word.
        place: where it was read: ``line 7``, ``entry 3``, ``@17``.
        text: what the payer wrote.
        twin: key of the payment that it is suspected to repeat (R3).
        starts, ends: the cycle or term that is charged.
        firm: it names our own id, so that an equal amount alone proves nothing.
        number: the provider's own number of it, where that is not the payment's serial here.
        name: given to what has no name of its own (identity.numbered); readers leave it empty.
        statement: the id (and page) of the statement that it stands in, where the file has one.
        reversal: it reverses an earlier line of the same side (RvslInd).
        payer, payer_account: the other party, who paid or was paid: no part of what names a line.
        paid, coupons, gross: what cash and coupons paid, and the rated amount (R8).

    """

    key: str
    amount: int
    currency: str
    instant: int
    references: tuple[Reference, ...] = ()
    order: str = ""
    group: str = ""
    fee: int = 0
    status: str = ""
    kind: str = ""
    account: str = ""
    place: str = ""
    text: str = ""
    twin: str = ""
    starts: int = 0
    ends: int = 0
    instance: str = ""
    channel: str = ""
    paid: int = 0
    coupons: int = 0
    gross: int = 0
    firm: bool = False
    number: str = ""
    name: str = ""
    statement: str = ""
    reversal: bool = False
    payer: str = ""
    payer_account: str = ""


class Ends(NamedTuple):
    """What an account held before a statement's lines and after them."""

    opening: int
    closing: int


class Statement(Struct, frozen=True):
    """A file's lines with the totals it vouches for.

    Attributes:
        subject: which part of the ledger it speaks of: payments, wallet, bills, charges.
        balances: it states balances, not movements alone.
        kinds: the kinds of movement it speaks of; all where this is empty.
        starts, ends: the half-open span of time it covers.
        openings: the opening balance of each account, where it states them.
        of: the bank account that it is of, where it says so; several with commas.
        elsewhere: the opening in each of its other currencies, where its balances state it.

    """

    source: str
    subject: str
    currency: str
    lines: tuple[Line, ...]
    opening: int
    closing: int
    starts: int
    ends: int
    balances: bool = False
    kinds: frozenset[str] = frozenset()
    openings: Mapping[str, int] = {}
    of: str = ""
    elsewhere: Mapping[str, int] = {}

    @property
    def movements(self) -> int:
        """The sum of its booked lines, in its own currency."""
        currency = self.currency
        return sum(
            line.amount for line in self.lines
            if line.currency == currency and line.status not in (PENDING, FAILED)
        )

    @property
    def others(self) -> list[str]:
        """The currencies of its lines, other than its own."""
        return sorted({line.currency for line in self.lines} - {self.currency})

    def in_currency(self, code: str) -> Statement:
        """Return what it says in another of its currencies, as a statement of its own."""
        lines = tuple(line for line in self.lines if line.currency == code)
        opening = self.elsewhere.get(code, 0)
        moved = sum(line.amount for line in lines if line.status not in (PENDING, FAILED))
        return Statement(
            self.source, self.subject, code, lines, opening, opening + moved, self.starts,
            self.ends, balances=code in self.elsewhere, kinds=self.kinds, of=self.of,
        )  # fmt: skip

    def effect(self, line: Line) -> int:
        """Return by how much a line moves the closing: not at all before it is booked."""
        if line.currency != self.currency or line.status in (PENDING, FAILED):
            return 0
        return line.amount

    def __post_init__(self) -> None:
        """Check the control total: opening + movements = closing. Raises: ControlTotalWrong."""
        found = self.opening + self.movements
        if found != self.closing:
            what = "opening + entries = closing"
            raise ControlTotalWrong(what, self.closing, found, self.currency)


def statement_of(  # noqa: PLR0913 - as a statement has them
    source: str, subject: str, lines: Sequence[Line], *, currency: str,
    starts: int, ends: int, held: Mapping[str, Ends] | None = None, of: str = "",
    kinds: frozenset[str] = frozenset(), elsewhere: Mapping[str, int] = {},
) -> Statement:  # fmt: skip
    """Make a statement of what each account held; without that it is a list, from nothing on.

    Raises: ControlTotalWrong.
    """
    known = held or {}
    opening = sum(one.opening for one in known.values())
    closing = sum(one.closing for one in known.values()) if held is not None else sum(
        line.amount for line in lines
        if line.currency == currency and line.status not in (PENDING, FAILED)
    )  # fmt: skip
    return Statement(
        source, subject, currency, tuple(lines), opening, closing,
        starts, ends, balances=held is not None, kinds=kinds, of=of, elsewhere=elsewhere,
        openings={name: one.opening for name, one in known.items()},
    )  # fmt: skip


class ControlTotalWrong(InvalidInput):
    """A statement contradicts itself, so nothing in it is compared (exit 2)."""

    code = "CONTROL_TOTAL_WRONG"

    def __init__(self, what: str, stated: int, found: int, currency: str) -> None:
        """Name the total, what is stated, what was found, and the difference."""
        said = (write_amount(one, currency) for one in (stated, found, stated - found))
        super().__init__(
            "control total {}: stated {}, found {}, difference {}".format(what, *said),
            hint="ask for the file again; nothing was matched",
        )


class BadStatement(InvalidInput):
    """A file is not a statement of the source that was named (exit 2)."""

    code = "BAD_STATEMENT"


def check_total(what: str, stated: int, found: int, *, currency: str) -> None:
    """Check one more control total. Raises: ControlTotalWrong."""
    if stated != found:
        raise ControlTotalWrong(what, stated, found, currency)


def amount_of(lines: Iterable[Line]) -> int:
    """Add lines up, in fine units."""
    return sum(line.amount for line in lines)


def one_currency(lines: Sequence[Line], fallback: str) -> str:
    """Return the currency of most lines; the smallest code where several have as many."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.currency] = counts.get(line.currency, 0) + 1
    if not counts:
        return fallback
    return min(counts, key=lambda code: (code != fallback, -counts[code], code))


TRANSACTION, ENTRY, BATCH, INSTRUCTION, MANDATE = range(5)
SCOPES: Final = ("transaction", "entry", "batch", "instruction", "mandate")
# Ends the serial or the bill's id of what makes good a difference: it belongs to what it follows.
DIFFERENCE: Final = ":difference"
HASH_DIGITS: Final = 12


class Reference(NamedTuple):
    """A name that a payment carries, and what that name is of."""

    text: str
    scope: int = TRANSACTION

    @property
    def identifies(self) -> bool:
        """Whether it can name one payment at all: a batch and a mandate name many."""
        return self.scope not in (BATCH, MANDATE)


def transactions(line: Line) -> list[str]:
    """Return the references that name one payment for ever."""
    return [one.text for one in line.references if one.scope == TRANSACTION]


def proofs(line: Line) -> list[str]:
    """Return the names that prove which payment a line is, in any period."""
    found = transactions(line)
    if line.number:
        found.append(line.number)
    if line.name:
        found.append(line.name)
    return found


def hints(line: Line) -> list[str]:
    """Return the names that say so within the date window alone."""
    return [one.text for one in line.references if one.scope in (ENTRY, INSTRUCTION)]


def explicit(line: Line) -> bool:
    """Return whether a line names its payment outright: then another name means another payment."""
    return line.firm or bool(transactions(line))


def serial_of(line: Line) -> str:
    """Return the serial under which a statement's line is booked."""
    return min(transactions(line), default="") or line.number or line.name or line.key


def name_of(line: Line) -> str:
    """Name a line for a person to point at: the place in our log, or the statement's own name."""
    return line.place if line.place.startswith("@") else line.order or serial_of(line)


def names_of(lines: Sequence[Line]) -> list[str]:
    """Name lines, each with a name of its own: equal ones are told apart by their ordinal."""
    plain = [name_of(line) for line in lines]
    return [
        name if nth == 1 else f"{name}#{nth}"
        for name, nth in zip(plain, ordinals(plain), strict=True)
    ]


def order_of(line: Line) -> tuple[object, ...]:
    """Sort lines by what they say, never by where they stand."""
    return (
        line.instant, line.key, line.amount, line.currency, line.account, line.order,
        sorted(line.references), line.kind, line.group, line.status, line.text, line.name,
        line.number, line.statement, line.channel, line.instance, line.fee, line.starts, line.ends,
        line.payer, line.payer_account,
    )  # fmt: skip


def ordinals(keys: Iterable[Hashable]) -> list[int]:
    """Number each key among its equals, from 1."""
    seen: dict[Hashable, int] = {}
    found = []
    for key in keys:
        seen[key] = nth = seen.get(key, 0) + 1
        found.append(nth)
    return found


def digest(said: Iterable[object]) -> str:
    """Return a short hash of the parts."""
    return hashlib.sha256("\n".join(map(str, said)).encode()).hexdigest()[:HASH_DIGITS]


def numbered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Name the lines that have no name of their own; two equal ones are two."""
    from msgspec.structs import replace  # noqa: PLC0415 - for nameless lines alone

    nameless = [
        n for n, line in enumerate(lines)
        if not (line.number or line.order or line.name or (line.references and transactions(line)))
    ]
    if not nameless:
        return tuple(lines)
    nameless.sort(key=lambda n: (lines[n].payer, lines[n].payer_account))  # tells equals apart
    hashes = [digest(_content(lines[n])) for n in nameless]
    found = list(lines)
    for n, hashed, nth in zip(nameless, hashes, ordinals(hashes), strict=True):
        found[n] = replace(lines[n], name=f"line-{hashed}-{nth}")
    return tuple(found)


def _content(line: Line) -> tuple[object, ...]:
    return (
        line.statement, line.instant, line.amount, line.currency, line.account, line.group,
        line.kind, line.status, line.text, line.channel, line.instance, line.fee, line.starts,
        line.ends, *sorted(f"{one.scope} {one.text}" for one in line.references),
    )  # fmt: skip


def owner_of(line: Line, accounts: AbstractSet[str]) -> str:
    """Find the account that a line names: in a column, else in the payer's words or name."""
    if line.account:
        return line.account
    return account_in(line.text, accounts) or account_in(line.payer, accounts)


def account_in(text: str, accounts: AbstractSet[str]) -> str:
    """Find the one account that a payer named; none where there are several."""
    words = {word.strip(".,;:/()") for word in text.split()}
    named = words & accounts
    return min(named) if len(named) == 1 else ""
