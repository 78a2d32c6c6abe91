"""Statements of others beside the ledger: reconciliations, their recorded runs and breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from projections.answers.terms import (
    Answer,
    Count,
    Currency,
    Fine,
    Id,
    Instant,
    Part,
    PointShown,
    Position,
)

Ways: TypeAlias = Annotated[
    Sequence[Sequence[str]],
    Meta(description="Groups of lines, by name, that would explain it; none is booked."),
]


class Span(Part, frozen=True, kw_only=True):
    """The months or days that a statement is of; the end is not in it."""

    starts: Instant | None
    ends: Instant | None


class Evidence(Part, frozen=True, kw_only=True):
    """A line of either side, or a remark about both.

    Attributes:
        line: its name, for tally breaks match.
        payer: who paid or was paid, where the statement says it.

    """

    side: Literal["ledger", "statement", "both"]
    place: str | UnsetType = UNSET
    line: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    amount: Fine | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    at: Instant | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    order: str | UnsetType = UNSET
    group: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    instance: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    payer: str | UnsetType = UNSET
    payer_account: str | UnsetType = UNSET
    says: str | UnsetType = UNSET


class BreakFound(Part, frozen=True, kw_only=True):
    """A break of one comparison.

    Attributes:
        expected: it is on its way and not late: nobody has to look at it.
        effect: by how much it moves the provider's closing apart from the ledger's balance.

    """

    break_: str = field(name="break")
    expected: bool
    class_: Literal[
        "in_transit_ours", "in_transit_theirs", "missing_in_ledger", "missing_at_provider",
        "amount", "currency", "direction", "status", "duplicate_ours", "duplicate_theirs",
        "cut_off", "ambiguous",
    ] = field(name="class")  # fmt: skip
    key: str
    account: str | None
    currency: Currency
    ours: Fine | None
    theirs: Fine | None
    delta: Fine
    effect: Fine
    first_seen: Instant
    age_days: Count
    age: Literal["0-1", "2-7", "8-30", "31-60", "61-90", "> 90"]
    rule: str | None
    candidates: Ways
    evidence: Sequence[Evidence]


class Item(Part, frozen=True, kw_only=True):
    """What explains a part of the difference."""

    item: str
    amount: Fine


class ProofShown(Part, frozen=True, kw_only=True):
    """The proof block of one currency: opening + movements = closing = ledger balance + items.

    Attributes:
        unexplained: always zero: a report that does not close is not made.

    """

    currency: Currency
    opening: Fine
    movements: Fine
    closing: Fine
    ledger_balance: Fine
    reconciling_items: Sequence[Item]
    unexplained: Fine


class FileRead(Part, frozen=True, kw_only=True):
    """The file that was compared."""

    sha256: str
    lines: Count


class Billed(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a FOCUS file bills in one currency; the last four add up to it."""

    currency: Currency
    billed: Fine
    to_ten_decimals: Fine
    charged: Fine
    taxed: Fine
    credited: Fine
    rounding: Fine


class Reconcile(Answer, frozen=True, kw_only=True, tag="tally.reconcile/1"):
    """A statement compared with the ledger: matches, breaks, and the proof block.

    Attributes:
        expected: what is on its way within --transit-days.
        superseded: pending lines that the booked line of the same payment replaces.
        unexplained: always zero: a report that does not close is not made.
        proofs: the proof block of each currency of the file, its own first.
        totals: of a FOCUS file: what it bills, a currency each.

    """

    source: Id
    subject: Literal["payments", "wallet", "bills", "charges"]
    currency: Currency
    period: Span
    matched: Count
    rules: Mapping[str, Count]
    breaks: Sequence[BreakFound]
    expected: Sequence[BreakFound]
    classes: Mapping[str, Count]
    superseded: Count
    opening: Fine
    movements: Fine
    closing: Fine
    ledger_balance: Fine
    reconciling_items: Sequence[Item]
    unexplained: Fine
    proofs: Annotated[Sequence[ProofShown], Meta(min_length=1)]
    point: PointShown
    file: FileRead
    totals: Sequence[Billed] | UnsetType = UNSET
    channels: Sequence[str] | UnsetType = UNSET


class BreakRow(Part, frozen=True, kw_only=True):
    """A recorded break as it stood at the point.

    Attributes:
        expected: it is on its way and not late.
        opened, changed: the positions of the first and the last event about it.

    """

    break_: str = field(name="break")
    class_: str = field(name="class")
    key: str
    source: str
    currency: Currency
    ours: Fine | None
    theirs: Fine | None
    delta: Fine
    status: Literal["open", "resolved", "signed_off", "reopened"]
    expected: bool
    first_seen: Instant
    age_days: Count
    age: str
    opened: Position
    changed: Position
    preparer: str | None
    by: str | None
    how: str | None
    file: str | None


class RunShown(Part, frozen=True, kw_only=True):
    """A recorded reconciliation.

    Attributes:
        only: what somebody narrowed the run to: such a run says nothing of the rest.

    """

    run: str
    source: str
    sha256: str
    currency: Currency
    period: Span
    matched: Count
    breaks: Count
    opening: Fine
    movements: Fine
    closing: Fine
    ledger_balance: Fine
    position: Position
    recorded_at: Instant
    preparer: str | None
    overlaps: Sequence[str]
    file: str | None
    only: Sequence[str]
    signed_off_by: str | None
    signed_off_at: Position | None
    reason: str | None


class Breaks(Answer, frozen=True, kw_only=True, tag="tally.breaks/1"):
    """The recorded breaks at a point, with their state and age; ``run``: where one was signed."""

    point: PointShown
    rows: Sequence[BreakRow]
    run: RunShown | UnsetType = UNSET


class LineShown(Part, frozen=True, kw_only=True):
    """A line that a recorded break keeps.

    Attributes:
        name: for tally breaks match.
        place: where it was read: a row or an entry of the file, a position of the log.
        payer: who paid or was paid, where the statement says it.

    """

    side: Literal["ledger", "statement"]
    name: str
    at: Instant
    amount: str
    currency: str
    place: str
    account: str
    reference: str
    order: str
    text: str
    kind: str
    status: str
    payer: str
    payer_account: str


class Step(Part, frozen=True, kw_only=True):
    """What became of a break."""

    position: Position
    at: Instant
    what: str
    class_: str | None = field(name="class")
    run: str | None
    by: str | None
    reason: str | None


class BreakShown(Answer, frozen=True, kw_only=True, tag="tally.break/1"):
    """One recorded break: both sides, candidates, history."""

    point: PointShown
    break_: BreakRow = field(name="break")
    run: str
    file: str | None
    sha256: str
    lines: Sequence[LineShown]
    candidates: Ways
    near: Sequence[LineShown]
    history: Sequence[Step]


class Reconciliation(Answer, frozen=True, kw_only=True, tag="tally.report_reconciliation/1"):
    """Recorded reconciliations and their breaks, as they were believed at a point.

    Attributes:
        expected: on their way, not late.
        accepted: resolved, matched by hand or signed off: by whom, and why.

    """

    point: PointShown
    runs: Sequence[RunShown]
    rows: Sequence[BreakRow]
    expected: Sequence[BreakRow]
    accepted: Sequence[BreakRow]
    ages: Mapping[str, Count]
    classes: Mapping[str, Count]
