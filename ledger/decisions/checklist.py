"""What a close looks at, and what it commits: the lines of its checklist, its digests (R61, R65).

Invariant: a line that the policy requires refuses the close while it is not met, unless somebody
overrides it who made none of what it looks at. This module must not know how a line is derived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import ChecklistOpen
from ledger.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence


class CheckLine(NamedTuple):
    """One line of the checklist of a close (R65).

    Attributes:
        required: whether the policy refuses the close while it is not met.
        makers: who recorded runs of what it looks at; they may not override it.

    """

    name: str
    ok: bool
    figure: str
    required: bool = False
    makers: tuple[str, ...] = ()


class Digests(NamedTuple):
    """What a close commits; ``balances`` is None in closes made before it was kept."""

    accounts: int
    instances: int
    trial_balance: str
    instance_states: str
    balances: str | None


class Figures(NamedTuple):
    """What was derived for a close as of a position: its checklist, the digests of each month."""

    position: int
    checklist: Sequence[CheckLine]
    digests: Sequence[Digests]


def check_required(
    lines: Sequence[CheckLine], period: str, *, override: bool, actor: str, reason: str | None
) -> None:
    """Refuse a close while what the policy requires is open (R65). Raises: ChecklistOpen."""
    unmet = [line for line in lines if line.required and not line.ok]
    if not unmet:
        return
    names = ", ".join(f"{line.name} ({line.figure})" for line in unmet)
    if not override:
        said = f"the checklist of {period} is open: {names}"
    elif not reason:
        said = f"an override of the checklist of {period} needs a reason: {names}"
    elif any(actor in line.makers for line in unmet):
        said = f"{quoted(actor)} recorded a run of the checklist and may not override it: {names}"
    else:
        return
    raise ChecklistOpen(said, rule="R65")
