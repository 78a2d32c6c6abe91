"""Backtest: another policy, price or coupon over the whole history equals a ledger built so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.generate import lines as generated
from ledger import codec
from ledger import commands as c
from ledger.account import fold
from ledger.events import ACCOUNT_PREFIX, AutoRenewFailed, RecordedEvent, account_of
from ledger.importer import import_lines
from ledger.money import format_minor
from ledger.periods import DAY, HOUR
from ledger.rehearsal.backtest import Backtest
from ledger.rehearsal.changes import Changes, Insertion, PriceChange
from ledger.rehearsal.customers import CHANNEL, Rule, read_rules, topping_up
from ledger.rehearsal.rehearsal import Rehearsal
from projections.impact import MONEY, Impact, Measuring
from projections.journal.books import books_at, totals
from projections.rehearsing.backtest_shares import AccountDelta, Scenario, decide
from tests.rehearsal.worlds import (
    OFFSET,
    START,
    do,
    instant,
    new_ledger,
    now,
    overdue_story,
    renewal_story,
    year,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.application import Ledger
    from ledger.store import Reader

NEVER = 2**62


def names(reader: Reader) -> list[str]:
    return sorted(stream.removeprefix(ACCOUNT_PREFIX) for stream in reader.streams())


def backtest(
    ledger: Ledger, changes: Changes, *, customers: tuple[Rule, ...] = (), starts: int = 0
) -> list[AccountDelta]:
    """Decide a ledger's whole history again."""
    reader = ledger.store.reader
    question = Scenario(changes, customers, starts, ledger.now(), OFFSET)
    return decide(reader, names(reader), question).rows


def measured(ledger: Ledger) -> dict[str, Impact]:
    """Measure a ledger's own log."""
    reader = ledger.store.reader
    found = {name: Measuring(starts=0, offset=OFFSET) for name in names(reader)}
    for recorded in codec.decode_all(reader.bodies()):
        account = account_of(recorded.stream)
        if account is not None:
            found[account].see(recorded)
    return {name: one.end(ledger.now()) for name, one in found.items()}


def built(commands: Sequence[str], *, ends: int, policy: dict[str, str] | None = None) -> Ledger:
    """Build a ledger from command lines, up to an instant."""
    ledger = new_ledger(policy=policy)
    for _ in import_lines(ledger, iter([command.encode() for command in commands])):
        pass
    ledger.advance(ends)
    return ledger


def life(seed: int) -> list[str]:
    """Generate the commands of a few customers, from the beginning of the ledger on.

    Without true repeats: they record nothing, so they are not among the facts that are decided
    again (docs/WHAT-IF.md), but a ledger in which the first command was refused decides them.
    """
    commands = list(generated(4, 4, seed, start=START))
    results = import_lines(new_ledger(), iter([command.encode() for command in commands]))
    return [
        command for command, result in zip(commands, results, strict=True)
        if not result.outcome.duplicate
    ]  # fmt: skip


ENDS = instant("2025-05-05T00:00:00+08:00")


@pytest.mark.parametrize("customers", [(), topping_up(), (Rule("overdue", HOUR),)])
def test_the_same_policy_changes_nothing_whatever_is_assumed_of_customers(
    customers: tuple[Rule, ...],
) -> None:
    rows = backtest(year(), Changes(policy={"retention": "15d"}), customers=customers)
    assert len(rows) == len(names(year().store.reader))
    assert [row.account for row in rows if row.changed] == []
    assert sum(row.before.charged for row in rows) > 0


POLICIES: list[dict[str, str]] = [
    {"overdue_grace_legacy": "48h"}, {"overdue_grace_legacy": "1h", "restore_delay": "0"},
    {"retention": "3d"}, {"bill_delay": "0"}, {"auto_renew_first_day": "3"},
    {"coupon_pays_posted": "true"}, {"expiry": "exact"}, {"auto_renew_time": "20:00:00"},
    {"alert_reminders": "1", "trial_retention": "0"}, {"five_day_refund": "0"},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_it_equals_two_ledgers_built_from_scratch_one_with_each_policy(seed: int) -> None:
    commands, policy = life(seed), POLICIES[seed % len(POLICIES)]
    recorded = built(commands, ends=ENDS)
    other = built(commands, ends=ENDS, policy=policy)
    rows = backtest(recorded, Changes(policy=policy))
    assert {row.account: row.before for row in rows} == measured(recorded)
    assert {row.account: row.after for row in rows} == measured(other)
    _agree_with_the_books(rows, recorded, other)


def _agree_with_the_books(rows: list[AccountDelta], recorded: Ledger, other: Ledger) -> None:
    """Compare the money deltas with the difference of the two trial balances."""
    before, after = (_books(ledger) for ledger in (recorded, other))
    moved = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    wallets = sum(row.delta("refunded") - row.delta("collected") for row in rows)
    assert -moved.get("Liabilities:Wallet", 0) == wallets
    assert moved.get("Assets:Receivable", 0) == sum(row.delta("outstanding") for row in rows)


def _books(ledger: Ledger) -> dict[str, int]:
    """Sum the books by the first two parts of an account's name, in minor units."""
    books = books_at(ledger.store.reader, now(ledger))
    found: dict[str, int] = {}
    for (account, commodity), amount in books.balances(ledger.now()).items():
        if commodity == "CNY":
            head = ":".join(str(account).split(":")[:2])
            assert amount % 10**8 == 0 or not head.startswith(("Assets:Rec", "Liabilities:W"))
            found[head] = found.get(head, 0) + amount // 10**8
    return found


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_other_prices_equal_a_ledger_in_which_they_were_set(seed: int) -> None:
    commands = life(seed)
    prices = [json.loads(command) for command in commands if '"set-price"' in command]
    at = instant("2025-02-10T12:00:00+08:00")
    sku = prices[0]["sku"]
    dearer = PriceChange(at, sku, 77_700)
    kept = [one for one in commands if not ('"set-price"' in one and _after(one, sku, at))]
    line = json.dumps({"do": "set-price", "sku": sku, "monthly_price": "777.00",
                       "at": "2025-02-10T12:00:00+08:00"}) + "\n"  # fmt: skip
    place = next(i for i, one in enumerate(kept) if instant(json.loads(one)["at"]) > at)
    other = built([*kept[:place], line, *kept[place:]], ends=ENDS)
    rows = backtest(built(commands, ends=ENDS), Changes(prices=(dearer,)))
    assert {row.account: row.after for row in rows} == measured(other)


def _after(line: str, sku: str, at: int) -> bool:
    command = json.loads(line)
    return command["sku"] == sku and instant(command["at"]) >= at


def test_a_price_from_the_beginning_holds_for_the_first_order() -> None:
    ledger = renewal_story()
    (row,) = backtest(ledger, Changes(prices=(PriceChange(0, "std", 20_000),)))
    assert (row.before.charged, row.before.renewals_failed) == (30_000, 9)
    # 450.00 pays the first month and the first slot's renewal.
    assert (row.after.charged, row.after.renewals, row.after.renewals_failed) == (40_000, 1, 0)


@pytest.mark.parametrize("change", [None, {"amount": "1.00"}])
def test_coupons_withdrawn_or_changed_equal_a_ledger_in_which_they_were_so(
    change: dict[str, str] | None,
) -> None:
    commands = life(8)
    grants = [json.loads(one) for one in commands if '"grant-coupon"' in one]
    coupon = grants[0]["coupon"]
    others = []
    for one in commands:
        command = json.loads(one)
        if command["do"] == "grant-coupon" and command["coupon"] == coupon:
            if change is None:
                continue
            command |= change
        others.append(json.dumps(command) + "\n")
    rows = backtest(built(commands, ends=ENDS), Changes(coupons={coupon: change}))
    assert {row.account: row.after for row in rows} == measured(built(others, ends=ENDS))


def test_before_the_span_it_is_as_recorded_and_after_it_the_policy_holds() -> None:
    """R16: with no grace the service stops at once, but not before the span begins."""
    ledger = overdue_story()
    changes = Changes(policy={"overdue_grace_legacy": "0"})
    (whole,) = backtest(ledger, changes)
    assert whole.delta("stopped_seconds") == DAY // 1_000_000
    (later,) = backtest(ledger, changes, starts=instant("2025-11-02T18:30:00+08:00"))
    assert later.delta("stopped_seconds") == DAY // 2 // 1_000_000
    (none,) = backtest(ledger, changes, starts=instant("2025-11-04T00:00:00+08:00"))
    assert not none.changed
    assert none.before.stops == 0  # it stopped before the span
    assert none.before.stopped_seconds == DAY // 1_000_000


def test_a_person_can_check_grace_of_48_hours_by_hand() -> None:
    """Overdue on 11-02 06:30; the clock is at 11-05: stopped for 41.5 hours, or not at all."""
    (row,) = backtest(overdue_story(), Changes(policy={"overdue_grace_legacy": "48h"}))
    assert row.before.stopped_seconds == 41 * 3600 + 1800
    assert row.after.stopped_seconds == 17 * 3600 + 1800
    assert (row.before.stops, row.after.stops) == (1, 1)
    assert row.delta("overdue_seconds") == 0


# --- customers --------------------------------------------------------------------------------


def slow_simulation(
    ledger: Ledger, dearer: Ledger, account: str, rule: Rule
) -> list[RecordedEvent]:
    """Decide the whole dearer history again after each single top-up, until none is missing."""
    recorded = {
        (one.effective_at, one.event.instance)
        for one in codec.decode_all(ledger.store.reader.stream_bodies(ACCOUNT_PREFIX + account))
        if isinstance(one.event, AutoRenewFailed)
    }
    inserts: list[Insertion] = []
    answered: set[tuple[int, str]] = set()
    while True:
        changed = Changes().with_inserts(*inserts)
        derived = [
            one for step in Rehearsal(
                dearer.store.reader, accounts={account}, changes=changed
            ).run()
            for one in step.derived if one.stream == ACCOUNT_PREFIX + account
        ]  # fmt: skip
        failures = [
            one for one in derived
            if isinstance(one.event, AutoRenewFailed)
            and (one.effective_at, one.event.instance) not in recorded | answered
        ]  # fmt: skip
        if not failures:
            return derived
        first = min(failures, key=lambda one: (one.effective_at + rule.within, one.position))
        assert isinstance(first.event, AutoRenewFailed)
        answered.add((first.effective_at, first.event.instance))
        at = first.effective_at + rule.within
        if at > ledger.now():
            continue
        state = fold(account, [one for one in derived if one.recorded_at <= at])
        then = fold(account, [one for one in derived if one.position <= first.position])
        missing = state.outstanding - state.cash
        instance = state.instances[first.event.instance]
        if instance.expires_at == first.event.expires_at:
            missing += first.event.needed - (first.event.available - then.cash)
        if missing > 0:
            command = c.parse(json.dumps(
                {"do": "top-up", "account": account, "channel": CHANNEL,
                 "serial": f"s-{len(inserts)}", "amount": format_minor(missing, "CNY")}
            ))  # fmt: skip
            inserts.append(Insertion(at, c.normalise(command, OFFSET)))


def _said(history: Sequence[RecordedEvent]) -> list[tuple[Any, ...]]:
    return sorted(
        (one.effective_at, type(one.event).__name__, getattr(one.event, "amount", None),
         getattr(one.event, "instance", None)) for one in history
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 6, 10, 20])
def test_topping_up_agrees_with_a_slow_and_obvious_simulation(seed: int) -> None:
    commands = life(100 + seed)
    dearer = []
    for one in commands:
        command = json.loads(one)
        if command["do"] == "set-price":
            command["monthly_price"] = "1500.00"
        dearer.append(json.dumps(command) + "\n")
    ledger, other = built(commands, ends=ENDS), built(dearer, ends=ENDS)
    reader = ledger.store.reader
    prices = tuple(PriceChange(0, sku, 150_000) for sku in ("max", "pro", "std"))
    (rule,) = topping_up(5 * HOUR)
    answers = 0
    for account in names(reader):
        changes = Changes(prices=prices)
        run = Backtest(reader, accounts={account}, changes=changes, customers=(rule,))
        derived = [
            one for again, one in run.sides() if again and one.stream == ACCOUNT_PREFIX + account
        ]
        assert _said(derived) == _said(slow_simulation(ledger, other, account, rule))
        answers += len(run.answers)
    assert answers


def test_a_customer_who_keeps_auto_renewal_alive_pays_what_is_short() -> None:
    """Had the price risen after the purchase: 150.00 left of 450.00, 400.00 are needed."""
    ledger = new_ledger()
    at = "2025-05-20T09:15:00+08:00"
    do(ledger, do="open-account", account="a-1", at=at)
    do(ledger, do="set-price", sku="std", monthly_price="300", at=at)
    do(ledger, do="top-up", account="a-1", amount="700", channel="alipay", serial="T1", at=at)
    do(ledger, do="purchase", account="a-1", instance="i-1", sku="std", months=1,
       auto_renew=True, at=at)  # fmt: skip
    ledger.advance(instant("2025-06-22T00:00:00+08:00"))
    dearer = Changes(prices=(PriceChange(instant("2025-06-01T00:00:00+08:00"), "std", 60_000),))
    (row,) = backtest(ledger, dearer)
    assert (row.before.renewals, row.after.renewals, row.after.renewals_failed) == (1, 0, 9)
    (row,) = backtest(ledger, dearer, customers=topping_up(12 * HOUR))
    assert (row.after.renewals, row.after.renewals_failed) == (1, 1)
    assert row.after.collected == 30_000 + 60_000


def test_rules_of_a_file_say_who_pays_how_much_and_when() -> None:
    ledger = overdue_story()
    rules = read_rules(
        {"rule": [{"on": "overdue", "amount": "20.00", "within": "1h", "accounts": ["a-1"]}]}
    )
    # Nothing new happens under the same policy, so nobody answers anything.
    (row,) = backtest(ledger, Changes(policy={"retention": "1d"}), customers=rules)
    assert not row.changed
    # Billed four hours earlier it is overdue at another instant: that is answered within 1 h.
    (row,) = backtest(usage_story(), Changes(policy={"bill_delay": "0"}), customers=rules)
    assert (row.before.stops, row.after.stops) == (1, 0)
    assert row.after.overdue_seconds == 3600


def usage_story() -> Ledger:
    """Usage of 20.00 with 8.00 in cash: overdue four hours after the cycle, then a stop."""
    ledger = new_ledger()
    at = "2025-10-01T00:00:00+08:00"
    do(ledger, do="open-account", account="a-1", at=at)
    do(ledger, do="activate-public", account="a-1", instance="i-1", kind="public_legacy", at=at)
    do(ledger, do="top-up", account="a-1", amount="8", channel="alipay", serial="T1", at=at)
    do(ledger, do="record-usage", account="a-1", usage="u-1", instance="i-1", rated="20",
       cycle_start="2025-11-01T06:00:00+08:00", cycle_end="2025-11-02T06:00:00+08:00",
       at="2025-11-02T06:00:00+08:00")  # fmt: skip
    ledger.advance(instant("2025-11-05T00:00:00+08:00"))
    return ledger


def test_the_books_and_the_measures_name_the_same_money() -> None:
    assert set(MONEY) == {"charged", "collected", "refunded", "coupons_used", "outstanding"}
    reader = year().store.reader
    impacts = measured(year()).values()
    state = [fold(name, codec.decode_all(reader.stream_bodies(ACCOUNT_PREFIX + name)))
             for name in names(reader)]  # fmt: skip
    assert sum(impact.outstanding for impact in impacts) == sum(one.outstanding for one in state)
    assert sum(impact.coupons_used for impact in impacts) == sum(
        coupon.used for one in state for coupon in one.coupons.values()
    )
    assert totals(books_at(reader, now(year())).balances(year().now())).get("CNY", 0) == 0
