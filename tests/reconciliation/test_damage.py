"""What a spreadsheet does to a vendor's file is named by row and column, never swallowed."""

from __future__ import annotations

import pytest

from ledger.periods import HOUR
from projections.reconciliation.amounts import SCALE
from projections.reconciliation.lines import BadStatement, ControlTotalWrong, Statement
from projections.reconciliation.readers import read_statement

BILLS = "OwnerID,RecordID,Item,Currency,PretaxAmount,UsageEndTime,BillingCycle\n"
MOVES = ("OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,"
         "TransactionChannelSN,Amount,Currency\n")  # fmt: skip


def _read(text: str | bytes, source: str, **more: str) -> Statement:
    body = text if isinstance(text, bytes) else text.encode()
    return read_statement(body, source, offset=8 * HOUR, currency="CNY", **more)


def _bill(record: str, amount: str = "5.00", *, ends: str = "2025-03-02 00:00:00") -> str:
    return f"a,{record},PayAsYouGoBill,CNY,{amount},{ends},2025-03\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_bill("b-1") + _bill("2.02503E+27"), r"line 3, RecordID: '2\.02503E\+27'"),
        (_bill("2E+19"), r"line 2, RecordID"), (_bill('"2,02503e+27"'), r"line 2, RecordID"),
        (_bill("0012345") + _bill("12345"), r"line 3, RecordID: '12345': it is '0012345'"),
        (_bill("b-1", ends="01/02/2025"), r"line 2, UsageEndTime: '01/02/2025'"),
        (_bill("b-1", ends="1/2/25 8:00"), r"line 2, UsageEndTime"),
        (_bill("b-1", "########"), r"line 2, PretaxAmount: '#+': a spreadsheet's column"),
        (_bill("b-1", '"1.234,50"'), r"line 2, PretaxAmount"),
        (_bill("b-1", "1,234.50"), r"line 2 has 8 cells"),
    ],
)  # fmt: skip
def test_damage_to_a_bill_is_named_by_line_and_column(rows: str, message: str) -> None:
    with pytest.raises(BadStatement, match=message):
        _read(BILLS + rows, "alibaba-bills")


@pytest.mark.parametrize(
    ("cell", "place", "message"),
    [
        ("2.02503E+27", 5, "line 2, TransactionChannelSN"), ("2.5E+19", 1, "line 2, TransactionN"),
        ("03/02/2025 10:00", 2, "line 2, TransactionTime"), ("#####", 6, "line 2, Amount"),
        ("1E+15", 0, "line 2, OwnerID"),
    ],
)  # fmt: skip
def test_damage_to_a_transaction_is_named_by_line_and_column(
    cell: str, place: int, message: str
) -> None:
    row = ["ann", "N1", "2025-03-02 10:00:00", "Payment", "Income", "T1", "50.00", "CNY"]
    assert len(_read(MOVES + ",".join(row) + "\n", "alibaba-transactions").lines) == 1
    row[place] = cell
    with pytest.raises(BadStatement, match=message):
        _read(MOVES + ",".join(row) + "\n", "alibaba-transactions")


def test_marks_encodings_more_columns_and_thousands_are_no_damage() -> None:
    plain = _read(BILLS + _bill("b-1", '"1,234.50"'), "alibaba-bills")
    assert plain.closing == 123450 * SCALE // 100
    more = BILLS.replace("\n", ",产品\n") + _bill("b-1", "1234.5").replace("\n", ",物联网\n")
    for body, encoding in (
        (more.encode("gbk"), "gbk"), (b"\xef\xbb\xbf" + more.encode(), "utf-8"),
    ):  # fmt: skip
        assert _read(body, "alibaba-bills", encoding=encoding).lines == plain.lines
    for text, source in ((BILLS, "alibaba-bills"), (MOVES, "alibaba-transactions")):
        empty = _read(text, source)
        assert (empty.lines, empty.starts, empty.ends, empty.closing) == ((), 0, 0, 0)
    with pytest.raises(BadStatement, match="no column Item"):
        _read("RecordID,Currency\n", "alibaba-bills")


def test_a_row_of_totals_is_checked_and_is_no_bill() -> None:
    rows = _bill("b-1") + _bill("b-2", "7.50")
    for name in ("Total", "合计", "总计:"):
        found = _read(f"{BILLS}{rows}{name},,,,12.50,,\n", "alibaba-bills")
        assert [line.order for line in found.lines] == ["b-1", "b-2"]
    with pytest.raises(ControlTotalWrong, match=r"totals in line 4 .* difference 1\.00"):
        _read(f"{BILLS}{rows}合计,,,,13.50,,\n", "alibaba-bills")
