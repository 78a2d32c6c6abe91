"""``tally lots``, its report, and what ``why``, ``show`` and the journals say of lots (R66)."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from cli.bootstrap import Session
from projections.exports import EXPORTS, write_export
from projections.journal.transactions import BARE
from projections.point import Asked
from tests.cli.program import World, tally_process

if TYPE_CHECKING:
    from pathlib import Path

LOT = {
    "position": 4, "type": "TopUpReceived", "channel": "alipay", "serial": "A1", "item": None,
    "received_at": "2025-02-05T10:00:00+08:00", "amount": "800.00", "remaining": "0.00",
    "spent": [
        {"position": 6, "type": "InstancePurchased", "item": "i-1", "amount": "500.00"},
        {"position": 9, "type": "BillSettled", "item": "b-1", "amount": "300.00"},
    ],
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A purchase and a bill over two top-ups, the second of which is charged back."""
    made = World(tmp_path / "t.db")
    own = {"account": "a-1"}
    made.take(
        {"do": "open-account", "at": "2025-01-05T10:00:00+08:00", **own},
        {"do": "set-price", "at": "2025-01-05T10:00:00+08:00", "sku": "std",
         "monthly_price": "500"},
        {"do": "top-up", "at": "2025-02-05T10:00:00+08:00", "amount": "800",
         "channel": "alipay", "serial": "A1", **own},
        {"do": "top-up", "at": "2025-02-05T11:00:00+08:00", "amount": "100",
         "channel": "bank", "serial": "B1", **own},
        {"do": "purchase", "at": "2025-02-06T10:00:00+08:00", "instance": "i-1", "sku": "std",
         "months": 1, **own},
        {"do": "activate-public", "at": "2025-02-06T10:00:00+08:00", "instance": "p-1",
         "kind": "public_legacy", **own},
        {"do": "post-bill", "at": "2025-02-08T10:00:00+08:00", "bill": "b-1",
         "instance": "p-1", "cycle_start": "2025-02-07", "cycle_end": "2025-02-08",
         "rated": "350", **own},
        {"do": "reverse-top-up", "at": "2025-02-09T10:00:00+08:00", "channel": "bank",
         "serial": "B1", "amount": "100", **own},
        {"do": "credit-note", "at": "2025-02-10T10:00:00+08:00", "note": "n-1", "bill": "b-1",
         "amount": "70", **own},
    )  # fmt: skip
    return made


def test_lots_are_as_the_interface_says(world: World) -> None:
    """R66: used-up lots stay listed, and the rests add up to the cash."""
    answer = world.json("lots", "a-1")
    assert answer["lots"][0] == LOT
    assert [lot["remaining"] for lot in answer["lots"]] == ["0.00", "0.00", "20.00"]
    assert answer["total"] == world.state("a-1")["cash"] == "20.00"
    assert answer["currency"] == "CNY"
    assert "uncovered" not in answer
    before = world.json("lots", "a-1", "--at", "2025-02-07")
    assert (before["total"], len(before["lots"])) == ("400.00", 2)
    assert world.run("lots", "nobody", "--json").code == 3


def test_the_report_has_a_row_for_each_part(world: World) -> None:
    """R66: CSV for a spreadsheet; JSON with the totals."""
    rows = world.done("report", "lots", "--csv").out.splitlines()
    assert rows[1].endswith("800.00,0.00,6,InstancePurchased,i-1,500.00")
    assert len(rows) == 1 + 5
    answer = world.json("report", "lots")
    assert answer["totals"] == [{"currency": "CNY", "total": "20.00"}]
    assert answer["rows"][0]["lots"] == world.json("lots", "a-1")["lots"]
    assert world.rows("report", "lots", "a-1")[0]["spent_item"] == "i-1"
    assert "alipay/A1" in world.done("report", "lots", "a-1", "--html").out


def test_lots_can_be_asked_in_sql(world: World) -> None:
    """R66: a row for each lot, at any point."""
    pytest.importorskip("duckdb")
    query = "select serial, sum(part.amount) paid from lots, unnest(spent) t(part) group by serial"
    rows = world.json("sql", f"{query} order by serial nulls last")["rows"]
    assert rows[0] == {"serial": "A1", "paid": "800.00"}
    total = world.json("sql", "select sum(remaining) cash from lots")["rows"]
    assert total == [{"cash": "20.00"}]


def test_why_follows_a_payment_into_its_lots(world: World) -> None:
    """R66: a bill over two receipts; a chargeback shows what it had paid for."""
    causes = {cause["position"]: cause for cause in world.json("why", "a-1.cash")["causes"]}
    assert causes[9]["lots"] == [
        {"position": 4, "amount": "300.00"}, {"position": 5, "amount": "50.00"}
    ]
    assert causes[10]["had_paid"] == [
        {"position": 9, "type": "BillSettled", "item": "b-1", "amount": "50.00"}
    ]
    page = world.done("why", "a-1.cash").out
    assert "paid from lot @4 300.00, @5 50.00" in page
    assert "which had paid b-1 50.00" in page
    shown = world.json("show", "10")
    assert shown["had_paid"] == causes[10]["had_paid"]
    assert "which had paid b-1 50.00" in world.done("show", "10").out
    assert "lots" not in world.json("show", "4")


@pytest.mark.parametrize("form", ["hledger", "beancount"])
def test_a_journal_carries_lots_and_one_made_before_them_still_holds(
    world: World, form: str, tmp_path: Path
) -> None:
    """R66: a tag or metadata; the form without lots is verified as it was written."""
    path = tmp_path / "books"
    world.done("export", "--format", form, "-o", path)
    text = path.read_text()
    assert "@4 300.00 + @5 50.00" in text
    world.done("verify-export", path)
    old = BytesIO()
    with Session(str(world.path)) as session:
        pieces, point = EXPORTS.load(form).pieces, session.point(Asked())
        write_export(session, pieces, point, old, version=str(BARE))
    assert old.getvalue().startswith(f"; tally-export: {form}/1\n".encode())
    assert b"lot" not in old.getvalue()
    path.write_bytes(old.getvalue())
    world.done("verify-export", path)


def test_lots_at_a_point_before_a_late_receipt_name_what_is_uncovered(tmp_path: Path) -> None:
    """R66: the events of that point in the order of their positions; R11 lets cash be negative."""
    world = World(tmp_path / "t.db")
    own = {"account": "a-1", "channel": "alipay"}
    world.take(
        {"do": "open-account", "at": "2025-01-05T10:00:00+08:00", "account": "a-1"},
        {"do": "top-up", "at": "2025-01-06T10:00:00+08:00", "amount": "10", "serial": "1", **own},
        {"do": "top-up", "at": "2025-01-08T10:00:00+08:00", "amount": "10", "serial": "2", **own},
        {"do": "reverse-top-up", "at": "2025-01-09T10:00:00+08:00", "amount": "10",
         "serial": "1", "effective_at": "2025-01-07T10:00:00+08:00", **own},
        {"do": "activate-public", "at": "2025-01-09T10:00:00+08:00", "account": "a-1",
         "instance": "p-1", "kind": "public_legacy"},
    )  # fmt: skip
    answer = world.json("lots", "a-1", "--at", "2025-01-07T10:00:00")
    assert answer["total"] == world.state("a-1", "--at", "2025-01-07T10:00:00")["cash"] == "0.00"
    assert answer["lots"][0]["spent"][0]["type"] == "TopUpReversed"


def test_lots_of_a_hostile_name_stay_one_line(tmp_path: Path) -> None:
    """R66: the page fits 80 columns whatever the serial is."""
    world = World(tmp_path / "t.db")
    world.take(
        {"do": "open-account", "at": "2025-01-05T10:00:00+08:00", "account": "=a,b"},
        {"do": "top-up", "at": "2025-01-06T10:00:00+08:00", "amount": "10", "account": "=a,b",
         "channel": "c" * 100, "serial": "x" * 120},
    )  # fmt: skip
    page = tally_process("lots", "=a,b", "--ledger", world.path).out
    assert all(len(line) <= 80 for line in page.splitlines())
