"""Flip: the proposal, tried through what-if, changes the decision; nothing smaller does."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ledger import commands as c
from ledger.events import CommandRefused
from ledger.periods import SECOND
from ledger.rehearsal.changes import Changes, Insertion
from ledger.rehearsal.flip import (
    COUPON,
    RENEWAL,
    SETTING,
    SKIP,
    TOP_UP,
    Flip,
    RecordedDecision,
    edge,
    flips,
    last_instant,
    least_amount,
)
from ledger.rehearsal.why_not import cures, try_now
from projections.rehearsing.whatif import WhatIf
from tests.rehearsal.worlds import (
    OFFSET,
    do,
    events,
    find,
    instant,
    new_ledger,
    now,
    overdue_story,
    renewal_story,
    year,
)

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.events import RecordedEvent

BY_MONEY = (
    "ServiceStopped", "AutoRenewFailed", "InstanceExpired", "OverdueStarted", "InstanceReleased",
    "CommandRefused",
)  # fmt: skip


def altered(ledger: Ledger, target: RecordedEvent, at: int, command: c.AnyCommand) -> bool:
    """Ask ``tally whatif --mode decide`` whether a decision changes."""
    changes = Changes(inserts=(Insertion(at, command),))
    answer = WhatIf(ledger.store.reader, changes, point=now(ledger)).decided().plain()
    if isinstance(target.event, CommandRefused):
        return target.position in [one["position"] for one in answer["accepted"]]
    gone = [event for event in answer["dropped_events"] if event["position"] == target.position]
    return bool(gone) and _what(gone[0]) not in [_what(one) for one in answer["derived"]]


def _what(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["type"], event["effective_at"], event["instance"], event["data"].get("item")


def smaller(command: c.AnyCommand) -> c.AnyCommand:
    amount: Decimal = getattr(command, "amount")  # noqa: B009 - top-ups and coupons have one
    return msgspec.structs.replace(command, amount=amount - Decimal("0.01"))


def check(ledger: Ledger, target: RecordedEvent, flip: Flip) -> None:
    """See that the change flips, and that neither less nor later does."""
    assert flip.command is not None
    assert altered(ledger, target, flip.at, flip.command)
    if flip.at < target.recorded_at:
        assert not altered(ledger, target, flip.at + SECOND, flip.command)
    if flip.amount is not None and flip.amount > 1:
        assert not altered(ledger, target, flip.at, smaller(flip.command))


def test_the_least_top_up_that_keeps_a_legacy_instance_running() -> None:
    """Section 6: 12.00 by one second before the stop."""
    ledger = overdue_story()
    stopped = find(ledger.store.reader, "ServiceStopped")
    found = list(flips(RecordedDecision(ledger.store.reader, stopped)))
    assert [(one.kind, one.amount) for one in found] == [(TOP_UP, 1200), (COUPON, 1200)]
    assert [one.at for one in found] == [
        instant("2025-11-03T06:29:59+08:00"), instant("2025-11-02T06:29:59+08:00")
    ]  # fmt: skip
    for one in found:
        check(ledger, stopped, one)


def test_the_least_top_up_that_would_have_renewed_in_time() -> None:
    ledger = renewal_story()
    expired = find(ledger.store.reader, "InstanceExpired")
    found = list(flips(RecordedDecision(ledger.store.reader, expired)))
    assert [(one.kind, one.amount) for one in found] == [(TOP_UP, 15000), (COUPON, 15000)]
    assert found[0].at == instant("2025-06-20T07:59:59+08:00")
    for one in found:
        check(ledger, expired, one)


def test_auto_renewal_is_the_setting_that_was_missing() -> None:
    ledger = new_ledger()
    at = "2025-05-20T09:15:00+08:00"
    do(ledger, do="open-account", account="a-1", at=at)
    do(ledger, do="set-price", sku="std", monthly_price="300", at=at)
    do(ledger, do="top-up", account="a-1", amount="900", channel="alipay", serial="T1", at=at)
    do(ledger, do="purchase", account="a-1", instance="i-1", sku="std", months=1, at=at)
    ledger.advance(instant("2025-06-22T00:00:00+08:00"))
    expired = find(ledger.store.reader, "InstanceExpired")
    (found,) = flips(RecordedDecision(ledger.store.reader, expired))
    assert found.kind == SETTING
    assert found.at == instant("2025-06-19T23:59:59+08:00")  # the next day's slot is the last
    check(ledger, expired, found)


def test_an_unpaid_trial_could_have_been_renewed_by_hand() -> None:
    ledger = new_ledger()
    at = "2025-05-20T09:15:00+08:00"
    do(ledger, do="open-account", account="a-1", at=at)
    do(ledger, do="set-price", sku="std", monthly_price="300", at=at)
    do(ledger, do="top-up", account="a-1", amount="900", channel="alipay", serial="T1", at=at)
    do(ledger, do="start-trial", account="a-1", instance="i-1", sku="std", at=at)
    ledger.advance(instant("2025-06-22T00:00:00+08:00"))
    expired = find(ledger.store.reader, "InstanceExpired")
    (found,) = flips(RecordedDecision(ledger.store.reader, expired))
    assert (found.kind, found.at) == (RENEWAL, expired.effective_at - SECOND)
    check(ledger, expired, found)


def test_what_no_change_helps_is_undone_by_leaving_its_command_out() -> None:
    ledger = overdue_story()
    reader = ledger.store.reader
    activated = find(reader, "PublicInstanceActivated")
    (found,) = flips(RecordedDecision(reader, activated), root=activated)
    assert (found.kind, found.skip) == (SKIP, activated.position)


@pytest.mark.slow
def test_flips_of_the_year_hold_to_the_second_and_the_minor_unit() -> None:
    ledger = year()
    seen: Counter[str] = Counter()
    flipped: Counter[str] = Counter()
    for target in events(ledger.store.reader):
        kind = type(target.event).__name__
        if kind not in BY_MONEY or not target.stream.startswith("account:"):
            continue
        kind = getattr(target.event, "code", kind)
        seen[kind] += 1
        if seen[kind] > 2:
            continue
        for flip in flips(RecordedDecision(ledger.store.reader, target)):
            check(ledger, target, flip)
            flipped[kind] += 1
    for kind in (*BY_MONEY[:4], "INSUFFICIENT_BALANCE", "ACCOUNT_OVERDUE"):
        assert flipped[kind], kind


# --- why not ----------------------------------------------------------------------------------


def command(**fields: Any) -> c.AnyCommand:
    return c.normalise(c.from_fields({"account": "a-1", **fields}), OFFSET)


def test_an_overdue_account_may_not_buy_and_needs_debt_and_price() -> None:
    ledger = overdue_story()
    reader = ledger.store.reader
    do(ledger, do="set-price", sku="std", monthly_price="300")
    wanted = command(do="purchase", instance="i-2", sku="std", months=1)
    answer = try_now(reader, wanted, now=ledger.now())
    assert answer.refused is not None
    assert (answer.refused.code, answer.refused.rule) == ("ACCOUNT_OVERDUE", "R12")
    (cure,) = cures(reader, wanted, answer, now=ledger.now())
    assert (cure.kind, cure.amount) == (TOP_UP, 31200)
    assert not do(ledger, do="purchase", account="a-1", instance="i-2", sku="std", months=1)
    do(ledger, do="top-up", account="a-1", amount="312", channel="alipay", serial="T2")
    assert do(ledger, do="purchase", account="a-1", instance="i-2", sku="std", months=1)


def test_a_short_order_is_cured_by_cash_or_by_a_coupon() -> None:
    ledger = renewal_story()
    wanted = command(do="renew", instances=["i-1"], months=1)
    answer = try_now(ledger.store.reader, wanted, now=ledger.now())
    found = cures(ledger.store.reader, wanted, answer, now=ledger.now())
    assert [(one.kind, one.amount) for one in found] == [(TOP_UP, 15000), (COUPON, 15000)]


def test_an_acceptable_command_is_accepted_and_recorded_nowhere() -> None:
    ledger = renewal_story()
    before = list(ledger.store.reader.bodies())
    wanted = command(do="renew", instances=["i-1"], months=2)
    wanted_top_up = command(do="top-up", amount="1", channel="alipay", serial="T2")
    assert try_now(ledger.store.reader, wanted, now=ledger.now()).refused is not None
    answer = try_now(ledger.store.reader, wanted_top_up, now=ledger.now())
    assert [type(one.event).__name__ for one in answer.made] == ["TopUpReceived"]
    assert list(ledger.store.reader.bodies()) == before


def test_a_repeat_is_a_repeat_for_why_not_too() -> None:
    ledger = renewal_story()
    wanted = command(do="top-up", amount="450", channel="alipay", serial="T1")
    assert try_now(ledger.store.reader, wanted, now=ledger.now()).duplicate


# --- the search -------------------------------------------------------------------------------


def test_edges_are_found_exactly() -> None:
    found = edge(
        lambda at, amount: at <= 17 * SECOND and amount >= 1234, first=0, last=90 * SECOND
    )
    assert found == (17 * SECOND, 1234)
    assert edge(lambda at, amount: at < 0 < amount, first=0, last=9 * SECOND) is None
    assert last_instant(lambda _: True, 0, 5 * SECOND) == 5 * SECOND
    assert least_amount(lambda amount: amount >= 1) == 1
    assert least_amount(lambda _: False) is None


def test_a_search_goes_on_behind_an_edge_that_is_none() -> None:
    """More is not always better: a later second may do with just this amount."""

    def trial(at: int, amount: int) -> bool:
        return (at <= 4 * SECOND and amount >= 10) or (at <= 8 * SECOND and amount == 10)

    found = edge(trial, first=0, last=20 * SECOND)
    assert found is not None
    assert trial(*found)
    assert not trial(found.at + SECOND, found.amount)
    assert not trial(found.at, found.amount - 1)
