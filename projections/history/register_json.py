"""The register of restatements as answers hold it, as its report prints it and a pack keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.events import type_name
from projections.answers.closing import CloseShown, Fact, Moved
from projections.answers.terms import Formatter, Instant, Typed
from projections.history.fields import written
from projections.history.restated import by_currency

if TYPE_CHECKING:
    from decimal import Decimal

    from ledger.closes import Close
    from projections.history import register


def sums_of(found: register.Register, offset: int) -> dict[str, dict[str, Decimal]]:
    """Add up what every fact changed; what does not differ is left out."""
    sums = by_currency((one.moved for one in (*found.facts, *found.earlier)), offset)
    shown = {
        currency: {name: amount for name, amount in own.told().items() if amount}
        for currency, own in sums.items()
    }
    return {currency: own for currency, own in shown.items() if own}


def close_shown(close: Close, offset: int) -> CloseShown:
    """Return one close."""
    reopened = close.reopened_at
    return CloseShown(
        position=close.position, period=close.month,
        closed_at=Instant.at(close.closed_at, offset), actor=close.actor,
        reopened_at=None if reopened is None else Instant.at(reopened, offset),
        restatements=list(close.event.restatements),
    )  # fmt: skip


def fact_shown(fact: register.Fact, offset: int) -> Fact:
    """Return one fact and what it changed."""
    recorded, moved = fact.moved.recorded, fact.moved
    write = Formatter(offset=offset, currency=moved.currency)
    typed = Typed(offset=offset, currency=moved.currency)
    return Fact(
        position=recorded.position, type=type_name(type(recorded.event)),
        account=moved.account, currency=moved.currency,
        effective_at=typed.instant(recorded.effective_at),
        recorded_at=typed.instant(recorded.recorded_at),
        actor=recorded.actor, reason=recorded.reason,
        changes=[
            Moved(
                field=str(one.name), as_closed=written(one.name, one.as_closed, write),
                now=written(one.name, one.now, write),
                delta=None if one.delta is None else typed.money(one.delta),
            )
            for one in fact.altered
        ],
    )  # fmt: skip
