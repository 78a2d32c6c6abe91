"""What became of one command, and what a person should look at in it.

This module must not know how a result is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.events import AutoRenewEnabled, TopUpReceived

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ledger.errors import Refused
    from ledger.events import RecordedEvent


class Outcome(NamedTuple):
    """What became of one command: INTERFACE section 3's result, before it is written as JSON."""

    ok: bool
    positions: Sequence[int] = ()
    duplicate: bool = False
    warnings: Sequence[str] = ()
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    rule: str | None = None
    refused: Refused | None = None  # what a caller in Python raises

    @classmethod
    def of(cls, refused: Refused, positions: Sequence[int]) -> Outcome:
        """Return the outcome of a command that a rule refused."""
        return cls(
            ok=False, positions=positions, code=refused.code, message=str(refused),
            hint=refused.remedy, rule=refused.rule, refused=refused,
        )  # fmt: skip


class LineResult(NamedTuple):
    """The outcome of one line of an input."""

    line: int
    outcome: Outcome


def warnings(made: Iterable[RecordedEvent]) -> list[str]:
    """Return what a person should look at in a result (R3, R32)."""
    said: list[str] = []
    for recorded in made:
        event = recorded.event
        if type(event) is TopUpReceived and event.suspected_duplicate_of is not None:
            said.append(
                f"suspected duplicate of payment {event.suspected_duplicate_of}: the same amount "
                "within a minute (R3); both were received"
            )
        elif type(event) is AutoRenewEnabled and event.no_slot_left:
            said.append(
                f"instance {event.instance} has no auto-renewal slot left in this term (R32): "
                "renew it by hand"
            )
    return said
