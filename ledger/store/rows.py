"""What a store keeps and gives: rows, the head of the log, remembered requests."""

from __future__ import annotations

from typing import NamedTuple


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
