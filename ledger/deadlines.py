"""When is what due: the next time-driven transition of an account (RULEBOOK section 3).

Reads a state and the policy in force, decides nothing and changes nothing; the decider turns a
deadline into events, the deadlines view lets the clock find the next account.
Invariant: a policy change makes nothing due before its own instant (section 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.account import PUBLIC_LEGACY, RESTORING, RUNNING, STOPPED_EXPIRED, TRIAL
from ledger.periods import DAY, slot_instant
from ledger.state import Deadline

if TYPE_CHECKING:
    from ledger.account import AccountState, Instance
    from ledger.policy import Policy

# Classes of section 3: at one instant the lower one comes first.
COUPON_START, COUPON_END, BILL_POSTING, LEGACY_STOP, RESTORED = 1, 2, 3, 4, 5
RENEWAL_SLOT, EXPIRY, RELEASE, REMINDER = 6, 7, 8, 9


def next_slot(instance: Instance, policy: Policy) -> tuple[int, int] | None:
    """Give (instant, number) of the next auto-renewal slot of the term, if one is left (R31).

    A term that was auto-renewed once has none (R34); nor has a term that has ended (R35).
    """
    expires_at = instance.expires_at
    if (
        not instance.auto_enabled
        or expires_at is None
        or instance.state == STOPPED_EXPIRED
        or expires_at in instance.auto_renewed
    ):
        return None
    # A slot at or before the instant of a policy change has run under the old policy, or never.
    earliest = max(instance.slots_from, policy.slots_since + 1 if policy.slots_since else 0)
    first = policy.auto_renew_first_day
    if instance.slot_last is not None:
        first = min(first, instance.slot_last - 1)
    for number in range(first, policy.auto_renew_last_day - 1, -1):
        at = slot_instant(
            expires_at, number,
            offset=policy.calendar_offset, time_of_day=policy.auto_renew_time,
        )  # fmt: skip
        if at >= earliest:
            return (at, number) if at < expires_at else None
    return None


def releases_at(instance: Instance, policy: Policy) -> int | None:
    """Give R: when the instance is released, or was (R23); None for public instances."""
    if instance.released_at is not None:
        return instance.released_at
    if instance.expires_at is None:
        return None
    key = "trial_retention" if instance.kind == TRIAL else "retention"
    retention = policy.trial_retention if instance.kind == TRIAL else policy.retention
    return max(instance.expires_at + retention, policy.since[key])


def restored_at(instance: Instance, policy: Policy) -> int | None:
    """Give the instant at which a restoring service is promised to run (R19)."""
    if instance.state != RESTORING or instance.restoring_since is None:
        return None
    since = policy.since["restore_delay"]
    if since < instance.restoring_since:
        return instance.restored_at
    return max(instance.restoring_since + policy.restore_delay, since)


def _instance_deadline(
    state: AccountState, instance: Instance, policy: Policy
) -> Deadline | None:
    key = instance.instance
    if instance.kind == PUBLIC_LEGACY and instance.state == RUNNING:
        if state.overdue_since is None:
            return None
        # R16, R17; one that came to run later stops no earlier than that (R11).
        at = max(
            state.overdue_since + policy.overdue_grace_legacy,
            instance.running_since,
            policy.since["overdue_grace_legacy"],
        )
        return Deadline(at, LEGACY_STOP, 0, key)
    found: Deadline | None = None
    if instance.state == RESTORING:
        found = Deadline(restored_at(instance, policy) or 0, RESTORED, 0, key)
    if instance.expires_at is None:
        return found
    if instance.state == STOPPED_EXPIRED:
        return Deadline(releases_at(instance, policy) or 0, RELEASE, 0, key)
    candidates = [Deadline(instance.expires_at, EXPIRY, 0, key)]
    if found is not None:
        candidates.append(found)
    if instance.auto_enabled and (slot := next_slot(instance, policy)) is not None:
        candidates.append(Deadline(slot[0], RENEWAL_SLOT, instance.expires_at, key))
    return min(candidates)


def _coupon_and_bill_deadlines(state: AccountState, policy: Policy) -> list[Deadline]:
    found: list[Deadline] = []
    for coupon in state.funded.values():
        if not coupon.started:
            found.append(
                Deadline(max(coupon.starts, coupon.granted_at), COUPON_START, 0, coupon.coupon)
            )
        # One granted after its end is forfeited when granted.
        found.append(Deadline(max(coupon.ends, coupon.granted_at), COUPON_END, 0, coupon.coupon))
    for name, usage in state.usages.items():
        at = usage.event.cycle_end + policy.bill_delay
        at = max(at, usage.recorded_at, policy.since["bill_delay"])
        found.append(Deadline(at, BILL_POSTING, 0, name))
    return found


def next_reminder(state: AccountState, policy: Policy) -> tuple[int, int] | None:
    """Give (instant, number) of the next low-balance reminder of the episode (R54)."""
    alert = state.alert
    if alert.raised_at is None or not alert.reminders_on:
        return None
    changed = policy.since["alert_reminders"]
    for number in range(alert.reminders_sent + 1, policy.alert_reminders + 1):
        at = alert.raised_at + number * DAY
        if at > changed:  # those that passed before a policy change are not sent late
            return at, number
    return None


def next_due(state: AccountState, policy: Policy) -> Deadline | None:
    """Give the account's next transition, the first one in the order of section 3.

    The answer is kept with the state until its next event, or another policy.
    """
    memo = state.next_due
    if memo is not None and memo[0] is policy.revision:
        return memo[1]
    deadline = _first_deadline(state, policy)
    state.next_due = policy.revision, deadline
    return deadline


def _first_deadline(state: AccountState, policy: Policy) -> Deadline | None:
    found = _coupon_and_bill_deadlines(state, policy) if state.funded or state.usages else []
    for instance in state.live.values():
        deadline = _instance_deadline(state, instance, policy)
        if deadline is not None:
            found.append(deadline)
    if state.alert.raised_at is not None:
        reminder = next_reminder(state, policy)
        if reminder is not None:
            found.append(Deadline(reminder[0], REMINDER, 0, ""))
    return min(found) if found else None
