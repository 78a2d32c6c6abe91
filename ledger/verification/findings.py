"""What a verification says: one line a check, the kind of tampering, the first bad position."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """What is wrong, and at which position first."""

    kind: str | None
    position: int | None
    said: str


class CheckResult(NamedTuple):
    """One check and how it ended.

    Attributes:
        checked: how many things were looked at.
        fault: the first thing that is wrong; None where all is well.
        derived: whether it judges what is derived from the log, not the log itself.
        sentence: what holds if the check does.
        skipped: why it did not run; None where it ran.

    """

    name: str
    sentence: str
    checked: int
    fault: Fault | None = None
    derived: bool = False
    skipped: str | None = None

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return self.fault is None


def first(*faults: Fault | None) -> Fault | None:
    """Choose the fault at the lowest position; one without a position comes last."""
    found = [fault for fault in faults if fault is not None]
    return min(found, key=lambda one: (one.position is None, one.position or 0), default=None)
