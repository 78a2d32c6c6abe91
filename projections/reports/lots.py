"""The lots of an account as answers show them.

Invariant: the rests, less what is uncovered, add up to the cash. This module decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e
from ledger.events import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.answers.terms import Formatter, Json
    from projections.lots import Flow, Lot, Lots, Spent


def lots_json(lots: Lots, write: Formatter) -> Json:
    """Return the lots, what no lot covered, and the total, which is the cash."""
    shown: Json = {
        "lots": [lot_json(lot, write) for lot in lots.lots], "total": write.money(lots.total)
    }
    if lots.uncovered:
        shown["uncovered"] = [spent_json(one, write) for one in lots.uncovered]
    return shown


def lot_json(lot: Lot, write: Formatter) -> Json:
    """Return one receipt, what is left of it, and what it paid."""
    recorded = lot.recorded
    event = recorded.event
    top_up = event if isinstance(event, e.TopUpReceived) else None
    return {
        "position": recorded.position, "type": type_name(type(event)),
        "channel": None if top_up is None else top_up.channel,
        "serial": None if top_up is None else top_up.serial,
        "item": source_of(lot), "received_at": write.instant(recorded.effective_at),
        "amount": write.money(lot.amount), "remaining": write.money(lot.remaining),
        "spent": [spent_json(one, write) for one in lot.spent],
    }  # fmt: skip


def source_of(lot: Lot) -> str | None:
    """Name what a refund or a credit note came from; None for a top-up."""
    event = lot.recorded.event
    if isinstance(event, e.CreditNoteIssued):
        return event.bill
    return event.instance if isinstance(event, e.RefundIssued) else None


def spent_json(spent: Spent, write: Formatter) -> Json:
    """Return what one event took."""
    return {
        "position": spent.recorded.position, "type": type_name(type(spent.recorded.event)),
        "item": spent.item, "amount": write.money(spent.amount),
    }  # fmt: skip


def flow_json(flow: Flow, write: Formatter) -> Json:
    """Return the lots that an event took from; of a chargeback also what it had paid for."""
    shown: Json = {
        "lots": [
            {"position": position, "amount": write.money(amount)}
            for position, amount in flow.lots
        ]
    }
    if flow.charged_back:
        shown["had_paid"] = [spent_json(one, write) for one in flow.had_paid]
    return shown


def lines(account: str, lots: Lots, write: Formatter) -> Iterator[Json]:
    """Yield a plain row for each part of each lot: what it paid, and what is left of it."""
    for lot in lots.lots:
        shown = lot_json(lot, write)
        head = {"account": account, "currency": lots.currency}
        head |= {name: shown[name] for name in shown if name != "spent"}
        for one in shown["spent"]:
            paid = {"spent_position": one["position"], "spent_type": one["type"]}
            yield {**head, **paid, "spent_item": one["item"], "spent_amount": one["amount"]}
        if not shown["spent"]:
            yield {**head, "spent_position": None, "spent_type": None, "spent_item": None,
                   "spent_amount": write.money(0)}  # fmt: skip
