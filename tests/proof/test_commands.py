"""The commands of proof: what they write, what they refuse, and their exit codes."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from ledger.proof.notes import SigningKey, read_checkpoint, read_note
from ledger.proof.seals import log_key
from ledger.store import create_store
from tests.cli.program import Json, tally, valid
from tests.conftest import Golden
from tests.proof.worlds import NAME, SEED, Sealed, rebuild_tree, rewrite, sealed, tampered

GOLDEN = Path(__file__).parents[1] / "golden" / "proof"


def fails(world: Sealed, *arguments: object, code: int) -> Json:
    """Run a command that must fail; return its error."""
    return valid(world.done(*arguments, "--json", code=code).json)


def test_a_key_is_made_shown_and_not_overwritten(world: Sealed, tmp_path: Path) -> None:
    key = tmp_path / "new.key"
    made = world.json("keys", "new", "--name", "a.example/x", "--key", key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(key.read_text().strip()).verifier.key_id.hex() == made["key_id"]
    assert made["vkey"] in (tmp_path / "t.policy").read_text()
    shown = world.json("keys", "show", "--key", key)
    assert shown == made
    assert "PRIVATE" not in json.dumps(shown)
    assert world.done("keys", "show", "--pem", "--key", key).out == made["pem"]
    assert fails(world, "keys", "new", "--key", key, code=2)["code"] == "INVALID_INPUT"
    assert fails(world, "keys", "new", "--witness", code=2)["code"] == "INVALID_INPUT"
    assert fails(world, "keys", "show", "--key", tmp_path / "none", code=3)
    assert fails(world, "keys", "new", "--name", "a b", "--key", tmp_path / "c", code=2)


def test_a_key_from_the_environment(world: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.folder / "t.key").unlink()
    assert fails(world, "seal", code=3)["hint"].startswith("make one with: tally keys new")
    monkeypatch.setenv("TALLY_KEY", str(log_key(NAME, SEED)))
    assert world.process("seal", "--json").code == 3  # the tests keep TALLY_* out
    text = str(log_key(NAME, SEED))
    monkeypatch.setattr("cli.trusting.os.environ", {"TALLY_KEY": text})
    assert world.json("seal")["size"] == 42


def test_a_seal_says_the_same_until_something_is_recorded(world: Sealed) -> None:
    first, again = world.json("seal"), world.json("seal")
    assert (first["number"], first["new"], again["number"], again["new"]) == (3, True, 3, False)
    assert again["checkpoint"] == first["checkpoint"]
    assert read_checkpoint(read_note(first["checkpoint"]).text).size == first["size"] == 42
    assert world.json("status")["last_seal"] == {"number": 3, "size": 42, "unsealed": 0}


@pytest.mark.parametrize("position", [3, 30])
def test_a_log_that_does_not_continue_the_last_seal_is_not_signed(
    world: Sealed, position: int
) -> None:
    rewrite(world.path, position, actor="nobody")
    rebuild_tree(world.path)
    error = fails(world, "seal", code=5)
    assert error["code"] == "INTEGRITY_BROKEN"
    assert "nothing was signed" in error["message"]
    assert fails(world, "prove", "--consistency", world.folder / "second.checkpoint", code=5)


def test_a_log_that_lost_its_tail_is_not_signed(world: Sealed) -> None:
    tampered(world.path, "DELETE FROM stored_events WHERE position > 30")
    assert fails(world, "seal", code=5)
    rebuild_tree(world.path)
    assert "nothing was signed" in fails(world, "seal", code=5)["message"]


def test_every_event_is_proven_and_checked_without_the_ledger(
    world: Sealed, tmp_path: Path
) -> None:
    world.json("seal")
    away = tmp_path / "away"
    away.mkdir()
    (away / "p.policy").write_text(_policy(world))
    for position in (1, 17, 42):
        proof, event = away / f"{position}.tlog-proof", away / f"{position}.event"
        answer = world.json("prove", position, "-o", proof, "--event", event)
        assert (answer["kind"], answer["position"]) == ("inclusion", position)
        check = ("check-proof", proof, "--policy", away / "p.policy", "--json")
        done = tally(*check, "--event", event, cwd=away)
        assert done.code == 0, done
        assert valid(done.json)["position"] == position
        assert base64.b64decode(answer["event"]) == event.read_bytes()
        other = tally(*check, "--event", away / "1.event", cwd=away)
        assert other.code == (0 if position == 1 else 5)
    assert tally("check-proof", away / "1.tlog-proof", cwd=away).code in {2, 5}
    unknown = tally("check-proof", away / "1.tlog-proof", "--event", away / "1.event", cwd=away)
    assert unknown.code == 3, "there is no policy"
    assert "--trust" in unknown.err


def test_a_proof_in_a_file_has_its_event_beside_it(world: Sealed, tmp_path: Path) -> None:
    proof = tmp_path / "17.proof"
    assert world.json("prove", 17, "-o", proof)["event_file"] == f"{proof}.event"
    assert world.json("check-proof", proof)["position"] == 17
    Path(f"{proof}.event").write_bytes(b"another")
    assert fails(world, "check-proof", proof, code=5)


def _policy(world: Sealed) -> str:
    key = SigningKey.read((world.folder / "t.key").read_text().strip())
    return f"log {key.verifier}\nquorum none\n"


def test_an_older_checkpoint_is_proven_to_hold(world: Sealed, tmp_path: Path) -> None:
    old, proof = world.folder / "first.checkpoint", tmp_path / "c.proof"
    answer = world.json("prove", "--consistency", old, "-o", proof)
    assert (answer["kind"], answer["old"]) == ("consistency", 26)
    assert world.json("check-proof", proof, "--old", old)["size"] == 40
    assert fails(world, "check-proof", proof, "--old", world.folder / "second.checkpoint", code=5)
    assert fails(world, "check-proof", proof, code=2)
    broken = proof.read_text().replace("old 26", "old 25")
    proof.write_text(broken)
    assert fails(world, "check-proof", proof, "--old", old, code=5)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("prove",), 2), (("prove", "3", "--consistency", "x"), 2), (("prove", "x"), 2),
        (("prove", "42"), 3), (("prove", "43"), 3), (("prove", "0"), 3),
        (("prove", "--consistency", "missing"), 2), (("check-proof", "missing"), 2),
        (("witness", "missing"), 2), (("verify", "--since", "missing"), 2),
        (("verify", "--policy", "missing"), 3), (("close", "2025-13"), 2),
        (("close", "2025-02", "--actor", "lin"), 3),
        (("close", "2025-01", "--actor", "lin"), 4), (("close", "2025-01"), 2),
        (("pack", "--period", "x"), 2), (("pack", "--period", "2025-02"), 3), (("tiles", "."), 2),
    ],
)  # fmt: skip
def test_what_is_refused(
    world: Sealed, arguments: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    assert fails(world, *arguments, code=code)["exit"] == code


def test_a_witness_cosigns_what_continues_what_it_saw(world: Sealed, tmp_path: Path) -> None:
    key, first, second = tmp_path / "w.key", tmp_path / "1.cosigned", tmp_path / "2.cosigned"
    (world.folder / "t.policy").write_text(_policy(world))
    world.json("keys", "new", "--witness", "--name", "w.example/lin", "--key", key)
    seen = world.json("witness", world.folder / "first.checkpoint", "--key", key, "-o", first)
    assert (seen["seen_before"], seen["size"]) == (0, 26)
    seen = world.json("witness", world.folder / "second.checkpoint", "--key", key, "-o", second)
    assert (seen["seen_before"], seen["size"]) == (26, 40)
    assert fails(world, "witness", first, "--key", key, code=5), "it goes back"
    assert fails(world, "witness", second, code=2), "the log's own key"
    assert world.verify("--since", second)["ok"]
    policy = (world.folder / "t.policy").read_text()
    (world.folder / "q.policy").write_text(policy.replace("quorum none", "quorum w.example/lin"))
    quorum = ("--policy", world.folder / "q.policy")
    assert world.verify("--since", second, *quorum, code=5)["ok"] is False  # own seals are not
    rewrite(world.path, 30, actor="nobody")
    rebuild_tree(world.path)
    tampered(world.path, "DELETE FROM seals", "DELETE FROM sqlite_sequence WHERE name = 'seals'")
    world.json("seal", "-o", tmp_path / "forged")
    error = fails(world, "witness", tmp_path / "forged", "--key", key, code=5)
    assert "does not continue" in error["message"]


def test_a_witness_without_the_ledger_takes_a_proof(world: Sealed, tmp_path: Path) -> None:
    (world.folder / "t.policy").write_text(_policy(world))
    key, proof = tmp_path / "w.key", tmp_path / "c.proof"
    world.json("keys", "new", "--witness", "--name", "w.example/lin", "--key", key)
    old, new = world.folder / "first.checkpoint", world.folder / "second.checkpoint"
    world.json("prove", "--consistency", old, "-o", proof)
    away = tmp_path / "away"
    away.mkdir()
    given = ("--key", key, "--policy", world.folder / "t.policy")
    assert tally("witness", old, *given, cwd=away).code == 0
    assert tally("witness", new, *given, cwd=away).code == 3, "no ledger, no proof"
    assert tally("witness", new, *given, "--proof", proof, cwd=away).code == 0


def test_a_rotated_key_signs_with_the_old_one_once(world: Sealed) -> None:
    before = world.json("keys", "show")
    answer = world.json("keys", "rotate")
    assert answer["sealed"] == 42
    assert answer["key_id"] != before["key_id"]
    assert Path(answer["old"]).stat().st_mode & 0o777 == 0o600
    world.record("set-price", "--sku", "x", "--monthly-price", "1")
    world.json("seal")
    assert world.verify("--since", world.folder / "first.checkpoint")["sealed"] == 43
    policy = world.folder / "t.policy"
    kept = [line for line in policy.read_text().splitlines() if before["key_id"] not in line]
    policy.write_text("\n".join(kept) + "\n")
    answer = world.verify(code=5)
    signatures = next(check for check in answer["checks"] if check["name"] == "signatures")
    assert (signatures["kind"], signatures["first_bad"]) == ("unknown_key", 26)


def test_a_close_commits_what_a_replay_gives(world: Sealed) -> None:
    """R56: the same digests whatever is recorded later."""
    assert world.verify("--deep")["ok"]
    world.record(
        "top-up", "--account", "a-1", "--amount", "9", "--channel", "card", "--serial", "late",
        "--effective-at", "2025-01-15",
    )  # fmt: skip
    assert world.verify("--deep")["ok"]
    event = next(one for one in world.events() if one["type"] == "PeriodClosed")
    assert (event["actor"], event["data"]["period"]) == ("lin", "2025-01")
    assert event["data"]["known_position"] == event["position"] - 1


def test_an_empty_ledger_has_nothing_to_check(tmp_path: Path) -> None:
    create_store(str(tmp_path / "t.db"))
    done = tally("verify", "--json", "--ledger", tmp_path / "t.db")
    assert (done.code, valid(done.json)["events"]) == (1, 0)


def test_the_pages(tmp_path: Path, golden: Golden) -> None:
    """What a person reads, committed."""
    world = sealed(tmp_path)
    commands = [
        ("seal", ("seal",)),
        ("verify", ("verify", "--since", world.folder / "first.checkpoint")),
        ("prove", ("prove", "17")),
        ("keys-show", ("keys", "show", "--key", world.folder / "t.key")),
    ]
    for name, arguments in commands:
        text = world.done(*arguments).out.replace(str(tmp_path), "FOLDER")
        if name not in {"seal", "prove"}:
            golden(GOLDEN / f"{name}.txt", text)
        assert text
    tampered(world.path, "UPDATE stored_events SET effective_at = 0 WHERE position = 10")
    golden(GOLDEN / "verify-broken.txt", world.done("verify", code=5).out)


def test_a_root_in_a_second_spelling_of_base64_was_altered_and_a_cut_file_was_not(
    world: Sealed, tmp_path: Path
) -> None:
    """The bits that base64 pads with are not signed: canonical form alone tells (C2SP)."""
    place = tmp_path / "c"
    world.done("seal", "-o", place)
    lines = place.read_text(encoding="utf-8").split("\n")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(lines[2][-2]) ^ 1]
    altered = [*lines[:2], f"{lines[2][:-2]}{other}=", *lines[3:]]
    (tmp_path / "altered").write_text("\n".join(altered), encoding="utf-8")
    (tmp_path / "cut").write_text("\n".join(lines[:2]), encoding="utf-8")
    assert world.run("verify", "--since", tmp_path / "altered").code == 5
    assert world.run("verify", "--since", tmp_path / "cut").code == 2
    assert world.run("verify", "--since", place).code == 0
