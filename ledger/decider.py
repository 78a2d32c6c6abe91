"""The decider: what a command or a deadline leads to. Pure: no I/O, no clock, no randomness.

``decide`` judges a command against a state; ``transition`` runs what is due of an account;
``ordering.next_due`` says when that is. Both evolve the state they are given by the events they
return, and a refusal is raised before anything was emitted, so the caller owns the state and may
copy, keep or drop it. Any history can be decided again.
Invariant: one long jump of the clock gives exactly the events of many small ones (R57).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ledger import commands as c
from ledger import requests
from ledger.account.invariants import check_at_hand
from ledger.account.ordering import next_due, ordering
from ledger.envelopes import Provenance, envelop
from ledger.errors import (
    AlreadyExists,
    ConcurrentModification,
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
)
from ledger.money import check_currency
from ledger.repeats import NO_RECORDS, IdempotencyRecords, check_token
from ledger.rules import (
    alerts,
    bills,
    coupons,
    facts,
    orders,
    overdue,
    public,
    refunds,
    renewal,
    terms,
    wallet,
)
from ledger.rules.batch import Batch
from ledger.state import AccountState

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.config import LedgerConfig
    from ledger.envelopes import DecisionContext
    from ledger.events import AnyEvent, RecordedEvent
    from ledger.state import Deadline


# --- accounts --------------------------------------------------------------------------------

_FAMILIES = (wallet, bills, coupons, orders, renewal, refunds, public, overdue, alerts)
_DECISIONS: dict[type[c.Command], Callable[..., None]] = {
    kind: rule for family in _FAMILIES for kind, rule in family.DECISIONS.items()
}
_DUE: dict[int, Callable[[Batch, str], None]] = {
    kind: rule
    for family in (coupons, bills, overdue, renewal, terms, alerts)
    for kind, rule in family.DUE.items()
}


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
    amounts = c.minor_units(command, currency)
    if state is None:
        raise UnknownAccount(f"no account {getattr(command, 'account', '')!r}", rule="R1")
    expected = command.expected_version
    if expected is not None and expected != state.guard_version:
        msg = f"account {state.account!r} is at version {state.guard_version}, not {expected}"
        raise ConcurrentModification(msg, rule="R58")
    if isinstance(command, c.OpenAccount):
        raise AlreadyExists(f"account {state.account!r} exists", rule="R1")
    batch = open_batch(state, command, config=config, context=context)
    batch.records = records
    rule = _DECISIONS[type(command)]
    if isinstance(command, c.FactCommand):
        at = facts.effective_at(state, command, config=config, now=context.now)
        rule(batch, command, effective_at=at, **amounts)
    else:
        rule(batch, command, **amounts)
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
    provenance = _provenance(command, requests.to_request(command), token=command.token)
    batch = Batch(state, config, context, provenance=provenance)
    batch.override = getattr(command, "override", False)
    return batch


def _provenance(command: c.AnyCommand, request: bytes, *, token: str | None = None) -> Provenance:
    name = c.NAMES[type(command)]
    return Provenance(name, command.actor, command.reason, token, msgspec.Raw(request))


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
    refused = CommandRefused(
        code=error.code, rule=error.rule, message=str(error),
        needed=error.needed, available=error.available,
    )  # fmt: skip
    provenance = _provenance(command, requests.to_refused_request(command))
    return envelop(refused, provenance, context, stream=stream, version=version)


# --- what follows ------------------------------------------------------------------------------


def draw_consequences(batch: Batch) -> None:
    """Settle what is unpaid and keep overdue true after anything that may have moved money."""
    state = batch.state
    cause = None
    if state.items and state.cash > 0:
        cause = wallet.settle(batch)
    if state.items or state.overdue_since is not None:
        overdue.mark(batch, cause=cause or batch.last)


def finish(batch: Batch) -> None:
    """End a batch: the alert, then what must hold of every account between two batches (R1, R9).

    Raises: CorruptHistory: our own bug, or a damaged log.
    """
    alerts.watch(batch)
    state = batch.state
    oldest = ordering(state, batch.config.policy).oldest(state) if state.items else None
    check_at_hand(state, oldest)


# --- transitions -----------------------------------------------------------------------------


def _run_due(batch: Batch, *, until: int) -> None:
    """Run what the command made due at its own instant, as part of its batch (R11)."""
    while (deadline := next_due(batch.state, batch.config.policy)) is not None:
        if deadline.at > until:
            return
        _DUE[deadline.kind](batch, deadline.key)
        draw_consequences(batch)


def transition(
    state: AccountState, deadline: Deadline, *, config: LedgerConfig, context: DecisionContext
) -> list[RecordedEvent]:
    """Run one due transition as a batch of its own, effective at its due instant (R57)."""
    batch = Batch(state, config, context)
    _DUE[deadline.kind](batch, deadline.key)
    draw_consequences(batch)
    finish(batch)
    return batch.events


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
    amounts = c.minor_units(command, config.currency)
    event: AnyEvent
    if isinstance(command, c.SetPrice):
        stream = PRICES_STREAM
        event = PriceSet(sku=command.sku, **amounts)
    else:
        stream = POLICY_STREAM
        config.policy.check({command.key: command.value})
        event = PolicyAdopted(values={command.key: command.value})
    version = config.versions.get(stream, 0)
    if command.expected_version not in (None, version):
        msg = f"stream {stream!r} is at version {version}, not {command.expected_version}"
        raise ConcurrentModification(msg, rule="R58")
    provenance = _provenance(command, requests.to_request(command), token=command.token)
    recorded = envelop(event, provenance, context, stream=stream, version=version + 1)
    config.apply(recorded)
    return [recorded]
