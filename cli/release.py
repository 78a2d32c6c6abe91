"""The release of this program, as it is kept with seals and closes."""

from __future__ import annotations

from functools import cache
from typing import Final

UNKNOWN: Final = "unknown"  # run from its source


@cache
def release() -> str:
    """Return the version of the installed program; ``unknown`` where none is installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - rarely asked

    try:
        return version("tallystick")
    except PackageNotFoundError:
        return UNKNOWN
