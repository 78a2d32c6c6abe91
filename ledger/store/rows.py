"""What a store keeps and gives: rows, the head of the log, remembered requests."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

BUSY_SECONDS: Final = 30  # how long a writer waits for another
LONGEST_KEY: Final = 1200  # bytes; with its scope it fits an index of a server (2704)
DIGEST: Final = "\x01sha256:"

# The columns of a row, in the order of ``Row``.
COLUMNS: Final = (
    "position, originator_id, originator_version, topic, recorded_at, effective_at, state"
)
LAST: Final = 2**63 - 1  # no position is larger


class Row(NamedTuple):
    """One stored event; the columns beside ``body`` are copies of what its bytes say."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: int
    effective_at: int
    body: bytes


class Head(NamedTuple):
    """The last event of the log; (0, 0, b"") of an empty one."""

    position: int
    recorded_at: int
    body_sha256: bytes


class Request(NamedTuple):
    """A remembered idempotency key: its content and the positions of its first result."""

    digest: bytes
    first_position: int
    last_position: int


def kept_as(key: str) -> str:
    """Return what stands for an idempotency key in a store: most keys, for themselves.

    A server's text holds no NUL and its indexes nothing long: there a digest stands for the key,
    in a file too, so that a ledger is the same wherever it is kept.
    """
    raw = key.encode()
    if len(raw) <= LONGEST_KEY and "\0" not in key and not key.startswith(DIGEST):
        return key
    return DIGEST + sha256(raw).hexdigest()
