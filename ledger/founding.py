"""The first event of a ledger: its identity and every policy value.

This module must not know commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import clock as clocks
from ledger.envelopes import NOBODY, DecisionContext, envelop
from ledger.events import POLICY_STREAM, PolicyAdopted
from ledger.money import check_currency
from ledger.policy import Policy
from ledger.store.settings import CLOCK_KEY

if TYPE_CHECKING:
    from ledger.store import Store


def create(
    store: Store, *, clock: str, start: int, currency: str, policy: dict[str, str], ledger: str
) -> None:
    """Record a new ledger's first event: its identity and every policy value (section 4).

    Raises: InvalidInput.
    """
    check_currency(currency)
    values = Policy()
    values.check(policy)
    values.adopt(policy, at=0)
    recorded = envelop(
        PolicyAdopted(values=values.values, ledger=ledger, currency=currency, clock=clock),
        NOBODY, DecisionContext(start, start, 1), stream=POLICY_STREAM, version=1,
    )  # fmt: skip
    with store.writing() as writer:
        writer.append([recorded])
        if clock == clocks.SIMULATED:
            writer.set_meta(CLOCK_KEY, str(start))

