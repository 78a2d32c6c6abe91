"""A ledger as an application of the eventsourcing library, for projections of your own."""

from ledger.store.following import FollowedLedger

__all__ = ["FollowedLedger"]
