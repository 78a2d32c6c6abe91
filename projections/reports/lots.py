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
)
from projections.lots import all_lots, lots_at
from projections.reports import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.answers.terms import Json
    from projections.lots import Flow, Lot, Lots, Spent
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView


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
    for name, lots in lots_of(view, point, account):
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


def lots_of(view: LedgerView, point: Point, account: str | None) -> Iterator[tuple[str, Lots]]:
    """Yield the lots of one account, or of each."""
    if account is None:
        yield from all_lots(view.reader, point)
    elif (lots := lots_at(view.reader, account, point)) is not None:
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


def lines(account: str, lots: Lots, offset: int) -> Iterator[Json]:
    """Yield a plain row for each part of each lot: what it paid, and what is left of it."""
    write = Typed(offset=offset, currency=lots.currency)
    for lot in lots.lots:
        shown = lot_shown(lot, write).plain()
        head = {"account": account, "currency": lots.currency}
        head |= {name: shown[name] for name in shown if name != "spent"}
        for one in shown["spent"]:
            paid = {"spent_position": one["position"], "spent_type": one["type"]}
            yield {**head, **paid, "spent_item": one["item"], "spent_amount": one["amount"]}
        if not shown["spent"]:
            yield {**head, "spent_position": None, "spent_type": None, "spent_item": None,
                   "spent_amount": str(write.money(0))}  # fmt: skip


REPORT = Report("Which receipt paid what, first in, first out.", LotsReport, figures)
