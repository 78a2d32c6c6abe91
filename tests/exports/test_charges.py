"""Vendor CSV and FOCUS rows: their sums are what the ledger's own pages say, at any point."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from projections.exports import alibaba_bills, alibaba_transactions
from tests.cli.program import World

if TYPE_CHECKING:
    from pathlib import Path

POINTS: tuple[tuple[str, ...], ...] = (
    (),
    ("--as-of", "2025-01-07"),
    ("--at", "2025-01-06"),
    ("--at", "2025-06-30", "--known-at", "2025-07-15"),
    ("--position", "40"),
)
Rows = list[dict[str, str]]


def rows(world: World, form: str, *arguments: str) -> Rows:
    done = world.done("export", "--format", form, *arguments)
    return list(csv.DictReader(io.StringIO(done.out)))


def asked(world: World, point: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what lies ahead of a short ledger's clock."""
    return () if world.path.name == "hard.db" and "2025-06-30" in point else point


def summed(found: Rows, amount: str, by: str = "OwnerID") -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in found:
        sums[row[by]] += Decimal(row[amount])
    return {name: total for name, total in sums.items() if total}


def money(world: World, field: str, point: tuple[str, ...]) -> dict[str, Decimal]:
    shown = world.rows("balances", *point)
    return {one["account"]: Decimal(one[field]) for one in shown if Decimal(one[field])}


@pytest.mark.parametrize("point", POINTS, ids=" ".join)
@pytest.mark.parametrize("name", ["year", "hard"])
def test_movements_add_up_to_the_cash(
    name: str, point: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(name)
    point = asked(world, point)
    found = rows(world, "alibaba-transactions", *point)
    sign = {"Income": 1, "Expense": -1}
    signed = [
        {**row, "Amount": str(sign[row["TransactionFlow"]] * Decimal(row["Amount"]))}
        for row in found
    ]
    assert summed(signed, "Amount") == money(world, "cash", point)
    last = {row["OwnerID"]: Decimal(row["Balance"]) for row in found}
    assert {name: cash for name, cash in last.items() if cash} == money(world, "cash", point)


@pytest.mark.parametrize("point", POINTS, ids=" ".join)
@pytest.mark.parametrize("name", ["year", "hard"])
def test_bills_add_up_to_what_is_outstanding(
    name: str, point: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(name)
    point = asked(world, point)
    found = rows(world, "alibaba-bills", *point)
    owed = money(world, "outstanding", point)
    debts: dict[str, Decimal] = defaultdict(Decimal)  # a reversal's shortfall is not a bill (R4)
    for account in owed:
        for item in world.state(account, *point)["unpaid"]:
            if item["kind"] != "bill":
                debts[account] += Decimal(item["outstanding"])
    expected = {name: owed[name] - debts[name] for name in owed if owed[name] != debts[name]}
    assert summed(found, "OutstandingAmount") == expected
    for row in found:
        paid = ("DeductedByCashCoupons", "PaymentAmount", "OutstandingAmount")
        assert sum(Decimal(row[name]) for name in paid) == Decimal(row["PretaxAmount"])
        cut = Decimal(row["PretaxGrossAmount"]) - Decimal(row["RoundDownDiscount"])
        assert cut == Decimal(row["PretaxAmount"])


def test_bills_and_movements_tell_of_the_same_cash(year: World) -> None:
    bills = [  # of a refund of several orders each has a row; the cash came back at once
        {**row, "RecordID": re.sub(r"^(refund:\d+):\d+$", r"\1", row["RecordID"])}
        for row in rows(year, "alibaba-bills")
    ]  # fmt: skip
    paid = summed(bills, "PaymentAmount", "RecordID")
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(year, "alibaba-transactions"):
        if row["TransactionType"] in ("Consumption", "Adjust", "Refund"):
            sign = 1 if row["TransactionFlow"] == "Expense" else -1
            moved[row["RecordID"]] += sign * Decimal(row["Amount"])
    assert {name: total for name, total in moved.items() if total} == paid


def test_usage_income_of_the_books_is_what_the_bills_come_to(year: World) -> None:
    found = [
        row for row in rows(year, "alibaba-bills")
        if row["Item"] in ("PayAsYouGoBill", "Adjustment")
    ]  # fmt: skip
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for row in year.json("report", "trial-balance")["rows"]:
        if row["account"].startswith("Income:Usage"):
            booked[row["commodity"]] -= Decimal(row["balance"])
    assert summed(found, "PretaxGrossAmount", "Currency") == dict(booked)


def test_the_columns_are_the_vendors(hard: World) -> None:
    for form, columns in (
        ("alibaba-bills", alibaba_bills.COLUMNS),
        ("alibaba-transactions", alibaba_transactions.COLUMNS),
    ):
        heading = hard.done("export", "--format", form).out.splitlines()[0]
        assert heading == ",".join(columns)


@pytest.mark.parametrize("point", POINTS, ids=" ".join)
@pytest.mark.parametrize("name", ["year", "hard"])
def test_an_invoice_of_focus_asks_for_cash_and_the_outstanding_part(
    name: str, point: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(name)
    point = asked(world, point)
    invoices: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(world, "alibaba-bills", *point):
        record = f"{row['OwnerID']} {row['RelatedRecordID'] or row['RecordID']}"
        invoices[record] += Decimal(row["PaymentAmount"]) + Decimal(row["OutstandingAmount"])
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(world, "focus", *point):
        billed[f"{row['BillingAccountId']} {row['InvoiceId']}"] += Decimal(row["BilledCost"])
    assert billed == invoices


def test_what_focus_calls_a_charge(year: World) -> None:
    found = rows(year, "focus")
    kinds = {(row["ChargeCategory"], row["ChargeFrequency"]) for row in found}
    assert kinds == {
        ("Usage", "Usage-Based"), ("Purchase", "One-Time"), ("Purchase", "Recurring"),
        ("Credit", "One-Time"),
    }  # fmt: skip
    assert all(Decimal(r["BilledCost"]) < 0 for r in found if r["ChargeCategory"] == "Credit")
    corrections = [row for row in found if row["ChargeClass"]]
    assert corrections
    for row in corrections:
        assert row["ChargeClass"] == "Correction"
        assert Decimal(row["BilledCost"]) <= 0
    automatic = [e for e in year.events("--type", "InstanceRenewed") if e["data"]["via"] == "auto"]
    assert len(automatic) == sum(row["ChargeFrequency"] == "Recurring" for row in found)
    for row in found:
        assert row["BillingPeriodStart"].endswith("T16:00:00Z")  # a local month, in UTC
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]


def test_a_page_does_not_change_when_more_is_recorded(tmp_path: Path) -> None:
    world = World(tmp_path / "own.db")
    top_up = ("top-up", "--account", "a-1", "--channel", "c")
    world.record("open-account", "--account", "a-1")
    world.record(*top_up, "--amount", "9.00", "--serial", "s")
    forms = ("events", "alibaba-bills", "alibaba-transactions", "focus")
    before = [exported(world, form, tmp_path) for form in forms]
    assert before == [exported(world, form, tmp_path) for form in forms]
    world.done("clock", "advance", "--to", "2025-02-01")
    world.record(*top_up, "--amount", "1.00", "--serial", "t")
    after = [exported(world, form, tmp_path, "--as-of", "2025-01-01") for form in forms]
    assert after == before


def exported(world: World, form: str, folder: Path, *point: str) -> bytes:
    path = folder / "out"
    world.done("export", "--format", form, "-o", path, *point)
    return path.read_bytes()
