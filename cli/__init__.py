"""The shell: parses, calls, renders. No rule and no arithmetic on money lives here.

These are the program's first lines: Ctrl-C ends it quietly while the rest is still being loaded.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130


def leave_quietly(*_: object) -> None:
    """End at once, without a traceback: nothing is open yet."""
    os._exit(INTERRUPTED)


def _is_the_program(started: str) -> bool:
    return started == "-m" or os.path.basename(started) == "tally"  # noqa: PTH119 - no pathlib yet


if _is_the_program(sys.argv[0]) and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, leave_quietly)
