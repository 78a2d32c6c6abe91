"""Vendor files one after the other: the same again, one that overlaps, and the next month's.

What an earlier file brought is a repeat (R28): nothing is recorded, nothing is refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.cli.program import World
from tests.reconciliation.focus_files import rows_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

WALLET = (
    "OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,"
    "TransactionChannel,TransactionChannelSN,Amount,Currency,RecordID,Balance\n"
)
PAID = "ann,N1,2025-03-01 10:00:00,Payment,Income,Alipay,S1,50.00,CNY,,150.00\n"
SPENT = "ann,N2,2025-03-02 10:00:00,Consumption,Expense,,,10.00,CNY,b-1,140.00\n"
TAKEN = "".join(
    f"ann,N{n},2025-03-03 10:00:00,Withdraw,Expense,Alipay,S1,5.00,CNY,,{left}\n"
    for n, left in ((3, "135.00"), (4, "130.00"))
)
APRIL = "ann,N5,2025-04-02 10:00:00,Consumption,Expense,,,10.00,CNY,b-2,120.00\n"
TAKEN_LATER = "ann,N6,2025-04-03 10:00:00,Withdraw,Expense,Alipay,S1,20.00,CNY,,100.00\n"
BILLS = (
    "OwnerID,BillingCycle,RecordID,InstanceID,Item,PretaxGrossAmount,DeductedByCoupons,"
    "PretaxAmount,PaymentAmount,OutstandingAmount,Currency,UsageStartTime,UsageEndTime,"
    "RelatedRecordID\n"
)


def _billed(record: str, day: str, amount: str = "10.00", *, item: str = "PayAsYouGoBill",
            coupon: str = "0.00", of: str = "") -> str:  # fmt: skip
    left = str(Decimal(amount) - Decimal(coupon))
    return (f"ann,{day[:7]},{record},i-1,{item},{amount},{coupon},{left},{left},0,CNY,"
            f"{day} 10:00:00,{day} 11:00:00,{of}\n")  # fmt: skip


MARCH = _billed("R1", "2025-03-02", coupon="2.00") + _billed("R2", "2025-03-03")
FOCUS = [
    {"ChargePeriodStart": "2025-03-05T00:00:00Z", "ResourceId": "vm-1"},
    {"ResourceId": "vm-2", "BilledCost": "30.00"},
    {"ResourceId": "vm-1", "BilledCost": "-3.00", "ChargeCategory": "Credit"},
]
FOCUS_APRIL = [{
    "BillingPeriodStart": "2025-04-01T00:00:00Z", "BillingPeriodEnd": "2025-05-01T00:00:00Z",
    "ChargePeriodStart": "2025-04-05T00:00:00Z", "ChargePeriodEnd": "2025-04-06T00:00:00Z",
    "InvoiceId": "INV-2",
}]  # fmt: skip


class Row(NamedTuple):
    """Two files of a source, and what the second one adds and leaves."""

    source: str
    first: str
    then: str
    added: int  # lines recorded by the second file
    cash: str
    refused: int = 0


CASES = {
    "a wallet again": Row("alibaba-transactions", WALLET + PAID + SPENT + TAKEN,
                          WALLET + PAID + SPENT + TAKEN, 0, "130.00"),
    "a wallet that grew": Row("alibaba-transactions", WALLET + PAID + SPENT,
                              WALLET + PAID + SPENT + TAKEN, 2, "130.00"),
    "the next month of a wallet": Row("alibaba-transactions", WALLET + PAID + SPENT + TAKEN,
                                      WALLET + APRIL + TAKEN_LATER, 2, "100.00"),
    "bills again": Row("alibaba-bills", BILLS + MARCH, BILLS + MARCH, 0, "0.00"),
    "bills again in another order": Row("alibaba-bills", BILLS + MARCH, BILLS + "".join(
        reversed(MARCH.splitlines(keepends=True))), 0, "0.00"),
    "bills with a refund again": Row(
        "alibaba-bills",
        BILLS + MARCH + _billed("R4", "2025-03-04", "-4.00", item="Refund", of="R2"),
        BILLS + MARCH + _billed("R4", "2025-03-04", "-4.00", item="Refund", of="R2"), 0, "4.00"),
    "bills that grew": Row("alibaba-bills", BILLS + MARCH,
                           BILLS + MARCH + _billed("R3", "2025-03-04"), 2, "0.00"),
    "a bill that changed": Row(
        "alibaba-bills", BILLS + MARCH,
        BILLS + _billed("R1", "2025-03-02", coupon="2.00") + _billed("R2", "2025-03-03", "9.00"),
        0, "0.00", refused=2),
    "the next month of bills": Row("alibaba-bills", BILLS + MARCH,
                                   BILLS + _billed("R3", "2025-04-02"), 2, "0.00"),
    "a refund of last month's bill": Row(
        "alibaba-bills", BILLS + MARCH + _billed("R9", "2025-03-04", "50.00"),
        BILLS + _billed("R4", "2025-04-03", "-8.00", item="Refund", of="R2"), 1, "8.00"),
    "FOCUS again": Row("focus", text_of(rows_of(*FOCUS)), text_of(rows_of(*FOCUS)), 0, "0.00"),
    "FOCUS that grew": Row("focus", text_of(rows_of(*FOCUS)),
                           text_of(rows_of(*FOCUS, *FOCUS_APRIL)), 2, "0.00"),
    "the next month of FOCUS": Row("focus", text_of(rows_of(*FOCUS)),
                                   text_of(rows_of(*FOCUS_APRIL)), 2, "0.00"),
}  # fmt: skip


@pytest.mark.parametrize("row", CASES.values(), ids=CASES)
def test_what_an_earlier_file_brought_is_a_repeat(row: Row, tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-02-01T00:00:00+08:00")
    first, then = tmp_path / "first.csv", tmp_path / "then.csv"
    first.write_text(row.first, encoding="utf-8")
    then.write_text(row.then, encoding="utf-8")
    begun = world.json("import", "--from", row.source, first)
    assert (begun["refused"], begun["duplicates"]) == (0, 0)
    asked = ("import", "--from", row.source, then)
    told = world.json(*asked, "--dry-run", code=1 if row.refused else 0)
    assert (told["accepted"], told["refused"]) == (row.added, row.refused)
    done = world.done(*asked, "--json", code=4 if row.refused else 0)
    answer = done.json
    assert (answer["accepted"], answer["refused"]) == (row.added, row.refused)
    assert "nothing is booked for the difference" not in done.err
    if not row.added and not row.refused:
        assert answer["position"] == begun["position"]
        assert answer["duplicates"] > 0
    assert world.rows("balances")[0]["cash"] == row.cash
    if not row.refused:
        report = world.json("reconcile", then, "--source", row.source)
        assert (report["breaks"], report["unexplained"]) == ([], "0.00")


def test_bills_of_two_accounts_may_have_one_id(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-02-01T00:00:00+08:00")
    path = tmp_path / "b.csv"
    path.write_text(BILLS + MARCH + MARCH.replace("ann,", "bob,"), encoding="utf-8")
    assert world.json("import", "--from", "alibaba-bills", path)["refused"] == 0
    report = world.json("reconcile", path, "--source", "alibaba-bills")
    assert (report["matched"], report["breaks"]) == (4, [])


def test_a_repeat_has_the_first_result_under_its_own_line(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-02-01T00:00:00+08:00")
    path = tmp_path / "t.csv"
    path.write_text(WALLET + PAID + SPENT, encoding="utf-8")
    first = world.rows("import", "--from", "alibaba-transactions", path)
    path.write_text(WALLET + SPENT + TAKEN + PAID, encoding="utf-8")
    again = world.rows("import", "--from", "alibaba-transactions", path)
    assert [row["line"] for row in again] == [1, 2, 3, 4]
    assert [row["duplicate"] for row in again] == [True, True, False, False]
    assert [row["positions"] for row in again[:2]] == [first[2]["positions"], first[4]["positions"]]


def test_a_file_that_does_not_go_on_where_the_ledger_stands_says_so(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-02-01T00:00:00+08:00")
    path = tmp_path / "t.csv"
    path.write_text(WALLET + PAID, encoding="utf-8")
    world.done("import", "--from", "alibaba-transactions", path)
    path.write_text(WALLET + APRIL, encoding="utf-8")
    done = world.done("import", "--from", "alibaba-transactions", path)
    assert "ann: the file begins with 130.00, the ledger has 150.00 there" in done.err
    assert world.state("ann")["cash"] == "140.00"
