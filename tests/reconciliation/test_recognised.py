"""A file that is read as something else: what it seems to be, and how it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import World
from tests.reconciliation import written
from tests.reconciliation.focus_files import rows_of, text_of

TRANSACTIONS = written.transactions([], 0)
BILLS = b"BillingCycle,RecordID,Item,PretaxAmount,Currency\n"
FILES = {
    "camt053": written.camt053([], 0),
    "camt054": written.camt053([], 0).replace(b"camt.053", b"camt.054"),
    "mt940": written.mt940([], 0),
    "ofx": written.ofx([], 0),
    "csv": "\ufeffDate;Amount;Text\n01.03.2025;5,00;x\n".encode(),
    "alibaba-transactions": TRANSACTIONS,
    "alibaba-bills": BILLS,
    "focus": text_of(rows_of({})).encode(),
}
READ_AS = ("camt053", "mt940", "ofx", "csv", "alibaba-bills", "alibaba-transactions", "focus")


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> World:
    """An empty ledger; nothing is recorded in it."""
    return World(tmp_path_factory.mktemp("empty") / "t.db")


@pytest.mark.parametrize("kind", FILES)
def test_the_right_source_is_named_where_another_was(
    kind: str, looked_at: World, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(FILES[kind])
    tables = ("alibaba-bills", "alibaba-transactions", "focus")
    for source in READ_AS:
        if source == kind or (kind == "csv" and source in tables):
            continue
        given = ("--guess",) if source == "csv" else ()
        done = looked_at.run("reconcile", path, "--source", source, *given)
        assert f"--source {kind}" in done.err, (kind, source, done)
        assert done.code == 2 or given
    for source in set(tables) - {kind}:
        error = looked_at.run("import", path, "--from", source).err
        if kind in tables:
            assert f"use --from {kind}" in error
        elif kind != "csv":
            assert f"tally reconcile --source {kind}" in error
    error = looked_at.run("import", path).err
    assert f"it looks like {kind}" in error


@pytest.mark.parametrize("source", READ_AS)
def test_what_is_no_text_is_called_what_it_is(
    source: str, looked_at: World, tmp_path: Path
) -> None:
    for name, body in {"a PDF": b"%PDF-1.4\n", "a workbook": b"PK\x03\x04\0\0"}.items():
        path = tmp_path / "file"
        path.write_bytes(body)
        given = ("--guess",) if source == "csv" else ()
        done = looked_at.run("reconcile", path, "--source", source, *given)
        assert (done.code, f"the file is {name}" in done.err) == (2, True)


def test_a_file_of_its_own_kind_keeps_the_remedy_of_its_reader(
    looked_at: World, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(BILLS.replace(b"PretaxAmount", b"Pretax"))
    error = looked_at.run("reconcile", path, "--source", "alibaba-bills").err
    assert "no column PretaxGrossAmount" in error
    assert "it has: BillingCycle" in error
