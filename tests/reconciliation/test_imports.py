"""Starting a ledger from a vendor's file: openings, mangled ids, and dates that would be lost."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from cli.previews import _tried
from tests.cli.program import World, tally

HEAD = (
    "OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,"
    "TransactionChannel,TransactionChannelSN,Amount,Currency,RecordID,Balance\n"
)
BILLS = (
    "BillingCycle,OwnerID,RecordID,InstanceID,Item,PretaxGrossAmount,PretaxAmount,PaymentAmount,"
    "OutstandingAmount,Currency,UsageStartTime,UsageEndTime\n"
)


def _paid(who: str, number: str, day: int, serial: str, amount: str, left: str) -> str:
    when = f"2025-03-{day:02d} 10:00:00"
    return f"{who},{number},{when},Payment,Income,alipay,{serial},{amount},CNY,,{left}\n"


def _spent(who: str, number: str, day: int, bill: str, amount: str, left: str) -> str:
    when = f"2025-03-{day:02d} 10:00:00"
    return f"{who},{number},{when},Consumption,Expense,,,{amount},CNY,{bill},{left}\n"


def _bill(record: str, amount: str, day: int) -> str:
    day_before = f"2025-03-{day - 1:02d}"
    return (
        f"2025-03,ann,{record},i-1,PayAsYouGoBill,{amount},{amount},{amount},0,CNY,"
        f"{day_before},2025-03-{day:02d}\n"
    )


def _world(folder: Path, *, start: str = "2024-12-01T00:00:00+08:00") -> World:
    return World(folder / "fresh.db", start=start)


OPENINGS = {
    "two accounts, each with its own": (
        [_spent("ann", "N1", 2, "b-1", "10.00", "90.00"),
         _spent("bob", "N2", 3, "b-2", "20.00", "180.00")],
        {"ann": ("90.00", "0.00"), "bob": ("180.00", "0.00")},
    ),
    "one owes from before, and pays": (
        [_paid("ann", "N1", 2, "A1", "50.00", "20.00"),
         _spent("bob", "N2", 3, "b-2", "20.00", "180.00")],
        {"ann": ("20.00", "0.00"), "bob": ("180.00", "0.00")},
    ),
    "one owes from before, and goes on": (
        [_spent("ann", "N1", 2, "b-1", "20.00", "-50.00"),
         _spent("ann", "N2", 4, "b-2", "5.00", "-55.00"),
         _paid("ann", "N3", 5, "A1", "15.00", "-40.00")],
        {"ann": ("0.00", "40.00")},
    ),
    "one falls below zero within the file": (
        [_paid("cid", "N1", 2, "A1", "20.00", "120.00"),
         _spent("cid", "N2", 3, "b-1", "150.00", "-30.00"),
         _paid("cid", "N3", 4, "A2", "40.00", "10.00"),
         _spent("cid", "N4", 5, "b-2", "4.00", "6.00")],
        {"cid": ("6.00", "0.00")},
    ),
    "nothing was there before": (
        [_paid("ann", "N1", 2, "A1", "20.00", "20.00")], {"ann": ("20.00", "0.00")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "held"), OPENINGS.values(), ids=OPENINGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_account_opens_with_its_own_balance_in_any_order_of_rows(
    rows: list[str], held: dict[str, tuple[str, str]], seed: int, tmp_path: Path
) -> None:
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    world = _world(tmp_path)
    told = world.json("import", "--from", "alibaba-transactions", path, "--dry-run")
    world.done("import", "--from", "alibaba-transactions", path)
    found = {row["account"]: (row["cash"], row["outstanding"])
             for row in map(json.loads, world.done("balances", "--ndjson").out.splitlines())}
    assert found == held
    assert {row["account"]: (row["cash"], row["debts"]) for row in told["rows"]} == held
    assert told["contradictions"] == []
    report = world.json("reconcile", path, "--source", "alibaba-transactions")
    assert (report["breaks"], report["unexplained"]) == ([], "0.00")


def test_a_dry_run_tries_on_a_file_that_is_gone_and_leaves_the_ledger_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, beside = tmp_path / "t.csv", tmp_path / "beside"
    path.write_text(HEAD + _paid("ann", "N1", 2, "S1", "50.00", "50.00"), encoding="utf-8")
    beside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(beside))
    used: list[str] = []
    monkeypatch.setattr("cli.previews._tried", _spied(used, beside))
    world = _world(tmp_path)
    before = world.path.read_bytes()
    told = world.json("import", "--from", "alibaba-transactions", path, "--dry-run")
    assert told["accepted"] == 2
    assert (used, list(beside.iterdir())) == (["copy.db"], [])
    assert world.path.read_bytes() == before


def _spied(used: list[str], folder: Path) -> Any:
    def tried(*given: Any) -> Any:
        used.extend(path.name for path in folder.rglob("copy.db"))
        return _tried(*given)

    return tried


MANGLED = {
    "shortened alike": [_paid("ann", "N1", 2, "2.02503E+27", "50.00", "50.00"),
                        _paid("ann", "N2", 3, "2.02503E+27", "50.00", "100.00")],
    "shortened once": [_paid("ann", "N1", 2, "2.02503E+27", "50.00", "50.00")],
    "with a comma": [_paid("ann", "N1", 2, '"2,02503E+27"', "50.00", "50.00")],
    "leading zeros gone": [_paid("ann", "N1", 2, "123", "50.00", "50.00"),
                           _paid("bob", "N2", 3, "123", "50.00", "50.00")],
    "one number twice": [_paid("ann", "2025", 2, "A1", "50.00", "50.00"),
                         _spent("ann", "2025", 3, "b-1", "5.00", "45.00")],
}  # fmt: skip


@pytest.mark.parametrize("rows", MANGLED.values(), ids=MANGLED)
def test_what_a_spreadsheet_mangled_is_refused_by_its_rows(rows: list[str], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    world = _world(tmp_path)
    error = world.json("import", "--from", "alibaba-transactions", path, code=2)
    assert (error["code"], "line 2" in error["message"]) == ("BAD_STATEMENT", True)
    assert len(world.events()) == 1


def test_two_bills_under_one_id_are_refused_and_a_row_said_twice_is_one(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text(BILLS + _bill("b-1", "5.00", 4) + _bill("b-1", "6.00", 5), encoding="utf-8")
    world = _world(tmp_path)
    error = world.json("import", "--from", "alibaba-bills", path, code=2)
    assert "line 2 and line 3 both have 'b-1'" in error["message"]
    twice = _paid("ann", "N1", 2, "A1", "50.00", "50.00").replace(",50.00\n", ",\n") * 2
    path.write_text(HEAD + twice, encoding="utf-8")
    world.done("import", "--from", "alibaba-transactions", path)
    assert world.json("state", "ann")["cash"] == "50.00"


def test_equal_bills_without_an_id_are_as_many_bills(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text(BILLS + _bill("", "5.00", 4) * 3, encoding="utf-8")
    world = _world(tmp_path)
    world.done("import", "--from", "alibaba-bills", path)
    report = world.json("reconcile", path, "--source", "alibaba-bills")
    assert (report["matched"], report["breaks"], report["closing"]) == (3, [], "15.00")


def test_history_comes_into_a_system_clock_only_with_its_dates_given_up(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEAD + _paid("ann", "N1", 2, "A1", "50.00", "50.00"), encoding="utf-8")
    ledger = ("--ledger", tmp_path / "system.db")
    assert tally("init", *ledger).code == 0
    asked = ("import", "--from", "alibaba-transactions", path, *ledger)
    refused = tally(*asked, "--json")
    assert (refused.code, refused.json["code"]) == (2, "INVALID_INPUT")
    assert "dates of what came before are lost" in refused.json["message"]
    assert "--dates-lost" in refused.json["hint"]
    assert tally(*asked, "--dates-lost").code == 0
    assert tally("state", "ann", *ledger, "--json").json["cash"] == "50.00"
