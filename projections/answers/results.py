"""What became of commands: results, errors, imports and their previews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.errors import Refused
from projections.answers.events import Event
from projections.answers.terms import (
    Answer,
    Code,
    Count,
    Currency,
    Fine,
    Id,
    Part,
    PointShown,
    Position,
)

if TYPE_CHECKING:
    from ledger.outcomes import Outcome


class Imported(Answer, frozen=True, kw_only=True, tag="tally.import/1"):
    """The sum of an import."""

    lines: Count
    accepted: Count
    duplicates: Count
    refused: Count
    refusals: Mapping[Code, Position]
    position: Position


class CouponLookedAt(Part, frozen=True, kw_only=True):
    """A coupon, and why it cannot be used."""

    coupon: str
    reasons: Annotated[Sequence[Id], Meta(min_length=1)]


class LookedAt(Part, frozen=True, kw_only=True):
    """What a rule looked at: of COUPON_NOT_ELIGIBLE each coupon with its reasons."""

    coupons: Sequence[CouponLookedAt] | UnsetType = UNSET


def looked_at(error: BaseException | None) -> LookedAt | UnsetType:
    """Return what a rule looked at before it refused, where the refusal says so."""
    if not isinstance(error, Refused) or not error.facts:
        return UNSET
    return LookedAt(coupons=[CouponLookedAt(**coupon) for coupon in error.facts["coupons"]])


class Result(Answer, frozen=True, kw_only=True, tag="tally.result/1"):
    """What became of one command; line is there for imports.

    Attributes:
        facts: what the rule looked at, beside the message.
        dry_run: nothing was recorded: record --dry-run.
        events: with dry_run: what would be recorded.

    """

    also: ClassVar[dict[str, Any]] = {
        "if": {"properties": {"ok": {"const": True}}},
        "then": {"required": ["duplicate", "warnings"], "not": {"required": ["code"]}},
        "else": {"required": ["code", "message", "rule", "hint"]},
    }

    line: Position | UnsetType = UNSET
    ok: bool
    duplicate: bool | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    message: Id | UnsetType = UNSET
    rule: str | UnsetType | None = UNSET
    hint: str | UnsetType | None = UNSET
    facts: LookedAt | UnsetType = UNSET
    positions: Sequence[Position]
    warnings: Sequence[Id] | UnsetType = UNSET
    dry_run: Literal[True] | UnsetType = UNSET
    events: Sequence[Event] | UnsetType = UNSET

    @classmethod
    def of(cls, outcome: Outcome, line: int | UnsetType = UNSET) -> Result:
        """Write what became of a command."""
        if outcome.ok:
            return cls(
                line=line, ok=True, duplicate=outcome.duplicate, positions=list(outcome.positions),
                warnings=outcome.warnings,
            )  # fmt: skip
        return cls(
            line=line, ok=False, code=outcome.code or UNSET, message=outcome.message or UNSET,
            rule=outcome.rule, hint=outcome.hint, facts=looked_at(outcome.refused),
            positions=list(outcome.positions),
        )  # fmt: skip


class ErrorShown(Answer, frozen=True, kw_only=True, tag="tally.error/1"):
    """Why a command ended with an exit code other than 0.

    Attributes:
        facts: what the rule looked at, beside the message.

    """

    code: Code
    exit: Literal[1, 2, 3, 4, 5, 6, 130]
    message: Id
    hint: str | None
    facts: LookedAt | UnsetType = UNSET


class Previewed(Part, frozen=True, kw_only=True):
    """An account as the import would leave it.

    Attributes:
        in_file: the account's last balance by the file's own figures.

    """

    account: str
    currency: Currency
    cash: Fine
    coupons: Fine
    debts: Fine
    in_file: Fine | None
    difference: Fine | None
    differs: bool


class PreviewRefusal(Part, frozen=True, kw_only=True):
    """A command that would be refused."""

    code: str
    message: str | None
    command: str


class Preview(Answer, frozen=True, kw_only=True, tag="tally.import_preview/1"):
    """What an import would leave, account by account; nothing is recorded."""

    point: PointShown
    source: str
    currency: Currency
    commands: int
    accepted: int
    duplicates: int
    rows: Sequence[Previewed]
    refusals: Sequence[PreviewRefusal]
    refused: int
    contradictions: Sequence[Previewed]
