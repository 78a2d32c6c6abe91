"""Whether an instance runs: stops, restoring, expiry, release, freezing, public instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .plain_calendar import written
from .plain_errors import Refused, UsageError
from .plain_records import Account, Book, Instance

if TYPE_CHECKING:
    from datetime import datetime

    from .plain_commands import Command


def restates(book: Book, c: Command) -> int:
    """R62: how many warnings a fact for a closed period earns; refused where the policy says so."""
    closer = book.closer_over(c.get("effective_at", book.clock))
    if closer is None:
        return 0
    who, why = c.get("actor"), c.get("reason")
    allowed = c["override"] and who and why and who != closer
    if book.policy.closed_period == "refuse" and not allowed:
        raise Refused("PERIOD_CLOSED")
    return 1


def find_instance(account: Account, name: str) -> Instance:
    """The instance, or UNKNOWN_INSTANCE."""
    if name not in account.instances:
        raise Refused("UNKNOWN_INSTANCE")
    return account.instances[name]


def new_instance(book: Book, account: Account, name: str, kind: str) -> Instance:
    """Put a running instance of this kind into the account."""
    instance = Instance(name, kind, "running", book.clock, [(book.clock, "running")])
    account.instances[name] = instance
    return instance


def enter(book: Book, instance: Instance, state: str, since: datetime | None = None) -> None:
    """Change the state, effective now unless the fact has its own date."""
    instance.state = state
    instance.history.append((since or book.clock, state))
    instance.restoring_since = book.clock if state == "restoring" else None


def start_restoring(book: Book, account: Account, instance: Instance) -> None:
    """R19: what was stopped comes back after `restore_delay`."""
    enter(book, instance, "restoring")
    promised = written(book.clock + book.policy.restore_delay)
    essentials: dict[str, object] = {"instance": instance.instance, "restored_at": promised}
    book.record(account, "ServiceRestoring", essentials)


def mind_overdue(book: Book, account: Account) -> None:
    """R9, R17: notice that the account became overdue, or that it was cleared altogether."""
    since = account.overdue_since()
    if since is not None and not account.overdue:
        account.overdue = True
        book.record(account, "OverdueStarted", {"since": written(since)})
    elif since is None and account.overdue:
        account.overdue = False
        book.record(account, "OverdueCleared", {})
        for _, instance in sorted(account.instances.items()):
            if instance.state == "stopped_overdue":
                start_restoring(book, account, instance)


def releases_at(book: Book, instance: Instance) -> datetime | None:
    """R: when it is (or was) released; None on a public instance."""
    if instance.released_at is not None or instance.expires_at is None:
        return instance.released_at
    policy = book.policy
    kept = policy.trial_retention if instance.kind == "trial" else policy.retention
    return instance.expires_at + kept


def restored_at(book: Book, instance: Instance) -> datetime | None:
    """The promised instant while restoring, else None."""
    if instance.restoring_since is None:
        return None
    return instance.restoring_since + book.policy.restore_delay


# -- transitions ---------------------------------------------------------------------------------


def stop_overdue(book: Book, account: Account, instance: Instance) -> None:
    """R16: a legacy instance stops."""
    enter(book, instance, "stopped_overdue")
    book.record(account, "ServiceStopped", {"instance": instance.instance})


def finish_restoring(book: Book, account: Account, instance: Instance) -> None:
    """R19: running again."""
    enter(book, instance, "running")
    book.record(account, "ServiceRestored", {"instance": instance.instance})


def expire(book: Book, account: Account, instance: Instance) -> None:
    """R22: the service stops at T."""
    enter(book, instance, "stopped_expired")
    book.record(account, "InstanceExpired", {"instance": instance.instance})


def release(book: Book, account: Account, instance: Instance) -> None:
    """R23: gone for good."""
    enter(book, instance, "released")
    instance.released_at = book.clock
    instance.auto_months = None
    book.record(account, "InstanceReleased", {"instance": instance.instance})


# -- commands ------------------------------------------------------------------------------------


def activate_public(book: Book, account: Account, c: Command) -> int:
    """R13, R20: free, works while overdue."""
    if c["instance"] in account.instances:
        raise Refused("ALREADY_EXISTS")
    new_instance(book, account, c["instance"], c["kind"])
    essentials: dict[str, object] = {"instance": c["instance"], "kind": c["kind"]}
    book.record(account, "PublicInstanceActivated", essentials)
    return 0


def freeze(book: Book, account: Account, c: Command) -> int:
    """R44: an external fact about a running new public instance."""
    instance = find_instance(account, c["instance"])
    if instance.kind != "public_new" or instance.state != "running":
        raise Refused("WRONG_STATE")
    since = _fact_date(book, instance, c)
    warnings = restates(book, c)
    enter(book, instance, "frozen", since)
    book.record(account, "InstanceFrozen", {"instance": instance.instance}, since)
    return warnings


def continue_trial(book: Book, account: Account, c: Command) -> int:
    """R44: free, runs at once."""
    instance = find_instance(account, c["instance"])
    if instance.state != "frozen":
        raise Refused("NOT_FROZEN")
    enter(book, instance, "running")
    book.record(account, "TrialContinued", {"instance": instance.instance})
    return 0


def restore(book: Book, account: Account, c: Command) -> int:
    """R19: the service came back before the promised instant."""
    instance = find_instance(account, c["instance"])
    if instance.state != "restoring":
        raise Refused("WRONG_STATE")
    since = _fact_date(book, instance, c)
    warnings = restates(book, c)
    enter(book, instance, "running", since)
    book.record(account, "ServiceRestored", {"instance": instance.instance}, since)
    return warnings


def _fact_date(book: Book, instance: Instance, c: Command) -> datetime:
    """R11: not before what the instance last went through."""
    since: datetime = c.get("effective_at", book.clock)
    if since < instance.history[-1][0]:
        raise UsageError(f"{instance.instance} changed its state after {written(since)}")
    return since
