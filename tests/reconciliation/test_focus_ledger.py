"""A ledger started from a provider's FOCUS file agrees with it, and with its own export."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import ROOT, World
from tests.reconciliation.focus_files import rows_of, text_of

DATA = ROOT.parent / "shared" / "data"
SAMPLE = DATA / "focus-sample" / "focus_sample.csv"
TOOLKIT = shutil.which("focus-toolkit", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
# Their own files: two of them name an hour that no day has.
WRONG = {f"commitment_discount_purchase_scenario_{n}.csv" for n in (2, 3)}
EXAMPLES = sorted((DATA / "focus").rglob("*.csv"))
toolkit = pytest.mark.skipif(TOOLKIT is None, reason="focus-data-toolkit is not installed")


def _world(folder: Path, currency: str = "USD") -> World:
    world = World.at(folder / "w.db")
    world.done("init", "--clock", "simulated", "--start", "2020-01-01", "--currency", currency)
    return world


def _agree(world: World, path: Path) -> dict[str, Any]:
    """Import a file, reconcile it, and reconcile what is exported."""
    world.done("import", "--from", "focus", path)
    found = world.json("reconcile", path, "--source", "focus")
    assert (found["breaks"], found["unexplained"]) == ([], "0.00")
    assert {item["item"] for item in found["reconciling_items"]} <= {"rounding"}
    for total in found["totals"]:
        parts = (Decimal(total[name]) for name in ("charged", "taxed", "credited", "rounding"))
        assert sum(parts) == Decimal(total["billed"])
    exported = world.path.with_name(f"own-{path.stem}.csv")
    world.done("export", "--format", "focus", "-o", exported)
    assert world.json("reconcile", exported, "--source", "focus")["breaks"] == []
    return found


def _file(folder: Path, *changes: dict[str, Any]) -> Path:
    path = folder / "f.csv"
    path.write_text(text_of(rows_of(*changes)), encoding="utf-8")
    return path


def _exact(path: Path) -> Decimal:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum((Decimal(row["BilledCost"]) for row in csv.DictReader(file)), Decimal())


@pytest.mark.skipif(not SAMPLE.exists(), reason="the official sample is not beside the project")
def test_the_official_sample_agrees_to_its_last_decimal(tmp_path: Path) -> None:
    found = _agree(_world(tmp_path), SAMPLE)
    (total,) = found["totals"]
    assert Decimal(found["movements"]) == Decimal(total["billed"]) == _exact(SAMPLE)
    assert total["billed"] == "20.52022672899"  # exact; the data's own page has ten decimals of it
    assert total["to_ten_decimals"] == "20.5202267289"


@pytest.mark.skipif(not EXAMPLES, reason="the specification's examples are not beside the project")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[-40:])
def test_the_specification_s_examples_agree(path: Path, tmp_path: Path) -> None:
    world = _world(tmp_path)
    if path.name in WRONG:
        refused = world.done("import", "--from", "focus", path, code=2)
        assert "ChargePeriodEnd: '2023-02-01T30:00:00Z'" in refused.err
        return
    _agree(world, path)


@toolkit
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
def test_generated_files_of_each_provider_agree_and_their_export_is_accepted(
    provider: str, version: str, tmp_path: Path
) -> None:
    assert TOOLKIT is not None
    made = tmp_path / "made"
    asked = ("--provider", provider, "--focus-version", version, "--rows", "400", "--seed", "11")
    subprocess.run([TOOLKIT, "generate", *asked, "--out", made], check=True, capture_output=True)
    (path,) = made.glob("*cost_and_usage*.csv")
    world = _world(tmp_path)
    found = _agree(world, path)
    assert Decimal(found["movements"]) == _exact(path)
    exported, bundle = tmp_path / "own.csv", tmp_path / "bundle"
    world.done("export", "--format", "focus", "--focus-version", version, "-o", exported)
    subprocess.run(
        [TOOLKIT, "convert", "--cost-and-usage", exported, "--out", bundle, "--mode", "synthetic"],
        check=False, capture_output=True,  # it says by its code that it assumed something
    )  # fmt: skip
    judged = subprocess.run(
        [TOOLKIT, "validate-bundle", "--directory", bundle, "--format", "json"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout
    assert json.loads(judged.stdout)


def test_credits_are_notes_on_their_bills_and_what_no_bill_holds_is_owed(tmp_path: Path) -> None:
    world = _world(tmp_path)
    path = _file(
        tmp_path, {"BilledCost": "10.005"}, {"BilledCost": "2.00", "ChargeCategory": "Tax"},
        {"BilledCost": "3.00", "InvoiceId": "INV-2"},
        {"BilledCost": "-1.234", "InvoiceId": "INV-2", "ChargeClass": "Correction"},
        {"BilledCost": "-20.00", "ChargeCategory": "Credit"}, {"BilledCost": "-0.004"},
    )  # fmt: skip
    found = _agree(world, path)
    assert found["closing"] == "-6.233"
    notes = world.done("log", "--type", "CreditNoteIssued", "--ndjson").rows
    told = [(row["data"]["note"], row["data"]["bill"], row["data"]["amount"]) for row in notes]
    assert ("INV-2/2025-03/Usage/correction/refund", "INV-2/2025-03/Usage", "1.23") in told
    credited = [one for one in told if one[0].startswith("INV-1/2025-03/Credit")]
    assert [bill for _, bill, _ in credited] == [
        "INV-1/2025-03/Usage", "INV-1/2025-03/Tax", "INV-2/2025-03/Usage",
    ]  # fmt: skip
    (owed,) = world.done("log", "--type", "TopUpReceived", "--ndjson").rows
    assert (owed["data"]["channel"], owed["data"]["amount"]) == ("vendor-credit", "6.23")


def test_each_currency_of_a_billing_account_has_an_account(tmp_path: Path) -> None:
    world = _world(tmp_path, "EUR")
    yen = {"BillingCurrency": "JPY", "BilledCost": "7.5"}
    path = _file(tmp_path, {}, {"BillingCurrency": "EUR"}, yen)
    found = _agree(world, path)
    assert [total["currency"] for total in found["totals"]] == ["EUR", "JPY", "USD"]
    kept = {row["account"]: row["currency"] for row in world.done("balances", "--ndjson").rows}
    assert kept == {"acme": "EUR", "acme/JPY": "JPY", "acme/USD": "USD"}


def test_the_next_month_is_imported_into_the_same_ledger(tmp_path: Path) -> None:
    world = _world(tmp_path)
    world.done("import", "--from", "focus", _file(tmp_path, {"BilledCost": "1.23456789012345"}))
    april = {
        "BillingPeriodStart": "2025-04-01T00:00:00Z", "BillingPeriodEnd": "2025-05-01T00:00:00Z",
        "ChargePeriodStart": "2025-04-30T23:00:00Z", "ChargePeriodEnd": "2025-05-01T00:00:00Z",
        "InvoiceId": "INV-2",
    }  # fmt: skip
    _agree(world, _file(tmp_path, april, {**april, "BilledCost": "-4"}))


def test_a_ledger_that_knows_an_invoice_as_one_bill_agrees_with_all_its_rows(
    tmp_path: Path,
) -> None:
    world = _world(tmp_path)
    world.done("record", "open-account", "--account", "acme")
    world.done("record", "activate-public", "--account", "acme", "--instance", "i",
               "--kind", "public_legacy")  # fmt: skip
    world.done("clock", "advance", "--to", "2025-03-31")
    world.done("record", "post-bill", "--account", "acme", "--bill", "INV-1", "--instance", "i",
               "--cycle-start", "2025-03-05T08:00:00+08:00",
               "--cycle-end", "2025-03-06T08:00:00+08:00", "--rated", "11.01")  # fmt: skip
    tax = {"BilledCost": "1.006", "ChargeCategory": "Tax"}
    path = _file(tmp_path, {"BilledCost": "10.004"}, tax)
    found = world.json("reconcile", path, "--source", "focus")
    assert (found["breaks"], found["matched"], found["movements"]) == ([], 1, "11.01")
    wrong = _file(tmp_path, {"BilledCost": "10.004"}, {**tax, "BilledCost": "2.006"})
    found = world.done("reconcile", wrong, "--source", "focus", "--json", code=1).json
    assert (found["classes"], found["unexplained"]) == ({"amount": 1}, "0.00")


def test_rows_stay_findable_behind_their_bill(tmp_path: Path) -> None:
    world = _world(tmp_path)
    path = _file(tmp_path, {}, {"ChargeCategory": "Tax"}, {})
    world.done("import", "--from", "focus", path)
    bills = world.done("log", "--type", "BillPosted", "--ndjson").rows
    said = {row["data"]["bill"]: row["reason"] for row in bills}
    assert said["INV-1/2025-03/Tax"].endswith(", row 3")
    assert said["INV-1/2025-03/Usage"].endswith(", 2 of rows 2-4")
    assert said["INV-1/2025-03/Usage"].startswith("f.csv sha256:")


def test_a_break_shows_the_file_and_the_rows_that_it_is_about(tmp_path: Path) -> None:
    world = _world(tmp_path)
    world.done("record", "open-account", "--account", "acme")
    world.done("clock", "advance", "--to", "2025-04-02")
    path = _file(tmp_path, {"BilledCost": "10.005"}, {"ChargeCategory": "Tax"}, {})
    asked = ("reconcile", path, "--source", "focus", "--record", "--actor", "lin", "--json")
    found = {one["key"]: one for one in world.done(*asked, code=1).json["breaks"]}
    shown = world.done("breaks", "show", found["INV-1/2025-03/Usage"]["break"]).out
    assert "2 of rows 2-4: 20.005 before rounding" in shown
    assert "f.csv" in shown
    (run,) = world.json("report", "reconciliation")["runs"]
    assert len(run["sha256"]) == 64
