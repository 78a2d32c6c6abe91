"""Compares the remembered requests (R3, R28) with what the log's bytes say they must be.

A request belongs to the first event of its batch: a token under the account, a payment under its
key. Invariant: the table holds exactly these. This module must not know what an event does.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from ledger.codec import decode_envelope, tag
from ledger.engine import PAYMENTS, TOKENS, payment_key
from ledger.errors import UnknownEventType
from ledger.events import CommandRefused, TopUpReceived, account_of
from ledger.store.rows import Request, kept_as
from ledger.store.schema import EVENTS
from ledger.verification.findings import DELETED, INSERTED, MODIFIED, Check, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.codec import Envelope
    from ledger.connection import Connection
    from ledger.store import Reader

SENTENCE = "the stored requests agree with the events"
_AT_ONCE: Final = 400  # keys of one statement
REFUSED, PAID = tag(CommandRefused), tag(TopUpReceived)


def count_requests(connection: Connection) -> int:
    """Count the requests that are stored."""
    (rows,) = connection.execute("SELECT COUNT(*) FROM requests").fetchone()
    return int(rows)


class Requests:
    """Derives each request from the log and looks it up."""

    def __init__(self, reader: Reader) -> None:
        """Look up as the program does."""
        self._reader = reader
        self._connection = reader.connection
        self._pending: list[tuple[tuple[str, str], bytes]] = []
        self._first = self._last = 0
        self._count = 0
        self._fault: Fault | None = None

    def take(self, envelope: Envelope) -> None:
        """Read the next event of the log."""
        if envelope.cause is None:
            self._close()
            self._first = envelope.position
            self._pending = derived(envelope)
        self._last = envelope.position

    def _close(self) -> None:
        for (scope, key), digest in self._pending:
            self._count += 1
            if self._fault is not None:
                continue
            row = self._reader.request(scope, key)
            if row is None:
                said = f"the request of @{self._first} is not stored"
                self._fault = Fault(DELETED, self._first, said)
            elif row != (digest, self._first, self._last):
                said = f"the stored request of @{self._first} differs"
                self._fault = Fault(MODIFIED, self._first, said)
        self._pending.clear()

    def check(self) -> Check:
        """Close the comparison."""
        self._close()
        rows = count_requests(self._connection)
        if self._fault is None and rows > self._count:
            self._fault = self._extra()
        elif self._fault is not None and self._fault.kind == DELETED and rows >= self._count:
            self._fault = self._fault._replace(kind=MODIFIED)  # it is there under another key
        return Check("requests", SENTENCE, max(rows, self._count), self._fault)

    def _extra(self) -> Fault | None:
        """Find the remembered request that its event does not carry."""
        rows = self._connection.execute(
            "SELECT scope, key, first_position, state FROM requests "
            f"LEFT JOIN {EVENTS} ON position = first_position ORDER BY first_position"
        )
        for scope, key, position, body in rows:
            carried = derived(decode_envelope(body)) if body is not None else []
            known = {(scope, kept) for (scope, one), _ in carried for kept in (one, kept_as(one))}
            if (scope, key) not in known:
                return Fault(INSERTED, position, f"no event carries the request {scope} {key!r}")
        return Fault(INSERTED, None, "more requests are stored than events carry")


class Lookups:
    """Looks up many requests at once, as the events of a range carry them."""

    def __init__(self, reader: Reader) -> None:
        """Look up as the program does."""
        self._reader = reader
        self._open: Envelope | None = None  # carries requests; where its batch ends is not known
        self._wanted: dict[tuple[str, str], Request] = {}
        self._pairs: list[tuple[str, str]] = []
        self.count = 0

    def take(self, events: Sequence[Envelope]) -> bool:
        """Read the next events; False where a request is not stored as they say."""
        firsts = [one.position for one in events if one.cause is None]
        if self._open is not None and firsts:
            self._carry(self._open, firsts[0] - 1)
            self._open = None
        for one in events:
            if one.cause is None and (one.token is not None or one.event.type == PAID):
                following = bisect_right(firsts, one.position)
                if following == len(firsts):
                    self._open = one
                else:
                    self._carry(one, firsts[following] - 1)
        return len(self._pairs) < _AT_ONCE or self._look()

    def end(self, until: int) -> bool:
        """Read on to the end of the last batch, then look up what is left."""
        if self._open is not None:
            last = until
            for body in self._reader.bodies(after=until):
                try:
                    envelope = decode_envelope(body)
                except UnknownEventType:
                    return False
                if envelope.cause is None:
                    break
                last = envelope.position
            self._carry(self._open, last)
        return self._look()

    def _carry(self, envelope: Envelope, last: int) -> None:
        for (scope, key), digest in derived(envelope):
            self.count += 1
            self._pairs.append((scope, kept_as(key)))
            self._wanted[scope, key] = Request(digest, envelope.position, last)

    def _look(self) -> bool:
        there: dict[tuple[str, str], Request] = {}
        for at in range(0, len(self._pairs), _AT_ONCE):
            there.update(_stored(self._reader, self._pairs[at : at + _AT_ONCE]))
        whole = len(self._wanted) == len(self._pairs) and all(
            (there.get((scope, kept_as(key))) or self._reader.request(scope, key)) == wanted
            for (scope, key), wanted in self._wanted.items()
        )
        self._pairs.clear()
        self._wanted.clear()
        return whole


def _stored(
    reader: Reader, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Request]:
    places = ", ".join(["(?, ?)"] * len(keys))
    rows = reader.connection.execute(
        "SELECT scope, key, digest, first_position, last_position FROM requests "
        f"WHERE (scope, key) IN (VALUES {places})",
        [one for pair in keys for one in pair],
    ).fetchall()
    return {(scope, key): Request(*rest) for scope, key, *rest in rows}


def derived(envelope: Envelope) -> list[tuple[tuple[str, str], bytes]]:
    """Return the requests that the first event of a batch carries, with their digests."""
    event = envelope.event
    if event.type != PAID and envelope.token is None:
        return []
    found: list[tuple[tuple[str, str], bytes]] = []
    account = account_of(envelope.stream) or ""
    if envelope.token is not None and event.type != REFUSED:
        found.append(((TOKENS + account, envelope.token), bytes(envelope.request)))
    if event.type == PAID:
        key = payment_key(event.channel or "", event.serial or "")
        found.append(((PAYMENTS, key), f"{account}\x1f{event.amount}".encode()))
    return found
