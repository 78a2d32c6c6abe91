"""The refold in shares: accounts divided by a hash of their id, for any number of workers.

A worker needs no more than where the ledger is and which accounts are its own; a task only reads,
so doing one twice (its worker was lost) changes nothing. Invariant: how the accounts are divided
never shows in the result: digests are kept by bucket, a bucket is a property of the account's id,
and inside a bucket accounts are taken in the order of their ids.
This module must not know who runs the shares.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from ledger.store import open_reader
from projections.evidence.digests import line
from projections.stored import LIVE, PROJECTIONS, StoredDifference, refolded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from hashlib import _Hash as HASH

    from ledger.store import Reader

SHARES = 64  # more than workers: who is faster takes more, and little is lost with a worker


class Folded(NamedTuple):
    """What a share came to; ``digests``: SHA-256 of all rows of all views, by bucket."""

    events: int
    rows: int
    digests: dict[int, bytes]
    difference: StoredDifference | None


class RefoldTask(NamedTuple):
    """Refold one share of accounts up to a position."""

    location: str
    accounts: list[str]
    until: int
    compare: bool

    def __call__(self) -> Folded:
        """Do it."""
        with closing(open_reader(self.location)) as reader:
            return refold(reader, self.accounts, until=self.until, compare=self.compare)


def bucket_of(account: str) -> int:
    """Return the bucket of an account: the first byte of the SHA-256 of its id."""
    return sha256(account.encode()).digest()[0]


def divide(accounts: Iterable[str], count: int = SHARES) -> list[list[str]]:
    """Divide accounts into shares of whole buckets, by id within each."""
    shares: list[list[str]] = [[] for _ in range(count)]
    for account in sorted(accounts):
        shares[bucket_of(account) % count].append(account)
    return [share for share in shares if share]


def refold(
    reader: Reader, accounts: Sequence[str], *, until: int, compare: bool = False
) -> Folded:
    """Fold some accounts from nothing; ``compare``: compare every stored row with the refold."""
    hashes: defaultdict[int, HASH] = defaultdict(sha256)
    events = rows = 0
    difference: StoredDifference | None = None
    prefix = LIVE if compare else None
    for one in refolded(reader, PROJECTIONS, accounts, until=until, prefix=prefix):
        events += one.events
        bucket = bucket_of(one.account)
        for view, again in one.rows.items():
            rows += len(again)
            for row in again:
                hashes[bucket].update(line((view, *row)))
        difference = difference or one.difference
    return Folded(events, rows, {i: one.digest() for i, one in hashes.items()}, difference)


def whole(shares: Iterable[Folded]) -> Folded:
    """Put shares together, in whatever order they came: the first difference is that by account."""
    events = rows = 0
    digests: dict[int, bytes] = {}
    found: list[StoredDifference] = []
    for share in shares:
        events += share.events
        rows += share.rows
        digests |= share.digests
        if share.difference is not None:
            found.append(share.difference)
    order = [projection.name for projection in PROJECTIONS]
    first = min(found, key=lambda one: (one.account, order.index(one.view)), default=None)
    return Folded(events, rows, digests, first)


def digest_of(folded: Folded) -> str:
    """Return one SHA-256 for all rows of all views: that of the buckets' digests, in order."""
    digest = sha256()
    for bucket in sorted(folded.digests):
        digest.update(bytes([bucket]) + folded.digests[bucket])
    return digest.hexdigest()
