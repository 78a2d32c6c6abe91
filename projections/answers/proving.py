"""Keys, seals, proofs, packs, and what verifying them says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from projections.answers.keeping import JournalShown
from projections.answers.terms import (
    Answer,
    Count,
    Id,
    Instant,
    Part,
    PeriodName,
    Position,
    Root,
    Sha256,
    one_of,
)


class VerifiedCheck(Part, frozen=True, kw_only=True):
    """One check, and how it ended.

    Attributes:
        first_bad: the first bad position.
        kind: the kind of tampering; null where all is well or something derived drifted.
        sentence: what holds if the check does.
        said: what is wrong.
        skipped: why it did not run; null where it ran.

    """

    name: Id
    ok: bool
    checked: Count
    first_bad: Position | None
    kind: (
        Annotated[
            str,
            one_of(
                "modified", "deleted", "inserted", "reordered", "truncated", "forked", "unsigned",
                "unknown_key", "clock_backwards",
            ),
        ]
        | None
    )  # fmt: skip
    sentence: Id
    said: Id | None
    skipped: str | None


class Verified(Answer, frozen=True, kw_only=True, tag="tally.verify/1"):
    """Every check of a ledger, and how it ended.

    Attributes:
        sealed: how many events the last checkpoint covers.

    """

    ok: bool
    events: Count
    root: Root
    sealed: Count | None
    deep: bool
    journal: JournalShown | None
    checks: Annotated[Sequence[VerifiedCheck], Meta(min_length=1)]


class Proved(Answer, frozen=True, kw_only=True, tag="tally.prove/1"):
    """A proof as a text that stands alone.

    Attributes:
        old: the older size, of a consistency proof.
        position: of an inclusion proof.
        event: the event's stored bytes in base64, of an inclusion proof.
        proof: C2SP tlog-proof, or what C2SP tlog-witness takes.

    """

    kind: Annotated[str, one_of("inclusion", "consistency")]
    old: Count | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    event: Id | UnsetType = UNSET
    proof: Id
    file: Id | None
    event_file: Id | None


class ProofChecked(Answer, frozen=True, kw_only=True, tag="tally.check_proof/1"):
    """A proof that holds."""

    ok: Literal[True]
    kind: Annotated[str, one_of("inclusion", "consistency")]
    old: Count | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    origin: Id
    size: Count
    root: Root
    signed_by: Annotated[Sequence[Id], Meta(min_length=1)]


class KeyShown(Answer, frozen=True, kw_only=True, tag="tally.keys/1"):
    """A public key and where its private half is.

    Attributes:
        vkey: as C2SP writes verifier keys.
        pem: as openssl reads it.
        old: where the key before was put.
        sealed: how many events the checkpoint covers that both keys signed.

    """

    name: Id
    key_id: Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
    vkey: Id
    kind: Annotated[str, one_of("log", "witness")]
    key_file: Id
    policy_file: Id
    pem: Id
    old: Id | UnsetType = UNSET
    sealed: Count | UnsetType = UNSET


class Sealed(Answer, frozen=True, kw_only=True, tag="tally.seal/1"):
    """A signed checkpoint of the log.

    Attributes:
        new: false where the log had been sealed as it is.
        checkpoint: the signed note (C2SP tlog-checkpoint).

    """

    number: Position
    new: bool
    origin: Id
    size: Count
    root: Root
    checkpoint: Id
    file: Id | None


class Witnessed(Answer, frozen=True, kw_only=True, tag="tally.witness/1"):
    """A cosigned checkpoint.

    Attributes:
        seen_before: the size this witness had seen.
        time: POSIX seconds, inside the cosignature.

    """

    origin: Id
    size: Count
    root: Root
    seen_before: Count
    witness: Id
    time: Count
    checkpoint: Id
    file: Id | None


class TilesWritten(Answer, frozen=True, kw_only=True, tag="tally.tiles/1"):
    """The log written as a static directory."""

    folder: Id
    size: Count
    files: Position


class CheckpointIn(Part, frozen=True, kw_only=True):
    """The checkpoint that the pack is about."""

    origin: Id
    size: Count
    root: Root


class PackWritten(Answer, frozen=True, kw_only=True, tag="tally.pack/1"):
    """An evidence pack that was written.

    Attributes:
        unsealed: events since the checkpoint, which are not in the pack.
        signed: whether the log's key was here to sign the manifest.

    """

    file: Id
    bytes: Position
    period: PeriodName
    files: Position
    unsealed: Count
    signed: bool
    checkpoint: CheckpointIn


class CheckpointFound(Part, frozen=True, kw_only=True):
    """The checkpoint that the pack holds."""

    origin: str
    size: Position
    root: Root


class PackCheck(Part, frozen=True, kw_only=True):
    """One check of the pack."""

    name: str
    ok: bool
    said: str


class PackVerified(Answer, frozen=True, kw_only=True, tag="tally.verify_pack/1"):
    """What an evidence pack shows: verify-pack and the pack's own verify.py --json both give it.

    Attributes:
        keys: accepted keys that signed the checkpoint.
        checks: in order, up to the first that does not hold.
        not_judged: files compared with the hashes of the manifest alone.
        signed: whether a key of the log signed the manifest; null where it did not come to that.

    """

    pack: str
    ok: bool
    period: str | None
    known_at: str | None
    checkpoint: CheckpointFound | None
    keys: Sequence[str]
    checks: Annotated[Sequence[PackCheck], Meta(min_length=1)]
    not_judged: Sequence[str]
    signed: bool | None
    cannot_show: Sequence[str]


class ExportVerified(Answer, frozen=True, kw_only=True, tag="tally.verify_export/1"):
    """An export that is what the ledger says."""

    ok: Literal[True]
    format: Id
    file: Id
    size: Count
    root: Id
    sha256: Sha256
    lines: Position
    at: Instant
    known_at: Instant
