"""Proofs as texts that stand alone: one event is in the log; one log continues another.

Formats: c2sp.org/tlog-proof@v1 for inclusion; for consistency what C2SP tlog-witness takes (old
size, hashes, checkpoint). Invariant: reading is strict, and a text proves something only together
with a policy that accepts its checkpoint. This module must not know ledgers or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import IntegrityBroken
from ledger.proof import tree
from ledger.proof.notes import (
    BadNote,
    Checkpoint,
    read_base64,
    read_checkpoint,
    read_note,
    read_size,
    write_base64,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.proof.trust import Accepted, TrustPolicy

HEAD = "c2sp.org/tlog-proof@v1"
OLD = "old "
_INDEX = "index "
_EXTRA = "extra "
_HASHES_MAX = 63


class Inclusion(NamedTuple):
    """An inclusion proof: leaf ``leaf_index``, its hashes, the signed checkpoint."""

    leaf_index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def __str__(self) -> str:
        """Write it as a .tlog-proof file."""
        extra = [_EXTRA + write_base64(self.extra)] if self.extra else []
        lines = [HEAD, *extra, f"{_INDEX}{self.leaf_index}", *map(write_base64, self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint


class Consistency(NamedTuple):
    """A consistency proof: the first ``old`` events are the beginning of the checkpoint's."""

    old: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        """Write it as the body of a witness's add-checkpoint request."""
        return "\n".join([f"{OLD}{self.old}", *map(write_base64, self.hashes)]) + (
            "\n\n" + self.checkpoint
        )


def read_proof(text: str) -> Inclusion | Consistency:
    """Read either kind. Raises: BadNote."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank:
        raise BadNote("a proof is its lines, an empty line and a checkpoint")
    read_checkpoint(read_note(checkpoint).text)
    if lines[0].startswith(OLD):
        return Consistency(
            read_size(lines[0].removeprefix(OLD)), _hashes(lines[1:]), checkpoint
        )
    if lines.pop(0) != HEAD:
        raise BadNote(f"a proof begins with {HEAD!r} or with {OLD!r} and a size")
    extra = b""
    if lines and lines[0].startswith(_EXTRA):
        extra = read_base64(lines.pop(0).removeprefix(_EXTRA))
    if not lines or not lines[0].startswith(_INDEX):
        raise BadNote(f"a proof names its event: {_INDEX}N")
    index = read_size(lines.pop(0).removeprefix(_INDEX))
    return Inclusion(index, _hashes(lines), checkpoint, extra)


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    hashes = tuple(map(read_base64, lines))
    if len(hashes) > _HASHES_MAX or any(len(item) != tree.HASH_BYTES for item in hashes):
        raise BadNote(f"a proof has at most {_HASHES_MAX} hashes of {tree.HASH_BYTES} bytes")
    return hashes


def check_inclusion(proof: Inclusion, body: bytes, policy: TrustPolicy) -> Accepted:
    """Check that an event's bytes are in the log of an accepted checkpoint.

    Raises: IntegrityBroken, BadNote.
    """
    accepted = policy.accept(proof.checkpoint)
    checkpoint = accepted.checkpoint
    if not tree.verify_inclusion(
        tree.leaf_hash(body), proof.leaf_index,
        size=checkpoint.size, proof=proof.hashes, root=checkpoint.root,
    ):  # fmt: skip
        msg = f"the bytes are not the event @{proof.leaf_index + 1} of {checkpoint.origin}"
        raise IntegrityBroken(
            msg, kind="modified", position=proof.leaf_index + 1,
            hint="the proof may belong to another event or another checkpoint",
        )  # fmt: skip
    return accepted


def check_consistency(proof: Consistency, old: Checkpoint, policy: TrustPolicy) -> Accepted:
    """Check that an accepted checkpoint continues an older one.

    Raises: IntegrityBroken, BadNote.
    """
    accepted = policy.accept(proof.checkpoint)
    new = accepted.checkpoint
    if old.origin != new.origin:
        msg = f"the checkpoints are of two logs: {old.origin} and {new.origin}"
        raise IntegrityBroken(msg, kind="unknown_key")
    if old.size != proof.old:
        msg = f"the proof begins at size {proof.old}, the older checkpoint has {old.size}"
        raise IntegrityBroken(msg, kind="modified")
    if not continues(old, new, proof.hashes):
        msg = f"the log of size {new.size} does not continue that of size {old.size}"
        raise IntegrityBroken(msg, kind="forked")
    return accepted


def continues(old: Checkpoint, new: Checkpoint, hashes: Sequence[bytes]) -> bool:
    """Return whether one checkpoint continues another; every log continues the empty one."""
    if old.size == 0:
        return old.root == tree.EMPTY_ROOT and not hashes
    return tree.verify_consistency(
        old.size, new.size, old_root=old.root, root=new.root, proof=hashes
    )
