"""verify.py and ``tally verify-pack``: both find every tampering, and nothing harms either."""

from __future__ import annotations

import ast
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import msgpack
import pytest

from ledger.proof.notes import COSIGNATURE, SigningKey
from ledger.proof.seals import log_key
from projections.evidence.again import MANIFEST_SIGNED
from tests.cli.program import ROOT, World, tally, valid
from tests.proof.packs import (
    MANIFEST,
    PAGES,
    PROGRAM,
    SIGNATURE,
    audited,
    audited_here,
    entries,
    packed,
    rewritten,
    verdicts,
    zipped,
)
from tests.proof.worlds import Sealed


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of the demo year."""
    world = World(tmp_path_factory.mktemp("pack") / "year.db", start="2025-01-01")
    world.run("import", ROOT / "fixtures" / "year.ndjson")
    return packed(world, "2025-06")


@pytest.fixture(scope="module")
def small(whole: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small pack with something in every list."""
    target = tmp_path_factory.mktemp("small") / "p.zip"
    whole.json("pack", "--period", "2025-01", "-o", target, "--sample", "3")
    return target


def altered(raw: bytes) -> bytes:
    """Change one byte in the middle."""
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]


def test_the_pack_of_the_demo_year_holds_both_ways(demo: Path, tmp_path: Path) -> None:
    done = audited(demo, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "All holds." in done.stdout
    answer = valid(tally("verify-pack", demo, "--json").json)
    assert answer["ok"]
    assert valid(json.loads(audited(demo, "--json").stdout))["checkpoint"] == answer["checkpoint"]


def test_each_part_of_the_demo_years_pack_altered_in_turn_is_found(
    demo: Path, tmp_path: Path
) -> None:
    """By a bare Python and by us: 100 % of the parts."""
    content, found = entries(demo), 0
    samples = [name for name in content if name.startswith("sample/")]
    parts = [name for name in content if name not in samples[4:-2]]  # two events of 25 are enough
    for name in parts:
        raw = content[name]
        path = rewritten(tmp_path / "x.zip", {**content, name: altered(raw)})
        assert None not in verdicts(path), name
        found += 1
    assert found == len(parts) > 25
    assert audited(path).returncode == tally("verify-pack", path).code == 5


def test_a_part_that_is_gone_new_or_swapped_is_found(small: Path, tmp_path: Path) -> None:
    content = entries(small)
    names = list(content)
    for i, name in enumerate(names):
        without = {other: raw for other, raw in content.items() if other != name}
        if name != SIGNATURE:
            assert None not in verdicts(rewritten(tmp_path / "x.zip", without)), name
        if name not in (MANIFEST, SIGNATURE):
            for signed in (True, False):
                fitted = rewritten(tmp_path / "x.zip", without, fit=True, signed=signed)
                found = verdicts(fitted)
                assert (None not in found) or (name in PAGES and not signed), name
        other = names[(i + 1) % len(names)]
        if content[name] != content[other]:
            swapped = {**content, name: content[other], other: content[name]}
            assert None not in verdicts(rewritten(tmp_path / "x.zip", swapped)), (name, other)
    for more in ("reports/more.csv", "evil.py", "sample/9.event"):
        new = {**content, more: b"x"}
        assert None not in verdicts(rewritten(tmp_path / "x.zip", new)), more
        assert None not in verdicts(rewritten(tmp_path / "x.zip", new, fit=True)), more
    assert None not in verdicts(rewritten(tmp_path / "x.zip", {**content, "sample/9.event": b"x"},
                                          fit=True, signed=False))  # fmt: skip


def test_each_part_altered_is_found_by_both_though_the_manifest_fits(
    small: Path, tmp_path: Path
) -> None:
    """The manifest is signed: whoever makes it fit needs the log's key."""
    content = entries(small)
    assert verdicts(rewritten(tmp_path / "x.zip", content)) == (None, None)
    for name, raw in content.items():
        changed = {**content, name: altered(raw)}
        for fit in (False, True)[: 1 + (name != MANIFEST)]:
            theirs, ours = verdicts(rewritten(tmp_path / "x.zip", changed, fit=fit))
            assert None not in (theirs, ours), (name, fit)
    manifest = rewritten(tmp_path / "x.zip", content, fit=True)  # only its spelling is another
    other = {**content, MANIFEST: entries(manifest)[MANIFEST] + b" "}
    assert verdicts(rewritten(tmp_path / "x.zip", other)) == (MANIFEST_SIGNED, MANIFEST_SIGNED)


def test_without_a_signature_a_pack_says_what_cannot_be_known(
    small: Path, tmp_path: Path
) -> None:
    """Exit 1, never 0: what follows from the events is found, and the rest is named."""
    content = entries(small)
    path = rewritten(tmp_path / "x.zip", content, signed=False)
    done, own = audited(path), tally("verify-pack", path)
    assert (done.returncode, own.code) == (1, 1)
    for said in (done.stdout, own.out):
        assert "nobody signed the manifest" in said
        assert "All holds but the manifest's signature." in said
    for name, raw in content.items():
        if name in (MANIFEST, SIGNATURE):
            continue
        changed = {**content, name: altered(raw)}
        theirs, ours = verdicts(rewritten(path, changed, fit=True, signed=False))
        if name in PAGES:
            assert (theirs, ours) == (None, None), name
        elif name == "reports/restatements.json":
            assert (theirs, ours) == (None, "made again")
        else:
            assert None not in (theirs, ours), name


def test_a_signature_of_something_else_or_of_another_key_is_none(
    whole: Sealed, small: Path, tmp_path: Path
) -> None:
    """Neither a checkpoint, nor another pack's manifest, nor a key that nobody accepts."""
    content = entries(small)
    signed = content[SIGNATURE].decode()
    text = signed[: signed.index("\n\n") + 1]
    stranger = log_key("test.example/ledger", bytes(32)).sign(text)
    cosigned = SigningKey("witness.example", COSIGNATURE, bytes(32)).sign(text, time=1)
    more = tmp_path / "more.zip"
    whole.json("pack", "--period", "2025-01", "-o", more, "--sample", "4")
    for note in (
        content["checkpoint"], entries(more)[SIGNATURE], f"{text}\n{stranger}".encode(),
        f"{text}\n{cosigned}".encode(), text.encode(), b"", b"\xff", b"\n\n\n",
        signed.replace("\n", "\r\n").encode(),
    ):  # fmt: skip
        found = verdicts(rewritten(tmp_path / "x.zip", {**content, SIGNATURE: note}))
        assert found == (MANIFEST_SIGNED, MANIFEST_SIGNED), note
    assert verdicts(rewritten(tmp_path / "x.zip", {**content, "checkpoint": signed.encode()})) == (
        "files", "files"
    )  # fmt: skip


def test_a_pack_made_where_the_key_is_not_says_so(world: Sealed, tmp_path: Path) -> None:
    target = tmp_path / "u.zip"
    arguments = ("pack", "--period", "2025-01", "-o", target)
    assert world.json(*arguments)["signed"]
    policy = tmp_path / "t.policy"
    policy.write_bytes(entries(target)["policy"])
    key = (world.folder / "t.key").rename(tmp_path / "away.key")
    assert world.json(*arguments, "--key", key, "--trust", policy)["signed"]
    assert not world.json(*arguments, "--trust", policy)["signed"]
    assert SIGNATURE not in entries(target)
    assert "nobody signed" in world.done(*arguments, "--trust", policy).out
    key.write_text(f"{log_key('test.example/ledger', bytes(32))}\n")
    assert "not accepted" in world.done(*arguments, "--key", key, "--trust", policy, code=2).err


@pytest.mark.parametrize("key", [
    "schema", "period", "starts", "ends", "starts_us", "ends_us", "offset_us", "known_at",
    "currency", "digits", "checkpoint", "files", "more",
])  # fmt: skip
def test_each_word_of_the_manifest_counts(small: Path, tmp_path: Path, key: str) -> None:
    content = entries(small)
    manifest = json.loads(content["manifest.json"])
    lies: tuple[Any, ...] = ("2025-02", 3_600_000_000, None, [], {"CNY": 3}, "EUR", 10**30)
    for lie in lies:
        if manifest.get(key) == lie:
            continue
        changed = json.dumps({**manifest, key: lie}).encode()
        path = rewritten(tmp_path / "x.zip", {**content, "manifest.json": changed})
        assert None not in verdicts(path), (key, lie)
    del manifest[next(iter(manifest))]
    less = json.dumps(manifest).encode()
    path = rewritten(tmp_path / "x.zip", {**content, "manifest.json": less})
    assert None not in verdicts(path)


def test_an_older_pack_is_left_to_its_own_program(small: Path, tmp_path: Path) -> None:
    content = entries(small)
    manifest = {**json.loads(content["manifest.json"]), "schema": "tally.manifest/1"}
    content["manifest.json"] = json.dumps(manifest).encode()
    path = rewritten(tmp_path / "x.zip", content)
    assert verdicts(path) == ("no pack", "no pack")
    assert (audited(path).returncode, tally("verify-pack", path).code) == (2, 2)


def hostile(small: Path) -> dict[str, bytes]:
    """Zips that mean harm, or are none."""
    content = entries(small)

    def with_(name: str, raw: bytes, **about: int) -> bytes:
        def write(archive: zipfile.ZipFile) -> None:
            for other, own in content.items():
                if other != name:
                    archive.writestr(other, own)
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = about.get("mode", 0o644) << 16
            archive.writestr(entry, raw)

        return zipped(write)

    def twice(archive: zipfile.ZipFile) -> None:
        for name, raw in content.items():
            archive.writestr(name, raw)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("policy", b"quorum none\n")

    whole = small.read_bytes()
    deep = b"[" * 200_000
    return {
        "absolute": with_("/etc/cron.d/x", b"x"), "above": with_("../../x", b"x"),
        "above within": with_("reports/../../x", b"x"), "drive": with_("C:\\x", b"x"),
        "control": with_("a\x1b[31mb", b"x"),
        "link": with_("policy", b"/etc/passwd", mode=0o120777),
        "device": with_("policy", b"", mode=0o020666), "twice": zipped(twice),
        "folder": with_("reports/", b"", mode=0o040755),
        "bomb": with_("events.msgpack", b"\0" * (1 << 26)),
        "nested": with_("manifest.json", deep),
        "objects": with_("manifest.json", b'{"a":' * 50_000),
        "digits": with_("manifest.json", b'{"starts_us":' + b"9" * 1_000_000 + b"}"),
        "fraction": with_("manifest.json", b'{"starts_us":1e999}'),
        "keys twice": with_("manifest.json", b'{"a":1,"a":2}'),
        "no text": with_("policy", b"\xff\xfe"),
        "null": with_("manifest.json", b"null"), "list": with_("manifest.json", b"[]"),
        "many keys": with_("policy", b"log a+00000000+AA==\n" * 5000),
        "no files": zipped(lambda archive: archive.writestr("x", b"")),
        "cut": whole[: len(whole) // 2], "cut short": whole[:-10], "empty": b"",
        "text": b"not a zip at all", "end only": b"PK\x05\x06" + b"\0" * 18,
        "rotten": whole[:5000] + bytes(200) + whole[5200:],
    }  # fmt: skip


def test_a_hostile_zip_gives_one_line_and_harms_nothing(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in" / "x.zip"
    path.parent.mkdir()
    monkeypatch.chdir(path.parent)
    unpacked, read = [0], zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        found = read(self, n)
        unpacked[0] += len(found)
        return found

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    for name, raw in hostile(small).items():
        path.write_bytes(raw)
        unpacked[0] = 0
        code, said, own = *audited_here(path), tally("verify-pack", path)
        assert code in (2, 5), (name, said)
        assert own.code in (2, 5), (name, own)
        assert sum(line.startswith(("NO  ", "error: ")) for line in said.split("\n")) == 1, name
        assert "Traceback" not in said + own.err, name
        assert "\x1b" not in said + own.out + own.err, name
        assert unpacked[0] < 1 << 24, name  # nobody unpacks a bomb to see how large it is
        assert [one.name for one in path.parent.iterdir()] == ["x.zip"], name


def events(*objects: object) -> bytes:
    """Pack objects as a log would hold them."""
    return b"".join(map(msgpack.packb, objects))


@pytest.mark.parametrize("raw", [
    b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xdb\x7f\xff\xff\xff", b"\xc1", b"\xc0", b"",
    b"\xa2\xff\xfe", b"\x81\xa1a", events({"position": 1}), events(1, "x", []),
    b"\x82\xa1a\x01\xa1a\x01",
], ids=range(11))  # fmt: skip
def test_a_hostile_log_is_one_line(small: Path, tmp_path: Path, raw: bytes) -> None:
    content = {**entries(small), "events.msgpack": raw}
    path = rewritten(tmp_path / "x.zip", content, fit=True, signed=False)
    assert verdicts(path) == ("log", "log")


def test_a_hostile_folder_is_refused(small: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    with zipfile.ZipFile(small) as archive:
        archive.extractall(away)
    assert audited(away).returncode == 0
    (away / "notes.txt").write_text("an auditor's own")
    assert audited(away).returncode == 0
    secret = tmp_path / "secret"
    secret.write_bytes((away / "policy").read_bytes())
    (away / "policy").unlink()
    (away / "policy").symlink_to(secret)
    assert "not a plain file" in audited(away).stdout
    (away / "policy").unlink()
    os.mkfifo(away / "policy")
    assert audited(away).returncode == 5
    (away / "policy").unlink()
    assert audited(away).returncode == 5
    (away / "manifest.json").unlink()
    assert audited(away).returncode == 2


def test_the_program_says_what_it_is_and_writes_where_it_is_asked(
    small: Path, tmp_path: Path
) -> None:
    helped = audited("--help")
    assert (helped.returncode, "Standard library only" in helped.stdout) == (0, True)
    result = tmp_path / "result.json"
    done = audited(small, "--json", "-o", result)
    assert (done.returncode, json.loads(result.read_text())["ok"]) == (0, True)
    assert audited(small, "-o", result).returncode == 2  # nothing is written over
    assert audited(small, "--what").returncode == 2
    assert audited(tmp_path / "none.zip").returncode == 2
    assert audited(cwd=tmp_path).returncode == 2  # beside the program there is no pack
    answer = json.loads(done.stdout)
    assert {"README.txt", "verify.py", "manifest.json"} <= set(answer["not_judged"])
    assert answer["cannot_show"]
    ast.parse(PROGRAM.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_our_own_keys_decide_if_they_are_given(small: Path, whole: Sealed, tmp_path: Path) -> None:
    mine = tmp_path / "mine.policy"
    mine.write_text((whole.folder / "t.policy").read_text() if (whole.folder / "t.policy").exists()
                    else entries(small)["policy"].decode())  # fmt: skip
    assert tally("verify-pack", small, "--trust", mine).code == 0
    other = World(tmp_path / "o.db")
    other.done("keys", "new")
    assert tally("verify-pack", small, "--trust", tmp_path / "o.policy").code == 5
    assert tally("verify-pack", tmp_path / "none.zip").code == 2
    assert tally("verify-pack", tmp_path).code == 2
