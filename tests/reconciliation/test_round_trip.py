"""The hand-over's law: what is exported starts an empty ledger, and reconciles without a break."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests.cli.program import ROOT, World

SOURCES = ("alibaba-bills", "alibaba-transactions", "focus")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Most of the committed year: notes, refunds, reversals, coupons, partial payments, debts."""
    folder = tmp_path_factory.mktemp("year")
    made = World(folder / "year.db", start="2025-01-01T00:00:00+08:00")
    lines = folder / "lines.ndjson"
    with (ROOT / "fixtures" / "year.ndjson").open("rb") as source:
        lines.write_bytes(b"".join(islice(source, 5500)))
    made.done("import", lines, code=4)
    return made


def _exported(year: World, source: str, folder: Path) -> Path:
    path = folder / f"{source}.csv"
    year.done("export", "--format", source, "-o", path)
    return path


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_exported_starts_a_ledger_that_agrees(
    year: World, source: str, tmp_path: Path
) -> None:
    path = _exported(year, source, tmp_path)
    own = year.json("reconcile", path, "--source", source)
    fresh = World(tmp_path / "fresh.db", start="2024-01-01T00:00:00+08:00")
    fresh.done("import", "--from", source, path)
    found = fresh.json("reconcile", path, "--source", source)
    for report in (own, found):
        assert report["breaks"] == []
        assert report["matched"] > 1500
        assert report["unexplained"] == "0.00"
        assert report["ledger_balance"] == report["closing"]
    assert found["closing"] == own["closing"]


@pytest.mark.parametrize("source", SOURCES)
def test_the_order_of_an_export_s_rows_changes_no_byte(
    year: World, source: str, tmp_path: Path
) -> None:
    path = _exported(year, source, tmp_path)
    head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(source).shuffle(rows)
    shuffled = path.with_suffix(".shuffled")
    shuffled.write_text("".join([head, *rows]), encoding="utf-8")
    again = path.with_suffix(".again")
    again.write_text("".join([head, *sorted(rows)]), encoding="utf-8")
    reports = []
    for one in (shuffled, again):
        report = year.done(  # as known earlier, so that there are breaks
            "reconcile", one, "--source", source, "--position", "5000", "--json", code=1
        ).json
        report.pop("file")  # its hash
        reports.append(report)
    assert reports[0]["breaks"]
    assert reports[0] == reports[1]
