"""When is what due: the time-driven transition of each open thing (RULEBOOK section 3).

Reads a state and the policy in force, decides nothing and changes nothing; the decider turns a
deadline into events; ledger/account/ordering.py finds an account's first one.
Invariant: a policy change makes nothing due before its own instant (section 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.certain import certain
from ledger.periods import DAY, slot_instant
from ledger.state import RESTORING, STOPPED_EXPIRED, TRIAL, Deadline

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState, Coupon, Instance, Usage

# Classes of section 3: at one instant the lower one comes first.
COUPON_START, COUPON_END, BILL_POSTING, LEGACY_STOP, RESTORED = 1, 2, 3, 4, 5
RENEWAL_SLOT, EXPIRY, RELEASE, REMINDER = 6, 7, 8, 9


def next_slot(instance: Instance, policy: Policy) -> tuple[int, int] | None:
    """Return (instant, number) of the next auto-renewal slot of the term, if one is left (R31).

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
    """Return R: when the instance is released, or was (R23); None for public instances."""
    if instance.released_at is not None:
        return instance.released_at
    if instance.expires_at is None:
        return None
    key = "trial_retention" if instance.kind == TRIAL else "retention"
    retention = policy.trial_retention if instance.kind == TRIAL else policy.retention
    return max(instance.expires_at + retention, policy.since[key])


def restored_at(instance: Instance, policy: Policy) -> int | None:
    """Return the instant at which a restoring service is promised to run (R19)."""
    if instance.state != RESTORING or instance.restoring_since is None:
        return None
    since = policy.since["restore_delay"]
    if since < instance.restoring_since:
        return instance.restored_at
    return max(instance.restoring_since + policy.restore_delay, since)


def legacy_stop(state: AccountState, instance: Instance, policy: Policy) -> Deadline:
    """Return when a legacy instance of an overdue account stops (R16, R17)."""
    since = certain(state.overdue_since)  # only called for overdue accounts
    # One that came to run later stops no earlier than that (R11).
    at = max(
        since + policy.overdue_grace_legacy,
        instance.running_since,
        policy.since["overdue_grace_legacy"],
    )
    return Deadline(at, LEGACY_STOP, 0, instance.instance)


def instance_deadline(instance: Instance, policy: Policy) -> Deadline | None:
    """Return what is due next of an instance by itself: restored, a slot, expiry or release."""
    key = instance.instance
    restored = restored_at(instance, policy)
    back = None if restored is None else Deadline(restored, RESTORED, 0, key)
    if instance.expires_at is None:
        return back
    if instance.state == STOPPED_EXPIRED:
        return Deadline(certain(releases_at(instance, policy)), RELEASE, 0, key)
    candidates = [Deadline(instance.expires_at, EXPIRY, 0, key)]
    if back is not None:
        candidates.append(back)
    if instance.auto_enabled and (slot := next_slot(instance, policy)) is not None:
        candidates.append(Deadline(slot[0], RENEWAL_SLOT, instance.expires_at, key))
    return min(candidates)


def coupon_deadline(coupon: Coupon) -> Deadline:
    """Return the start or the end of a coupon; one granted after its end is forfeited then."""
    end = Deadline(max(coupon.ends, coupon.granted_at), COUPON_END, 0, coupon.coupon)
    if coupon.started:
        return end
    start = Deadline(max(coupon.starts, coupon.granted_at), COUPON_START, 0, coupon.coupon)
    return min(start, end)


def bill_posting(usage: Usage, policy: Policy) -> Deadline:
    """Return when recorded usage is billed (R5)."""
    at = max(
        usage.event.cycle_end + policy.bill_delay, usage.recorded_at, policy.since["bill_delay"]
    )
    return Deadline(at, BILL_POSTING, 0, usage.event.usage)


def next_reminder(state: AccountState, policy: Policy) -> tuple[int, int] | None:
    """Return (instant, number) of the next low-balance reminder of the episode (R54)."""
    alert = state.alert
    if alert.raised_at is None or not alert.reminders_on:
        return None
    changed = policy.since["alert_reminders"]
    for number in range(alert.reminders_sent + 1, policy.alert_reminders + 1):
        at = alert.raised_at + number * DAY
        if at > changed:  # those that passed before a policy change are not sent late
            return at, number
    return None
