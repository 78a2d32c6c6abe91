"""The lots of an account, or of all: ``tally.lots/1``, ``tally.report_lots/1``.

Invariant: the rests, less what is uncovered, add up to the cash. This module decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from msgspec import UNSET, UnsetType

from ledger.events import type_name
from projections.answers.books import OfSpan
from projections.answers.events import FromLot, SpentOn
from projections.answers.terms import (
    Answer,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Position,
    Restated,
    Typed,
    columns_of,
)
from projections.lots import all_lots, lots_at
from projections.pages import Page, Sheet
from projections.reports import Flat, Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.answers.terms import Json
    from projections.lots import Flow, Lot, Lots, Spent
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView


WORDS = {
    "TopUpReceived": "top-up", "RefundIssued": "refund", "CreditNoteIssued": "credit note",
    "BillSettled": "bill", "TopUpReversed": "charged back", "InstancePurchased": "purchase",
    "InstanceRenewed": "renewal", "UpgradedToEnterprise": "upgrade",
    "SpecUpgraded": "spec upgrade",
}  # fmt: skip


class LotShown(Part, frozen=True, kw_only=True):
    """The cash of one receipt: a top-up, a refund, a credit note's cash part (R66).

    Attributes:
        item: what a refund or a credit note came from.

    """

    position: Position
    type: Literal["TopUpReceived", "RefundIssued", "CreditNoteIssued"]
    channel: Id | None
    serial: Id | None
    item: Id | None
    received_at: Instant
    amount: Money
    remaining: Money
    spent: Sequence[SpentOn]


class LotsOfAccount(Part, frozen=True, kw_only=True):
    """The lots of one account.

    Attributes:
        uncovered: spent before its receipt, at a mixed point.

    """

    account: Id
    currency: Currency
    lots: Sequence[LotShown]
    total: Money
    uncovered: Sequence[SpentOn] | UnsetType = UNSET


class LotsTotal(Part, frozen=True, kw_only=True):
    """What the lots of one currency come to."""

    currency: Currency
    total: Money


class LotsShown(Answer, frozen=True, kw_only=True, tag="tally.lots/1"):
    """Which receipt paid what, first in, first out; the rests add up to the cash.

    Attributes:
        uncovered: spent before its receipt, at a mixed point.

    """

    point: PointShown
    account: Id
    currency: Currency
    lots: Sequence[LotShown]
    total: Money
    uncovered: Sequence[SpentOn] | UnsetType = UNSET
    restated: Restated | UnsetType = UNSET


class LotsReport(OfSpan, frozen=True, kw_only=True, tag="tally.report_lots/1"):
    """The lots of one account or of all."""

    rows: Sequence[LotsOfAccount]
    totals: Sequence[LotsTotal]
    restated: Restated | UnsetType = UNSET


def figures(view: LedgerView, question: Question) -> LotsReport:
    """Return the lots of one account or of all, and what remains by currency."""
    point, account = question.point, question.account
    rows, sums = [], dict[str, int]()
    for name, lots in _lots_of(view, question):
        sums[lots.currency] = sums.get(lots.currency, 0) + lots.total
        rows.append(LotsOfAccount(account=name, **_fields(lots, view.offset)))
    return LotsReport(
        point=view.shown(point), starts=question.since(view.offset), account=account, rows=rows,
        totals=[
            LotsTotal(currency=name, total=Typed(offset=0, currency=name).money(amount))
            for name, amount in sorted(sums.items())
        ],
        restated=view.restated("lots", point, account),
    )  # fmt: skip


def _lots_of(view: LedgerView, question: Question) -> Iterator[tuple[str, Lots]]:
    account = question.account
    if account is None:
        yield from all_lots(view.reader, question.point)
    elif (lots := lots_at(view.reader, account, question.point)) is not None:
        yield account, lots


def lots_shown(view: LedgerView, point: Point, account: str) -> LotsShown:
    """Return which receipt paid what. Raises: NoSuchThing."""
    lots = lots_at(view.reader, account, point)
    if lots is None:
        raise view.no_account(account)
    return LotsShown(
        point=view.shown(point), account=account, **_fields(lots, view.offset),
        restated=view.restated("lots", point, account),
    )  # fmt: skip


def _fields(lots: Lots, offset: int) -> dict[str, Any]:
    write = Typed(offset=offset, currency=lots.currency)
    return {
        "currency": lots.currency, "lots": [lot_shown(lot, write) for lot in lots.lots],
        "total": write.money(lots.total),
        "uncovered": [spent_on(one, write) for one in lots.uncovered] or UNSET,
    }  # fmt: skip


def lot_shown(lot: Lot, write: Typed) -> LotShown:
    """Return one receipt, what is left of it, and what it paid."""
    recorded, moved = lot.recorded, lot.moved
    return LotShown(
        position=recorded.position, type=cast("Any", type_name(type(recorded.event))),
        channel=moved.channel or None, serial=moved.serial or None, item=moved.about or None,
        received_at=write.instant(recorded.effective_at), amount=write.money(lot.amount),
        remaining=write.money(lot.remaining), spent=[spent_on(one, write) for one in lot.spent],
    )  # fmt: skip


def spent_on(spent: Spent, write: Typed) -> SpentOn:
    """Return what one event took."""
    return SpentOn(
        position=spent.recorded.position, type=type_name(type(spent.recorded.event)),
        item=spent.item, amount=write.money(spent.amount),
    )  # fmt: skip


def paid_from(
    flow: Flow | None, write: Typed
) -> tuple[Sequence[FromLot] | UnsetType, Sequence[SpentOn] | UnsetType]:
    """Return the lots that an event took from, and of a chargeback what it had paid for."""
    if flow is None:
        return UNSET, UNSET
    lots = [FromLot(position=one, amount=write.money(amount)) for one, amount in flow.lots]
    return lots, [spent_on(one, write) for one in flow.had_paid] if flow.charged_back else UNSET


_COLUMNS = (
    "account", "currency", *(name for name in columns_of(LotShown) if name != "spent"),
    *(f"spent_{name}" for name in columns_of(SpentOn)),
)  # fmt: skip


def _flat(view: LedgerView, question: Question) -> Iterator[Json]:
    """Yield a plain row for each part of each lot: what it paid, and what is left of it."""
    for account, lots in _lots_of(view, question):
        write = Typed(offset=view.offset, currency=lots.currency)
        nothing = {"position": None, "type": None, "item": None, "amount": str(write.money(0))}
        for lot in lots.lots:
            shown = lot_shown(lot, write).plain()
            spent = shown.pop("spent") or [nothing]
            for one in spent:
                yield {
                    "account": account, "currency": lots.currency, **shown,
                    **{f"spent_{name}": content for name, content in one.items()},
                }  # fmt: skip


def lot_rows(
    lots: Sequence[LotShown], account: str | None = None
) -> Iterator[tuple[object, ...]]:
    """Yield a row for each lot, and below it one for each thing that it paid."""
    for lot in lots:
        place = f"@{lot.position}"
        first = (place, lot.received_at.date()) if account is None else (account, place)
        reference = lot.item or f"{lot.channel}/{lot.serial}"
        yield (*first, WORDS[lot.type], reference, lot.amount, lot.remaining)
        for one in lot.spent:
            amount = one.amount.copy_negate()
            yield ("", f"  @{one.position}", WORDS[one.type], one.item, amount, "")


def page(found: LotsReport) -> Page:
    """Show the lots of each account, and what remains."""
    rows = [row for own in found.rows for row in lot_rows(own.lots, own.account)]
    if not rows:
        return ["nothing was received"]
    return [
        Sheet(("account", "lot", "what", "reference", "amount", "remaining"), rows),
        *(f"cash {one.total} {one.currency}, the sum of what remains" for one in found.totals),
    ]


REPORT = Report(
    """Show every receipt, what it paid first in, first out, and what is left of it (R66).

    --csv has a row for each part that was spent, with its bill, order or chargeback.
    """,
    LotsReport, figures, page,
    examples=(
        "tally report lots a-1", "tally report lots --at 2025-03-31 --csv -o lots.csv",
    ),
    span=False, flat=Flat(_flat, ("csv", "ndjson"), columns=_COLUMNS),
)  # fmt: skip
