"""What becomes of breaks: shown whole, matched by hand, expected, accepted by somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import World, tally

MAP = """\
[columns]
date = "Date"
amount = "Amount"
reference = "Ref"
text = "Text"
status = "State"
account = "Who"
[values]
pending = ["pending"]
"""
HEAD = "Date,Amount,Ref,Text,State,Who\n"


class Bank:
    """A ledger of one account with payments, and a bank's list beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(folder / "t.db", start="2025-03-01T00:00:00+08:00")
        self.world.take(
            {"at": "2025-03-01T08:00:00+08:00", "do": "open-account", "account": "ann"}
        )
        (folder / "map.toml").write_text(MAP, encoding="utf-8")

    def pays(self, day: int, serial: str, amount: str) -> None:
        self.world.take(
            {"at": f"2025-03-{day:02d}T08:00:00+08:00", "do": "top-up", "account": "ann",
             "amount": amount, "channel": "bank", "serial": serial}
        )  # fmt: skip

    def closes(self) -> None:
        self.world.done("clock", "advance", "--to", "2025-04-01")

    def reconciled(self, rows: str, *more: object, code: int = 0) -> dict[str, Any]:
        path = self.folder / "bank.csv"
        path.write_text(HEAD + rows, encoding="utf-8")
        found: dict[str, Any] = self.world.json(
            "reconcile", path, "--source", "csv", "--map", self.folder / "map.toml", *more,
            code=code,
        )
        return found


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


def test_an_ambiguous_break_is_shown_with_both_sides_and_matched_by_hand(bank: Bank) -> None:
    bank.pays(10, "S1", "50.00")
    bank.pays(11, "S2", "50.00")
    bank.closes()
    rows = "2025-03-11,50.00,,transfer,,\n"
    found = bank.reconciled(rows, "--record", "--actor", "lin", code=1)
    (one,) = found["breaks"]
    assert one["class"] == "ambiguous"
    shown = bank.world.json("breaks", "show", one["break"])
    assert shown["file"] == "bank.csv"
    assert [(line["side"], line["reference"]) for line in shown["lines"]] == [
        ("ledger", "S1"), ("ledger", "S2"), ("statement", ""),
    ]  # fmt: skip
    assert [step["what"] for step in shown["history"]] == ["found"]
    second, theirs = shown["lines"][1]["name"], shown["lines"][2]["name"]
    asked = ("breaks", "match", one["break"], second)
    assert bank.world.json(*asked, "--actor", "lin", code=2)["code"] == "INVALID_INPUT"
    assert "has no line" in bank.world.json(*asked, "x", "--actor", "lin", code=3)["message"]
    assert bank.world.json(*asked, theirs, code=2)["hint"] == "--actor NAME"
    told = bank.world.json(*asked, theirs, "--actor", "lin", "--reason", "asked the bank")
    assert told["rows"][0]["status"] == "resolved"
    again = bank.reconciled(rows, code=1)
    assert again["rules"] == {"by_hand": 1}
    assert [(one["class"], one["key"]) for one in again["breaks"]] == [
        ("missing_at_provider", "S1")
    ]
    page = bank.world.done("breaks", "show", one["break"]).out
    assert "asked the bank" in page
    assert "matched by hand" in page
    bank.world.json("breaks", "reopen", one["break"], "--actor", "wang", "--reason", "wrong")
    assert bank.reconciled(rows, code=1)["classes"] == {"ambiguous": 1}


def test_lines_that_do_not_add_up_are_no_match_unless_the_report_proposed_them(bank: Bank) -> None:
    bank.pays(10, "S1", "50.00")
    bank.pays(11, "S2", "60.00")
    bank.closes()
    found = bank.reconciled("2025-03-11,110.00,,transfer,,\n", "--record", code=1)
    there = next(one for one in found["breaks"] if one["class"] == "missing_in_ledger")
    ((first, second),) = there["candidates"]
    name = there["evidence"][0]["line"]
    asked = ("breaks", "match", there["break"])
    error = bank.world.json(*asked, first, name, "--actor", "lin", code=2)
    assert "differ by" in error["message"]
    bank.world.json(*asked, first, second, name, "--actor", "lin")
    assert bank.reconciled("2025-03-11,110.00,,transfer,,\n")["rules"] == {"by_hand": 1}


def test_what_is_on_its_way_is_expected_and_ends_with_exit_0(bank: Bank) -> None:
    bank.pays(10, "S1", "50.00")
    bank.pays(31, "S2", "20.00")
    bank.closes()
    rows = "2025-03-10,50.00,S1,,,\n2025-03-31,7.00,S3,,pending,\n"
    found = bank.reconciled(rows, "--record", "--actor", "lin")
    assert found["breaks"] == []
    assert {(one["class"], one["key"], one["expected"]) for one in found["expected"]} == {
        ("in_transit_ours", "S2", True), ("in_transit_theirs", "S3", True),
    }  # fmt: skip
    assert {one["item"] for one in found["reconciling_items"]} == {"in_transit_ours"}
    assert found["unexplained"] == "0.00"
    listed = bank.world.json("breaks", "list")["rows"]
    assert [row["expected"] for row in listed] == [True, True]
    assert bank.world.json("breaks", "list", "--open")["rows"] == []
    report = bank.world.json("report", "reconciliation")
    assert (report["rows"], len(report["expected"])) == ([], 2)
    late = bank.reconciled(rows, "--transit-days", "0", code=1)
    assert late["classes"] == {"missing_at_provider": 1, "in_transit_theirs": 1}


def test_the_report_keeps_what_was_accepted_by_whom_and_why(bank: Bank) -> None:
    bank.closes()
    found = bank.reconciled("2025-03-10,5.00,X1,,,\n", "--record", "--actor", "lin", code=1)
    name = found["breaks"][0]["break"]
    bank.world.json("breaks", "sign-off", name, "--actor", "wang", "--reason", "a bank error")
    (row,) = bank.world.json("report", "reconciliation")["accepted"]
    assert (row["break"], row["by"], row["how"], row["file"]) == (
        name, "wang", "a bank error", "bank.csv",
    )  # fmt: skip
    said = bank.world.done("report", "reconciliation").out
    assert "a bank error" in said
    page = bank.world.done("report", "reconciliation", "--html").out
    assert "bank.csv" in page


def test_two_equal_rows_are_two_breaks_and_resolving_one_leaves_the_other(bank: Bank) -> None:
    bank.closes()
    found = bank.reconciled("2025-03-10,40.00,,ann,,\n" * 2, "--record", code=1)
    first, second = (one["break"] for one in found["breaks"])
    assert first != second
    bank.world.json("breaks", "resolve", first, "--actor", "lin")
    (left,) = bank.world.json("breaks", "list", "--open")["rows"]
    assert left["break"] == second


def test_unknown_breaks_are_named_with_what_is_near(bank: Bank) -> None:
    bank.closes()
    error = bank.world.json("breaks", "show", "nothing", code=3)
    assert error["hint"] == "list them with: tally breaks list"
    assert tally("breaks", "match", "x", "--ledger", bank.world.path).code == 2


def test_a_reconciliation_is_a_page_with_proof_breaks_expected_items_and_sign_offs(
    bank: Bank,
) -> None:
    bank.pays(10, "S1", "50.00")
    bank.pays(31, "S2", "20.00")
    bank.closes()
    rows = "2025-03-10,50.00,S1,,,\n2025-03-11,7.00,S3,<b>bob</b>,,\n"
    found = bank.reconciled(rows, "--record", "--actor", "lin", code=1)
    (run,) = bank.world.json("report", "reconciliation")["runs"]
    bank.world.json("breaks", "sign-off", found["breaks"][0]["break"], "--actor", "wang",
                    "--reason", "the bank's own error")  # fmt: skip
    bank.world.json("breaks", "sign-off", run["run"], "--actor", "wu", "--reason", "March agrees")
    page = bank.folder / "march.html"
    asked = ("reconcile", bank.folder / "bank.csv", "--source", "csv", "--map",
             bank.folder / "map.toml", "--html")  # fmt: skip
    said = bank.world.done(*asked, "-o", page, code=1)
    assert (said.out, "wrote" in said.err) == ("", True)
    text = page.read_text(encoding="utf-8")
    for part in (
        "unexplained", "0.00", "missing_in_ledger", "in_transit_ours", "reference",
        "the bank&#39;s own error", "March agrees", "bank.csv", "&lt;b&gt;bob",
    ):  # fmt: skip
        assert part in text, part
    assert "<b>bob" not in text
    assert bank.world.done(*asked, code=1).out == text
    error = bank.world.json(*asked, code=2)
    assert error["message"] == "--html and --json are two forms"
