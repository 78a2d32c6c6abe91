"""Two deliveries of one month: ``tally.against/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from projections.answers.terms import Answer, Count, Fine, Part, Position, Sha256


class FileGiven(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the two files."""

    file: str
    sha256: Sha256
    rows: Count


class RestatedCounts(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many charges were added, are gone, or changed."""

    added: Count
    gone: Count
    changed: Count


class RestatedTotal(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """old + added - gone + changed = new."""

    currency: str
    old: Fine
    added: Fine
    gone: Fine
    changed: Fine
    new: Fine


class ChargeRestated(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charge that is not the same in both.

    Attributes:
        charge: a hash of all that identifies the charge, and its ordinal among its equals.
        columns: the columns that differ.

    """

    change: Literal["added", "gone", "changed"]
    charge: str
    account: str | None
    currency: str
    invoice: str | None
    category: str | None
    service: str | None
    resource: str | None
    sku: str | None
    starts: str | None
    old: Fine | None
    new: Fine | None
    delta: Fine
    columns: Sequence[str]
    old_row: Position | None
    new_row: Position | None


class Against(Answer, frozen=True, kw_only=True, tag="tally.against/1", forbid_unknown_fields=True):
    """Two deliveries of one month: what the provider added, took out or changed.

    Attributes:
        totals: old + added - gone + changed = new, a currency each.
        not_compared: columns that one of the files does not have.

    """

    source: Literal["alibaba-bills", "focus"]
    old: FileGiven
    new: FileGiven
    counts: RestatedCounts
    totals: Sequence[RestatedTotal]
    not_compared: Sequence[str]
    rows: Sequence[ChargeRestated]
