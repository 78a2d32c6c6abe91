"""From --to to a channel: which kinds of addresses there are, how one is shown, how long it has.

An attempt has a bound as a whole: a receiver that answers a byte at a time is cut off.
Invariant: an address is shown and stored without its password and, for the web, without the
values of its query, so two addresses that differ in these alone are one channel.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projections.notices.kinds import Notice

STEP_SECONDS = 10  # for one step: to connect, to wait for the next bytes
WHOLE_SECONDS = 20  # for everything
ANSWER_MAX = 200  # characters of an answer that are kept
SECRET = "***"  # noqa: S105 - what stands in place of one
_HINT = "write it like https://host/path, smtp://host/name@example.com or file:///path.ndjson"


class Receipt(NamedTuple):
    """What became of an attempt."""

    taken: bool
    said: str


class Channel(Protocol):
    """Where notices go."""

    name: str

    def send(self, notice: Notice, body: bytes) -> Receipt:
        """Try once; whatever goes wrong on the way is an answer, not an error."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class Address(NamedTuple):
    """An address that was given."""

    parts: SplitResult
    name: str

    @property
    def host(self) -> str:
        """The machine."""
        return self.parts.hostname or ""

    @property
    def query(self) -> dict[str, str]:
        """What stands after the question mark."""
        return dict(parse_qsl(self.parts.query, keep_blank_values=True))

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def read_address(text: str) -> Address:
    """Read an address. Raises: InvalidInput, without repeating what may be a secret."""
    bad = any(not one.isprintable() or one.isspace() for one in text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        bad, port = True, None
    if bad or port == 0:
        raise InvalidInput("the address of --to cannot be read", hint=_HINT)
    if parts.scheme not in ("https", "http", "smtp", "file"):
        msg = f"notices cannot be sent to {parts.scheme!r}" if parts.scheme else (
            "the address of --to has no scheme"
        )
        raise InvalidInput(msg, hint=_HINT)
    if parts.scheme != "file" and not parts.hostname:
        raise InvalidInput("the address of --to has no host", hint=_HINT)
    address = Address(parts, _shown(parts))
    if parts.scheme == "http" and not address.loopback:
        msg = f"{address.name} would be unencrypted; http:// is allowed for this machine only"
        raise InvalidInput(msg, hint="use https://")
    return address


def _shown(parts: SplitResult) -> str:
    if parts.scheme == "file":
        return f"file://{file_of(parts).absolute()}"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    who = f"{parts.username or ''}:{SECRET}@" if parts.password is not None else (
        f"{parts.username}@" if parts.username else ""
    )
    port = f":{parts.port}" if parts.port else ""
    query = parts.query
    if query and parts.scheme != "smtp":
        names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
        query = "&".join(f"{name}={SECRET}" for name in names) or SECRET
    return f"{parts.scheme}://{who}{host}{port}{parts.path}" + (f"?{query}" if query else "")


def file_of(parts: SplitResult) -> Path:
    """Return the path of a file:// address; one with a single name is of this folder."""
    host = "" if parts.netloc.lower() == "localhost" else parts.netloc
    path = unquote(host + parts.path)
    if not path or path.endswith("/") or parts.query or parts.fragment:
        raise InvalidInput("the address of --to has no file", hint=_HINT)
    return Path(path)


def bounded(text: str) -> str:
    """Make a stranger's words fit to keep: one line, no control characters, cut."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= ANSWER_MAX else f"{shown[: ANSWER_MAX - 3]}..."


@contextmanager
def cut_off(connected: Callable[[], socket.socket | None], seconds: float) -> Iterator[None]:
    """Shut a connection down from outside once its time is over. Raises: TimeoutError."""
    over = Event()

    def shut() -> None:
        over.set()
        there = connected()
        if there is not None:
            with contextlib.suppress(OSError):
                there.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if over.is_set():  # what was read may look whole, and is not
        msg = f"no whole answer within {seconds} s"
        raise TimeoutError(msg)
