"""The decider: what a command or a deadline leads to. Pure: no I/O, no clock, no randomness.

``decide`` judges a command against a state; ``due`` runs an account's transitions up to an
instant; ``ordering.next_due`` says when the next one is. All three evolve the state they are
given by the events they return, and a refusal is raised before anything was emitted, so the
caller owns the state and may copy, keep or drop it. Any history can be decided again.
Invariant: one long jump of ``due`` gives exactly the events of many small ones (R57).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ledger import commands as c
from ledger import deadlines as d
from ledger import requests
from ledger.errors import (
    AlreadyExists,
    ConcurrentModification,
    EffectiveTimeOutOfOrder,
    Refused,
    UnknownAccount,
)
from ledger.events import (
    ACCOUNT_PREFIX,
    LEDGER_STREAM,
    POLICY_STREAM,
    PRICES_STREAM,
    AccountOpened,
    CommandAccepted,
    CommandRefused,
    PolicyAdopted,
    PriceSet,
    RecordedEvent,
)
from ledger.money import check_currency, to_minor, to_rated
from ledger.ordering import next_due
from ledger.periods import format_instant
from ledger.repeats import NO_RECORDS, IdempotencyRecords, check_token
from ledger.rules import alerts, bills, coupons, orders, public, refunds, renewal, terms, wallet
from ledger.rules.batch import Batch, draw_consequences, finish
from ledger.state import AccountState

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.config import LedgerConfig
    from ledger.events import AnyEvent
    from ledger.state import Deadline


class DecisionContext(NamedTuple):
    """When and where a decision is made.

    Attributes:
        now: the instant of decision; what the clock caused is effective at its due instant.
        recorded_at: what the ledger's clock says; equal to ``now`` except for a late catch-up.
        position: the position that the first event will get.

    """

    now: int
    recorded_at: int
    position: int


# --- accounts --------------------------------------------------------------------------------

_DECISIONS: dict[type[c.Command], Callable[[Batch, Any], None]] = {
    c.ActivatePublic: public.activate,
    c.StartTrial: orders.start_trial,
    c.Purchase: orders.purchase,
    c.Renew: renewal.renew,
    c.EnableAutoRenew: renewal.enable,
    c.ModifyAutoRenew: renewal.modify,
    c.DisableAutoRenew: renewal.disable,
    c.ContinueTrial: public.continue_trial,
    c.Upgrade: orders.upgrade,
    c.ChangeSpec: orders.change_spec,
    c.Cancel: refunds.cancel,
    c.CancelRenewal: refunds.cancel_renewal,
    c.SetAlert: alerts.set_alert,
}
# Facts may arrive late: they carry their own effective_at (R11).
_FACTS: dict[type[c.Command], Callable[..., None]] = {
    c.ReverseTopUp: wallet.reverse_top_up,
    c.GrantCoupon: coupons.grant_coupon,
    c.RecordUsage: bills.record_usage,
    c.PostBill: bills.post_bill,
    c.CreditNote: bills.credit_note,
    c.Freeze: public.freeze,
    c.Restore: public.restore,
}
# Amounts that are checked before anything else: the field and the least it may be (R2).
_RATED: tuple[type[c.Command], ...] = (c.RecordUsage, c.PostBill)
_AMOUNTS: dict[type[c.Command], tuple[tuple[str, int], ...]] = {
    c.TopUp: (("amount", 1),),
    c.ReverseTopUp: (("amount", 1),),
    c.CreditNote: (("amount", 1),),
    c.GrantCoupon: (("amount", 1), ("minimum_spend", 0)),
    c.SetAlert: (("threshold", 0),),
    c.SetPrice: (("monthly_price", 0),),
}
_TRANSITIONS: dict[int, Callable[[Batch, str], None]] = {
    d.COUPON_START: coupons.start,
    d.COUPON_END: coupons.end,
    d.BILL_POSTING: bills.post_usage,
    d.LEGACY_STOP: public.stop_legacy,
    d.RESTORED: public.restored,
    d.RENEWAL_SLOT: renewal.try_slot,
    d.EXPIRY: terms.expire,
    d.RELEASE: terms.release,
    d.REMINDER: lambda batch, _: alerts.remind(batch),
}


def check_amounts(command: c.AnyCommand, currency: str) -> None:
    """Refuse wrong amounts before anything else is looked at but the token (section 5)."""
    kind = type(command)
    if kind in _RATED:
        to_rated(command.rated, currency)  # type: ignore[union-attr]
    elif kind in _AMOUNTS:
        for field, least in _AMOUNTS[kind]:
            amount = getattr(command, field)
            if amount is not None:
                to_minor(amount, currency, least=least, what=field)


def decide(
    state: AccountState | None,
    command: c.AnyCommand,
    *,
    config: LedgerConfig,
    context: DecisionContext,
    records: IdempotencyRecords = NO_RECORDS,
) -> list[RecordedEvent]:
    """Judge a command to an account and give the events it leads to, evolving ``state``.

    The checks come in the order of section 5: token, amounts, account, version, then the rule's.
    ``state`` is None where there is no such account; ``open_account`` is the way to make one.
    Raises: Refused (nothing was emitted), Duplicate, InvalidInput.
    """
    check_token(state, command, records)
    currency = config.currency if state is None else state.currency
    check_amounts(command, currency)
    if state is None:
        msg = f"no account {getattr(command, 'account', '')!r}"
        raise UnknownAccount(msg, rule="R1")
    expected = command.expected_version
    if expected is not None and expected != state.guard_version:
        msg = f"account {state.account!r} is at version {state.guard_version}, not {expected}"
        raise ConcurrentModification(msg, rule="R58")
    batch = open_batch(state, command, config=config, context=context)
    kind = type(command)
    if isinstance(command, c.FactCommand):
        effective_at = _effective_at(state, command, config=config, now=context.now)
        if isinstance(command, c.TopUp):
            taken = records.payment is not None
            wallet.top_up(batch, command, taken=taken, effective_at=effective_at)
        else:
            _FACTS[kind](batch, command, effective_at=effective_at)
    elif kind is c.OpenAccount:
        msg = f"account {state.account!r} exists"
        raise AlreadyExists(msg, rule="R1")
    else:
        _DECISIONS[kind](batch, command)
    if not batch.events and command.token is not None:
        batch.emit(CommandAccepted())
    if batch.events:
        draw_consequences(batch)
        _run_due(batch, until=context.now)
        finish(batch)
    return batch.events


def open_account(
    command: c.OpenAccount,
    *,
    config: LedgerConfig,
    context: DecisionContext,
    records: IdempotencyRecords = NO_RECORDS,
) -> tuple[AccountState, list[RecordedEvent]]:
    """Open an account that does not exist yet."""
    check_token(None, command, records)
    state = AccountState(command.account)
    if command.expected_version not in (None, 0):
        msg = f"account {command.account!r} does not exist yet: its version is 0"
        raise ConcurrentModification(msg, rule="R58")
    asked = command.currency
    currency = check_currency(config.currency if asked is None else asked)
    batch = open_batch(state, command, config=config, context=context)
    batch.emit(AccountOpened(account=command.account, currency=currency))
    return state, batch.events


def open_batch(
    state: AccountState, command: c.AnyCommand, *, config: LedgerConfig, context: DecisionContext
) -> Batch:
    """Open a batch that carries the command's envelope."""
    batch = Batch(
        state, config,
        now=context.now, recorded_at=context.recorded_at, position=context.position,
    )  # fmt: skip
    batch.command = c.NAMES[type(command)]
    batch.actor, batch.reason = command.actor, command.reason
    batch.override = getattr(command, "override", False)
    batch.token = command.token
    batch.request = msgspec.Raw(requests.to_request(command))
    return batch


def _effective_at(
    state: AccountState, command: c.FactCommand, *, config: LedgerConfig, now: int
) -> int:
    """Return a fact's own instant: from the fact it names up to now (R11).

    Raises: EffectiveTimeOutOfOrder.
    """
    if command.effective_at is None:
        return now
    effective_at = int(command.effective_at)
    assert state.opened_at is not None  # noqa: S101 - a command to an account that there is
    bound, why = state.opened_at, "before its account was opened"
    named = _named_fact(state, command)
    if named is not None and named[0] > bound:
        bound, why = named
    if effective_at > now:
        bound, why = now, "after the instant of recording"
    elif effective_at >= bound:
        return effective_at
    offset = config.policy.calendar_offset
    raise EffectiveTimeOutOfOrder(
        effective_at=format_instant(effective_at, offset),
        bound=format_instant(bound, offset),
        why=why,
    )


def _named_fact(state: AccountState, command: c.FactCommand) -> tuple[int, str] | None:
    """Return when the fact that a command names was effective, and how to say "before it"."""
    if isinstance(command, c.ReverseTopUp):
        payment = state.payments.get((command.channel, command.serial))
        if payment is not None:
            return payment.effective_at, "before the top-up it reverses"
    elif isinstance(command, c.CreditNote):
        bill = state.bills.get(command.bill)
        if bill is not None:
            return bill.effective_at, "before the bill it credits"
    elif isinstance(command, (c.RecordUsage, c.PostBill, c.Freeze, c.Restore)):
        instance = state.instances.get(command.instance)
        if instance is not None:
            return instance.created_at, "before its instance existed"
    return None


def refusal(
    state: AccountState | None,
    command: c.AnyCommand,
    error: Refused,
    *,
    config: LedgerConfig,
    context: DecisionContext,
) -> RecordedEvent:
    """Return the audit-only event of a refused command (R58): in the account's own log if any."""
    if state is not None:
        stream, version = ACCOUNT_PREFIX + state.account, state.version + 1
    else:
        stream, version = LEDGER_STREAM, config.versions.get(LEDGER_STREAM, 0) + 1
    return RecordedEvent(
        position=context.position,
        stream=stream,
        version=version,
        recorded_at=context.recorded_at,
        effective_at=context.now,
        event=CommandRefused(
            code=error.code, rule=error.rule, message=str(error),
            needed=error.needed, available=error.available,
        ),
        command=c.NAMES[type(command)],
        actor=command.actor,
        reason=command.reason,
        request=msgspec.Raw(requests.to_refused_request(command)),
    )  # fmt: skip


# --- transitions -----------------------------------------------------------------------------


def _run_due(batch: Batch, *, until: int) -> None:
    """Run what the command made due at its own instant, as part of its batch (R11)."""
    while (deadline := next_due(batch.state, batch.config.policy)) is not None:
        if deadline.at > until:
            return
        _TRANSITIONS[deadline.kind](batch, deadline.key)
        draw_consequences(batch)


def transition(
    state: AccountState, deadline: Deadline, *, config: LedgerConfig, context: DecisionContext
) -> list[RecordedEvent]:
    """Run one due transition as a batch of its own, effective at its due instant (R57)."""
    batch = Batch(
        state, config,
        now=context.now, recorded_at=context.recorded_at, position=context.position,
    )  # fmt: skip
    _TRANSITIONS[deadline.kind](batch, deadline.key)
    draw_consequences(batch)
    finish(batch)
    return batch.events


def due(
    state: AccountState, *, config: LedgerConfig, until: int, position: int
) -> list[RecordedEvent]:
    """Run all of an account's transitions due up to an instant, inclusive, in due order (R57)."""
    made: list[RecordedEvent] = []
    while (deadline := next_due(state, config.policy)) is not None and deadline.at <= until:
        context = DecisionContext(deadline.at, deadline.at, position + len(made))
        made += transition(state, deadline, config=config, context=context)
    return made


# --- the ledger's own streams ----------------------------------------------------------------


def decide_config(
    command: c.SetPrice | c.SetPolicy,
    *,
    config: LedgerConfig,
    context: DecisionContext,
    records: IdempotencyRecords = NO_RECORDS,
) -> list[RecordedEvent]:
    """Judge a command to the ledger itself: a price or a policy value. Changes ``config``."""
    check_token(None, command, records)
    check_amounts(command, config.currency)
    event: AnyEvent
    if isinstance(command, c.SetPrice):
        stream = PRICES_STREAM
        price = to_minor(command.monthly_price, config.currency, least=0, what="monthly_price")
        event = PriceSet(sku=command.sku, monthly_price=price)
    else:
        stream = POLICY_STREAM
        config.policy.check({command.key: command.value})
        event = PolicyAdopted(values={command.key: command.value})
    version = config.versions.get(stream, 0)
    if command.expected_version not in (None, version):
        msg = f"stream {stream!r} is at version {version}, not {command.expected_version}"
        raise ConcurrentModification(msg, rule="R58")
    recorded = RecordedEvent(
        position=context.position,
        stream=stream,
        version=version + 1,
        recorded_at=context.recorded_at,
        effective_at=context.now,
        event=event,
        command=c.NAMES[type(command)],
        actor=command.actor,
        reason=command.reason,
        token=command.token,
        request=msgspec.Raw(requests.to_request(command)),
    )
    config.apply(recorded)
    return [recorded]
