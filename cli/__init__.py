"""The shell: parses, calls, renders. No rule and no arithmetic on money lives here.

These are the program's first lines: Ctrl-C ends it quietly while the rest is still being loaded,
and the cycle collector does not look through what is loaded, neither then nor at the end: a third
of the time that a short command takes.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

INTERRUPTED = 130


def leave_quietly(*_: object) -> None:
    """End at once, without a traceback: nothing is open yet."""
    os._exit(INTERRUPTED)


def begin_collecting() -> None:
    """Let the collector work from here on, and leave alone what is loaded by now."""
    if IS_THE_PROGRAM:
        gc.freeze()
        gc.enable()


def _is_the_program(started: str) -> bool:
    if "multiprocessing" in sys.modules:  # a worker of it has its name too
        return False
    return started == "-m" or os.path.basename(started) == "tally"  # noqa: PTH119 - no pathlib yet


IS_THE_PROGRAM = _is_the_program(sys.argv[0])
if IS_THE_PROGRAM:
    gc.disable()
    atexit.register(gc.freeze)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave_quietly)
