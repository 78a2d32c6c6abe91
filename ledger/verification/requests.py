"""Compares the remembered requests (R3, R28) with what the log's bytes say they must be.

A request belongs to the first event of its batch: a token under the account, a payment under its
key. Invariant: the table holds exactly these. This module must not know what an event does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.codec import decode_envelope, tag
from ledger.engine import PAYMENTS, TOKENS, payment_key
from ledger.events import CommandRefused, TopUpReceived, account_of
from ledger.store.rows import kept_as
from ledger.store.schema import EVENTS
from ledger.verification.findings import DELETED, INSERTED, MODIFIED, Check, Fault

if TYPE_CHECKING:
    from ledger.codec import Envelope
    from ledger.store import Reader

SENTENCE = "the stored requests agree with the events"
REFUSED, PAID = tag(CommandRefused), tag(TopUpReceived)


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
        (rows,) = self._connection.execute("SELECT COUNT(*) FROM requests").fetchone()
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
