"""Ctrl-C and processes that this one starts: only this one hears it.

A terminal sends it to all of them, and one whose interpreter just begins would print a traceback.
This module must not know what is started.
"""

from __future__ import annotations

import multiprocessing.resource_tracker
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block; what is started in it never hears of one.

    Processes and threads inherit what is blocked when they start.
    """
    multiprocessing.resource_tracker.ensure_running()  # starting it would end what is blocked here
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
