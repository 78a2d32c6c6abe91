"""Compares the remembered requests (R3, R28) with what the log's bytes say they must be.

A request belongs to the first event of its batch: a token under the account, a payment under its
key. Invariant: the table holds exactly these. This module must not know what an event does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.codec import decode_envelope, tag
from ledger.engine import PAYMENTS, TOKENS, payment_key
from ledger.errors import DELETED, INSERTED, MODIFIED, UnknownEventType
from ledger.events import CommandRefused, TopUpReceived, account_of
from ledger.store.rows import Request, kept_as
from ledger.store.schema import EVENTS
from ledger.verification.findings import CheckResult, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    """Derives each request from the log and looks it up, many at once.

    Attributes:
        count: how many the events carry.
        fault: the first that is not stored as they say.

    """

    def __init__(self, reader: Reader) -> None:
        """Look up as the program does."""
        self._reader = reader
        self._open: Envelope | None = None  # carries requests; where its batch ends is not known
        self._last = 0
        self._wanted: list[tuple[str, str, Request]] = []
        self.count = 0
        self.fault: Fault | None = None

    def take(self, events: Iterable[Envelope]) -> bool:
        """Read the next events; False where a request is not stored as they say."""
        for event in events:
            if event.cause is None:
                if self._open is not None:
                    self._carry(self._open)
                self._open = event if event.token is not None or event.event.type == PAID else None
            self._last = event.position
        if len(self._wanted) >= _AT_ONCE:
            self._look()
        return self.fault is None

    def end(self, until: int | None = None) -> bool:
        """Look up what is left; the last batch may go on after a position, not after None."""
        if self._open is not None:
            for body in () if until is None else self._reader.bodies(after=until):
                try:
                    envelope = decode_envelope(body)
                except UnknownEventType:
                    return False
                if envelope.cause is None:
                    break
                self._last = envelope.position
            self._carry(self._open)
            self._open = None
        self._look()
        return self.fault is None

    def _carry(self, envelope: Envelope) -> None:
        for (scope, key), digest in derived(envelope):
            self.count += 1
            self._wanted.append((scope, key, Request(digest, envelope.position, self._last)))

    def _look(self) -> None:
        there: dict[tuple[str, str], Request] = {}
        for at in range(0, len(self._wanted), _AT_ONCE):
            keys = [(scope, kept_as(key)) for scope, key, _ in self._wanted[at : at + _AT_ONCE]]
            there.update(_stored(self._reader, keys))
        for scope, key, wanted in self._wanted:
            found = there.get((scope, kept_as(key))) or self._reader.request(scope, key)
            if found != wanted and self.fault is None:
                at, kind = wanted.first_position, DELETED if found is None else MODIFIED
                said = f"the request of @{at} is not stored"
                if kind == MODIFIED:
                    said = f"the stored request of @{at} differs"
                self.fault = Fault(kind, at, said)
        self._wanted.clear()

    def check(self) -> CheckResult:
        """Close the comparison: what is stored is what the events carry, and nothing more."""
        self.end()
        rows = count_requests(self._reader.connection)
        fault = self.fault
        if fault is None and rows > self.count:
            fault = self._extra()
        elif fault is not None and fault.kind == DELETED and rows >= self.count:
            fault = fault._replace(kind=MODIFIED)  # it is there under another key
        return CheckResult("requests", SENTENCE, max(rows, self.count), fault)

    def _extra(self) -> Fault | None:
        """Find the remembered request that its event does not carry."""
        rows = self._reader.connection.execute(
            "SELECT scope, key, first_position, state FROM requests "
            f"LEFT JOIN {EVENTS} ON position = first_position ORDER BY first_position"
        )
        for scope, key, position, body in rows:
            carried = derived(decode_envelope(body)) if body is not None else []
            known = {(scope, kept) for (scope, one), _ in carried for kept in (one, kept_as(one))}
            if (scope, key) not in known:
                return Fault(INSERTED, position, f"no event carries the request {scope} {key!r}")
        return Fault(INSERTED, None, "more requests are stored than events carry")


def _stored(
    reader: Reader, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Request]:
    places = ", ".join(["(?, ?)"] * len(keys))
    rows = reader.connection.execute(
        "SELECT scope, key, digest, first_position, last_position FROM requests "
        f"WHERE (scope, key) IN (VALUES {places})",
        [cell for pair in keys for cell in pair],
    ).fetchall()
    return {(scope, key): Request(*rest) for scope, key, *rest in rows}


def derived(envelope: Envelope) -> list[tuple[tuple[str, str], bytes]]:
    """Return the requests that the first event of a batch carries, with their digests."""
    event = envelope.event
    if event.type != PAID and envelope.token is None:
        return []
    requests: list[tuple[tuple[str, str], bytes]] = []
    account = account_of(envelope.stream) or ""
    if envelope.token is not None and event.type != REFUSED:
        requests.append(((TOKENS + account, envelope.token), bytes(envelope.request)))
    if event.type == PAID:
        key = payment_key(event.channel or "", event.serial or "")
        requests.append(((PAYMENTS, key), f"{account}\x1f{event.amount}".encode()))
    return requests
