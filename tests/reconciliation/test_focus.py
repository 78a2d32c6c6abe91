"""FOCUS of any provider: what is read, by both engines alike, exactly, or refused by its row."""

from __future__ import annotations

import gzip
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ledger.errors import InvalidInput
from ledger.periods import HOUR, parse_instant
from projections.reconciliation.amounts import read_amount, write_amount
from projections.reconciliation.focus import by_columns
from projections.reconciliation.focus.cells import read_cost
from projections.reconciliation.focus.charges import FocusCharge
from projections.reconciliation.focus.delivery import FocusFile
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers import read_statement
from tests.reconciliation.focus_files import ENGINES, PLAIN, read, rows_of, text_of

HEAD = "BilledCost,ChargeCategory,ChargePeriodStart"
both = pytest.mark.parametrize("engine", ENGINES)


def _file(folder: Path, *changes: dict[str, Any], name: str = "f.csv") -> Path:
    path = folder / name
    path.write_text(text_of(rows_of(*changes)), encoding="utf-8")
    return path


def _costs(charges: list[FocusCharge]) -> dict[str, str]:
    return {charge.name: write_amount(charge.cost, charge.currency) for charge in charges}


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("1.25E2", "125.00"), ("8E-7", "0.0000008"), ("-1e-3", "-0.001"), ("+2.5e+1", "25.00"),
        ("0.123456789012", "0.123456789012"), ("5e-33", f"0.{'0' * 32}5"),
        ("$1,000.00 ", "1000.00"),
        ("(3.50)", "-3.50"), ("-$2.00", "-2.00"), (".5", "0.50"), ("7.", "7.00"), ("0e99", "0.00"),
        ("1000000000000000000000000000001E-28", "100.0000000000000000000000000001"),
    ],
)  # fmt: skip
def test_costs_in_any_spelling_are_exact_in_both_engines(
    text: str, exact: str, tmp_path: Path
) -> None:
    path = _file(tmp_path, {"BilledCost": text})
    for engine in ENGINES:
        (charge,) = read(path, engine)
        assert write_amount(charge.cost, "USD") == exact


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-inf", "1e999999", "1e400", "1e-999", "1,23", "0x1", "", "NULL", "1 2"],
)
def test_what_is_not_a_cost_is_refused_by_its_row(text: str, tmp_path: Path) -> None:
    path = _file(tmp_path, {}, {"BilledCost": text}, {})
    for engine in ENGINES:
        with pytest.raises(BadStatement, match="row 3, BilledCost: "):
            read(path, engine)


@pytest.mark.parametrize(("name", "end"), [
    ("ChargePeriod", "2025-03-01T00:00:00Z"), ("ChargePeriod", "2025-03-01"),
    ("BillingPeriod", "2025-02-01T00:00:00Z"),
])  # fmt: skip
def test_a_period_that_ends_before_it_starts_is_refused_by_its_row(
    name: str, end: str, tmp_path: Path
) -> None:
    none = _file(tmp_path, {"ChargePeriodEnd": PLAIN["ChargePeriodStart"]})
    for engine in ENGINES:
        assert read(none, engine)  # one that takes no time is a purchase
    path = _file(tmp_path, {}, {f"{name}End": end}, {})
    for engine in ENGINES:
        with pytest.raises(BadStatement, match=f"row 3, {name}End: '{end}' is before {name}Start"):
            read(path, engine)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.builds(Decimal.scaleb, st.integers(-(10**9), 10**9).map(Decimal),
                      st.integers(-40, 3)),
            st.sampled_from(["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
            st.sampled_from(["", "Correction"]), st.sampled_from(["INV-1", "INV-2", "null"]),
            st.sampled_from(["USD", "EUR", "JPY"]),
        ),
        min_size=1, max_size=30,
    )
)  # fmt: skip
def test_both_engines_agree_and_lose_nothing_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[Decimal, str, str, str, str]],
) -> None:
    rows = rows_of(
        *({"BilledCost": f"{cost:E}", "ChargeCategory": category, "ChargeClass": klass,
           "InvoiceId": invoice, "BillingCurrency": code}
          for cost, category, klass, invoice, code in drawn)
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "f.csv").write_text(text_of(rows), encoding="utf-8")
    found = read(folder / "f.csv", "columns")
    assert found == read(folder / "f.csv", "rows")
    for code in {row[4] for row in drawn}:
        expected = sum(read_cost(f"{row[0]:E}") for row in drawn if row[4] == code)
        assert sum(one.cost for one in found if one.currency == code) == expected
    random.Random(len(rows)).shuffle(rows)
    (folder / "g.csv").write_text(text_of(rows), encoding="utf-8")
    shuffled = read(folder / "g.csv", "columns")
    assert _costs(shuffled) == _costs(found)


@both
def test_a_bill_is_an_invoice_s_category_and_what_takes_back_is_apart(
    engine: str, tmp_path: Path
) -> None:
    path = _file(
        tmp_path, {}, {}, {"ChargeCategory": "Tax", "BilledCost": "1.90"},
        {"BilledCost": "-2.00"}, {"ChargeClass": "Correction", "BilledCost": "-1.00"},
        {"ChargeCategory": "Credit", "BilledCost": "-0.50"},
        {"ChargeCategory": "Adjustment", "BilledCost": "-0.25"},
        {"InvoiceId": "INV-2"}, {"BillingPeriodStart": "2025-04-01T00:00:00Z"},
        {"InvoiceId": "NULL", "ChargeClass": "null"}, {"BillingAccountId": "other"},
    )  # fmt: skip
    found = read(path, engine)
    assert _costs([one for one in found if one.account == "acme"]) == {
        "INV-1/2025-03/Usage": "20.00", "INV-1/2025-03/Tax": "1.90",
        "INV-1/2025-03/Usage/refund": "-2.00", "INV-1/2025-03/Usage/correction/refund": "-1.00",
        "INV-1/2025-03/Credit": "-0.50", "INV-1/2025-03/Adjustment/refund": "-0.25",
        "INV-2/2025-03/Usage": "10.00", "INV-1/2025-04/Usage": "10.00", "2025-03/Usage": "10.00",
    }  # fmt: skip
    assert [(one.account, one.rows) for one in found if one.account != "acme"] == [("other", 1)]
    (first,) = (one for one in found if one.name == "INV-1/2025-03/Usage" and one.rows == 2)
    assert (first.first, first.last) == (2, 3)


@both
def test_columns_come_in_any_order_and_case_with_others_between(
    engine: str, tmp_path: Path
) -> None:
    plain = read(_file(tmp_path, {}), engine)
    names = sorted(PLAIN, reverse=True)
    text = text_of(rows_of({}), columns=names)
    spellings = (name.upper() if n % 2 else name.replace("Cost", "_cost") for n, name in
                 enumerate(names))  # fmt: skip
    head = ",".join(spellings)
    body = text.split("\n")[1]
    path = tmp_path / "odd.csv"
    path.write_bytes(f'\ufeffx_Own,{head},Tags\r\n1,{body},"{{""a"": 1}}"\r\n'.encode())
    assert read(path, engine) == plain


@both
def test_gzip_and_parquet_say_what_the_csv_says(engine: str, tmp_path: Path) -> None:
    credit = {"BilledCost": "-2.50", "ChargeCategory": "Credit"}
    rows = rows_of({"BilledCost": "1.8325786803"}, credit)
    path = tmp_path / "f.csv"
    path.write_text(text_of(rows), encoding="utf-8")
    plain = read(path, engine)
    packed = tmp_path / "f.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed, engine) == plain
    for costs in (pa.decimal128(38, 10), pa.string(), pa.float64()):
        table = pa.table({name: [row[name] or None for row in rows] for name in rows[0]})
        kind = float if costs == pa.float64() else Decimal
        cost = pa.array([kind(row["BilledCost"]) for row in rows])
        cost = cost if kind is float else cost.cast(pa.decimal128(38, 10)).cast(costs)
        place = table.column_names.index("BilledCost")
        stored = tmp_path / "f.parquet"
        parquet.write_table(table.set_column(place, "BilledCost", cost), stored)
        assert _costs(read(stored, engine)) == _costs(plain)


@both
def test_instants_are_utc_with_and_without_a_zone(engine: str, tmp_path: Path) -> None:
    written = ("2025-03-05T00:00:00Z", "2025-03-05 00:00:00", "2025-03-05",
               "2025-03-05T08:00:00+08:00", "2025-03-05 00:00:00 UTC", "2025-03-05T00:00Z",
               "2025-03-04T19:00:00-0500")  # fmt: skip
    starts = parse_instant("2025-03-05T00:00:00Z", 0)
    for text in written:
        (charge,) = read(_file(tmp_path, {"ChargePeriodStart": text}), engine)
        assert charge.starts == charge.instant == starts, text
    moment = pa.array([starts], pa.timestamp("us"))
    for column in (moment, moment.cast(pa.timestamp("ms", "UTC")), moment.cast(pa.timestamp("ns"))):
        table = pa.table({name: [text or None] for name, text in PLAIN.items()})
        place = table.column_names.index("ChargePeriodStart")
        stored = tmp_path / "f.parquet"
        parquet.write_table(table.set_column(place, "ChargePeriodStart", column), stored)
        assert read(stored, engine)[0].starts == starts


@both
def test_a_spreadsheet_s_dates_are_read_where_the_billing_periods_tell_their_order(
    engine: str, tmp_path: Path
) -> None:
    american = {"BillingPeriodStart": "3/1/25", "BillingPeriodEnd": "4/1/25",
                "ChargePeriodStart": "3/5/25", "ChargePeriodEnd": "3/6/2025"}  # fmt: skip
    (charge,) = read(_file(tmp_path, american), engine)
    (plain,) = read(_file(tmp_path, {}), engine)
    assert charge == plain
    british = {"BillingPeriodStart": "01/03/2025", "BillingPeriodEnd": "01/04/2025",
               "ChargePeriodStart": "05/03/2025", "ChargePeriodEnd": "06/03/2025"}  # fmt: skip
    assert read(_file(tmp_path, british), engine) == [plain]
    with pytest.raises(BadStatement, match="row 2, ChargePeriodStart: day and month are ambiguous"):
        read(_file(tmp_path, {"ChargePeriodStart": "01/02/2025"}), engine)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("BilledCost;ChargeCategory;ChargePeriodStart\n", "no column BilledCost"),
        ("BilledCost,ChargeCategory\n1,Usage\n", "no column ChargePeriodStart"),
        ("BilledCost,ChargeCategory,ChargePeriodStart,billedcost\n", "there twice"),
        ("BilledCost,ChargeCategory,ChargePeriodStart,x,x\n", "'x' is there twice"),
        (f"{HEAD}\n1,Usage\n", "row 2 has 2 cells"),
        (f"{HEAD}\n1,Fee,2025-03-01\n", "row 2, ChargeCategory"),
        (f"{HEAD}\n1,Usage,\n", "row 2, ChargePeriodStart: null"),
        (f"{HEAD}\n1,Usage,soon\n", "row 2, ChargePeriodStart"),
        (f'{HEAD}\n1,"Usage,2025-03-01\n', "not CSV"),
        (f"{HEAD}\n1,Us\0age,2025-03-01\n", "NUL"),
        ("x" * (3 << 20), "longer than"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    for body in (path, path.read_bytes()):
        with pytest.raises(BadStatement, match=message) as refused:
            read_statement(body, "focus", offset=8 * HOUR, currency="CNY")
        assert "\n" not in str(refused.value)


def test_a_last_line_without_end_is_not_left_out(tmp_path: Path) -> None:
    body = f"{HEAD}\n1,Usage,2025-03-01\n{'1' * (36 << 20)}".encode()
    path = tmp_path / "f.csv"
    for written in (body, body + b"\n", gzip.compress(body, 1)):
        path.write_bytes(written)
        assert by_columns.parts_of(FocusFile(path)) is None
    with pytest.raises(BadStatement, match="line 3 is longer than"):
        read_statement(path, "focus", offset=8 * HOUR, currency="CNY")
    path.write_bytes(f"{HEAD}\n1,Usage,2025-03-01".encode())
    assert len(read(path, "columns")) == len(read(path, "rows")) == 1


def test_a_file_that_is_cut_off_or_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    rows = rows_of(*({"BilledCost": str(n)} for n in range(2000)))
    packed = gzip.compress(text_of(rows).encode())
    table = pa.table({name: [text or None] for name, text in PLAIN.items()})
    parquet.write_table(table, path)
    whole = path.read_bytes()
    typed = table.set_column(0, "BilledCost", pa.array([True]))
    parquet.write_table(typed, path)
    for body, message in (
        (packed[:-400], "cut off or damaged"), (packed[:12], "cut off or damaged"),
        (whole[:-200], "not a whole Parquet"), (path.read_bytes(), "row 1, BilledCost: '[Tt]rue'"),
        (f"{HEAD}\n1,用量,2025\n".encode("gbk"), "not utf-8"),
    ):  # fmt: skip
        path.write_bytes(body)
        for given_ in (path, body):
            with pytest.raises(BadStatement, match=message):
                read_statement(given_, "focus", offset=8 * HOUR, currency="CNY")


def test_another_encoding_is_read_where_it_is_named() -> None:
    text = text_of(rows_of({"ResourceId": "实例"}))
    for encoding in ("gbk", "utf-16"):
        body = text.encode(encoding)
        found = read_statement(body, "focus", offset=0, currency="CNY", encoding=encoding)
        assert found.closing == read_amount("10.00")


def test_a_cost_beyond_the_scale_is_refused() -> None:
    for text in ("1e-61", "1" * 30 + "e30", "e5", "9" * 100_000, "0." + "9" * 100_000):
        with pytest.raises(InvalidInput):
            read_cost(text)
