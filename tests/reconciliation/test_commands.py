"""``tally reconcile``, ``breaks``, ``report reconciliation`` and ``import --from``, as a user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import ROOT, World, tally, valid

STATEMENTS = ROOT / "fixtures" / "statements"
MARCH = "2025-03-01T00:00:00+08:00"


def _at(day: int, **fields: object) -> dict[str, Any]:
    return {"at": f"2025-03-{day:02d}T08:00:00+08:00", "account": "a-1", **fields}


def _top_up(day: int, serial: str, amount: str) -> dict[str, Any]:
    return _at(day, do="top-up", amount=amount, channel="bank", serial=serial)


def _bill(day: int, bill: str, rated: str) -> dict[str, Any]:
    return _at(
        day, do="post-bill", bill=bill, instance="i-1", rated=rated,
        cycle_start=f"2025-03-{day - 1:02d}", cycle_end=f"2025-03-{day:02d}",
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One account in March: two payments, two bills."""
    made = World(tmp_path / "t.db", start=MARCH)
    made.take(
        _at(1, do="open-account"), _at(1, do="activate-public", instance="i-1",
                                       kind="public_legacy"),
        _top_up(2, "T1", "100.00"), _top_up(3, "T2", "50.00"),
        _bill(6, "b-1", "12.345"), _bill(7, "b-2", "5.00"),
    )  # fmt: skip
    return made


BILLS = """\
BillingCycle,OwnerID,RecordID,InstanceID,Item,PretaxGrossAmount,InvoiceDiscount,DeductedByCoupons,\
RoundDownDiscount,PretaxAmount,DeductedByCashCoupons,PaymentAmount,OutstandingAmount,Currency,\
UsageStartTime,UsageEndTime
2025-03,a-1,b-1,i-1,PayAsYouGoBill,12.345,0,0,0.005,12.34,0,12.34,0,CNY,2025-03-05,2025-03-06
2025-03,a-1,b-2,i-1,PayAsYouGoBill,6.00,0,0,0,6.00,0,6.00,0,CNY,2025-03-06,2025-03-07
2025-03,a-1,b-3,i-1,PayAsYouGoBill,30.00,0,0,0,30.00,0,30.00,0,CNY,2025-03-06,2025-03-07
"""
TRANSACTIONS = """\
OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,TransactionChannel,\
TransactionChannelSN,Amount,Currency,Balance,RecordID
a-1,1,2025-03-02 08:00:00,Payment,Income,bank,T1,100.00,CNY,100.00,
a-1,2,2025-03-03 08:00:00,Payment,Income,bank,T2,50.00,CNY,150.00,
a-1,3,2025-03-06 08:00:00,Consumption,Expense,,,12.34,CNY,137.66,b-1
a-1,4,2025-03-07 08:00:00,Consumption,Expense,,,5.00,CNY,132.66,b-2
a-1,5,2025-03-07 08:00:00,Payment,Income,bank,T9,30.00,CNY,162.66,
"""


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_vendor_bill_names_each_break_with_class_amounts_and_evidence(
    world: World, tmp_path: Path
) -> None:
    path = _file(tmp_path, "bills.csv", BILLS)
    found = world.json("reconcile", path, "--source", "alibaba-bills", code=1)
    assert found["matched"] == 1
    told = [(b["class"], b["key"], b["ours"], b["theirs"], b["delta"]) for b in found["breaks"]]
    assert told == [
        ("amount", "b-2", "5.00", "6.00", "1.00"),
        ("missing_in_ledger", "b-3", None, "30.00", "30.00"),
    ]
    assert (found["opening"], found["movements"], found["closing"]) == ("0.00", "48.34", "48.34")
    assert (found["ledger_balance"], found["unexplained"]) == ("17.34", "0.00")
    assert found["breaks"][0]["evidence"][0]["place"].startswith("@")
    said = world.done("reconcile", path, "--source", "alibaba-bills", code=1).out
    assert "2 breaks: 1 amount, 1 missing_in_ledger" in said
    assert "unexplained" in said


def test_what_is_proposed_is_imported_and_resolves_what_was_missing(
    world: World, tmp_path: Path
) -> None:
    path = _file(tmp_path, "t.csv", TRANSACTIONS)
    asked = ("reconcile", path, "--source", "alibaba-transactions")
    assert world.json(*asked, code=1)["classes"] == {"missing_in_ledger": 1}
    proposed = world.done(*asked, "--propose", code=1).out
    assert [json.loads(line)["do"] for line in proposed.splitlines()] == ["top-up"]
    world.done("import", "-", stdin=proposed)
    again = world.json(*asked)
    assert (again["matched"], again["breaks"]) == (5, [])
    bills = _file(tmp_path, "bills.csv", BILLS)
    proposed = world.done("reconcile", bills, "--source", "alibaba-bills", "--propose", code=1).out
    world.done("import", "-", stdin=proposed)
    posted = [json.loads(line)["bill"] for line in proposed.splitlines()]
    assert posted == ["b-2:difference", "b-3"], "what differs is made good under its own name"
    left = world.json("reconcile", bills, "--source", "alibaba-bills")
    assert (left["breaks"], left["rules"]) == ([], {"group": 1, "order": 2})


@pytest.mark.parametrize(
    ("source", "text"), [("alibaba-bills", BILLS), ("alibaba-transactions", TRANSACTIONS)]
)
def test_a_file_that_starts_a_ledger_reconciles_with_it(
    source: str, text: str, tmp_path: Path
) -> None:
    path = _file(tmp_path, "f.csv", text)
    fresh = World(tmp_path / "fresh.db", start="2025-02-01T00:00:00+08:00")
    printed = fresh.done("import", "--from", source, path, "--dry-run", "--ndjson").out
    assert all("do" in json.loads(line) for line in printed.splitlines())
    told = fresh.json("import", "--from", source, path, "--dry-run")
    assert len(fresh.events()) == 1, "a dry run records nothing"
    fresh.done("import", "--from", source, path)
    assert fresh.json("reconcile", path, "--source", source)["breaks"] == []
    state = fresh.json("state", "a-1")
    (row,) = told["rows"]
    assert (row["cash"], row["debts"]) == (state["cash"], state["outstanding"])
    assert (told["refusals"], told["contradictions"]) == ([], [])


def test_a_focus_file_starts_a_ledger_too(tmp_path: Path) -> None:
    path = _file(
        tmp_path, "focus.csv",
        "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,"
        "BillingPeriodStart,SubAccountId,InvoiceId,ResourceId\n"
        "12.50,CNY,Usage,2025-03-05T00:00:00Z,2025-03-06T00:00:00Z,2025-03-01T00:00:00Z,a-1,f-1,i-1\n"
        "-2.50,CNY,Credit,2025-03-05T00:00:00Z,2025-03-06T00:00:00Z,2025-03-01T00:00:00Z,a-1,f-1,i-1\n"
        "7.00,CNY,Usage,2025-03-06T00:00:00Z,2025-03-07T00:00:00Z,2025-03-01T00:00:00Z,a-1,f-2,i-1\n",
    )  # fmt: skip
    fresh = World(tmp_path / "fresh.db", start="2025-02-01T00:00:00+08:00")
    fresh.done("import", "--from", "focus", path)
    found = fresh.json("reconcile", path, "--source", "focus")
    assert (found["matched"], found["closing"]) == (3, "17.00")  # the credit is kept apart


def test_a_mapped_csv_with_debit_and_credit_columns_in_gbk(world: World, tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    path.write_bytes(
        "日期;支出;收入;参考\n2025/03/02;;100,00;T1\n2025/03/03;;50,00;T2\n2025/03/04;1.234,50;;X\n"
        .encode("gbk")
    )  # fmt: skip
    map_ = _file(
        tmp_path, "map.toml",
        'encoding = "gbk"\ndelimiter = ";"\ndecimal = ","\nthousands = "."\n'
        '[columns]\ndate = "日期"\ndebit = "支出"\ncredit = "收入"\nreference = "参考"\n',
    )  # fmt: skip
    found = world.json("reconcile", path, "--source", "csv", "--map", map_, code=1)
    assert (found["matched"], found["movements"]) == (2, "-1084.50")
    assert found["classes"] == {"missing_in_ledger": 1}


def test_runs_are_remembered_reviewed_by_another_and_travel_in_time(
    world: World, tmp_path: Path
) -> None:
    path = _file(tmp_path, "bills.csv", BILLS)
    asked = ("reconcile", path, "--source", "alibaba-bills", "--record", "--actor", "lin")
    before = len(world.events())
    world.done(*asked, code=1)
    head = len(world.events())
    assert head == before + 4  # the run, its account, two breaks
    told = world.done(*asked, code=1).err
    assert "nothing is new" in told
    assert len(world.events()) == head

    name = world.json("breaks", "list")["rows"][0]["break"]
    assert world.json("breaks", "sign-off", name, "--actor", "lin", code=4)["code"] == "SELF_REVIEW"
    signed = world.json("breaks", "sign-off", name, "--actor", "wang", "--reason", "vendor error")
    assert signed["rows"][0]["status"] == "signed_off"
    assert world.json("breaks", "resolve", name, "--actor", "wang", code=4)["code"] == (
        "WRONG_BREAK_STATE"
    )
    assert world.json("breaks", "reopen", "nothing", "--actor", "lin", code=3)
    assert world.json("breaks", "resolve", name, code=2)["hint"] == "--actor NAME"

    then = world.json("report", "reconciliation", "--position", head)
    now = world.json("report", "reconciliation")
    assert (len(then["rows"]), len(now["rows"])) == (2, 1)
    assert world.json("report", "reconciliation", "--position", before)["runs"] == []
    reopened = world.json("breaks", "reopen", name, "--actor", "lin")
    assert reopened["rows"][0]["status"] == "reopened"
    world.json("breaks", "resolve", name, "--actor", "lin", "--reason", "the vendor will pay")
    assert world.json("breaks", "sign-off", name, "--actor", "lin", code=4)["code"] == "SELF_REVIEW"
    assert world.json("breaks", "sign-off", name, "--actor", "wang")["rows"]
    world.json("breaks", "reopen", name, "--actor", "lin")

    proposed = world.done("reconcile", path, "--source", "alibaba-bills", "--propose", code=1).out
    world.done("import", "-", stdin=proposed.splitlines()[-1])
    world.done(*asked, code=1)
    states = {row["key"]: row["status"] for row in world.json("breaks", "list")["rows"]}
    assert states == {"b-2": "reopened", "b-3": "resolved"}
    assert world.json("verify")["ok"]
    assert world.json("replay", "--compare")["equal"]
    world.done("recheck")


def test_a_whole_run_is_signed_off_by_another_also_without_breaks(
    world: World, tmp_path: Path
) -> None:
    """R65."""
    path = _file(tmp_path, "t.csv", TRANSACTIONS.rsplit("a-1,5", 1)[0])
    asked = ("reconcile", path, "--source", "alibaba-transactions", "--record", "--actor", "lin")
    assert world.json(*asked)["breaks"] == []
    (run,) = world.json("report", "reconciliation")["runs"]
    assert (run["file"], run["signed_off_by"]) == ("t.csv", None)
    said = world.json("breaks", "sign-off", run["run"], "--actor", "lin", code=4)
    assert said["code"] == "SELF_REVIEW"
    signed = world.json("breaks", "sign-off", run["run"], "--actor", "wang", "--reason", "agrees")
    assert (signed["run"]["signed_off_by"], signed["run"]["reason"]) == ("wang", "agrees")
    (run,) = world.json("report", "reconciliation")["runs"]
    assert (run["signed_off_by"], run["signed_off_at"]) == ("wang", len(world.events()))
    again = world.json("breaks", "sign-off", run["run"], "--actor", "wu", code=4)
    assert again["code"] == "WRONG_BREAK_STATE"


def test_overlapping_periods_are_said(world: World, tmp_path: Path) -> None:
    one, other = _file(tmp_path, "a.csv", BILLS), _file(tmp_path, "b.csv", BILLS + "\n")
    world.done("reconcile", one, "--source", "alibaba-bills", "--record", code=1)
    told = world.done("reconcile", other, "--source", "alibaba-bills", "--record", code=1).err
    assert "overlaps that of run" in told
    runs = world.json("report", "reconciliation")["runs"]
    assert [len(run["overlaps"]) for run in runs] == [1, 1]


def test_a_period_narrows_both_sides(world: World, tmp_path: Path) -> None:
    path = _file(tmp_path, "t.csv", TRANSACTIONS)
    found = world.json(
        "reconcile", path, "--source", "alibaba-transactions", "--period", "2025-03-03..2025-03-06"
    )
    assert (found["opening"], found["movements"], found["closing"]) == ("100.00", "37.66", "137.66")
    assert found["matched"] == 2


def test_the_demo_year_finds_exactly_what_was_planted(tmp_path: Path) -> None:
    done = tally("demo", "--ledger", tmp_path / "demo.db", "--json")
    statements = valid(done.json)["statements"]
    assert [one["file"] for one in statements] == ["bank.xml", "transactions.csv", "bills.csv"]
    assert all(statement["exact"] and statement["planted"] for statement in statements)
    planted = json.loads((STATEMENTS / "planted.json").read_text(encoding="utf-8"))
    assert len({one["class"] for listed in planted.values() for one in listed}) == 12


def test_a_list_of_payments_speaks_of_all_who_pay_whoever_paid_in_it(tmp_path: Path) -> None:
    """A payment provider's file in which one account paid lacks what the others paid."""
    world = World(tmp_path / "t.db", start="2025-03-01T00:00:00+08:00")
    for account, serial in (("ann", "T1"), ("bob", "T2")):
        world.take(
            {"do": "open-account", "account": account, "at": "2025-03-10T10:00:00+08:00"},
            {"do": "top-up", "account": account, "amount": "5.00", "channel": "psp",
             "serial": serial, "at": "2025-03-10T10:00:00+08:00"},
        )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-04-02")
    path, column_map = tmp_path / "psp.csv", tmp_path / "psp.toml"
    path.write_text("Date,Amount,Id,Customer\n2025-03-10,5.00,T1,ann\n2025-03-31,0.00,T9,ann\n")
    column_map.write_text(
        '[columns]\ndate = "Date"\namount = "Amount"\nid = "Id"\naccount = "Customer"\n'
    )
    asked = ("reconcile", path, "--source", "csv", "--map", column_map, "--period", "2025-03")
    (gone,) = world.json(*asked, code=1)["breaks"]
    assert (gone["class"], gone["key"], gone["account"]) == ("missing_at_provider", "T2", "bob")
    assert world.json(*asked, "--account", "ann")["breaks"] == []
