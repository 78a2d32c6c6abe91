"""A progress bar on stderr, on a terminal, for work that takes longer than a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_WIDTH = 30
_PATIENCE_SECONDS = 1.0
_STEP_SECONDS = 0.1


class Progress:
    """Shows how far along long work is; call it with (done, total)."""

    def __init__(self, what: str) -> None:
        """Name the work."""
        self._what = what
        self._begun = time.monotonic()
        self._shown = 0.0
        self._on = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Redraw, at most ten times a second; a total of 0 is not known."""
        now = time.monotonic()
        if not self._on or now - self._begun < _PATIENCE_SECONDS:
            return
        if now - self._shown < _STEP_SECONDS:
            return
        self._shown = now
        if total:
            full = _WIDTH * done // total
            bar = "#" * full + "-" * (_WIDTH - full)
            text = f"{self._what} [{bar}] {100 * done // total:3d}% {done}/{total}"
        else:
            text = f"{self._what} {done}"
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        if self._on and self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
