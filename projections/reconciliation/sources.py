"""A reconciliation from its file to its report: the one path that every command takes.

Invariant: the file is read and its control totals held before the ledger is looked at.
This module must not know who asks, or how the answer is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from ledger.memory import no_cycles
from ledger.periods import DAY
from ledger.reconciling import ONE_ACCOUNT, register
from projections.answers.reconciling import FileRead
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.breaks import TRANSIT, Scope
from projections.reconciliation.focus.delivery import sha256_of
from projections.reconciliation.focus.fitting import fitted, totals
from projections.reconciliation.lines import hints, proofs
from projections.reconciliation.ours import Side, ledger_side
from projections.reconciliation.readers import read_statement
from projections.reconciliation.report import (
    ReconciliationReport,
    answer_of,
    reconcile,
    with_missing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from projections.answers.reconciling import Reconcile
    from projections.point import Point
    from projections.reconciliation.lines import Line, Statement
    from projections.view import LedgerView


class ComparisonAsked(NamedTuple):
    """The question: how to read the file, and what to compare it with."""

    source: str
    encoding: str = "utf-8"
    column_map: str | None = None
    account: str = ""
    channels: frozenset[str] = frozenset()
    span: tuple[int, int] | None = None
    transit_days: int | None = None
    tolerance: int = 0
    kinds: frozenset[str] = frozenset()


class Compared(NamedTuple):
    """A report, with the two sides that it compares; ``only``: what was asked to be compared.

    ``others`` prove what a statement says in its other currencies, one report each.
    """

    report: ReconciliationReport
    statement: Statement
    side: Side
    sha256: str
    channels: frozenset[str]
    only: tuple[str, ...] = ()
    others: tuple[ReconciliationReport, ...] = ()

    @property
    def of(self) -> str:
        """What the statement speaks of: a bank's account, or the one account of a vendor's file."""
        return (self.statement.of or ", ".join(sorted(self.report.scope.accounts)))[:OF_MAX]

    def answer(self, view: LedgerView, point: Point) -> Reconcile:
        """Return ``tally.reconcile/1``."""
        return answer_of(
            self.report, view.shown(point), seen_at=point.seen_at, offset=view.offset,
            file=FileRead(sha256=self.sha256, lines=len(self.statement.lines)),
            others=self.others, channels=self.channels,
            totals=totals(self.statement) if self.report.source == "focus" else UNSET,
        )  # fmt: skip


OF_MAX = 200  # what an event keeps of the names of bank accounts


@no_cycles()  # nothing here refers to itself, so nothing is looked for
def compare(
    view: LedgerView, point: Point, body: bytes | Path, wanted: ComparisonAsked
) -> Compared:
    """Read, match and prove. Raises: InvalidInput, BadStatement, ControlTotalWrong."""
    statement = read_statement(
        body, wanted.source, offset=view.offset, currency=view.config.currency,
        encoding=wanted.encoding, account=wanted.account, column_map=wanted.column_map,
    )  # fmt: skip
    subject = "owing" if statement.subject == "wallet" and _owes(statement) else statement.subject
    side = ledger_side(view.reader, point, subject, channels=wanted.channels)
    if statement.source == "focus":
        statement, ours = fitted(statement, side.accounts, side.lines)
        side = side._replace(lines=ours)
    channels = wanted.channels
    if statement.subject == "payments" and not channels:
        channels = channels_named(side, statement.lines)
        kept = tuple(line for line in side.lines if not channels or line.channel in channels)
        side = side._replace(lines=kept)
    confirmed = [
        (one.ours, one.theirs) for one in register(view.reader, until=point.position).confirmed
        if one.source == wanted.source
    ]  # fmt: skip

    def compared(one: Statement) -> ReconciliationReport:
        return reconcile(
            one, side.lines, _scope(one, wanted), confirmed=confirmed,
            accounts=frozenset(side.accounts),
        )  # fmt: skip

    report = compared(statement)
    others = tuple(compared(statement.in_currency(code)) for code in statement.others)
    report = with_missing(report, others)
    said = _said(wanted, statement, report.scope.accounts)
    return Compared(report, statement, side, sha256_of(body), channels, said, others)


def _said(
    wanted: ComparisonAsked, statement: Statement, accounts: Iterable[str]
) -> tuple[str, ...]:
    """Return what the comparison was narrowed to, and by what it was loosened."""
    said = [f"{ONE_ACCOUNT}{name}" for name in sorted(accounts)]
    said += [f"channel {name}" for name in sorted(wanted.channels)]
    said += [f"item {name}" for name in sorted(wanted.kinds)]
    if (wanted.transit_days or 0) * DAY > TRANSIT.get(statement.subject, 0):
        said.append(f"transit-days {wanted.transit_days}")
    if wanted.tolerance:
        said.append(f"tolerance {write_amount(wanted.tolerance, statement.currency)}")
    return tuple(said)


def _owes(statement: Statement) -> bool:
    """Return whether an account of the file falls below zero: then balances include debts."""
    left = dict(statement.openings)
    if any(opening < 0 for opening in left.values()):
        return True
    for line in sorted(statement.lines, key=lambda one: (one.instant, -one.amount)):
        if line.account in left and line.currency == statement.currency:
            left[line.account] += line.amount
            if left[line.account] < 0:
                return True
    return False


def channels_named(side: Side, lines: Sequence[Line]) -> frozenset[str]:
    """Return the channels that a statement speaks of: those that explain its named payments.

    One serial may be there in two channels by chance, so a channel counts only where it explains
    a payment, by name and amount, that no channel with more such payments does; a name alone
    counts where nothing better is there.
    """
    named: dict[str, list[Line]] = {}
    for line in lines:
        for name in (*proofs(line), *hints(line)):
            named.setdefault(name, []).append(line)
    exact: dict[str, set[int]] = {}
    loose: dict[str, set[int]] = {}
    for one in side.lines:
        for line in named.get(one.key, ()) if one.channel else ():
            loose.setdefault(one.channel, set()).add(id(line))
            if (line.amount, line.currency) == (one.amount, one.currency):
                exact.setdefault(one.channel, set()).add(id(line))
    found: set[str] = set()
    explained: set[int] = set()
    evidence = exact or loose
    for size in sorted({*map(len, evidence.values())}, reverse=True):
        # Those that explain as many are told together: none of them is the better one.
        alike = [name for name, lines in evidence.items()
                 if len(lines) == size and not lines <= explained]  # fmt: skip
        found.update(alike)
        explained.update(*(evidence[name] for name in alike))
    return frozenset(found)


def _scope(statement: Statement, wanted: ComparisonAsked) -> Scope:
    """Return which of our lines are expected in the statement.

    A vendor's file that names one account speaks of that one; a file of several speaks of all, and
    so does a list of payments: an account in its rows is who paid.
    """
    named = {line.account for line in statement.lines}
    if statement.subject == "payments" and not wanted.account:
        named = set()
    starts, ends = wanted.span or (statement.starts, statement.ends)
    transit = TRANSIT.get(statement.subject, 0)
    if wanted.transit_days is not None:
        transit = wanted.transit_days * DAY
    return Scope(
        currency=statement.currency, starts=starts, ends=ends, narrowed=wanted.span is not None,
        whole=bool(statement.lines),
        transit=transit, tolerance=wanted.tolerance, kinds=wanted.kinds or statement.kinds,
        accounts=frozenset(named) if len(named) == 1 and "" not in named else frozenset(),
    )  # fmt: skip
