"""Two deliveries of a month: every row is accounted for, by both engines, whatever the order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from projections.reconciliation.against.comparing import Comparison
from projections.reconciliation.lines import BadStatement
from tests.cli.program import World, tally, valid
from tests.reconciliation.focus_files import rows_of, text_of

NEVER, ALWAYS = 1 << 60, 0  # from how many bytes on DuckDB is asked
both = pytest.mark.parametrize("small", [NEVER, ALWAYS], ids=["rows", "columns"])
Row = dict[str, Any]


def _written(folder: Path, name: str, rows: list[Row]) -> Path:
    path = folder / name
    path.write_text(text_of(rows), encoding="utf-8")
    return path


def _compared(old: Path, new: Path, small: int, **more: Any) -> tuple[list[Row], Comparison]:
    found = Comparison(old, new, source=None, currency="USD", small=small, **more)
    rows = [row.plain() for row in found.rows()]
    for total in found.totals():
        assert total.old + total.added - total.gone + total.changed == total.new
    return rows, found


def _told(rows: list[Row]) -> list[tuple[object, ...]]:
    return sorted(
        (row["change"], row["resource"], row["old"], row["new"], row["charge"],
         tuple(row["columns"])) for row in rows
    )  # fmt: skip


@both
def test_what_was_added_gone_and_changed_is_told_apart(small: int, tmp_path: Path) -> None:
    old = rows_of({"ResourceId": "a"}, {"ResourceId": "b"}, {"ResourceId": "c"})
    new = rows_of(
        {"ResourceId": "c", "InvoiceId": "INV-2"}, {"ResourceId": "a", "BilledCost": "9e-12"},
        {"ResourceId": "d", "BillingCurrency": "EUR"},
    )  # fmt: skip
    rows, found = _compared(
        _written(tmp_path, "o.csv", old), _written(tmp_path, "n.csv", new), small
    )
    assert [(*one[:4], one[5]) for one in _told(rows)] == [
        ("added", "d", None, "10.00", ()),
        ("changed", "a", "10.00", "0.000000000009", ("BilledCost",)),
        ("changed", "c", "10.00", "10.00", ("InvoiceId",)), ("gone", "b", "10.00", None, ()),
    ]  # fmt: skip
    assert {total.currency: str(total.new) for total in found.totals()} == {
        "EUR": "10.00", "USD": "10.000000000009",
    }  # fmt: skip
    (changed,) = (row for row in rows if row["resource"] == "a")
    assert (changed["old_row"], changed["new_row"]) == (2, 3)


@both
def test_rows_equal_in_everything_are_counted_and_one_of_them_may_go(
    small: int, tmp_path: Path
) -> None:
    old = _written(tmp_path, "o.csv", rows_of({}, {}, {}, {"BilledCost": "3"}))
    new = _written(tmp_path, "n.csv", rows_of({}, {"BilledCost": "3.0"}, {}, {}, {}))
    rows, _ = _compared(old, new, small)
    assert [(row["change"], row["new"]) for row in rows] == [("added", "10.00")]
    rows, _ = _compared(new, old, small)
    assert [(row["change"], row["old"]) for row in rows] == [("gone", "10.00")]


@both
def test_another_spelling_format_and_order_of_the_same_is_no_change(
    small: int, tmp_path: Path
) -> None:
    rows = rows_of(*({"ResourceId": f"r{n}", "BilledCost": f"{n}.50"} for n in range(20)))
    old = _written(tmp_path, "o.csv", rows)
    again = [{**row, "BilledCost": f"{row['BilledCost']}00", "ChargeClass": "NULL",
              "ChargePeriodStart": "2025-03-05 00:00:00"} for row in reversed(rows)]  # fmt: skip
    assert _compared(old, _written(tmp_path, "n.csv", again), small)[0] == []
    table = pa.table({name: [row[name] or None for row in rows] for name in sorted(rows[0])})
    place = table.column_names.index("BilledCost")
    costs = pa.array([float(row["BilledCost"]) for row in rows])
    parquet.write_table(table.set_column(place, "BilledCost", costs), tmp_path / "n.parquet")
    assert _compared(old, tmp_path / "n.parquet", small)[0] == []


@settings(max_examples=25, deadline=None)
@given(
    *[st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3, 3), st.sampled_from(["", "I1"])),
               min_size=1, max_size=12)] * 2, st.randoms(use_true_random=False),
)  # fmt: skip
def test_engines_agree_and_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, int, str]], after: list[tuple[str, int, str]], dice: random.Random,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("drawn")
    files = []
    for name, drawn in (("o", before), ("n", after)):
        rows = rows_of(*({"ResourceId": one, "BilledCost": str(cost), "InvoiceId": invoice}
                         for one, cost, invoice in drawn))  # fmt: skip
        files.append(_written(folder, f"{name}.csv", rows))
        dice.shuffle(rows)
        files.append(_written(folder, f"{name}2.csv", rows))
    told, found = _compared(files[0], files[2], NEVER)
    assert _told(_compared(files[0], files[2], ALWAYS)[0]) == _told(told)
    assert _told(_compared(files[1], files[3], ALWAYS)[0]) == _told(told)
    same = len(before) - found.counts["gone"] - found.counts["changed"]
    assert same == len(after) - found.counts["added"] - found.counts["changed"]
    twins = sum(min(before.count(one), after.count(one)) for one in set(before))
    assert same == twins


def test_the_vendor_s_bills_are_compared_too_and_others_are_not(tmp_path: Path) -> None:
    head = "RecordID,Item,Currency,PretaxAmount,OwnerID\n"
    old, new = tmp_path / "o.csv", tmp_path / "n.csv"
    old.write_text(head + "b-1,PayAsYouGoBill,CNY,5.00,a\nb-2,Refund,CNY,-1.00,a\n")
    new.write_text(head + "b-1,PayAsYouGoBill,CNY,6.00,a\nb-3,Refund,CNY,-2.00,a\n")
    for small in (NEVER, ALWAYS):
        rows, found = _compared(old, new, small)
        assert [(one[0], one[2], one[3]) for one in _told(rows)] == [
            ("added", None, "-2.00"), ("changed", "5.00", "6.00"), ("gone", "-1.00", None),
        ]  # fmt: skip
        assert found.shape.source == "alibaba-bills"
    new.write_text("a,b\n1,2\n")
    with pytest.raises(BadStatement, match="neither FOCUS nor"):
        Comparison(old, new, source=None, currency="CNY")


def test_the_command_answers_in_every_form_and_exits_1_where_something_was_restated(
    tmp_path: Path,
) -> None:
    old = _written(tmp_path, "o.csv", rows_of({}))
    new = _written(tmp_path, "n.csv", rows_of({"BilledCost": "11"}))
    asked = ("reconcile", "--against", old, new, "--ledger", tmp_path / "none.db")
    done = tally(*asked, "--json")
    answer = valid(done.json)
    assert (done.code, answer["counts"]["changed"]) == (1, 1)
    assert answer["totals"] == [{"currency": "USD", "old": "10.00", "added": "0.00",
                                 "gone": "0.00", "changed": "1.00", "new": "11.00"}]  # fmt: skip
    (row,) = tally(*asked, "--ndjson").rows
    assert row == answer["rows"][0]
    assert tally(*asked, "--csv").out.startswith("change,charge,account,")
    assert "1 changed" in tally(*asked).out
    assert tally("reconcile", "--against", old, old, "--ledger", tmp_path / "none.db").code == 0
    assert not (tmp_path / "none.db").exists()
    for refused in (("--record",), ("--period", "2025-03"), ("--source", "camt053")):
        assert tally(*asked, *refused).code == 2
    world = World(tmp_path / "w.db")
    assert "--source" in world.done("reconcile", new, code=2).err
