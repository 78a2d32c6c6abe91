"""Public instances and explicit service facts: activate, freeze, continue, stop, restore.

Decides R13, R16, R17, R19, R20 and R44. Due transitions: the legacy stop, the service restored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import (
    AlreadyExists,
    EffectiveTimeOutOfOrder,
    NotFrozen,
    UnknownInstance,
    WrongState,
)
from ledger.events import (
    InstanceFrozen,
    PublicInstanceActivated,
    ServiceRestored,
    ServiceStopped,
    TrialContinued,
)
from ledger.periods import format_instant
from ledger.state import FROZEN, PUBLIC_NEW, RESTORING, RUNNING, Instance

if TYPE_CHECKING:
    from ledger.commands import ActivatePublic, ContinueTrial, Freeze, Restore
    from ledger.rules.batch import Batch
    from ledger.state import AccountState


def _instance(state: AccountState, name: str, *, rule: str) -> Instance:
    instance = state.instances.get(name)
    if instance is None:
        msg = f"account {state.account!r} has no instance {name!r}"
        raise UnknownInstance(msg, rule=rule)
    return instance


def _require_after_last_change(batch: Batch, instance: Instance, effective_at: int) -> None:
    """Refuse a late fact that would rewrite a state which has changed since (R11)."""
    if effective_at < instance.changed_at:
        offset = batch.config.policy.calendar_offset
        raise EffectiveTimeOutOfOrder(
            effective_at=format_instant(effective_at, offset),
            bound=format_instant(instance.changed_at, offset),
            why=f"before the last change of state of {instance.instance!r}",
        )


def activate(batch: Batch, command: ActivatePublic) -> None:
    """Activate a public instance; allowed while overdue (R13, R20)."""
    if command.instance in batch.state.instances:
        msg = f"instance {command.instance!r} exists"
        raise AlreadyExists(msg, rule="R20")
    batch.emit(PublicInstanceActivated(instance=command.instance, kind=command.kind))


def freeze(batch: Batch, command: Freeze, *, effective_at: int) -> None:
    """Note that the platform froze a new public instance (R44)."""
    instance = _instance(batch.state, command.instance, rule="R44")
    if instance.kind != PUBLIC_NEW or instance.state != RUNNING:
        msg = f"{instance.kind} instance {command.instance!r} is {instance.state}"
        raise WrongState(msg, rule="R44")
    _require_after_last_change(batch, instance, effective_at)
    batch.emit(InstanceFrozen(instance=command.instance), effective_at=effective_at)


def continue_trial(batch: Batch, command: ContinueTrial) -> None:
    """Let a frozen public instance run at once, free, even while overdue (R13, R44)."""
    instance = _instance(batch.state, command.instance, rule="R44")
    if instance.state != FROZEN:
        msg = f"{instance.kind} instance {command.instance!r} is {instance.state}, not frozen"
        raise NotFrozen(msg, rule="R44")
    batch.emit(TrialContinued(instance=command.instance))


def restore(batch: Batch, command: Restore, *, effective_at: int) -> None:
    """Note that a service came back earlier than promised (R19)."""
    instance = _instance(batch.state, command.instance, rule="R19")
    if instance.state != RESTORING:
        msg = f"instance {command.instance!r} is {instance.state}, not restoring"
        raise WrongState(msg, rule="R19")
    _require_after_last_change(batch, instance, effective_at)
    batch.emit(
        ServiceRestored(instance=command.instance, via="fact"), effective_at=effective_at
    )


def stop_legacy(batch: Batch, instance: str) -> None:
    """Due: the account stayed overdue for the whole grace period (R16, R17)."""
    since = batch.state.overdue_since
    assert since is not None  # noqa: S101 - only an overdue account has this deadline
    batch.emit(ServiceStopped(instance=instance, overdue_since=since))


def restored(batch: Batch, instance: str) -> None:
    """Due: the service runs again as promised (R19)."""
    batch.emit(ServiceRestored(instance=instance, via="promise"))
