"""Notices over HTTPS, signed as Standard Webhooks say (https://www.standardwebhooks.com).

Invariant: 2xx is taken, everything else is not; redirects are not followed; certificates are
verified; at most a few hundred bytes of an answer are read, within a bound of time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING

from cli.notices.channel import STEP_SECONDS, WHOLE_SECONDS, Receipt, bounded, cut_off
from cli.render import note
from ledger import clock as clocks
from ledger.errors import InvalidInput
from ledger.periods import SECOND

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from cli.notices.channel import Address
    from projections.notices.kinds import Notice

PREFIX = "whsec_"
_READ_BYTES = 400
_WANTED_BYTES, _MOST_BYTES = 24, 64  # what Standard Webhooks asks of a secret
_TAKEN = range(200, 300)
_ELSEWHERE = range(300, 400)


def read_secrets(text: str, *, where: str) -> tuple[bytes, ...]:
    """Read ``whsec_...``, several while one is being replaced. Raises: InvalidInput."""
    found = []
    for word in text.split():
        try:
            raw = base64.b64decode(word.removeprefix(PREFIX).rstrip("=") + "==")
        except (ValueError, binascii.Error):
            raw = b""
        if not word.startswith(PREFIX) or not 1 <= len(raw) <= _MOST_BYTES:
            hint = f"{PREFIX} and {_WANTED_BYTES} to {_MOST_BYTES} random bytes in base64"
            raise InvalidInput(f"{where} holds no webhook secret", hint=hint)
        if len(raw) < _WANTED_BYTES:
            note(f"note: {where} holds a secret of less than {_WANTED_BYTES} bytes")
        found.append(raw)
    if not found:
        raise InvalidInput(f"{where} holds no webhook secret", hint=f"it begins with {PREFIX}")
    return tuple(found)


def signature(secrets: Sequence[bytes], *, name: str, timestamp: str, body: bytes) -> str:
    """Sign what is sent: one ``v1,...`` for each secret."""
    signed = f"{name}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        for secret in secrets
    )


class Web:
    """A receiver of webhooks; its connection is kept from one notice to the next."""

    def __init__(
        self, address: Address, secrets: Sequence[bytes], *, seconds: float = WHOLE_SECONDS
    ) -> None:
        """Remember where to go; nothing is connected yet."""
        self.name = address.name
        self._secrets = secrets
        self._seconds = seconds
        parts = address.parts
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: HTTPConnection
        if parts.scheme == "https":
            self._connection = HTTPSConnection(
                address.host, parts.port, timeout=STEP_SECONDS,
                context=ssl.create_default_context(),
            )  # fmt: skip
        else:
            self._connection = HTTPConnection(address.host, parts.port, timeout=STEP_SECONDS)
        self._more: dict[str, str] = {}
        if parts.username:
            pair = f"{parts.username}:{parts.password or ''}".encode()
            self._more["Authorization"] = "Basic " + base64.b64encode(pair).decode()

    def send(self, notice: Notice, body: bytes) -> Receipt:
        """Post one notice."""
        timestamp = str(clocks.system_now() // SECOND)
        headers = {
            "content-type": "application/json", "user-agent": "tally", "webhook-id": notice.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(
                self._secrets, name=notice.id, timestamp=timestamp, body=body
            ),
            **self._more,
        }  # fmt: skip
        kept = self._socket() is not None
        try:
            try:
                return self._post(body, headers)
            except ConnectionError:
                if not kept:
                    raise
                self._connection.close()  # the other side may have closed it meanwhile
                return self._post(body, headers)
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            return Receipt(taken=False, said=bounded(f"{type(error).__name__}: {error}"))

    def _post(self, body: bytes, headers: dict[str, str]) -> Receipt:
        with cut_off(self._socket, self._seconds):
            self._connection.request("POST", self._path, body=body, headers=headers)
            return self._read(self._connection.getresponse())

    def _read(self, response: HTTPResponse) -> Receipt:
        said = f"{response.status} {response.reason}"
        more = response.read1(_READ_BYTES) if response.length != 0 else b""
        if not response.isclosed() or response.will_close:
            self._connection.close()  # what is left of the answer is of no interest
        if response.status in _TAKEN:
            return Receipt(taken=True, said=bounded(said))
        if response.status in _ELSEWHERE:
            return Receipt(taken=False, said=bounded(f"{said}; redirects are not followed"))
        return Receipt(taken=False, said=bounded(f"{said} {more.decode(errors='replace')}"))

    def _socket(self) -> socket.socket | None:
        there: socket.socket | None = self._connection.sock
        return there

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
