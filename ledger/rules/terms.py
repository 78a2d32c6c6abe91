"""The end of a term: expiry at T, release at R.

Decides R14, R22 and R23. Due transitions: expiry, release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.account import deadlines as d
from ledger.certain import certain
from ledger.events import InstanceExpired, InstanceReleased

if TYPE_CHECKING:
    from ledger.rules.batch import Batch


def expire(batch: Batch, instance: str) -> None:
    """Due: at T the service stops; a command recorded at T sees it expired (R22)."""
    expires_at = certain(batch.state.instances[instance].expires_at)  # only a term is due
    batch.emit(InstanceExpired(instance=instance, expires_at=expires_at))


def release(batch: Batch, instance: str) -> None:
    """Due: at R the instance is gone for good, nothing is refunded (R23)."""
    batch.emit(InstanceReleased(instance=instance, via="retention"))


DUE: Final = {d.EXPIRY: expire, d.RELEASE: release}
