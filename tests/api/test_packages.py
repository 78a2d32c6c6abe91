"""A report, an export, a reader and a view of another package, without a change to our files.

The package is a folder on the path with its metadata, as an installer leaves it.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from tallystick import InvalidInput, NoSuchThing, open_ledger
from tests.cli.program import ROOT, World, tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "EXTENDING.md").read_text(encoding="utf-8")
MORE = "trial-balance = acme_tally:OWING\nbroken = acme_tally:NOTHING\nbare = acme_tally:owing"


def blocks(kind: str) -> str:
    """Join the page's blocks of a kind."""
    return "\n".join(re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def entry_points() -> str:
    """Write the entry points that the page declares as an installer does."""
    groups = tomllib.loads(blocks("toml"))["project"]["entry-points"]
    lines = []
    for group, entries in groups.items():
        more = MORE if group == "tallystick.reports" else ""
        lines += [f"[{group}]", *(f"{name} = {where}" for name, where in entries.items()), more]
    return "\n".join(lines)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package of somebody else's."""
    (tmp_path / "acme_tally.py").write_text(blocks("python"), encoding="utf-8")
    metadata = tmp_path / "acme_tally-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tally\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points(), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("acme_tally", None)


@pytest.mark.usefixtures("package")
def test_a_report_of_a_package_is_printed_in_every_form(looked_at: World) -> None:
    as_json = looked_at.done("report", "owing", "--json").json
    assert as_json["rows"] == [{"account": "a-2", "currency": "CNY", "owes": "30.00"}]
    assert as_json["schema"] == "acme.owing/1"
    assert looked_at.rows("report", "owing") == as_json["rows"]
    as_csv = looked_at.done("report", "owing", "--csv").out
    assert as_csv == "account,currency,owes\na-2,CNY,30.00\n"
    page = looked_at.done("report", "owing").out
    assert page.splitlines()[-2:] == ["account  currency   owes", "a-2      CNY       30.00"]
    assert "<table" in looked_at.done("report", "owing", "--html").out
    assert looked_at.done("report", "owing", "a-1", "--json").json["rows"] == []
    before = looked_at.done("report", "owing", "--at", "2025-01-05", "--json").json
    assert before["rows"] == []
    schema = json.loads(tally("schema", "owing").out)
    assert Draft202012Validator(schema).is_valid(as_json)
    assert not Draft202012Validator(schema).is_valid({**as_json, "rows": [{"account": "a"}]})
    with open_ledger(looked_at.path) as view:
        (row,) = view.report("owing").plain()["rows"]
        assert Decimal(row["owes"]) == 30


@pytest.mark.usefixtures("package")
def test_a_report_of_a_package_has_its_own_page_and_options(looked_at: World) -> None:
    page = looked_at.done("report", "largest", "--top", "1")
    assert page.out.splitlines()[-4:] == ["who   owes", "a-2  30.00", "", "the largest"]
    drawn = looked_at.done("report", "largest", "--top", "1", "--html").out
    assert '<td class="n">30.00</td>' in drawn
    assert "tally report largest --at" in drawn
    assert "--top 1 --html" in drawn
    told = tally("report", "largest", "--help").out
    assert "tally report largest --top 1" in told
    assert "--from" not in told


@pytest.mark.usefixtures("package")
def test_what_is_ours_stays_ours_and_what_is_broken_says_so(looked_at: World) -> None:
    help_ = tally("report", "--help").out
    assert "Of installed packages" in help_
    assert "acme-tally" in help_
    assert looked_at.done("report", "trial-balance", "--json").json["balanced"]
    broken = looked_at.done("report", "broken", code=2)
    assert broken.err.count("\n") == 1
    assert "acme_tally:NOTHING" in broken.err
    bare = looked_at.done("report", "bare", code=2)
    assert "not made with Report(...) in acme_tally:owing" in bare.err
    with open_ledger(looked_at.path) as view:
        with pytest.raises(InvalidInput, match="NOTHING"):
            view.report("broken")
        with pytest.raises(NoSuchThing) as none:
            view.report("owign")
        assert none.value.hint == "did you mean owing?"


@pytest.mark.usefixtures("package")
def test_an_export_of_a_package_is_written(looked_at: World, tmp_path: Path) -> None:
    written = looked_at.done("export", "--format", "names").out
    assert written.splitlines()[1:] == ["a-1;CNY", "a-2;CNY"]
    told = looked_at.json("export", "--format", "names", "-o", tmp_path / "names.txt")
    assert (told["rows"], told["bytes"]) == (2, len(written))
    assert "one of" in looked_at.done("export", "--format", "nmes", code=2).err


@pytest.mark.usefixtures("package")
def test_a_reader_of_a_package_reconciles(looked_at: World, tmp_path: Path) -> None:
    [top_up, *_] = looked_at.events("--type", "TopUpReceived")
    from datetime import datetime  # noqa: PLC0415 - for this alone

    seconds = int(datetime.fromisoformat(top_up["effective_at"]).timestamp())
    file = tmp_path / "psp.txt"
    file.write_text(f"{top_up['data']['serial']};{top_up['data']['amount']};{seconds}\nX-9;1.00;{seconds}\n")
    told = looked_at.done("reconcile", file, "--source", "acme", "--json", code=1).json
    assert told["matched"] == 1
    assert [one["key"] for one in told["breaks"]] == ["X-9"]
    file.write_text("not;such a file\n")
    assert "line 1" in looked_at.done("reconcile", file, "--source", "acme", code=2).err


@pytest.mark.usefixtures("package")
def test_a_view_of_a_package_is_folded_at_any_point(looked_at: World) -> None:
    rows = looked_at.rows("projections", "show", "first")
    assert [row["account"] for row in rows] == ["a-1", "a-2"]
    second = looked_at.events("a-2", "--type", "AccountOpened")[0]["position"]
    early = looked_at.json("projections", "show", "first", "--position", second - 1)
    assert [row["account"] for row in early["rows"]] == ["a-1"]
    assert "opened_at" in looked_at.done("projections", "show", "first").out
    with open_ledger(looked_at.path) as view:
        assert view.rows("first").rows == rows
        assert len(view.rows("balances").rows) == 2
