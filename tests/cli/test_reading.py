"""What a person reads: who did it, a span that is one, an instance that is there, no wrong hint."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ledger.policy import did_you_mean
from tests.cli.program import World


def test_an_event_says_who_did_it(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    world.done("record", "open-account", "--account", "a", "--actor", "lin")
    world.done("tag", "add", "x", "--actor", "mei", "--reason", "audit")
    world.done("clock", "advance", "40d")
    world.done("close", "2025-01", "--actor", "ops", "--override", "--reason", "test")
    said = {row["type"]: world.done("show", row["position"]).out for row in world.events()}
    assert "from open-account by lin" in said["AccountOpened"]
    assert "from tag add by mei, because audit" in said["TagAdded"]
    assert "from close by ops" in said["PeriodClosed"]
    assert "from init" in said["PolicyAdopted"]
    graph = world.done("log", "--graph").out
    assert 'tag add by mei "audit"' in graph
    assert "the clock" not in graph


def test_a_span_ends_after_it_begins(looked_at: World) -> None:
    error = looked_at.json("log", "--from", "2025-02-01", "--to", "2025-01-01", code=2)
    assert "lies after" in error["message"]
    looked_at.done("log", "--from", "2025-01-01", "--to", "2025-01-01")


def test_an_instance_that_there_is_not(looked_at: World) -> None:
    assert looked_at.json("log", "--instance", "nothing", code=3)["code"] == "NO_SUCH_THING"
    assert looked_at.json("log", "a-1", "--instance", "nothing", code=3)
    known = next(row["instance"] for row in looked_at.events() if row["instance"])
    assert looked_at.done("log", "--instance", known).out


def test_a_hint_names_no_id_by_chance() -> None:
    ids = [f"customer-{number:03d}" for number in range(100)]
    assert did_you_mean("customer-100", ids) is None, "many are as near"
    assert did_you_mean("customer-07", ["customer-007", "b"]) == "did you mean customer-007?"
    assert did_you_mean("x" * 100_000, ids) is None
    assert did_you_mean("x", ["x" * 50] * 50_000) is None


def test_on_the_known_axis_a_page_of_the_past_finds_what_changed_it(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    paid = {"do": "top-up", "account": "a", "channel": "c"}
    world.take(
        {"at": "2025-03-01", "do": "open-account", "account": "a"},
        {**paid, "at": "2025-03-02", "amount": "20", "serial": "1"},
        {**paid, "at": "2025-04-10", "effective_at": "2025-03-12", "amount": "30", "serial": "2"},
    )
    *_, late = world.events("a")
    for point in (("--as-of", "2025-03-31"), ("--at", "2025-03-31")):
        found = world.json("bisect", "--expr", "cash == 50", "a", "--axis", "known", *point)
        assert [flip["position"] for flip in found["flips"]] == [late["position"]]


def test_each_refund_stands_on_the_term_that_it_refunds(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    common = {"account": "a", "at": "2025-01-01T00:00:00+08:00"}
    world.take(
        {"do": "set-price", "at": common["at"], "sku": "s", "monthly_price": "100"},
        {**common, "do": "open-account"},
        {**common, "do": "top-up", "amount": "5000", "channel": "c", "serial": "1"},
        {**common, "do": "purchase", "instance": "i", "sku": "s", "months": 1},
        {**common, "do": "renew", "instances": ["i"], "months": 2},
        {**common, "do": "renew", "instances": ["i"], "months": 3},
        {**common, "do": "cancel-renewal", "instance": "i"},
        {**common, "do": "cancel-renewal", "instance": "i"},
    )
    text = world.done("export", "--format", "alibaba-bills").out
    rows = list(csv.DictReader(io.StringIO(text)))
    orders = {row["RecordID"]: row for row in rows if row["Item"] == "SubscriptionOrder"}
    refunds = [row for row in rows if row["Item"] == "Refund"]
    assert [row["PaymentAmount"] for row in refunds] == ["-300.00", "-200.00"]
    for refund in refunds:
        order = orders[refund["RelatedRecordID"]]
        assert order["PaymentAmount"] == refund["PaymentAmount"].removeprefix("-")
        assert order["UsageStartTime"] == refund["UsageStartTime"]
