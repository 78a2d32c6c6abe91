"""What cannot be None is taken as it is, never replaced by what looks like an answer."""

from __future__ import annotations

from typing import TypeVar

Kept = TypeVar("Kept")


def certain(value: Kept | None) -> Kept:
    """Return what is never None here; where it is, the mistake is ours and shows at once."""
    assert value is not None, "a value that is always there is missing"  # noqa: S101 - our own bug
    return value
