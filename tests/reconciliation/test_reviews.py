"""What becomes of breaks: shown whole, matched by hand, expected, accepted by somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from projections.reconciliation.amounts import SCALE
from projections.reconciliation.lines import Line, Reference
from tests.cli.program import World, tally
from tests.reconciliation.statements import DAY, START
from tests.reconciliation.written import camt053

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


def test_who_paid_is_remembered_with_a_break_and_found_by_his_name(bank: Bank) -> None:
    bank.closes()
    columns = 'payer = "Name"\npayer_account = "Iban"\n[values]'
    (bank.folder / "map.toml").write_text(MAP.replace("[values]", columns), encoding="utf-8")
    path = bank.folder / "payers.csv"
    path.write_text(
        HEAD.strip() + ",Name,Iban\n2025-03-11,50.00,,rent,,,Bob Bell,DE02\n"
        "2025-03-12,60.00,,rent,,,ann,\n", encoding="utf-8",
    )  # fmt: skip
    asked = ("reconcile", path, "--source", "csv", "--map", bank.folder / "map.toml")
    found = bank.world.json(*asked, "--record", "--actor", "lin", code=1)
    said = [one["evidence"][0] for one in found["breaks"]]
    assert [(one.get("payer"), one.get("payer_account")) for one in said] == [
        ("Bob Bell", "DE02"), ("ann", None),
    ]  # fmt: skip
    shown = bank.world.json("breaks", "show", found["breaks"][0]["break"])
    (line,) = shown["lines"]
    assert (line["payer"], line["payer_account"]) == ("Bob Bell", "DE02")
    assert "Bob Bell DE02" in bank.world.done("breaks", "show", found["breaks"][0]["break"]).out
    assert "Bob Bell" in bank.world.done(*asked, "--html", code=1).out
    (proposed,) = bank.world.done(*asked, "--propose", code=1).out.splitlines()
    assert '"account": "ann", "amount": "60.00"' in proposed  # who has the name of an account


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
    assert {item["item"] for item in found["reconciling_items"]} == {"in_transit_ours"}
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
    assert error["message"] == "--html and --json exclude each other"


def test_a_second_bank_account_s_statement_resolves_nothing_of_the_first(bank: Bank) -> None:
    bank.closes()
    for number, name in enumerate(("DE02TEST0001", "DE02TEST0002")):
        line = Line("X", (5 + number) * SCALE, "CNY", START + 10 * DAY, (Reference(f"X{number}"),),
                    status="booked")  # fmt: skip
        body = camt053([line], 0).replace(b"DE02TEST0001", name.encode())
        path = bank.folder / f"{name}.xml"
        path.write_bytes(body)
        bank.world.json("reconcile", path, "--source", "camt053", "--record", code=1)
    assert len(bank.world.json("breaks", "list", "--open")["rows"]) == 2
    path = bank.folder / "DE02TEST0001.xml"
    path.write_bytes(camt053([], 0))
    bank.world.json("reconcile", path, "--source", "camt053", "--record")
    (left,) = bank.world.json("breaks", "list", "--open")["rows"]
    assert left["delta"] == "6.00"


def test_a_serial_met_by_chance_pulls_no_other_channel_in(bank: Bank) -> None:
    bank.pays(10, "1001", "50.00")
    bank.pays(11, "1002", "60.00")
    bank.world.take(
        {"at": "2025-03-12T08:00:00+08:00", "do": "top-up", "account": "ann", "amount": "9.00",
         "channel": "card", "serial": "1001"},
        {"at": "2025-03-13T08:00:00+08:00", "do": "top-up", "account": "ann", "amount": "50.00",
         "channel": "cash", "serial": "1001"},
        {"at": "2025-03-14T08:00:00+08:00", "do": "top-up", "account": "ann", "amount": "8.00",
         "channel": "cash", "serial": "77"},
    )  # fmt: skip
    bank.closes()
    found = bank.reconciled("2025-03-10,50.00,1001,,,\n2025-03-11,60.00,1002,,,\n")
    assert (found["matched"], found["channels"], found["breaks"]) == (2, ["bank"], [])


def test_proposals_name_the_bill_that_is_named_and_reverse_no_real_money(bank: Bank) -> None:
    world = bank.world
    world.take(
        {"at": "2025-03-02T08:00:00+08:00", "do": "activate-public", "account": "ann",
         "instance": "i-1", "kind": "public_legacy"},
        *({"at": "2025-03-10T08:00:00+08:00", "do": "post-bill", "account": "ann", "bill": bill,
           "instance": "i-1", "cycle_start": "2025-03-05", "cycle_end": "2025-03-06",
           "rated": amount} for bill, amount in (("b-1", "30.00"), ("b-2", "90.00"))),
        {"at": "2025-03-11T08:00:00+08:00", "do": "top-up", "account": "ann", "amount": "70.00",
         "channel": "bank", "serial": "S1"},
        {"at": "2025-03-11T08:00:05+08:00", "do": "top-up", "account": "ann", "amount": "70.00",
         "channel": "card", "serial": "S2"},
    )  # fmt: skip
    bank.closes()
    head = ("BillingCycle,OwnerID,RecordID,InstanceID,Item,PretaxAmount,Currency,UsageEndTime,"
            "RelatedRecordID\n")  # fmt: skip
    path = bank.folder / "bills.csv"
    for related, said in (("b-1", "b-1"), ("b-9", ""), ("", "")):
        path.write_text(
            f"{head}2025-03,ann,b-1,i-1,PayAsYouGoBill,30.00,CNY,2025-03-06,\n"
            f"2025-03,ann,b-2,i-1,PayAsYouGoBill,90.00,CNY,2025-03-06,\n"
            f"2025-03,ann,n-1,i-1,Adjustment,-5.00,CNY,2025-03-10,{related}\n", encoding="utf-8",
        )  # fmt: skip
        done = world.done("reconcile", path, "--source", "alibaba-bills", "--propose", code=1)
        assert (f'"bill": "{said}"' in done.out) if said else ("n-1" in done.err), related
    rows = "2025-03-11,70.00,S1,,,\n"
    assert bank.reconciled(rows)["breaks"] == []
    kept = bank.reconciled(rows, "--channel", "bank", "--channel", "card", code=1)
    assert kept["classes"] == {"missing_at_provider": 1}, "another channel's is not a repeat"


def test_an_amount_break_is_made_good_under_the_name_of_what_it_follows(bank: Bank) -> None:
    bank.pays(10, "S1", "50.00")
    bank.pays(11, "S2", "60.00")
    bank.closes()
    rows = "2025-03-10,45.00,S1,,,\n2025-03-11,61.50,S2,,,\n"
    asked = ("reconcile", bank.folder / "bank.csv", "--source", "csv", "--map",
             bank.folder / "map.toml")  # fmt: skip
    assert bank.reconciled(rows, code=1)["classes"] == {"amount": 2}
    bank.world.done("import", "-", stdin=bank.world.done(*asked, "--propose", code=1).out)
    found = bank.reconciled(rows)
    assert (found["rules"], found["ledger_balance"]) == ({"group": 2}, "106.50")
    assert bank.world.json("state", "ann")["cash"] == "106.50"


def test_a_payment_that_the_bank_took_back_is_reversed_and_no_other_line_is_a_top_up(
    bank: Bank,
) -> None:
    bank.pays(10, "D-1", "100.00")
    bank.closes()
    names = (Reference("D-1"),)
    there = Line("D-1", 100 * SCALE, "CNY", START + 9 * DAY, names, status="booked")
    back = Line("D-1", -100 * SCALE, "CNY", START + 11 * DAY, names, status="booked")
    path = bank.folder / "bank.xml"
    body = camt053([there, back], 0)
    place = body.rindex(b"</CdtDbtInd><Sts>") + len(b"</CdtDbtInd>")
    path.write_bytes(body[:place] + b"<RvslInd>true</RvslInd>" + body[place:])
    asked = ("reconcile", path, "--source", "camt053")
    proposed = bank.world.done(*asked, "--propose", code=1).out
    assert [json.loads(line)["do"] for line in proposed.splitlines()] == ["reverse-top-up"]
    bank.world.done("import", "-", stdin=proposed)
    assert bank.world.json(*asked)["breaks"] == []
    assert bank.world.json("state", "ann")["cash"] == "0.00"


def test_a_vendor_s_list_without_rows_speaks_of_nothing(bank: Bank) -> None:
    bank.pays(10, "S1", "5.00")
    bank.closes()
    path = bank.folder / "empty.csv"
    path.write_text(
        "TransactionNumber,TransactionTime,TransactionType,TransactionFlow,Amount\n",
        encoding="utf-8",
    )
    found = bank.world.json("reconcile", path, "--source", "alibaba-transactions")
    assert (found["breaks"], found["closing"], found["period"]["ends"]) == ([], "0.00", None)
    bank.world.done("import", "--from", "alibaba-transactions", path)
