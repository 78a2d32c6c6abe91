"""The register of restatements as JSON, as its report prints it and a pack keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger.events import type_name
from ledger.periods import format_instant
from projections.answers.terms import Formatter
from projections.history.fields import written
from projections.history.restated import by_currency

if TYPE_CHECKING:
    from ledger.closes import Close
    from projections.history.register import Fact, Register


def by_json(found: Register, offset: int) -> dict[str, dict[str, str]]:
    """Add up what every fact changed; what does not differ is left out."""
    sums = by_currency((one.moved for one in (*found.facts, *found.earlier)), offset)
    shown = {
        currency: {name: amount for name, amount in own.items() if amount.strip("0.")}
        for currency, own in sums.items()
    }
    return {currency: own for currency, own in shown.items() if own}


def close_json(close: Close, offset: int) -> dict[str, Any]:
    """Return one close."""
    reopened = close.reopened_at
    return {
        "position": close.position, "period": close.month,
        "closed_at": format_instant(close.closed_at, offset), "actor": close.actor,
        "reopened_at": None if reopened is None else format_instant(reopened, offset),
        "restatements": list(close.event.restatements),
    }  # fmt: skip


def fact_json(fact: Fact, offset: int) -> dict[str, Any]:
    """Return one fact and what it changed."""
    recorded, moved = fact.moved.recorded, fact.moved
    write = Formatter(offset=offset, currency=moved.currency)
    return {
        "position": recorded.position, "type": type_name(type(recorded.event)),
        "account": moved.account, "currency": moved.currency,
        "effective_at": write.instant(recorded.effective_at),
        "recorded_at": write.instant(recorded.recorded_at),
        "actor": recorded.actor, "reason": recorded.reason,
        "changes": [
            {
                "field": str(one.name), "as_closed": written(one.name, one.as_closed, write),
                "now": written(one.name, one.now, write), "delta": write.money(one.delta),
            }
            for one in fact.altered
        ],
    }  # fmt: skip
