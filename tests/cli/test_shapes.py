"""The JSON of INTERFACE sections 3 and 4, field by field, on the small ledger."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from cli.commands.schema import schema_of
from projections.answers.schemas import answer_class, header_of
from tests.cli.program import SMALL_EVENTS, START, Json, World, lines, valid

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2025-02-21T12:00:00+08:00"
ROWS = ("balances", "instances", "log", "projections list", "projections status")


def test_the_state_of_an_account(looked_at: World) -> None:
    state = looked_at.state("a-1")
    version = state.pop("version")
    assert version > 0
    assert state == {
        "schema": "tally.state/1",
        "point": {"at": NOW, "known_at": NOW, "position": SMALL_EVENTS},
        "account": "a-1", "currency": "CNY",
        "cash": "99.88", "outstanding": "0.00", "available": "99.88",
        "overdue": False, "overdue_since": None,
        "alert": {"threshold": "100.00", "raised": False},
        "coupons": [
            {"coupon": "c-1", "amount": "300.00", "remaining": "0.00", "forfeited": "0.00",
             "starts": "2025-01-01T09:00:00+08:00", "ends": "2025-04-01T00:00:00+08:00",
             "status": "active"},
        ],
        "unpaid": [],
        "instances": [
            {"instance": "i-1", "kind": "enterprise", "state": "released", "available": False,
             "sku": "std", "expires_at": "2025-02-06T00:00:00+08:00",
             "releases_at": "2025-02-21T00:00:00+08:00", "restored_at": None,
             "auto_renew": {"enabled": False, "months": None, "next_attempt_at": None}},
            {"instance": "p-1", "kind": "public_legacy", "state": "running", "available": True,
             "sku": None, "expires_at": None, "releases_at": None, "restored_at": None,
             "auto_renew": {"enabled": False, "months": None, "next_attempt_at": None}},
        ],
    }  # fmt: skip


def test_an_unpaid_item_of_an_account(looked_at: World) -> None:
    state = looked_at.state("a-2")
    assert state["unpaid"] == [
        {"item": "b-1", "kind": "bill", "amount": "80.00", "outstanding": "30.00",
         "posted_at": "2025-01-21T12:00:00+08:00", "late": True},
    ]  # fmt: skip
    assert (state["overdue"], state["overdue_since"]) == (True, "2025-01-21T12:00:00+08:00")
    assert (state["cash"], state["available"]) == ("0.00", "-30.00")


def test_a_restoring_instance_and_a_slot(looked_at: World) -> None:
    state = looked_at.state("a-1", "--as-of", "2025-01-10T12:00:00+08:00")
    first, second = state["instances"]
    assert first["auto_renew"] == {
        "enabled": True, "months": 1, "next_attempt_at": "2025-01-28T08:00:00+08:00",
    }  # fmt: skip
    assert (second["state"], second["available"]) == ("restoring", False)
    assert second["restored_at"] == "2025-01-10T12:30:00+08:00"
    assert first["releases_at"] == "2025-02-21T00:00:00+08:00"


def test_an_event_of_the_log(looked_at: World) -> None:
    [event] = looked_at.events("a-1", "--type", "InstancePurchased")
    assert event == {
        "schema": "tally.event/1", "position": 7, "account": "a-1", "version": 4,
        "type": "InstancePurchased", "effective_at": "2025-01-05T10:00:00+08:00",
        "recorded_at": "2025-01-05T10:00:00+08:00", "actor": None, "reason": None, "cause": None,
        "command": "purchase", "instance": "i-1", "data": event["data"],
    }  # fmt: skip
    assert event["data"].items() >= {
        "months": 1, "price": "500.00", "coupon": "c-1", "coupon_part": "300.00",
        "cash_part": "200.00", "expires_at": "2025-02-06T00:00:00+08:00",
    }.items()  # fmt: skip
    [top_up, _] = looked_at.events("a-1", "--type", "TopUpReceived")
    assert (top_up["actor"], top_up["reason"]) == ("bank", "payroll")


def test_a_cause_is_the_position_of_what_led_to_it(looked_at: World) -> None:
    by_position = {event["position"]: event for event in looked_at.events()}
    assert list(by_position) == list(range(1, SMALL_EVENTS + 1))
    assert by_position[12]["cause"] == 11
    assert by_position[13]["type"] == "OverdueStarted"
    assert by_position[13]["cause"] == 12
    assert by_position[11]["cause"] is None
    assert all(e["cause"] is None or e["cause"] < p for p, e in by_position.items())


def test_a_row_of_the_balances(looked_at: World) -> None:
    assert looked_at.rows("balances") == [
        {"account": "a-1", "currency": "CNY", "cash": "99.88", "outstanding": "0.00",
         "available": "99.88", "coupons": "0.00", "overdue": False, "overdue_since": None},
        {"account": "a-2", "currency": "CNY", "cash": "0.00", "outstanding": "30.00",
         "available": "-30.00", "coupons": "0.00", "overdue": True,
         "overdue_since": "2025-01-21T12:00:00+08:00"},
    ]  # fmt: skip
    assert [row["account"] for row in looked_at.rows("balances", "--overdue")] == ["a-2"]
    assert [row["account"] for row in looked_at.rows("balances", "--below", "99.88")] == ["a-2"]
    assert len(looked_at.rows("balances", "--below", "99.89")) == 2


def test_the_view_and_the_fold_give_the_same_rows(looked_at: World) -> None:
    for command in ("balances", "instances"):
        assert looked_at.rows(command) == looked_at.rows(command, "--at", NOW)


def test_rows_of_instances(looked_at: World) -> None:
    rows = looked_at.rows("instances")
    assert [(row["account"], row["instance"]) for row in rows] == [
        ("a-1", "i-1"), ("a-1", "p-1"), ("a-2", "q-1"),
    ]  # fmt: skip
    stopped = looked_at.rows("instances", "--state", "stopped_overdue")
    assert [row["instance"] for row in stopped] == ["q-1"]
    point = ("--as-of", "2025-01-31")
    assert len(looked_at.rows("instances", *point, "--expiring-before", "2025-02-07")) == 1
    assert not looked_at.rows("instances", *point, "--expiring-before", "2025-02-06")
    assert not looked_at.rows("instances", "--expiring-before", "2025-12-31")  # it is released


def test_lines_of_an_import(tmp_path: object, world: World) -> None:
    del tmp_path
    at = {"at": NOW}
    top_up: Json = {"do": "top-up", "account": "a-1", "channel": "x", "serial": "s", **at}
    accepted, duplicate, refused, warned = world.take(
        {**top_up, "amount": "5"}, {**top_up, "amount": "5.00"}, {**top_up, "amount": "6"},
        {**top_up, "amount": "5", "serial": "s2"}, code=4,
    )  # fmt: skip
    first = SMALL_EVENTS + 1
    assert accepted == {
        "schema": "tally.result/1", "line": 1, "ok": True, "duplicate": False,
        "positions": accepted["positions"], "warnings": [],
    }  # fmt: skip
    assert accepted["positions"][0] == first
    assert duplicate == {**accepted, "line": 2, "duplicate": True}
    assert refused.items() >= {
        "schema": "tally.result/1", "line": 3, "ok": False, "code": "PAYMENT_CONFLICT",
        "positions": [accepted["positions"][-1] + 1],
    }.items()  # fmt: skip
    assert refused["message"]
    assert len(warned["warnings"]) == 1


def test_an_event_whole(looked_at: World) -> None:
    shown = looked_at.json("show", "12")
    assert shown["caused_by"]["position"] == 11
    assert [effect["position"] for effect in shown["effects"]] == [13]
    changes = {change["field"]: (change["before"], change["after"]) for change in shown["changes"]}
    assert changes["cash"] == ("800.00", "0.00")
    connection = sqlite3.connect(f"file:{looked_at.path}?mode=ro", uri=True)
    (body,) = connection.execute("SELECT state FROM stored_events WHERE position = 12").fetchone()
    connection.close()
    assert shown["stored"]["sha256"] == hashlib.sha256(body).hexdigest()
    assert shown["stored"]["bytes"] == len(body)
    asked = looked_at.json("show", "@7")
    assert asked["request"]["do"] == "purchase"
    assert {change["field"] for change in asked["changes"]} >= {"cash", 'instances["i-1"].state'}
    assert looked_at.json("show", "1")["account"] is None


@pytest.mark.parametrize("position", range(3, SMALL_EVENTS + 1))
def test_the_state_before_and_after_each_event(looked_at: World, position: int) -> None:
    shown = looked_at.json("show", position)
    account = shown["account"]
    after = looked_at.state(account, "--position", position)
    for change in shown["changes"]:
        if change["field"] in after:
            assert after[change["field"]] == change["after"]
    if shown["type"] == "AccountOpened":
        return
    before = looked_at.state(account, "--position", position - 1)
    changed = {name for name in ("cash", "outstanding", "overdue") if before[name] != after[name]}
    assert changed == {c["field"] for c in shown["changes"]} & {"cash", "outstanding", "overdue"}


@pytest.mark.parametrize("command", ROWS)
def test_rows_as_json_as_lines_and_as_a_table(looked_at: World, command: str) -> None:
    words = command.split()
    whole = looked_at.json(*words)["rows"]
    assert looked_at.rows(*words) == whole
    table = list(csv.DictReader(io.StringIO(looked_at.done(*words, "--csv").out)))
    assert len(table) == len(whole)
    for shown, row in zip(table, whole, strict=True):
        for name, cell in row.items():
            if name == "schema":
                assert name not in shown
            elif isinstance(cell, (bool, dict, list)):
                assert json.loads(shown[name]) == cell
            else:
                assert shown[name] == ("" if cell is None else str(cell))


def test_imports_and_the_clock_as_tables(world: World) -> None:
    text = lines(
        {"at": NOW, "do": "open-account", "account": "a-3"},
        {"at": NOW, "do": "open-account", "account": "a-3"},
        {
            "at": NOW,
            "do": "activate-public",
            "account": "a-3",
            "instance": "x",
            "kind": "public_new",
        },
    )
    table = list(csv.DictReader(io.StringIO(
        world.done("import", "-", "--csv", stdin=text, code=4).out)))  # fmt: skip
    assert [row["ok"] for row in table] == ["true", "false", "true"]
    assert [row["code"] for row in table] == ["", "ALREADY_EXISTS", ""]
    moved = world.json("clock", "advance", "1d")
    assert moved["events"] == []
    assert moved["now"] == "2025-02-22T12:00:00+08:00"
    world.take({"at": moved["now"], "do": "grant-coupon", "account": "a-3", "coupon": "k",
                "amount": "1", "ends": "2025-02-22"})  # fmt: skip
    assert [valid(e)["type"] for e in world.rows("clock", "advance", "1d")] == ["CouponExpired"]
    advanced = world.done("clock", "advance", "1d", "--csv").out
    assert advanced.startswith("position,account,")
    assert advanced.count("\n") == 1


def test_where_the_ledger_stands(looked_at: World) -> None:
    status = looked_at.json("status")
    assert (status["head"], status["clock"], status["now"]) == (SMALL_EVENTS, "simulated", NOW)
    assert status["policy"]["retention"] == "15d"
    assert {view["state"] for view in status["views"]} == {"fresh"}
    assert looked_at.json("clock", "show") == {
        "schema": "tally.clock/1", "clock": "simulated", "now": NOW,
    }  # fmt: skip


def test_what_is_due_next(world: World) -> None:
    world.take({"at": NOW, "do": "start-trial", "account": "a-2", "instance": "t", "sku": "std"})
    due = world.json("status")["next_due"]
    expires_at = "2025-03-22T00:00:00+08:00"
    assert due == {"account": "a-2", "at": expires_at, "what": "expiry", "key": "t"}
    assert "next due: expiry of a-2 t at 2025-03-22" in world.done("status").out


def test_a_new_ledger(tmp_path: object, looked_at: World) -> None:
    del tmp_path
    path = looked_at.path.with_name("new.db")
    world = World.at(path)
    made = world.json(
        "init", "--clock", "simulated", "--start", "2025-01-01", "--policy", "retention=30d",
        "--currency", "JPY",
    )  # fmt: skip
    assert (made["now"], made["clock"], made["currency"]) == (START, "simulated", "JPY")
    assert made["policy"]["retention"] == "30d"
    world.take({"at": START, "do": "open-account", "account": "a"},
               {"at": START, "do": "top-up", "account": "a", "amount": "5", "channel": "c",
                "serial": "s"})  # fmt: skip
    assert world.state("a")["cash"] == "5"
    path.unlink()


def test_what_is_printed_has_a_schema_of_its_name() -> None:
    for name in ("state", "event", "show", "result", "error"):
        assert schema_of(name)["properties"]["schema"] == {"const": f"tally.{name}/1"}


NONE = {
    ("balances", "--overdue"): "account,currency,cash", ("instances",): "account,instance,kind",
    ("log", "--type", "BillPosted"): "position,account,version",
    ("diff", "@2", "@2"): "account,currency,field", ("lots", "a"): "position,type,channel",
    ("tag", "list"): "name,point", ("bisect", "a", "cash > 100"): "position,from,to",
    ("forecast", "--to", "2025-02-01"): "position,account,version",
    ("breaks", "list"): "break,class,key", ("report", "deferred"): "account,instance,order",
    ("report", "coupons"): "account,coupon,currency",
    ("report", "overdue"): "account,currency,outstanding",
    ("report", "restatements", "2025-01"): "position,type,account",
    ("report", "statement", "a"): "position,effective_at", ("recheck",): "kind,account,position",
    ("report", "lots"): "account,currency,position",
}  # fmt: skip


def test_a_table_of_no_rows_has_its_header(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-01-01T00:00:00+08:00")
    world.done("record", "open-account", "--account", "a")
    for words, begins in NONE.items():
        told = world.run(*words, "--csv")
        assert (told.code in (0, 1), told.out.count("\n")) == (True, 1), (words, told)
        assert told.out.startswith(begins), words


def test_the_header_of_no_rows_is_that_of_some(looked_at: World) -> None:
    for words, schema, rows in (
        (("balances",), "balances", "rows"), (("instances",), "instances", "rows"),
        (("log",), "log", "rows"), (("diff", "@10", "@30"), "diff", "rows"),
        (("lots", "a-1"), "lots", "lots"), (("report", "coupons"), "coupons", "rows"),
        (("trace", "a-1", "cash"), "trace", "rows"), (("blame", "a-1"), "blame", "rows"),
        (("last", "a-1.cash"), "last", "changes"),
        (("bisect", "a-1", "cash > 1"), "bisect", "flips"),
        (("report", "trial-balance"), "trial_balance", "rows"),
        (("verify",), "verify", "checks"), (("config",), "config", "settings"),
    ):  # fmt: skip
        header = looked_at.run(*words, "--csv").out.partition("\n")[0].split(",")
        assert header == header_of(answer_class(schema), rows), words
