"""``tally record`` for people: what happened, what would happen, and why a coupon cannot pay."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.program import World, valid

TOP_UP = ("top-up", "--account", "a-2", "--channel", "card", "--serial", "T9")
BUY = ("purchase", "--account", "a-3", "--sku", "std", "--months", "1")
CASES: dict[str, tuple[tuple[str, ...], int]] = {
    "accepted": ((*TOP_UP, "--amount", "100"), 0),
    "moves the clock": ((*TOP_UP, "--amount", "100", "--at", "2025-03-01"), 0),
    "late": ((*TOP_UP, "--amount", "1", "--effective-at", "2025-01-03"), 0),
    "opens": (("open-account", "--account", "a-9", "--currency", "USD"), 0),
    "a price": (("set-price", "--sku", "big", "--monthly-price", "900"), 0),
    "a policy": (("set-policy", "--key", "retention", "--value", "20d"), 0),
    "changes nothing": (("set-alert", "--account", "a-2", "--threshold", "none"), 0),
    "a repeat": (("top-up", "--account", "a-1", "--amount", "1000", "--channel", "alipay",
                  "--serial", "T1"), 0),
    "refused": (("renew", "--account", "a-2", "--instances", "i-2", "--months", "1"), 4),
    "an unknown account": (("cancel", "--account", "a-7", "--instance", "i-1"), 4),
    "an instant before the clock": ((*TOP_UP, "--amount", "5", "--at", "2025-01-01"), 2),
    "an effective instant to come": ((*TOP_UP, "--amount", "5", "--effective-at", "2026-01-01"), 2),
    "no amount": ((*TOP_UP, "--amount", "ten"), 2),
    "no policy": (("set-policy", "--key", "retentoin", "--value", "20d"), 2),
    "too many decimals": ((*TOP_UP, "--amount", "1.005"), 4),
}  # fmt: skip


def fingerprints(folder: Path) -> dict[str, str]:
    """The bytes of every file in a folder; a look leaves an empty -wal, and its index."""
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if not path.name.endswith("-shm") and path.stat().st_size
    }


@pytest.mark.parametrize("name", CASES)
def test_a_dry_run_ends_like_the_command_and_writes_no_byte(world: World, name: str) -> None:
    command, code = CASES[name]
    before = fingerprints(world.path.parent)
    tried = world.run("record", *command, "--dry-run", "--json")
    said = world.run("record", *command, "--dry-run")
    assert fingerprints(world.path.parent) == before
    done = world.run("record", *command, "--json")
    assert (tried.code, said.code) == (done.code, done.code) == (code, code)
    dry, real = valid(tried.json), valid(done.json)
    if code == 2:
        assert dry == real
        return
    assert said.out.startswith("dry run, nothing is recorded: ")
    events = dry.pop("events")
    assert dry.pop("dry_run") is True
    assert dry == {**real, "positions": []}
    made = () if real.get("duplicate") else real["positions"]
    recorded = [event for event in world.events() if event["position"] in made]
    shown = ("type", "effective_at", "recorded_at", "data", "command", "instance")
    assert [[event[key] for key in shown] for event in events] == [
        [one[key] for key in shown] for one in recorded if one["type"] != "CommandRefused"
    ]


def test_a_dry_run_warns_of_a_closed_month_like_the_command(world: World) -> None:
    world.done("clock", "advance", "--to", "2025-03-02")
    world.done("close", "2025-01", "--actor", "ann")
    late = ("record", *TOP_UP, "--amount", "1", "--effective-at", "2025-01-03")
    (warned,) = world.json(*late, "--dry-run")["warnings"]
    assert "this restates it (R62)" in warned
    assert world.json(*late)["warnings"] == [warned]


def test_a_dry_run_needs_no_right_to_write(world: World) -> None:
    world.path.chmod(0o444)
    assert "500.00 CNY by card T9" in world.done(
        "record", *TOP_UP, "--amount", "500", "--dry-run"
    ).out


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """An account with money and with coupons that cannot pay a purchase."""
    world = World(tmp_path_factory.mktemp("shop") / "t.db")
    coupon = {"do": "grant-coupon", "account": "a-3", "amount": "50", "ends": "2025-03-01"}
    world.take(
        {"do": "set-price", "sku": "std", "monthly_price": "500"},
        {"do": "open-account", "account": "a-3"},
        {"do": "top-up", "account": "a-3", "amount": "2000", "channel": "c", "serial": "1"},
        {**coupon, "coupon": "old", "ends": "2025-01-03"},
        {**coupon, "coupon": "young", "starts": "2025-02-20"},
        {**coupon, "coupon": "renewals", "order_types": ["renew", "upgrade"]},
        {**coupon, "coupon": "public", "products": ["iot_public"]},
        {**coupon, "coupon": "large", "minimum_spend": "600"},
        {**coupon, "coupon": "spent"},
        {**coupon, "coupon": "both", "starts": "2025-02-20", "minimum_spend": "600"},
        {"do": "purchase", "account": "a-3", "instance": "e-1", "sku": "std", "months": 1,
         "coupon": "spent"},
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-01-05")
    return world


@pytest.mark.parametrize(
    ("coupon", "why"),
    [
        ("none-such", ["the account has no such coupon"]),
        ("old", ["ended 2025-01-04T00:00:00+08:00"]),
        ("young", ["valid from 2025-02-20T00:00:00+08:00 on"]),
        ("renewals", ["for renew and upgrade orders, not for new"]),
        ("public", ["for iot_public, not for iot_enterprise"]),
        ("large", ["for orders from 600.00 CNY on, this one costs 500.00 CNY"]),
        ("spent", ["used up"]),
        ("both", ["valid from 2025-02-20T00:00:00+08:00 on",
                  "for orders from 600.00 CNY on, this one costs 500.00 CNY"]),
    ],
)  # fmt: skip
def test_a_coupon_that_cannot_pay_says_why(shop: World, coupon: str, why: list[str]) -> None:
    command = ("record", *BUY, "--instance", "e-2", "--coupon", coupon)
    refused = shop.json(*command, "--dry-run", code=4)
    assert refused["code"] == "COUPON_NOT_ELIGIBLE"
    assert refused["facts"] == {"coupons": [{"coupon": coupon, "reasons": why}]}
    assert f"; {coupon}: {', '.join(why)}; name another" in shop.done(*command, code=4).out
    words = ("why-not", "a-3", *command[1:2], *command[4:])
    assert shop.json(*words, code=1)["refused"]["facts"] == refused["facts"]


def test_what_was_recorded_is_told_in_figures(shop: World) -> None:
    said = shop.done("record", *BUY, "--instance", "e-3", "--auto-renew").out.splitlines()
    head, first, paid, second, balance = said
    assert head.startswith("recorded @")
    assert first.endswith("InstancePurchased e-3: std for 1 month, 2025-01-05 to 2025-02-06")
    assert paid == "          500.00 CNY: 500.00 from cash"
    assert second.endswith("AutoRenewEnabled e-3: by 1 month each time")
    assert balance == "  cash 1550.00 -> 1050.00 CNY"


@pytest.mark.parametrize(
    ("command", "near"),
    [
        (("cancel", "--account", "a3", "--instance", "e-1"), "a-3"),
        (("cancel", "--account", "a-3", "--instance", "e_1"), "e-1"),
        (("renew", "--account", "a-3", "--instances", "e_1", "--months", "1"), "e-1"),
        (("purchase", "--account", "a-3", "--instance", "e-9", "--sku", "sdt", "--months", "1"),
         "std"),
    ],
)  # fmt: skip
def test_the_nearest_name_follows_a_refusal(
    shop: World, command: tuple[str, ...], near: str
) -> None:
    for more in ((), ("--dry-run",)):
        hint = shop.json("record", *command, *more, code=4)["hint"]
        assert hint.startswith(f"did you mean {near}?")
