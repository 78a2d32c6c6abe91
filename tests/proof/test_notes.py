"""Signed notes, checkpoints, policies and proofs, by the examples of the C2SP texts."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import IntegrityBroken, InvalidInput
from ledger.proof import tree
from ledger.proof.notes import (
    BadNote,
    Checkpoint,
    SigningKey,
    VerifierKey,
    cosigned,
    read_checkpoint,
    read_note,
    signers,
)
from ledger.proof.proofs import (
    Consistency,
    Inclusion,
    check_consistency,
    check_inclusion,
    read_proof,
)
from ledger.proof.seals import cosign, log_key, witness_key
from ledger.proof.trust import TrustPolicy
from tests.proof import recursive

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
    "RKuwHjG1Yu72IneyaQM=\n"
)
KEY = log_key("example.com/log", b"\x01" * 32)
OTHER = log_key("example.com/log", b"\x02" * 32)
WITNESS = witness_key("witness.example/w1", b"\x03" * 32)
ENTRIES = [b"entry %d" % i for i in range(13)]


def checkpoint(size: int = 13, *keys: SigningKey, origin: str = KEY.name) -> str:
    text = Checkpoint(origin, size, recursive.mth(ENTRIES[:size])).text
    return f"{text}\n{''.join(key.sign(text) for key in keys or (KEY,))}"


def inclusion(index: int) -> Inclusion:
    return Inclusion(index, tuple(recursive.path(index, ENTRIES)), checkpoint())


# --- notes --------------------------------------------------------------------------------------


def test_the_example_of_the_signed_note_text() -> None:
    key = VerifierKey.read(VKEY)
    assert str(key) == VKEY
    note = read_note(EXAMPLE)
    assert note.text == "This is an example message.\n"
    assert signers(note, (key,)) == [key]
    assert str(note) == EXAMPLE


@pytest.mark.parametrize(
    "wrong",
    [
        EXAMPLE.replace("example message", "other message"),
        EXAMPLE.replace("Uw2QOkn8", "Uw2QOkn9"),
    ],
)
def test_a_changed_note_is_refused(wrong: str) -> None:
    with pytest.raises(IntegrityBroken) as refused:
        signers(read_note(wrong), (VerifierKey.read(VKEY),))
    assert refused.value.kind == "unsigned"


@pytest.mark.parametrize(
    "wrong",
    [
        "", "no signatures\n", EXAMPLE.removesuffix("\n"), EXAMPLE.replace("— ", "- "),
        EXAMPLE.replace("message", "mes\tsage"), EXAMPLE.replace("aQM=", "aQM"),
        EXAMPLE.replace("aQM=", "aQN="), EXAMPLE + "\n", EXAMPLE.replace("/foo ", "/f+o "),
        EXAMPLE.split("— ", maxsplit=1)[0], EXAMPLE + EXAMPLE.split("\n")[2] * 70 + "\n",
    ],
)  # fmt: skip
def test_what_is_no_note(wrong: str) -> None:
    with pytest.raises(BadNote):
        read_note(wrong)


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    text = Checkpoint("example.com/log", 1, b"\0" * 32).text
    note = read_note(f"{text}\n{OTHER.sign(text)}{KEY.sign(text)}{WITNESS.sign(text, time=5)}")
    assert signers(note, (KEY.verifier,)) == [KEY.verifier]
    with pytest.raises(IntegrityBroken) as refused:
        signers(note, (VerifierKey.read(VKEY),))
    assert refused.value.kind == "unknown_key"


@pytest.mark.parametrize(
    "wrong",
    [
        VKEY.replace("530d903a", "530d903b"), VKEY.replace("+Aek", "+Bek"), "a+b", "",
        VKEY.replace("example.com/foo", "example.com/ foo"), "n+00000000+!!!",
    ],
)  # fmt: skip
def test_what_is_no_public_key(wrong: str) -> None:
    with pytest.raises(BadNote):
        VerifierKey.read(wrong)


def test_a_private_key_is_read_back_and_never_shown() -> None:
    for key in (KEY, WITNESS):
        assert SigningKey.read(str(key)) == key
        assert base64.b64encode(key.seed).decode() not in repr(key)
    for wrong in (str(KEY).replace("example", "exampel"), "PRIVATE+KEY+a+b+c", "key"):
        with pytest.raises(BadNote) as refused:
            SigningKey.read(wrong)
        assert str(KEY)[-20:] not in str(refused.value)


def test_openssl_verifies_a_checkpoint(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl")
    note = read_note(checkpoint())
    spki = bytes.fromhex("302a300506032b6570032100") + KEY.verifier.public
    (tmp_path / "key.der").write_bytes(spki)
    (tmp_path / "text").write_text(note.text)
    (tmp_path / "signature").write_bytes(note.signatures[0].raw)
    command = [
        openssl, "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER",
        "-inkey", "key.der", "-in", "text", "-sigfile", "signature",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True), done
    (tmp_path / "text").write_text(note.text.replace("13", "12"))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode


# --- checkpoints and policies -------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "o\n1\n", "o\n01\nAA==\n", "o\n-1\nAA==\n", "o\n1\nAA==\n", "\n1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=\nextension\n", "o\n1\n" + "A" * 43 + "=",
    ],
)
def test_what_is_no_checkpoint(wrong: str) -> None:
    with pytest.raises(BadNote):
        read_checkpoint(wrong)


def test_a_cosignature_signs_the_time_and_the_whole_text() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosigned(text, 1679315147) == (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    note = read_note(cosign(read_note(checkpoint()), WITNESS, time=1679315147))
    assert note.signatures[1].time == 1679315147
    assert set(signers(note, (KEY.verifier, WITNESS.verifier))) == {KEY.verifier, WITNESS.verifier}
    again = read_note(cosign(note, WITNESS, time=1679315148))
    assert [signature.name for signature in again.signatures] == [KEY.name, WITNESS.name]


def policy(text: str) -> TrustPolicy:
    return TrustPolicy.read(text)


def test_a_policy_with_groups() -> None:
    keys = [witness_key(f"w{i}.example", bytes([40 + i]) * 32) for i in range(3)]
    lines = [f"# ours\n log {KEY.verifier} https://x"]
    lines += [f"witness X{i}\t{key.verifier}" for i, key in enumerate(keys)]
    read = policy("\n".join([*lines, "group X 2 X0 X1", "group all all X X2", "quorum all", ""]))
    assert str(TrustPolicy.read(str(read))) == str(read)
    text = checkpoint()
    for number, key in enumerate(keys):
        with pytest.raises(IntegrityBroken) as refused:
            read.accept(text)
        assert refused.value.kind == "unsigned", number
        text = cosign(read_note(text), key, time=number)
    assert len(read.accept(text).keys) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        "", "quorum none\nquorum none", "quorum X", "log x\nquorum none", "log\nquorum none",
        f"witness none {WITNESS.verifier}\nquorum none", f"log {WITNESS.verifier}\nquorum none",
        f"witness W {WITNESS.verifier}\ngroup G 2 W\nquorum G", "trust me\nquorum none",
        f"witness W {WITNESS.verifier}\ngroup G any W\ngroup H any W\nquorum H",
        f"witness W {KEY.verifier}\nquorum none",
    ],
)
def test_what_is_no_policy(wrong: str) -> None:
    with pytest.raises((InvalidInput, BadNote)):
        policy(wrong)


def test_a_checkpoint_signed_by_a_key_of_another_log() -> None:
    foreign = log_key("example.com/other", b"\x09" * 32)
    accepting = TrustPolicy.of(KEY.verifier, foreign.verifier)
    with pytest.raises(IntegrityBroken) as refused:
        accepting.accept(checkpoint(13, foreign))
    assert refused.value.kind == "unknown_key"


# --- proofs -------------------------------------------------------------------------------------

TRUSTED = TrustPolicy.of(KEY.verifier)


@given(index=st.integers(0, 12), extra=st.binary(max_size=20))
def test_a_proof_is_read_back_and_holds(index: int, extra: bytes) -> None:
    proof = inclusion(index)._replace(extra=extra)
    text = str(proof)
    assert read_proof(text) == proof
    lines = text.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[2 if extra else 1] == f"index {index}"
    assert check_inclusion(proof, ENTRIES[index], TRUSTED).checkpoint.size == 13


def test_the_shape_of_the_tlog_proof_text() -> None:
    """The example of the text, its elided signatures replaced by our own."""
    hashes = (
        "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
        "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA="
    )
    text = (
        "c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n"
        f"index 73894\n{hashes}\n\n{checkpoint()}"
    )
    proof = read_proof(text)
    assert isinstance(proof, Inclusion)
    assert (proof.leaf_index, len(proof.hashes)) == (73894, 2)
    assert str(proof) == text


def test_a_proof_for_another_event() -> None:
    """A named case."""
    with pytest.raises(IntegrityBroken):
        check_inclusion(inclusion(3), ENTRIES[4], TRUSTED)
    with pytest.raises(IntegrityBroken):
        check_inclusion(inclusion(3)._replace(leaf_index=4), ENTRIES[3], TRUSTED)


def test_a_proof_with_a_checkpoint_of_another_ledger() -> None:
    """A named case."""
    foreign = log_key("example.com/other", b"\x09" * 32)
    proof = inclusion(3)._replace(checkpoint=checkpoint(13, foreign, origin=foreign.name))
    with pytest.raises(IntegrityBroken) as refused:
        check_inclusion(proof, ENTRIES[3], TRUSTED)
    assert refused.value.kind == "unknown_key"


@pytest.mark.parametrize(
    "wrong",
    [
        "", "old x\n\n", "c2sp.org/tlog-proof@v2\nindex 1\n\n", "c2sp.org/tlog-proof@v1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\n", "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n",
        "old 1\n" + ("A" * 43 + "=\n") * 64 + "\n",
    ],
)  # fmt: skip
def test_what_is_no_proof(wrong: str) -> None:
    with pytest.raises(BadNote):
        read_proof(wrong + checkpoint() if wrong.endswith("\n\n") else wrong)


@given(old=st.integers(0, 13))
def test_a_consistency_proof_is_read_back_and_holds(old: int) -> None:
    hashes = tuple(recursive.proof(old, ENTRIES)) if old else ()
    proof = Consistency(old, hashes, checkpoint())
    assert read_proof(str(proof)) == proof
    earlier = Checkpoint(KEY.name, old, recursive.mth(ENTRIES[:old]))
    check_consistency(proof, earlier, TRUSTED)
    for wrong in (
        earlier._replace(size=old + 1), earlier._replace(root=tree.leaf_hash(b"")),
        earlier._replace(origin="example.com/other"),
    ):  # fmt: skip
        with pytest.raises(IntegrityBroken):
            check_consistency(proof, wrong, TRUSTED)
