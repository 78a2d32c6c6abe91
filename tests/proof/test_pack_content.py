"""What a pack holds: currencies, books by account, journals, runs with breaks, the frame."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from fractions import Fraction
from pathlib import Path

from tests.books.conftest import judge
from tests.cli.program import Json, World
from tests.proof.packs import entries, packed, verdicts

BILLS = (
    "BillingCycle,OwnerID,RecordID,InstanceID,Item,PretaxGrossAmount,InvoiceDiscount,"
    "DeductedByCoupons,RoundDownDiscount,PretaxAmount,DeductedByCashCoupons,PaymentAmount,"
    "OutstandingAmount,Currency,UsageStartTime,UsageEndTime\n"
    "2025-03,a-1,b-9,i-1,PayAsYouGoBill,30.00,0,0,0,30.00,0,30.00,0,CNY,2025-03-06,2025-03-07\n"
)


def three(path: Path) -> World:
    """A CNY ledger with accounts in JPY, KWD and CNY: 0, 3 and 2 digits."""
    world = World(path, start="2025-01-01")
    world.take(
        {"do": "set-price", "sku": "std", "monthly_price": "500"},
        {"do": "open-account", "account": "j", "currency": "JPY"},
        {"do": "open-account", "account": "k", "currency": "KWD"},
        {"do": "open-account", "account": "=cmd()", "currency": "CNY"},
        {"do": "top-up", "account": "j", "amount": "1234", "channel": "x", "serial": "1"},
        {"do": "top-up", "account": "k", "amount": "12.345", "channel": "x", "serial": "2"},
        {"do": "top-up", "account": "=cmd()", "amount": "600.50", "channel": "x", "serial": "3"},
        {"do": "purchase", "account": "=cmd()", "instance": "i", "sku": "std", "months": 1},
        {"do": "activate-public", "account": "k", "instance": "p", "kind": "public_legacy"},
        {"do": "record-usage", "account": "k", "usage": "u", "instance": "p", "rated": "1.2345678",
         "cycle_start": "2025-01-20", "cycle_end": "2025-01-21", "at": "2025-01-21"},
        {"do": "reverse-top-up", "account": "j", "channel": "x", "serial": "1", "amount": "34",
         "actor": "lin", "reason": "chargeback"},
        {"do": "top-up", "account": "j", "amount": "7", "channel": "x", "serial": "9",
         "effective_at": "2025-01-30", "at": "2025-02-03"},
    )  # fmt: skip
    return world


def rows(raw: bytes) -> list[Json]:
    """Read a table."""
    return list(csv.DictReader(io.StringIO(raw.decode())))


def test_accounts_in_other_currencies_do_not_break_the_pack(tmp_path: Path) -> None:
    pack = packed(three(tmp_path / "t.db"), "2025-01")
    assert verdicts(pack) == (None, None)
    content = entries(pack)
    customers = {row["account"]: row for row in rows(content["reports/customers_closing.csv"])}
    assert customers["j"]["cash"] == "1207"
    assert customers["k"]["cash"] == "11.111"
    assert customers["'=cmd()"]["cash"] == "100.50"
    assert json.loads(content["manifest.json"])["digits"] == {"CNY": 2, "JPY": 0, "KWD": 3}
    [by_hand] = [row for row in rows(content["reports/adjusting.csv"]) if row["account"] == "j"]
    assert (by_hand["currency"], by_hand["cash"], by_hand["actor"]) == ("JPY", "-34", "lin")


def test_debits_equal_credits_at_both_ends_and_each_account_rolls_forward(tmp_path: Path) -> None:
    content = entries(packed(three(tmp_path / "t.db"), "2025-01"))
    for end in ("opening", "closing"):
        table = rows(content[f"reports/trial_balance_{end}.csv"])
        for unit in {one["commodity"] for one in table}:
            mine = [one for one in table if one["commodity"] == unit]
            assert sum(Fraction(one["debit"]) - Fraction(one["credit"]) for one in mine) == 0
        assert json.loads(content["reports/tie_out.json"])[end]["ties"]
    accounts = [row["account"] for row in rows(content["reports/trial_balance_closing.csv"])]
    assert "Assets:PSP:x" in accounts
    assert all(not account.startswith("Liabilities:Wallet:") for account in accounts)


def test_the_journals_of_the_period_are_accepted_by_hledger_and_beancount(tmp_path: Path) -> None:
    world = three(tmp_path / "t.db")
    world.done("clock", "advance", "--to", "2025-03-02")
    for period in ("2025-01", "2025-02"):
        content = entries(packed(world, period))
        assert (b"OpeningBalances" in content["journals/period.hledger"]) == (period != "2025-01")
        plain, bean = tmp_path / "p.hledger", tmp_path / "p.beancount"
        plain.write_bytes(content["journals/period.hledger"])
        bean.write_bytes(content["journals/period.beancount"])
        subprocess.run([judge("HLEDGER", "hledger"), "-f", plain, "check", "-s"], check=True)
        subprocess.run([judge("BEANCHECK", "bean-check"), "--no-cache", bean], check=True)


def test_runs_are_there_with_their_breaks_decisions_and_reviewers(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-03-01")
    world.take({"do": "open-account", "account": "a-1"})
    bills = tmp_path / "bills.csv"
    bills.write_text(BILLS)
    world.done("clock", "advance", "--to", "2025-04-02")
    recorded = ("--source", "alibaba-bills", "--record", "--actor", "lin")
    world.done("reconcile", bills, *recorded, code=1)
    [found] = world.rows("breaks", "list")
    signed_off = ("--actor", "wang", "--reason", "vendor's error")
    world.done("breaks", "sign-off", found["break"], *signed_off)
    pack = packed(world, "2025-03")
    assert verdicts(pack) == (None, None)
    told = json.loads(entries(pack)["reports/reconciliations.json"])
    (run, narrowed), [one] = told["runs"], told["breaks"]
    assert narrowed["only"] == ["account a-1"], "the file speaks of one account"
    assert (run["type"], run["source"], run["actor"]) == (
        "ReconciliationRun", "alibaba-bills", "lin",
    )  # fmt: skip
    assert run["breaks"] == [one["break"]] == [found["break"]]
    assert one["state"] == "signed_off"
    opened, signed = one["history"]
    assert (opened["type"], opened["theirs"]) == ("BreakOpened", "30.00")
    assert (signed["type"], signed["actor"], signed["reason"], signed["preparer"]) == (
        "BreakSignedOff", "wang", "vendor's error", "lin",
    )  # fmt: skip


def test_late_and_back_dated_entries_can_be_drawn(tmp_path: Path) -> None:
    world = three(tmp_path / "t.db")
    [late] = [one for one in world.events("j") if one["effective_at"].startswith("2025-01-30")]
    pack = packed(world, "2025-01", "--sample", "1000")
    about = json.loads(entries(pack)["sample/sample.json"])
    assert late["position"] in about["drawn"]
    assert about["frame"] == len(about["drawn"])
    assert "late and back-dated" in about["method"]
    assert verdicts(pack) == (None, None)


def test_restatements_stand_in_the_pack(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-01-01")
    world.take(
        {"do": "open-account", "account": "a"},
        {"do": "top-up", "account": "a", "amount": "5", "channel": "x", "serial": "1",
         "at": "2025-02-02"},
    )  # fmt: skip
    world.json("close", "2025-01", "--actor", "lin")
    world.take({"do": "top-up", "account": "a", "amount": "15", "channel": "x", "serial": "2",
                "effective_at": "2025-01-20", "actor": "wu"})  # fmt: skip
    told = json.loads(entries(packed(world, "2025-01"))["reports/restatements.json"])
    report = world.json("report", "restatements", "2025-01")
    assert told["facts"] == report["facts"]
    assert told["by"]["CNY"]["cash"] == "15.00"
    assert [fact["actor"] for fact in told["facts"]] == ["wu"]
    closes = json.loads(entries(world.path.parent / "2025-01.zip")["reports/period_closes.json"])
    assert [(close["type"], close["period"]) for close in closes] == [("PeriodClosed", "2025-01")]


def test_quarters_and_years_have_packs_too(tmp_path: Path) -> None:
    world = three(tmp_path / "t.db")
    world.done("clock", "advance", "--to", "2026-01-02")
    for period in ("2025-Q1", "2025"):
        assert verdicts(packed(world, period)) == (None, None)
