"""Public instances: activate, freeze, continue. What an overdue account does to them: ``overdue``.

Decides R13, R20 and R44. No due transitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.errors import AlreadyExists, NotFrozen, WrongState
from ledger.events import InstanceFrozen, PublicInstanceActivated, TrialContinued
from ledger.state import FROZEN, PUBLIC_NEW, RUNNING

if TYPE_CHECKING:
    from ledger.rules.batch import Batch


def activate(batch: Batch, command: c.ActivatePublic) -> None:
    """Activate a public instance; allowed while overdue (R13, R20)."""
    if command.instance in batch.state.instances:
        raise AlreadyExists(f"instance {command.instance!r} exists", rule="R20")
    batch.emit(PublicInstanceActivated(instance=command.instance, kind=command.kind))


def freeze(batch: Batch, command: c.Freeze, *, effective_at: int) -> None:
    """Note that the platform froze a new public instance (R44)."""
    instance = batch.instance(command.instance, rule="R44")
    if instance.kind != PUBLIC_NEW or instance.state != RUNNING:
        msg = f"{instance.kind} instance {command.instance!r} is {instance.state}"
        raise WrongState(msg, rule="R44")
    batch.require_after_last_change(instance, effective_at)
    batch.emit(InstanceFrozen(instance=command.instance), effective_at=effective_at)


def continue_trial(batch: Batch, command: c.ContinueTrial) -> None:
    """Let a frozen public instance run at once, free, even while overdue (R13, R44)."""
    instance = batch.instance(command.instance, rule="R44")
    if instance.state != FROZEN:
        msg = f"{instance.kind} instance {command.instance!r} is {instance.state}, not frozen"
        raise NotFrozen(msg, rule="R44")
    batch.emit(TrialContinued(instance=command.instance))


DECISIONS: Final = {
    c.ActivatePublic: activate,
    c.Freeze: freeze,
    c.ContinueTrial: continue_trial,
}
