"""What each event does to the control accounts: cash, outstanding, coupons; in minor units.

Invariant: an effect is what the books post to those accounts, and nothing else. The fold
(ledger/account) comes to the same figures another way: ``why``, the bridge and the evidence
pack compare both. The columns and the pack's own program repeat it, to be judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from projections.journal.chart import OUTSTANDING, RECEIVABLE, WALLET
from projections.journal.postings import postings

if TYPE_CHECKING:
    from ledger import events as e


class Effect(NamedTuple):
    """Changes of one event, in minor units."""

    cash: int = 0
    outstanding: int = 0
    coupons: int = 0


    @property
    def available(self) -> int:
        """Cash less what is outstanding."""
        return self.cash - self.outstanding

    def plus(self, other: Effect) -> Effect:
        """Add two."""
        return Effect(*(one + more for one, more in zip(self, other, strict=True)))


NOTHING = Effect()


def effect(event: e.Event) -> Effect:
    """Return what an event does to the control accounts: cash is what the wallet account owes."""
    found = postings(event, "")
    if not found:
        return NOTHING
    sums = dict.fromkeys((WALLET, RECEIVABLE, OUTSTANDING), 0)
    for posting in found:
        if posting.account.root in sums:
            sums[posting.account.root] += posting.minor
    return Effect(-sums[WALLET], sums[RECEIVABLE], sums[OUTSTANDING])
