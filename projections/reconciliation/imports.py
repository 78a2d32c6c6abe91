"""A vendor's file as commands: how a ledger is started from the files that somebody has.

Top-ups, reversals and bills come back as what they were. What the file cannot tell (which order,
which coupon) becomes the plainest command that moves the same money: an order is a bill, a refund
is a top-up, a coupon is granted for the one bill that it paid.
Invariant: importing a file into an empty ledger and reconciling the same file finds no break.
The importer must not know the ledger: it makes commands of a statement and of what is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ledger.errors import InvalidInput
from ledger.input.ids import ID_MAX
from ledger.periods import DAY, SECOND
from projections.answers.results import Previewed
from projections.point import Asked, account_at
from projections.reconciliation.amounts import exact, from_minor, write_amount
from projections.reconciliation.lines import BadStatement, digest, serial_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from ledger.state import AccountState
    from projections.answers.terms import Formatter, Json
    from projections.reconciliation.lines import Line, Statement
    from projections.view import LedgerView

_AS_TEXT = "export the file again and do not open it with a spreadsheet: it cuts long numbers"
# (account, instance) -> what is left to credit of each bill, its id, and when it was posted
Left = dict[tuple[str, str], list[tuple[int, str, int]]]
OPENING = "opening"  # the channel, and the beginning of an id, of what was there before the file
CHANNEL = "vendor"  # of payments that the file implies but does not name
NAMELESS = "vendor"  # the account of a file without one


class Known(NamedTuple):
    """What the ledger has of a file's accounts already: an earlier file may have brought it.

    Attributes:
        accounts: all that there are, in the file or not.
        payments: the channel of each payment, by account and serial.
        bills: what is left to credit of each.
        notes: the bill of each credit note, by account and note.
        held: cash less debts when the file begins, of the accounts where money has moved.

    """

    accounts: Iterable[str] = ()
    instances: Collection[tuple[str, str]] = ()
    payments: Mapping[tuple[str, str], str] = {}
    bills: Mapping[tuple[str, str], list[tuple[int, str, int]]] = {}
    notes: Mapping[tuple[str, str], str] = {}
    held: Mapping[str, int] = {}


class Importer:
    """Makes commands for a ledger whose clock stands at ``clock``, None for a system clock."""

    def __init__(
        self, write: Formatter, *, clock: int | None, now: int, known: Known,
        dates_lost: bool = False,
    ) -> None:  # fmt: skip
        """Remember how to write instants, where the clock is, and what the ledger has."""
        self.write, self.clock, self.now, self.known = write, clock, now, known
        # account -> the first instant that a fact of it may have
        self._opened = dict.fromkeys(known.accounts, 0)
        self._returned: dict[str, int] = {}  # cash that notes gave back and nothing has taken yet
        self._instances = set(known.instances)
        self._late = False
        self._dates_lost = dates_lost
        self._left: dict[str, int] = {}  # what each account of a wallet file has by then
        self._owed: set[str] = set()  # those that were below zero
        self._begun = 0
        self.unsaid: list[str] = []
        self.origin = ""  # of the file: its name and hash, for what names its rows

    def commands(self, statement: Statement) -> Iterator[Json]:
        """Yield the commands of a statement, in the order of their instants.

        Raises: BadStatement (two rows of one key that differ), InvalidInput (dates lost).
        """
        refuse_mangled(statement)
        if not statement.openings and statement.opening:
            raise BadStatement(
                "the file states an opening balance, but not of which account",
                hint="add a Balance to every row, or book the opening yourself",
            )
        if statement.subject == "wallet":
            yield from self._wallet(statement)
        else:
            yield from self._charges(statement)

    def _said(self, command: str, instant: int, **fields: object) -> Json:
        """Write a command at its instant, or as a late fact where the clock is further (R11)."""
        given: dict[str, object] = {}
        recorded = self.now
        if self.clock is not None:
            self.clock = recorded = max(self.clock, instant)
            given["at"] = self.write.instant(recorded)
        given.update({"do": command, **fields})
        opened = self._opened.get(str(fields["account"]), recorded)
        if command not in ("open-account", "activate-public") and opened <= instant < recorded:
            given["effective_at"] = self.write.instant(instant)
        return given

    def _account(self, line: Line, instant: int) -> Iterator[Json]:
        account = line.account or NAMELESS
        if account not in self._opened:
            if not self._late and (self.now if self.clock is None else self.clock) > instant + DAY:
                self._late = True
                said = (
                    "the ledger's clock is later than the file, so accounts are opened after it "
                    "and the dates of what came before are lost"
                )
                hint = "begin with: tally init --clock simulated --start T"
                if self.clock is None and not self._dates_lost:
                    raise InvalidInput(said, hint=f"{hint}; or accept it with --dates-lost")
                self.unsaid.append(f"{said}; {hint}")
            yield self._said("open-account", instant, account=account, currency=line.currency)
            self._opened[account] = self.now if self.clock is None else self.clock

    def _instance(self, account: str, instance: str, instant: int) -> Iterator[Json]:
        if (account, instance) not in self._instances:
            self._instances.add((account, instance))
            yield self._said("activate-public", instant, account=account, instance=instance,
                             kind="public_legacy")  # fmt: skip

    # --- account transactions -----------------------------------------------------------------

    def _wallet(self, statement: Statement) -> Iterator[Json]:
        lines = sorted(
            statement.lines, key=lambda one: (one.instant, one.amount < 0, one.place.rjust(20))
        )
        before = statement.starts - SECOND
        accounts = sorted({line.account for line in lines})
        for line in {line.account: line for line in lines}.values():
            yield from self._account(line, before)
        for name in accounts:
            yield from self._opening(name, statement, before)
            self._left[name or NAMELESS] = statement.openings.get(name, 0)
        self._begun = before
        paid = {
            serial: channel for (owner, serial), channel in self.known.payments.items()
            if owner in self._left
        }
        billed = {""}
        for line in lines:
            yield from self._movement(line, paid, billed)

    def _opening(self, name: str, statement: Statement, before: int) -> Iterator[Json]:
        """Begin an account with what it held, or with an unpaid item of what it owed."""
        opening = statement.openings.get(name, 0)
        account, size = name or NAMELESS, write_amount(abs(opening), statement.currency)
        held = self.known.held.get(account)
        if held is not None:  # the file goes on from there
            if name in statement.openings and opening != held:
                self.unsaid.append(
                    f"{account}: the file begins with {write_amount(opening, statement.currency)}, "
                    f"the ledger has {write_amount(held, statement.currency)} there; nothing is "
                    "booked for the difference"
                )
        elif opening > 0:
            yield self._said("top-up", before, account=account, channel=OPENING,
                             serial=f"{OPENING}:{account}", amount=size)  # fmt: skip
        elif opening < 0:
            instance = f"vendor-{account}"
            yield from self._instance(account, instance, before)
            yield self._said(
                "post-bill", before, account=account, bill=f"{OPENING}:{account}",
                instance=instance, cycle_start=self.write.instant(before - SECOND),
                cycle_end=self.write.instant(before), rated=size,
            )  # fmt: skip

    def _movement(self, line: Line, paid: dict[str, str], billed: set[str]) -> Iterator[Json]:
        account = line.account or NAMELESS
        if self._left[account] < 0:
            self._owed.add(account)
        self._left[account] += line.amount
        serial, size = serial_of(line), write_amount(abs(line.amount), line.currency)
        own = line.number or line.name or line.key
        if line.amount > 0:
            known = line.kind == "Payment" and bool(line.references)
            channel = (line.channel or CHANNEL) if known else CHANNEL
            paid.setdefault(serial, channel)
            yield self._said(
                "top-up", line.instant, account=account, channel=channel,
                serial=serial if known else own, amount=size,
            )  # fmt: skip
        elif line.amount < 0 and line.kind == "Withdraw" and serial in paid:
            yield self._said("reverse-top-up", line.instant, account=account,
                             channel=paid[serial], serial=serial, amount=size)  # fmt: skip
        elif line.amount < 0:
            # What was paid in steps is a bill a step: the later ones are named by their payment.
            bill = line.order if line.order not in billed else own
            billed.add(line.order)
            instance = f"vendor-{account}"
            yield from self._instance(account, instance, line.instant)
            yield self._bill(line, account, bill, instance, ends=line.instant, rated=size)

    def _bill(
        self, line: Line, account: str, bill: str, instance: str, *, ends: int, rated: str
    ) -> Json:
        starts = line.starts if 0 < line.starts < ends else ends - SECOND
        if account in self._owed and not line.starts:
            starts = self._begun - SECOND  # before any debt stopped the service (R18)
        return self._said(
            "post-bill", max(line.instant, ends), account=account, bill=bill, instance=instance,
            cycle_start=self.write.instant(starts), cycle_end=self.write.instant(ends),
            rated=rated,
        )  # fmt: skip

    # --- bills and FOCUS charges --------------------------------------------------------------

    def _charges(self, statement: Statement) -> Iterator[Json]:
        """Yield charges: all recorded at one instant, so that nothing falls due in between.

        Those that were paid come first, each with the money that paid it, for a payment always
        settles what is oldest (R2); so does the money of a note, which pays what comes after it.
        """
        lines = sorted(statement.lines, key=_sequence(statement.lines))
        last = max((self._ends(line) for line in lines), default=0)
        first = min((line.instant for line in lines), default=0)
        for line in sorted(lines, key=lambda one: one.account):
            begins = min(first, statement.starts or first)
            yield from self._account(line, begins)
            yield from self._instance(line.account or NAMELESS, self._instance_of(line), begins)
        if self.clock is not None:
            self.clock = max(self.clock, last)
        left: Left = {there: list(bills) for there, bills in self.known.bills.items()}
        for line in lines:
            if line.amount < 0:
                yield from self._credit(line, left)
            elif self._charged(line):
                yield from self._charge(line, left)

    def _charge(self, line: Line, left: Left) -> Iterator[Json]:
        account = line.account or NAMELESS
        instance, bill = self._instance_of(line), line.order or serial_of(line)
        ends = self._ends(line)
        if line.coupons > 0:
            yield self._said(
                "grant-coupon", line.instant, account=account, coupon=_payment(account, bill),
                amount=write_amount(line.coupons, line.currency),
                ends=self.write.instant(self._recorded(line) + SECOND),
                order_types=["pay_as_you_go"],
            )  # fmt: skip
        there = min(line.paid, self._returned.get(account, 0))
        if line.paid > there:
            yield self._said(
                "top-up", line.instant, account=account, channel=CHANNEL,
                serial=_payment(account, bill),
                amount=write_amount(line.paid - there, line.currency),
            )  # fmt: skip
        if there:
            self._returned[account] -= there
        rated = write_amount(self._rated(line), line.currency)
        yield self._bill(line, account, bill, instance, ends=ends, rated=rated)
        posted = max(line.instant, ends)
        mine = left.setdefault((account, instance), [])
        if all(name != bill for _, name, _ in mine):  # the ledger may have it already
            mine.append((line.amount, bill, posted))

    def _charged(self, line: Line) -> bool:
        return line.amount > 0 or line.coupons > 0

    def _rated(self, line: Line) -> int:
        return line.gross if line.gross > 0 else line.amount

    def _instance_of(self, line: Line) -> str:
        return line.instance or f"vendor-{line.account or NAMELESS}"

    def _ends(self, line: Line) -> int:
        """Return the end of what is charged; a term charged ahead ends later than its order."""
        ahead = line.ends > line.instant and line.kind not in ("PayAsYouGoBill", "Usage")
        return line.instant if ahead or not line.ends else line.ends

    def _recorded(self, line: Line) -> int:
        return max(self.clock, line.instant) if self.clock is not None else self.now

    def _credit(self, line: Line, left: Left) -> Iterator[Json]:
        """Credit the bill that is named, else the one of its instance with the most left."""
        account, note = line.account or NAMELESS, line.order or serial_of(line)
        bill = self.known.notes.get((account, note))
        if bill is not None:  # the ledger has the note: the same one again
            left = {(account, line.instance): [(-line.amount, bill, 0)]}
        own = left.get((account, line.instance), [])
        named = [one for one in own if one[1] == line.group]
        others = [one for (name, _), bills in sorted(left.items()) if name == account
                  for one in bills]  # fmt: skip
        for bills in (named, own, others):
            chosen = max(bills, default=(0, "", 0))
            if chosen[0] >= -line.amount:
                break
        else:
            self.unsaid.append(f"{line.place} {note}: no bill is large enough to credit it on")
            return
        for bills in left.values():
            if chosen in bills:
                bills[bills.index(chosen)] = (chosen[0] + line.amount, *chosen[1:])
                break
        self._returned[account] = self._returned.get(account, 0) - line.paid
        yield self._said(
            "credit-note", max(line.instant, chosen[2]), account=account, note=note, bill=chosen[1],
            amount=write_amount(-line.amount, line.currency),
        )  # fmt: skip


def _payment(account: str, bill: str) -> str:
    """Name what pays a bill: bills are unique in their account, serials in the ledger (R3)."""
    return f"paid:{digest([account, bill])}:{bill}"[:ID_MAX].rstrip()


def refuse_mangled(statement: Statement) -> None:
    """Refuse rows that a spreadsheet seems to have mangled: one key, and other content.

    Raises: BadStatement, naming both rows.
    """
    seen: dict[tuple[str, ...], Line] = {}
    for line in statement.lines:
        serial = line.references[0].text if line.references else ""
        keys: list[tuple[str, ...]] = [("number", line.number)] if line.number else []
        if serial and line.kind == "Payment" and line.amount > 0:  # it is taken back in parts
            keys.append(("serial", line.channel, serial))
        elif line.order and not line.number:
            keys.append(("record", line.account, line.kind, line.order))
        for key in keys:
            other = seen.setdefault(key, line)
            if other is line:
                continue
            there, again = (replace(one, place="", name="") for one in (other, line))
            if there != again:
                what = "payment" if line.kind == "Payment" else "row"
                both = f"{other.place} and {line.place} both have {key[-1]!r}"
                msg = f"{both}, but they are not the same {what}"
                raise BadStatement(msg, hint=_AS_TEXT)


def _sequence(lines: Iterable[Line]) -> Callable[[Line], tuple[object, ...]]:
    """Order charges: paid ones and notes on them, then unpaid ones, their notes, other notes."""
    known = {line.order: line.status == "unpaid" for line in lines if line.amount > 0}

    def key(line: Line) -> tuple[object, ...]:
        takes_back = line.amount < 0
        place = 1 if line.status == "unpaid" else 0
        if takes_back:
            place = {True: 2, False: 0, None: 3}[known.get(line.group)]
        return place, line.instant, takes_back, line.key

    return key


def known_of(
    view: LedgerView, statement: Statement, accounts: Sequence[str], named: Iterable[str], *,
    position: int,
) -> Known:  # fmt: skip
    """Gather what the ledger has of the accounts that a statement names, at a position."""
    point = view.point(Asked(position=position))
    begun = point._replace(at=min(point.at, statement.starts - SECOND), everything=False)
    payments: dict[tuple[str, str], str] = {}
    instances: set[tuple[str, str]] = set()
    left: Left = {}
    held: dict[str, int] = {}
    for name in sorted(named):
        state = account_at(view.reader, name, point)
        if state is None:
            continue
        payments |= {(name, serial): channel for channel, serial in state.payments}
        instances |= {(name, instance) for instance in state.instances}
        for bill in state.bills.values():
            rest = from_minor(bill.amount - bill.credited, state.currency)
            left.setdefault((name, bill.instance), []).append((rest, bill.item, bill.posted_at))
        if state.payments or state.bills or state.debts:
            before = account_at(view.reader, name, begun)
            held[name] = from_minor(before.available, state.currency) if before else 0
    return Known(accounts, instances, payments, left, {}, held)


def previewed(state: AccountState, statement: Statement) -> Previewed:
    """Return an account as an import would leave it, beside the file's own figures."""
    account, code = state.account, state.currency
    stated = None
    named = account if account in statement.openings else ""
    if named in statement.openings and code == statement.currency:
        stated = statement.openings[named] + sum(
            statement.effect(line) for line in statement.lines if line.account == named
        )
    held = from_minor(state.cash - state.outstanding, code)
    coupons = sum(coupon.remaining for coupon in state.coupons.values())
    return Previewed(
        account=account, currency=code, cash=exact(from_minor(state.cash, code), code),
        coupons=exact(from_minor(coupons, code), code),
        debts=exact(from_minor(state.outstanding, code), code),
        in_file=None if stated is None else exact(stated, code),
        difference=None if stated is None else exact(stated - held, code),
        differs=stated is not None and stated != held,
    )  # fmt: skip
