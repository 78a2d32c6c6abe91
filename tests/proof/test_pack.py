"""The evidence pack and the static tiles: read by others, without our code."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgpack
import pytest

from ledger.proof.notes import read_checkpoint, read_note
from ledger.proof.seals import log_key, seal
from ledger.proof.tiles import tile_path, tiles
from ledger.store import create_store, open_store
from ledger.store.rows import Row
from tests.cli.program import Json
from tests.proof import recursive
from tests.proof.worlds import Sealed, forge_everything, rebuild_tree, rewrite

standalone: Any = importlib.import_module("projections.evidence.standalone")  # untyped on purpose


def packed(world: Sealed, folder: Path, *arguments: object) -> tuple[Path, Json]:
    """Make a pack of January and unpack it into an empty folder."""
    target = folder / "p.zip"
    answer = world.json("pack", "--period", "2025-01", "-o", target, *arguments)
    away = folder / "auditor"
    with zipfile.ZipFile(target) as archive:
        archive.extractall(away)
    return away, answer


def audited(away: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the pack's own program as a stranger would: isolated, no site packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *map(str, arguments)],
        cwd=away, capture_output=True, text=True, check=False, env={"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def test_a_pack_verifies_with_nothing_installed(whole: Sealed, tmp_path: Path) -> None:
    away, answer = packed(whole, tmp_path)
    assert (answer["unsealed"], answer["checkpoint"]["size"]) == (2, 40)
    done = audited(away, whole.folder / "first.checkpoint")
    assert done.returncode == 0, done
    assert "All holds." in done.stdout
    assert "Not shown:" in done.stdout
    assert done.stdout.count("\nok  ") == 9  # the manifest, seven checks, the older checkpoint
    ties = json.loads((away / "reports" / "tie_out.json").read_text())
    assert all(end["ties"] for end in ties.values())
    runs = json.loads((away / "reports" / "reconciliations.json").read_text())
    assert runs == {"runs": [], "breaks": []}
    closes = json.loads((away / "reports" / "period_closes.json").read_text())
    assert [close["period"] for close in closes] == ["2025-01"]


def test_the_same_pack_has_the_same_bytes(whole: Sealed, tmp_path: Path) -> None:
    one, other = tmp_path / "1.zip", tmp_path / "2.zip"
    for target in (one, other):
        whole.json("pack", "--period", "2025-01", "-o", target)
    assert one.read_bytes() == other.read_bytes()
    whole.json("pack", "--period", "2025-01", "-o", other, "--seed", "dice")
    assert one.read_bytes() != other.read_bytes()


def test_the_manifest_names_every_file_and_the_checkpoint(whole: Sealed, tmp_path: Path) -> None:
    away, _ = packed(whole, tmp_path)
    manifest = json.loads((away / "manifest.json").read_text())
    there = {p.relative_to(away).as_posix() for p in away.rglob("*") if p.is_file()}
    assert there == {*manifest["files"], "manifest.json", "manifest.note"}
    for name, told in manifest["files"].items():
        assert sha256((away / name).read_bytes()).hexdigest() == told["sha256"]
    checkpoint = read_checkpoint(read_note((away / "checkpoint").read_text()).text)
    assert manifest["checkpoint"]["size"] == checkpoint.size


def test_the_events_are_read_by_any_messagepack_library(whole: Sealed, tmp_path: Path) -> None:
    away, _ = packed(whole, tmp_path)
    raw = (away / "events.msgpack").read_bytes()
    events = list(msgpack.Unpacker(io.BytesIO(raw)))
    assert [event["position"] for event in events] == list(range(1, 41))
    at = 0
    for event in events:
        ours, at = standalone.unpack(raw, at)
        assert ours == event


def test_the_lists_are_what_happened(whole: Sealed, tmp_path: Path) -> None:
    away, _ = packed(whole, tmp_path)
    report = away / "reports"
    rolled = (report / "rollforward.csv").read_text().splitlines()
    assert [line for line in rolled if line.startswith("Liabilities:Wallet,")] == [
        "Liabilities:Wallet,CNY,opening,0.00", "Liabilities:Wallet,CNY,BillSettled,950.12",
        "Liabilities:Wallet,CNY,InstancePurchased,200.00",
        "Liabilities:Wallet,CNY,TopUpReceived,-1250.00", "Liabilities:Wallet,CNY,closing,-99.88",
    ]  # fmt: skip
    balance = (report / "trial_balance_closing.csv").read_text().splitlines()
    assert balance[0] == "account,commodity,debit,credit"
    assert "Liabilities:Wallet,CNY,0.00,99.88" in balance
    assert len({line.split(",")[0] + line.split(",")[1] for line in balance}) == len(balance)
    assert len((report / "back_dated.csv").read_text().splitlines()) == 2
    adjusting = (report / "adjusting.csv").read_text()
    assert ",bank,payroll," in adjusting
    complete = json.loads((report / "completeness.json").read_text())
    assert (complete["events"], complete["gaps"], complete["refused_in_period"]) == (40, [], 1)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("reports/rollforward.csv", "99.88", "99.87", "files"),
        ("events.msgpack", "payroll", "payrolL", "files"),
        ("checkpoint", "\n40\n", "\n39\n", "files"),
        ("sample/sample.json", "seed", "sead", "files"),
    ],
)
def test_a_changed_pack_does_not_verify(
    whole: Sealed, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    """Even where the manifest is recomputed to match."""
    away, _ = packed(whole, tmp_path)
    path = away / name
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    done = audited(away)
    assert (done.returncode, f"NO  {said}" in done.stdout) == (5, True)
    manifest = json.loads((away / "manifest.json").read_text())
    manifest["files"][name]["sha256"] = sha256(path.read_bytes()).hexdigest()
    (away / "manifest.json").write_text(json.dumps(manifest))
    done = audited(away)
    assert done.returncode == 5, done.stdout
    assert "Traceback" not in done.stderr


def test_a_report_that_the_manifest_does_not_name(whole: Sealed, tmp_path: Path) -> None:
    away, _ = packed(whole, tmp_path)
    (away / "reports" / "more.csv").write_text("x")
    assert audited(away).returncode == 5


def test_an_older_checkpoint_shows_another_history(world: Sealed, tmp_path: Path) -> None:
    """The pack of a forged ledger holds by itself; the checkpoint that was kept shows it."""
    forge_everything(world)
    away, _ = packed(world, tmp_path)
    assert audited(away).returncode == 0
    done = audited(away, world.folder / "second.checkpoint")
    assert (done.returncode, "history before it differs" in done.stdout) == (5, True)


def test_ed25519_without_a_library() -> None:
    """RFC 8032, section 7.1, tests 1 to 3; and refusals."""
    vectors = [
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ]  # fmt: skip
    for public, message, signature in vectors:
        given = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
        assert standalone.ed25519_holds(*given)
        assert not standalone.ed25519_holds(given[0], given[1] + b"!", given[2])
        assert not standalone.ed25519_holds(given[0], given[1], given[2][:-1])
        assert not standalone.ed25519_holds(b"\xff" * 32, *given[1:])
        high = int.from_bytes(given[2][32:], "little") + standalone.Q
        malleable = given[2][:32] + high.to_bytes(32, "little")
        assert not standalone.ed25519_holds(*given[:2], malleable)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 13])
def test_its_tree_is_that_of_the_text(size: int) -> None:
    entries = [b"%d" % i for i in range(size)]
    leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
    root = recursive.mth(entries)
    assert standalone.root_of(b"".join(leaves), size) == root
    for index in range(size):
        path = recursive.path(index, entries)
        assert standalone.proof_holds(leaves[index], index, size, path, root)
        assert not standalone.proof_holds(leaves[0], index, size, [*path, root], root)


def test_the_log_as_tiles(whole: Sealed, tmp_path: Path) -> None:
    """A reader that knows C2SP tlog-tiles alone finds every entry under the signed root."""
    whole.json("tiles", tmp_path / "log")
    read_tiles(tmp_path / "log", 40)


def read_tiles(folder: Path, size: int) -> None:
    """Read a static log as its text says, and compute the root from tiles and from entries."""
    checkpoint = read_checkpoint(read_note((folder / "checkpoint").read_text()).text)
    assert checkpoint.size == size

    def names(count: int) -> list[str]:
        found = []
        for n in range((count + 255) // 256):
            width = min(256, count - n * 256)
            path = f"{n % 1000:03d}" if n < 1000 else f"x{n // 1000:03d}/{n % 1000:03d}"
            found.append(path if width == 256 else f"{path}.p/{width}")
        return found

    entries: list[bytes] = []
    for name in names(size):
        raw, at = (folder / "tile" / "entries" / name).read_bytes(), 0
        while at < len(raw):
            length = int.from_bytes(raw[at : at + 2], "big")
            entries.append(raw[at + 2 : at + 2 + length])
            at += 2 + length
    assert recursive.mth(entries) == checkpoint.root
    level, count = 0, size
    while count:
        hashes = b"".join((folder / "tile" / str(level) / n).read_bytes() for n in names(count))
        step = 256**level
        assert hashes == b"".join(
            recursive.mth(entries[i * step : (i + 1) * step]) for i in range(count)
        )
        level, count = level + 1, count // 256


def test_many_tiles(tmp_path: Path) -> None:
    assert tile_path("entries", 1234067, 256) == "tile/entries/x001/x234/067"
    assert tile_path("1", 5, 7) == "tile/1/005.p/7"
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    for first in range(1, 701, 100):
        with store.writing() as writer:
            span = range(first, first + 100)
            writer.append_rows([Row(p, "s", p, "T/1", 1, 1, b"%d" % p) for p in span])
    with store.writing() as writer:
        made = seal(writer.connection, (log_key("x", b"\x01" * 32),), origin="x", head=700)
    for path, content in tiles(store.reader.connection, store.reader.bodies(), made):
        (tmp_path / "log" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "log" / path).write_bytes(content)
    store.close()
    read_tiles(tmp_path / "log", 700)


def test_a_pack_is_refused_where_the_seal_is_not_accepted(world: Sealed) -> None:
    rewrite(world.path, 3, actor="x")
    rebuild_tree(world.path)
    (world.folder / "t.policy").write_text("quorum none\n")
    world.done("pack", "--period", "2025-01", "-o", world.folder / "x.zip", code=3)
