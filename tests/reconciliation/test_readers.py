"""Readers: good files are read exactly, bad and hostile ones are refused with what is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ledger.errors import InvalidInput
from ledger.periods import HOUR
from projections.reconciliation.amounts import SCALE, read_amount, write_amount
from projections.reconciliation.lines import BadStatement, ControlTotalWrong, Statement
from projections.reconciliation.readers import read_statement
from tests.cli.program import ROOT, World, tally

FIXTURES = ROOT / "fixtures" / "statements"
BANK = (FIXTURES / "bank.xml").read_bytes()


def _read(body: bytes | str, source: str, **options: str) -> Statement:
    given = body.encode() if isinstance(body, str) else body
    return read_statement(given, source, offset=8 * HOUR, currency="CNY", **options)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("12.34", 1234), ("-0.01", -1), ("1,234.50", 123450), ("1,234,567.00", 123456700),
        ("(5.00)", -500), ("+7", 700), (".5", 50), ("", 0), (" 3.10 ", 310),
    ],
)  # fmt: skip
def test_amounts_are_read_exactly(text: str, fine: int) -> None:
    assert read_amount(text) == fine * SCALE // 100


SIXTY = "7" * 60


@pytest.mark.parametrize(
    "text", ["1.8325786803", "0.123456789012", "0.00000000000000011102230246251565", f"0.{SIXTY}"]
)
def test_sixty_decimals_survive_and_one_more_is_refused(text: str) -> None:
    assert write_amount(read_amount(text), "CNY") == text
    with pytest.raises(InvalidInput):
        read_amount(f"0.{SIXTY}7")


@pytest.mark.parametrize("text", ["1e3", "12,34", "1,23,456", "--1", "٣", "0x1", "NaN", "1.2.3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_amount(text)


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "08", "10", "13"])
def test_any_version_of_camt053_is_read(version: str) -> None:
    body = BANK.replace(b"camt.053.001.08", f"camt.053.001.{version}".encode())
    statement = _read(body, "camt053")
    assert len(statement.lines) == 105
    assert statement.opening == 0


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (b"camt.053.001.08", b"camt.052.001.08", "camt.052, an intraday report, not camt.053"),
        (b"camt.053.001.08", b"camt.054.001.08", "camt.054, a notification, not camt.053"),
        (b"camt.053.001.08", b"pain.001.001.08", "pain.001, not camt.053"),
        (b"</Document>", b"", "not a whole XML document"),
        (b"<NbOfNtries>105", b"<NbOfNtries>106", "106 entries stated, 105 found, difference 1"),
        (b"CRDT", b"BOTH", "neither CRDT nor DBIT"),
    ],
)
def test_a_wrong_or_broken_bank_statement_is_refused(was: bytes, becomes: bytes, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        _read(BANK.replace(was, becomes, 1), "camt053")


def test_a_wrong_closing_balance_names_the_difference() -> None:
    with pytest.raises(ControlTotalWrong, match=r"stated 343033\.59, found 343032\.59.* 1\.00"):
        _read(BANK.replace(b"343032.59", b"343033.59"), "camt053")


HOSTILE = {
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "billion laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
    "external document type": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_xml_is_refused_before_anything_is_expanded(body: str) -> None:
    with pytest.raises(BadStatement, match="document type or entities"):
        _read(body, "camt053")


BILLS = (FIXTURES / "bills.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("utf-8", BILLS.encode()), ("utf-8", b"\xef\xbb\xbf" + BILLS.encode()),
        ("gbk", BILLS.replace("a-001", "账户一").encode("gbk")),
        ("utf-8", BILLS.replace("\n", "\r\n").encode()),
    ],
)  # fmt: skip
def test_vendor_files_are_read_in_the_declared_encoding(encoding: str, body: bytes) -> None:
    assert len(_read(body, "alibaba-bills", encoding=encoding).lines) == 186


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BILLS.replace("a-001", "账户一").encode("gbk"), "is not utf-8"),
        (BILLS[: len(BILLS) - 40].encode(), "cells, the header has 16; the file seems cut off"),
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "no column RecordID, Item, Currency"),
        (BILLS.replace("PayAsYouGoBill", "Gift", 1).encode(), "line 2, Item: 'Gift' is not one of"),
        (BILLS.replace("2025-01,", "2025-13,", 1).encode(), "line 2, BillingCycle"),
        (BILLS.encode("utf-16-le"), "holds a NUL"),
    ],
)
def test_a_broken_vendor_file_is_refused_by_line_and_column(body: bytes, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        _read(body, "alibaba-bills")


def test_a_bill_that_does_not_add_up_is_refused() -> None:
    row = BILLS.splitlines()[1].split(",")
    row[9] = str(Decimal(row[9]) + 1)
    with pytest.raises(ControlTotalWrong, match=r"line 2, .* difference 1\.00"):
        _read("\n".join([BILLS.splitlines()[0], ",".join(row)]) + "\n", "alibaba-bills")


HEAD = (
    "TransactionNumber,TransactionTime,TransactionType,TransactionFlow,Amount,Balance,"
    "TransactionChannelSN\n"
)


def test_balances_form_a_chain_whatever_the_order_of_the_rows() -> None:
    rows = [
        "1,2025-03-02 08:00:00,Payment,Income,100.00,150.00,T1",
        "2,2025-03-02 08:00:00,Consumption,Expense,30.00,120.00,",
        "3,2025-03-03 08:00:00,Payment,Income,5.00,125.00,T2",
    ]
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        statement = _read(HEAD + "\n".join(rows[n] for n in order), "alibaba-transactions")
        assert (statement.opening, statement.closing) == (50 * SCALE, 125 * SCALE)
    with pytest.raises(ControlTotalWrong, match=r"difference -30\.00"):
        _read(HEAD + "\n".join([rows[0], rows[2]]), "alibaba-transactions")




def test_bad_files_end_with_one_error_and_exit_code_2(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    path = tmp_path / "x.xml"
    for body in (*HOSTILE.values(), "", "\0\0", "a,b\n", "<x"):
        path.write_text(body, encoding="utf-8")
        for source in ("camt053", "alibaba-bills", "alibaba-transactions", "focus"):
            error = world.json("reconcile", path, "--source", source, code=2)
            assert error["code"] in {"BAD_STATEMENT", "CONTROL_TOTAL_WRONG"}
    assert world.json("reconcile", tmp_path / "none", "--source", "camt053", code=2)
    assert world.json("reconcile", path, "--source", "csv", code=2)["hint"] == (
        "--map FILE.toml; --guess prints a starter map"
    )
    assert tally("reconcile", path, "--source", "gold").code == 2
