"""Lines that were typed at a prompt, kept from one time to the next in the person's own folder."""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from pathlib import Path

LINES_MAX = 1000


def keep_lines(name: str) -> None:
    """Read the lines typed before, and keep those of this time; without a home nothing is kept."""
    import readline  # noqa: PLC0415 - it takes hold of the terminal

    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - Path raises where there is no home
    path = Path(state) / "tally" / name
    with suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(LINES_MAX)

    def keep() -> None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            readline.write_history_file(path)

    atexit.register(keep)
