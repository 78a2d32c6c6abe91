"""A bound on the whole of one attempt: a receiver that answers a byte at a time is cut off."""

from __future__ import annotations

import contextlib
import socket
from contextlib import contextmanager
from threading import Event, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEP_SECONDS = 10  # for one step: to connect, to wait for the next bytes
WHOLE_SECONDS = 20  # for everything


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
