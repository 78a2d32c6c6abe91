"""Three currencies with 0, 2 and 3 digits in one ledger: every answer writes each in its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.cli.program import World

START: Final = "2025-01-01"
AMOUNTS: Final = {"jp": "1234", "cn": "12.34", "kw": "1.234"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make an account of each, with a top-up, a coupon and a bill."""
    made = World(tmp_path_factory.mktemp("currencies") / "t.db")
    for account, currency in (("jp", "JPY"), ("cn", "CNY"), ("kw", "KWD")):
        common = {"at": START, "account": account}
        made.take(
            {**common, "do": "open-account", "currency": currency},
            {**common, "do": "top-up", "amount": AMOUNTS[account], "channel": "c",
             "serial": account},
            {**common, "do": "grant-coupon", "coupon": "k", "amount": "3", "ends": "2025-01-10"},
            {**common, "do": "activate-public", "instance": f"i-{account}", "kind": "public_new"},
        )  # fmt: skip
    made.rows("clock", "advance", "--to", "2025-02-01")
    return made


def cells(world: World, *words: str) -> set[str]:
    return set(world.done(*words).out.replace("=", " ").replace("'", " ").split())


@pytest.mark.parametrize(
    "words",
    [("balances",), ("log",), ("diff", "@1", "head"), ("report", "trial-balance"),
     ("report", "rollforward"), ("export", "--format", "alibaba-transactions"), ("report", "lots")],
    ids=" ".join,
)  # fmt: skip
def test_an_answer_about_all_accounts(world: World, words: tuple[str, ...]) -> None:
    text = world.done(*words).out
    for amount in AMOUNTS.values():
        assert amount in text, text


@pytest.mark.parametrize("account", AMOUNTS)
def test_an_answer_about_one_account(world: World, account: str) -> None:
    amount = AMOUNTS[account]
    for words in (("state", account), ("report", "statement", account), ("blame", account),
                  ("why", f"{account}.cash"), ("last", f"{account}.cash"), ("lots", account),
                  ("trace", "cash", account), ("log", account)):  # fmt: skip
        assert amount in world.done(*words).out, words
    for number in (event["position"] for event in world.events(account, "--type", "TopUpReceived")):
        assert world.json("show", str(number))["data"]["amount"] == amount


def test_what_the_clock_records_is_written_in_the_account_s_currency(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    for account, currency, face in (("jp", "JPY", "1234"), ("kw", "KWD", "1.234")):
        world.take(
            {"at": START, "do": "open-account", "account": account, "currency": currency},
            {"at": START, "do": "grant-coupon", "account": account, "coupon": "k", "amount": face,
             "ends": "2025-01-10"},
        )  # fmt: skip
    events = world.json("clock", "advance", "30d")["events"]
    assert {event["account"]: event["data"]["forfeited"] for event in events} == {
        "jp": "1234", "kw": "1.234",
    }  # fmt: skip
    rows = world.json("log")["rows"]
    assert [row for row in rows if row["position"] >= events[0]["position"]] == events


def test_balances_name_the_currency_where_there_are_several(world: World, tmp_path: Path) -> None:
    assert {"currency", "JPY", "KWD", "CNY"} <= cells(world, "balances")
    one = World(tmp_path / "one.db")
    one.done("record", "open-account", "--account", "a")
    assert "currency" not in one.done("balances").out


def test_a_currency_that_there_is_not(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    assert world.run("record", "open-account", "--account", "a", "--currency", "XXQ").code in {2, 4}
    assert World.at(tmp_path / "n.db").run("init", "--currency", "XXQ").code == 2
    assert not (tmp_path / "n.db").exists()
