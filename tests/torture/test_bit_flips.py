"""One flipped bit in each kind of file: the answers stay, or an error says what is wrong."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ledger.application import Ledger
from ledger.importer import import_lines
from ledger.store import open_store
from tests.cli.program import Done, tally
from tests.proof.packs import verdicts
from tests.torture.worlds import (
    ROUNDS,
    answers,
    chance,
    copied,
    is_said,
    judge,
    prepare,
    told,
)

if TYPE_CHECKING:
    import random
    from pathlib import Path

FLIPS = 12 * ROUNDS
BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError,
    EOFError,
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with columns, a pack and a proof beside it."""
    folder = prepare(tmp_path_factory.mktemp("flips"))
    ledger = ("--ledger", folder / "t.db")
    assert tally("columns", "build", *ledger).code == 0
    assert tally("pack", "--period", "2025-01", "-o", folder / "p.zip", *ledger).code == 0
    assert tally("prove", "5", "-o", folder / "5.proof", *ledger).code == 0
    return folder


def flip(path: Path, draw: random.Random) -> int:
    """Flip one bit, and say where."""
    raw = bytearray(path.read_bytes())
    at = draw.randrange(len(raw) * 8)
    raw[at // 8] ^= 1 << at % 8
    path.write_bytes(raw)
    return at


def test_a_flipped_bit_in_the_file_is_found_or_changes_nothing(base: Path, tmp_path: Path) -> None:
    draw, counts = chance("file"), Counter[str]()
    before = answers(base)
    for n in range(FLIPS):
        folder = copied(base, tmp_path / str(n))
        at = flip(folder / "t.db", draw)
        try:
            counts[judge(folder, before)] += 1
        except AssertionError as error:
            raise AssertionError(f"bit {at}: {error}") from error
        shutil.rmtree(folder)
    told("bits of the file", counts)


@pytest.fixture(scope="module")
def cut(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose writer was killed: its WAL holds what was committed."""
    working = copied(base, tmp_path_factory.mktemp("wal") / "working")
    store = open_store(str(working / "t.db"))
    with (working / "more.ndjson").open("rb") as lines:
        assert len(list(import_lines(Ledger(store), lines, batch_lines=50))) > 100
    made = copied(working, working.with_name("cut"))
    store.close()
    (made / "t.db-shm").unlink()
    return made


def test_a_flipped_bit_in_the_wal_is_found_or_changes_nothing(cut: Path, tmp_path: Path) -> None:
    """A writer that was killed leaves its WAL: what it holds is committed."""
    draw, counts = chance("wal"), Counter[str]()
    before = answers(copied(cut, tmp_path / "before"))
    for n in range(FLIPS):
        folder = copied(cut, tmp_path / str(n))
        at = flip(folder / "t.db-wal", draw)
        try:
            counts[judge(folder, before)] += 1
        except AssertionError as error:
            raise AssertionError(f"bit {at}: {error}") from error
    told("bits of the WAL", counts)


def test_nothing_is_written_over_a_wal_that_cannot_be_read_to_its_end(
    cut: Path, tmp_path: Path
) -> None:
    """What was durable may yet be read by somebody: neither a command nor a look drops it."""
    folder = copied(cut, tmp_path / "one")
    wal = folder / "t.db-wal"
    raw = bytearray(wal.read_bytes())
    raw[len(raw) // 3] ^= 1
    wal.write_bytes(raw)
    ledger = ("--ledger", folder / "t.db")
    for asked in (("balances",), ("tag", "add", "x"), ("clock", "advance", "1d")):
        done = tally(*asked, *ledger)
        assert is_said(done), done
        assert done.code == 5, done
        assert wal.read_bytes() == raw
    assert tally("verify", *ledger).code == 5


def test_a_flipped_bit_in_a_segment_is_found_or_changes_nothing(
    base: Path, tmp_path: Path
) -> None:
    draw, counts = chance("segments"), Counter[str]()
    before = past(base)
    assert before.code == 0
    for n in range(FLIPS):
        folder = copied(base, tmp_path / str(n))
        files = sorted(path for path in (folder / "t.db.columns").rglob("*") if path.is_file())
        flip(draw.choice(files), draw)
        found = past(folder)
        assert found.code == 0 or is_said(found), found
        assert found.code or found.out == before.out
        counts["answers unchanged" if found.code == 0 else "an error that says so"] += 1
        shutil.rmtree(folder)
    told("bits of segments", counts)


def past(folder: Path) -> Done:
    """Ask for what columns answer."""
    return tally("balances", "--as-of", "2025-01-20", "--ndjson", "--ledger", folder / "t.db")


def test_a_flipped_bit_in_a_proof_is_found(base: Path, tmp_path: Path) -> None:
    draw, counts = chance("proofs"), Counter[str]()
    folder = copied(base, tmp_path / "proof")
    for _ in range(FLIPS):
        shutil.copy(base / "5.proof", folder / "5.proof")
        flip(folder / "5.proof", draw)
        done = tally("check-proof", folder / "5.proof", "--ledger", folder / "t.db")
        assert is_said(done), done
        counts["an error that says so"] += 1
    told("bits of proofs", counts)


def test_a_flipped_bit_in_a_pack_is_found(base: Path, tmp_path: Path) -> None:
    """By the zip itself, or by the hashes in its manifest: no file in it reads as another.

    The pack's own verify.py and ours agree that it does not hold, or its content is as before.
    """
    draw, counts = chance("packs"), Counter[str]()
    with zipfile.ZipFile(base / "p.zip") as pack:
        contents = {name: pack.read(name) for name in pack.namelist()}
    for n in range(FLIPS):
        path = tmp_path / f"{n}.zip"
        shutil.copy(base / "p.zip", path)
        flip(path, draw)
        judged = verdicts(path)
        assert judged.theirs == judged.ours or None not in judged, judged
        try:
            with zipfile.ZipFile(path) as pack:
                found = {name: pack.read(name) for name in pack.namelist()}
        except BROKEN:
            assert judged.theirs is not None
            counts["an error that says so"] += 1
            continue
        changed = {name for name in contents if found.get(name) != contents[name]}
        assert not changed or set(found) != set(contents), changed
        assert judged.theirs is None or changed or judged.theirs == "no pack"
        counts["answers unchanged" if not changed else "a file is not there"] += 1
    told("bits of packs", counts)
