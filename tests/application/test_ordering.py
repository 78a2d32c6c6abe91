"""The order of open things equals a search through the whole state, after every command."""

from __future__ import annotations

import json
import random
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from ledger.account import deadlines as d
from ledger.account.ordering import next_due, ordering
from ledger.errors import BadLine
from ledger.state import PUBLIC_LEGACY, RUNNING, STOPPED_OVERDUE, Deadline
from tests.application.test_kill import YEAR
from tests.application.worlds import new_ledger, record
from tests.differential.sequences import Sequence

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.policy import Policy
    from ledger.state import AccountState, Coupon


def first_by_search(state: AccountState, policy: Policy) -> Deadline | None:
    """Find the next transition by looking at everything, as the rules tell it."""
    found = [d.coupon_deadline(coupon) for coupon in state.funded.values()]
    found += [d.bill_posting(usage, policy) for usage in state.usages.values()]
    for instance in state.live.values():
        if instance.kind == PUBLIC_LEGACY and instance.state == RUNNING:
            due = d.legacy_stop(state, instance, policy) if state.overdue else None
        else:
            due = d.instance_deadline(instance, policy)
        found += [due] if due is not None else []
    reminder = d.next_reminder(state, policy)
    if reminder is not None:
        found.append(Deadline(reminder[0], d.REMINDER, 0, ""))
    return min(found, default=None)


def everything_fits(_: Coupon) -> bool:
    return True


def check(ledger: Ledger) -> None:
    policy = ledger.config.policy
    for state in ledger.states.values():
        if state is None:
            continue
        assert next_due(state, policy) == first_by_search(state, policy)
        order = ordering(state, policy)
        items = sorted(state.items.values(), key=lambda one: (one.posted_at, one.item))
        assert order.oldest(state) is (items[0] if items else None)
        stopped = {name for name, one in state.live.items() if one.state == STOPPED_OVERDUE}
        assert order.stopped == stopped
        usable = [one for one in state.funded.values() if one.started]
        usable.sort(key=lambda one: (one.ends, one.granted_at, one.coupon))
        assert list(order.by_end(state, everything_fits)) == usable
        best = min(usable, key=lambda one: (-one.remaining, one.ends, one.granted_at, one.coupon),
                   default=None)  # fmt: skip
        assert best is None or best in list(order.largest(state, everything_fits))


@pytest.mark.parametrize("seed", range(60))
def test_every_order_equals_a_search_through_random_histories(seed: int) -> None:
    """R2, R9, R16, R39, R43 and section 3: what comes first."""
    ledger = new_ledger(":memory:", start="2024-12-31T00:00:00+08:00")
    sequence = Sequence(seed, ledger)
    for _ in range(40):
        command = sequence.next()
        try:
            record(ledger, [json.dumps(command).encode()])
        except BadLine:
            break
        check(ledger)
    ledger.store.close()


def test_every_order_equals_a_search_through_the_committed_year() -> None:
    ledger = new_ledger(":memory:")
    with YEAR.open("rb") as year:
        lines = list(islice(year, 1500))
    for begin in range(0, len(lines), 100):
        record(ledger, lines[begin : begin + 100])
        check(ledger)
    ledger.store.close()


def test_coupons_that_come_and_go_leave_little_behind() -> None:
    """Entries that are out of date are dropped: a heap does not grow with what has been."""
    ledger = new_ledger(":memory:")
    chance = random.Random(1)
    lines = [{"do": "open-account"}, {"do": "activate-public", "instance": "i",
                                      "kind": "public_legacy"}]  # fmt: skip
    lines += [{"do": "grant-coupon", "coupon": f"c{n}", "amount": "100", "ends": "2030-01-01"}
              for n in range(5)]  # fmt: skip
    for n in range(900):
        rated = str(chance.choice((0.01, 0.05, 0.1)))
        lines.append({"do": "post-bill", "bill": f"b{n}", "instance": "i", "rated": rated,
                      "cycle_start": "2024-12-01", "cycle_end": "2024-12-02"})  # fmt: skip
    at = "2025-01-01T00:00:00+08:00"
    record(ledger, [json.dumps({**line, "account": "a", "at": at}).encode() for line in lines])
    check(ledger)
    state = ledger.states["a"]
    assert state is not None
    order = ordering(state, ledger.config.policy)
    sizes = [len(scope.by_rest) + len(scope.by_end) for scope in order._scopes.values()]
    assert max([len(order._deadlines), *sizes]) < 200
    ledger.store.close()
