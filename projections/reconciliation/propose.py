"""Commands that would resolve what is missing here, for a person to read and then import.

Invariant: nothing is booked; what cannot be said as a command is named, never guessed. A payment
keeps the provider's reference as its serial, so the next run matches it (R3).
This module must not know the rules: the ledger decides when the commands are imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from projections.reconciliation.amounts import SCALE, write_amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from projections.answers import Formatter, Json
    from projections.reconciliation.breaks import Outcome
    from projections.reconciliation.lines import Line
    from projections.reconciliation.ours import Side
    from projections.reconciliation.report import Report

REASON = "reconciliation: in the statement, not in the ledger"


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

    def proposals(self, report: Report) -> Iterator[Proposal]:
        """Give a proposal for each missing item, in the order of the report."""
        activated: set[tuple[str, str]] = set()
        for one in report.breaks:
            if one.kind == "missing_in_ledger":
                for line in one.theirs:
                    yield from self._missing(line, report.subject, activated)
            elif one.kind == "duplicate_ours" and report.subject == "payments":
                yield from self._repeated(one)

    def _missing(
        self, line: Line, subject: str, activated: set[tuple[str, str]]
    ) -> Iterator[Proposal]:
        account = line.account or self._account_in(line.text) or self.account
        if not account:
            yield Proposal(None, f"{line.place} {line.key}: no account is named; give --account")
        elif account not in self.side.accounts:
            yield Proposal(None, f"{line.place} {line.key}: no account {account!r} here")
        elif subject in ("payments", "wallet"):
            yield self._payment(line, account)
        else:
            yield from self._charge(line, account, activated)

    def _account_in(self, text: str) -> str:
        """Find the one account that the payer named."""
        words = {word.strip(".,;:/()") for word in text.split()}
        named = sorted(words & self.side.accounts.keys())
        return named[0] if len(named) == 1 else ""

    def _payment(self, line: Line, account: str) -> Proposal:
        serial = line.references[0].text if line.references else line.key
        size = write_amount(abs(line.amount), line.currency)
        if line.amount * 100 % SCALE:
            return Proposal(None, f"{line.place} {line.key}: {size} has more decimals than money")
        channel = line.channel if line.firm and line.channel else self.channel
        if line.amount > 0 and line.kind not in ("Refund", "Consumption"):
            return self._said("top-up", line, account=account, amount=size, channel=channel,
                              serial=serial)  # fmt: skip
        names = {one.text for one in line.references}
        paid = next(
            (one for one in self.side.lines
             if one.account == account and one.key in names and one.amount > 0), None,
        )  # fmt: skip
        if line.amount < 0 and paid is not None and line.kind != "Consumption":
            return self._said("reverse-top-up", line, account=account, channel=paid.channel,
                              serial=paid.key, amount=size)  # fmt: skip
        return Proposal(None, f"{line.place} {line.key}: {line.kind} is not for a person to book")

    def _charge(
        self, line: Line, account: str, activated: set[tuple[str, str]]
    ) -> Iterator[Proposal]:
        if line.amount < 0 or line.kind in ("Adjustment", "Refund", "Credit"):
            note = self._note(line, account)
            yield note or Proposal(None, f"{line.place} {line.key}: no bill to credit it on")
            return
        instance = line.instance or f"vendor-{account}"
        there = (account, instance)
        if there not in self.side.instances and there not in activated:
            activated.add(there)
            yield self._said("activate-public", line, late=False, account=account,
                             instance=instance, kind="public_legacy")  # fmt: skip
        ends = line.ends or line.instant
        starts = line.starts if line.starts < ends else ends - 1_000_000
        if not line.starts:
            starts = ends - 1_000_000
        yield self._said(
            # Before its instance was there, a bill cannot have a date: its cycle says the period.
            "post-bill", line, late=there not in activated, account=account,
            bill=line.order or line.key, instance=instance,
            cycle_start=self.write.instant(starts), cycle_end=self.write.instant(ends),
            rated=write_amount(line.gross or line.amount, line.currency),
        )  # fmt: skip

    def _note(self, line: Line, account: str) -> Proposal | None:
        bills = [one for one in self.side.lines if one.account == account and one.amount
                 >= -line.amount and one.kind == "PayAsYouGoBill"
                 and (not line.instance or one.instance == line.instance)]  # fmt: skip
        if not bills:
            return None
        chosen = max(bills, key=lambda one: (one.instant, one.key))
        return self._said("credit-note", line, account=account, note=line.order or line.key,
                          bill=chosen.order,
                          amount=write_amount(-line.amount, line.currency))  # fmt: skip

    def _repeated(self, one: Outcome) -> Iterator[Proposal]:
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


def channels_named(side: Side, references: Mapping[str, object]) -> frozenset[str]:
    """Give the channels whose serials a statement names: those that pay into this account."""
    return frozenset(
        line.channel for line in side.lines if line.key in references and line.channel
    )
