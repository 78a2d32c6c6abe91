"""Commands that would resolve what is missing here, for a person to read and then import.

Invariant: nothing is booked; what cannot be said as a command is named, never guessed. A payment
keeps the provider's transaction reference as its serial, or the name that its line has in every
reading of the file, so the next run matches it (R3). What makes good a difference bears the name
of what it follows.
This module must not know the rules: the ledger decides when the commands are imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ledger.periods import SECOND
from projections.reconciliation.amounts import from_minor, write_amount
from projections.reconciliation.lines import DIFFERENCE, owner_of, serial_of, transactions
from projections.reconciliation.report import candidates_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.answers.terms import Formatter, Json
    from projections.reconciliation.breaks import MatchOutcome
    from projections.reconciliation.lines import Line
    from projections.reconciliation.ours import Side
    from projections.reconciliation.report import ReconciliationReport

REASON = "reconciliation: in the statement, not in the ledger"
WAYS_MAX = 5  # groups that a note about an ambiguous line names; tally breaks show lists all


class Proposal(NamedTuple):
    """A command as ``tally import`` reads it, or why there is none."""

    command: Json | None
    said: str


class Proposer:
    """Makes commands for one ledger: its clock, its accounts, its instances."""

    def __init__(
        self, side: Side, write: Formatter, *, at: int | None, known_at: int,
        account: str = "", channel: str = "bank",
    ) -> None:  # fmt: skip
        """Remember ``at``, which a simulated ledger wants on each line, None for a system one."""
        self.side, self.write = side, write
        self.at, self.known_at = at, known_at
        self.account, self.channel = account, channel
        self._names: dict[int, str] = {}
        self._taken: dict[str, Line] = {}  # what theirs calls it -> the payment that it is here

    def proposals(self, report: ReconciliationReport) -> Iterator[Proposal]:
        """Yield a proposal for each missing item, in the order of the report."""
        activated: set[tuple[str, str]] = set()
        self._names = report.line_names()
        self._taken = {
            name.text: match.ours[0] for match in report.matches if len(match.ours) == 1
            for line in match.theirs for name in line.references if name.identifies
        }  # fmt: skip
        for one in report.breaks:
            if one.kind == "missing_in_ledger":
                for line in one.theirs:
                    yield from self._missing(line, report.subject, activated)
            elif one.kind == "duplicate_ours" and report.subject == "payments":
                yield from self._repeated(one)
            elif one.kind == "amount":
                yield from self._different(one, report.subject)
            elif one.kind == "ambiguous":
                ways = candidates_of(one, self._names)
                lines = ", ".join(self._names[id(line)] for line in (*one.ours, *one.theirs))
                told = " or ".join(" + ".join(way) for way in ways[:WAYS_MAX]) or lines
                told += f" or {len(ways) - WAYS_MAX} others" if len(ways) > WAYS_MAX else ""
                yield Proposal(None, f"{one.key}: it could be {told}; tally breaks match confirms")

    def _missing(
        self, line: Line, subject: str, activated: set[tuple[str, str]]
    ) -> Iterator[Proposal]:
        taken = [self._taken[one.text] for one in line.references if one.text in self._taken]
        named = owner_of(line, self.side.accounts.keys())
        if line.reversal and taken:
            named = taken[0].account
        elif line.reversal and not named:
            named = self._payer_of(line)
        account = named or self.account
        if not account:
            yield _none(line, "no account is named; give --account")
        elif account not in self.side.accounts:
            yield _none(line, f"no account {account!r} here")
        elif subject in ("payments", "wallet"):
            yield self._payment(line, account)
        else:
            yield from self._charge(line, account, activated)

    def _payment(self, line: Line, account: str) -> Proposal:
        paid_in = line.amount + line.fee  # the provider kept the fee of what the payer paid
        size = write_amount(abs(paid_in), line.currency)
        if paid_in % from_minor(1, line.currency):
            return _none(line, f"{size} has more decimals than money")
        channel = line.channel if line.firm and line.channel else self.channel
        if line.amount > 0 and line.kind not in ("Refund", "Consumption") and not line.reversal:
            return self._said("top-up", line, account=account, amount=size, channel=channel,
                              serial=serial_of(line))  # fmt: skip
        paid = self._paid(line, account) if line.amount < 0 else None
        if paid is not None and line.kind != "Consumption":
            return self._said("reverse-top-up", _not_before(line, paid), account=account,
                              channel=paid.channel, serial=paid.key, amount=size)  # fmt: skip
        what = "a reversal of an earlier line" if line.reversal else line.kind
        if what in ("out", "debit"):
            what = "money that went out and names no payment of the ledger"
        return _none(line, f"{what} cannot be booked by hand")

    def _payer_of(self, line: Line) -> str:
        """Find whose payment a reversal reverses, where it names one that is unique here."""
        names = {reference.text for reference in line.references if reference.identifies}
        paid = {one.account for one in self.side.lines if one.amount > 0 and one.key in names}
        return min(paid) if len(paid) == 1 else ""

    def _paid(self, line: Line, account: str) -> Line | None:
        """Find our payment that a line takes back: the payment that it names."""
        takes = line.reversal or line.kind == "Withdraw"
        names = {*transactions(line),
                 *(one.text for one in line.references if takes and one.identifies)}  # fmt: skip
        there = [one for one in self.side.lines
                 if one.account == account and one.amount > 0
                 and (one.key in names or one in [self._taken.get(name) for name in names])
                 and one.amount >= -line.amount]  # fmt: skip
        return there[0] if len(there) == 1 else None

    def _different(self, one: MatchOutcome, subject: str) -> Iterator[Proposal]:
        """Make good a difference of two single lines, under the name of what it follows."""
        if len(one.ours) != 1 or len(one.theirs) != 1 or one.ours[0].amount <= 0:
            yield Proposal(None, f"{one.key}: several lines differ; see it with: tally breaks show")
            return
        mine, line = one.ours[0], one.theirs[0]
        more = line.amount - mine.amount
        size = write_amount(abs(more), mine.currency)
        payments = subject in ("payments", "wallet")
        if payments and more % from_minor(1, mine.currency):
            yield Proposal(None, f"{mine.place} {one.key}: {size} has more decimals than money")
        elif payments and mine.kind == "Payment":
            if more < 0:
                yield self._said("reverse-top-up", _not_before(line, mine), account=mine.account,
                                 amount=size, channel=mine.channel, serial=mine.key)  # fmt: skip
            else:
                yield self._said("top-up", line, account=mine.account, amount=size,
                                 channel=mine.channel, serial=mine.key + DIFFERENCE)  # fmt: skip
        elif mine.kind == "PayAsYouGoBill" and more < 0:
            yield self._said("credit-note", _not_before(line, mine), account=mine.account,
                             bill=mine.order,
                             note=mine.order + DIFFERENCE, amount=size)  # fmt: skip
        elif mine.kind == "PayAsYouGoBill":
            yield self._said(
                "post-bill", line, account=mine.account, bill=mine.order + DIFFERENCE,
                instance=mine.instance, cycle_start=self.write.instant(mine.starts),
                cycle_end=self.write.instant(mine.ends), rated=size,
            )  # fmt: skip
        else:
            yield Proposal(None, f"{mine.place} {one.key}: {mine.kind} cannot be booked by hand")

    def _charge(
        self, line: Line, account: str, activated: set[tuple[str, str]]
    ) -> Iterator[Proposal]:
        if line.amount < 0 or line.kind in ("Adjustment", "Refund", "Credit"):
            yield self._note(line, account)
            return
        instance = line.instance or f"vendor-{account}"
        there = (account, instance)
        if there not in self.side.instances and there not in activated:
            activated.add(there)
            yield self._said("activate-public", line, late=False, account=account,
                             instance=instance, kind="public_legacy")  # fmt: skip
        ends = line.ends or line.instant
        starts = line.starts if 0 < line.starts < ends else ends - SECOND
        yield self._said(
            # Before its instance was there, a bill cannot have a date: its cycle says the period.
            "post-bill", line, late=there not in activated, account=account,
            bill=line.order or serial_of(line), instance=instance,
            cycle_start=self.write.instant(starts), cycle_end=self.write.instant(ends),
            rated=write_amount(line.gross or line.amount, line.currency),
        )  # fmt: skip

    def _note(self, line: Line, account: str) -> Proposal:
        """Credit the bill that is named, else the only one that it can be."""
        bills = [one for one in self.side.lines if one.account == account and one.amount
                 >= -line.amount and one.kind == "PayAsYouGoBill"
                 and (one.order == line.group if line.group
                      else not line.instance or one.instance == line.instance)]  # fmt: skip
        if len(bills) != 1:
            of = f"bill {line.group!r}" if line.group else "bill"
            why = f"no {of} here is that large" if not bills else "it names no bill of several"
            return _none(line, f"{why}, so there is nothing to credit")
        return self._said("credit-note", line, account=account, note=line.order or serial_of(line),
                          bill=bills[0].order,
                          amount=write_amount(-line.amount, line.currency))  # fmt: skip

    def _repeated(self, one: MatchOutcome) -> Iterator[Proposal]:
        for line in one.ours:
            yield self._said(
                "reverse-top-up", line, late=False, account=line.account, channel=line.channel,
                serial=line.key, amount=write_amount(line.amount, line.currency),
            )  # fmt: skip

    def _said(self, command: str, line: Line, *, late: bool = True, **fields: object) -> Proposal:
        """Write a command; a fact keeps its own date (R11)."""
        given: dict[str, object] = {}
        if self.at is not None:
            given["at"] = self.write.instant(self.at)
        given.update({"do": command, **fields})
        if late and line.instant <= self.known_at:
            given["effective_at"] = self.write.instant(line.instant)
        given["reason"] = REASON
        return Proposal(given, "")


def _not_before(line: Line, other: Line) -> Line:
    """Date what takes back no earlier than what it takes back: a bank tells days alone."""
    return line if line.instant >= other.instant else replace(line, instant=other.instant)


def _none(line: Line, why: str) -> Proposal:
    return Proposal(None, f"{line.place} {line.key}: {why}")
