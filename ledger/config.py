"""The configuration of a ledger: policy in force, price list, currency, clock, closed periods.

Invariant: folded from the streams ``policy``, ``prices`` and ``ledger`` alone
(``ledger.loading.load_config`` reads them).
This module must not know accounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.closes import Closes
from ledger.events import (
    LEDGER_STREAM,
    POLICY_STREAM,
    PRICES_STREAM,
    PeriodClosed,
    PeriodReopened,
    PolicyAdopted,
    PriceSet,
)
from ledger.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.events import RecordedEvent

STREAMS = (POLICY_STREAM, PRICES_STREAM, LEDGER_STREAM)  # what a configuration is folded from


class LedgerConfig:
    """Policy, prices and identity of a ledger at one place of its log.

    Attributes:
        prices: current monthly list price of each sku, in minor units of ``currency``.
        versions: last version of each of the ledger's own streams.
        closes: which periods are closed.

    """

    __slots__ = ("clock", "closes", "currency", "ledger", "policy", "prices", "versions")

    def __init__(self) -> None:
        """Start with default policy and no prices."""
        self.policy = Policy()
        self.prices: dict[str, int] = {}
        self.currency = "CNY"
        self.clock = "simulated"
        self.ledger = ""
        self.versions: dict[str, int] = {}
        self.closes = Closes()

    def apply(self, recorded: RecordedEvent) -> None:
        """Apply one event of the ledger's own streams."""
        event = recorded.event
        if type(event) is PriceSet:
            self.prices[event.sku] = event.monthly_price
        elif type(event) is PolicyAdopted:
            # The first event is the ledger's policy from the beginning; later ones make nothing due
            # before their own instant.
            first = event.ledger is not None
            self.policy.adopt(event.values, at=0 if first else recorded.effective_at)
            if event.ledger is not None:
                self.ledger = event.ledger
                self.currency = event.currency or self.currency
                self.clock = event.clock or self.clock
        elif type(event) in (PeriodClosed, PeriodReopened):
            self.closes.apply(recorded)
        self.versions[recorded.stream] = recorded.version


def fold_config(history: Iterable[RecordedEvent]) -> LedgerConfig:
    """Fold the ledger's own streams from nothing."""
    config = LedgerConfig()
    for recorded in history:
        config.apply(recorded)
    return config
