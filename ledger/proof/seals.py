"""Seals: signed checkpoints of the log, kept append-only beside it.

Invariant: before a checkpoint is signed, its consistency with the last one is proven from the
stored nodes; a log that does not continue it is never signed. What is signed is kept as it was
signed. This module must not know where keys are, nor what an event is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.connection import tables
from ledger.errors import IntegrityBroken, NoSuchThing
from ledger.proof import tree
from ledger.proof.nodes import Nodes
from ledger.proof.notes import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    SigningKey,
    read_checkpoint,
    read_note,
)
from ledger.proof.proofs import Consistency, Inclusion, continues
from ledger.quoting import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.connection import Connection

TABLE = "seals"


class Seal(NamedTuple):
    """One stored checkpoint; ``size`` and ``root`` are copies of what its note says."""

    number: int
    size: int
    root: bytes
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says. Raises: BadNote."""
        return read_checkpoint(read_note(self.note).text)


def stored_seals(connection: Connection) -> Iterator[Seal]:
    """Stream the stored checkpoints, oldest first; none in a file made before there were any."""
    if _there(connection):
        for row in connection.execute(f"SELECT number, size, root, note FROM {TABLE} ORDER BY 1"):
            yield Seal(*row)


def last_seal(connection: Connection, *, covering: int = 0) -> Seal | None:
    """Return the last stored checkpoint that covers a position."""
    if not _there(connection):
        return None
    row = connection.execute(
        f"SELECT number, size, root, note FROM {TABLE} WHERE size >= ? "
        "ORDER BY number DESC LIMIT 1",
        (covering,),
    ).fetchone()
    return Seal(*row) if row is not None else None


def _there(connection: Connection) -> bool:
    return TABLE in tables(connection)


def seal(
    connection: Connection, keys: Sequence[SigningKey], *, origin: str, head: int
) -> Seal:
    """Sign a checkpoint of the whole log with every key, and keep it.

    Inside a write transaction. Nothing new is kept where the last seal says the same already.
    Raises: IntegrityBroken; nothing is signed then.
    """
    nodes = Nodes(connection)
    size = nodes.size()
    if size != head:
        msg = f"the tree has {size} leaves, the log {head} events: nothing was signed"
        raise IntegrityBroken(msg, kind="truncated" if size > head else "inserted")
    checkpoint = Checkpoint(origin, size, nodes.root(size))
    last = last_seal(connection)
    if last is not None:
        _check_continues(nodes, last.checkpoint, checkpoint)
        signed_by = {(s.name, s.key_id) for s in read_note(last.note).signatures}
        wanted = {(key.name, key.verifier.key_id) for key in keys}
        if last.size == size and wanted <= signed_by:
            return last
    note = f"{checkpoint.text}\n{''.join(key.sign(checkpoint.text) for key in keys)}"
    return keep(connection, note)


def keep(connection: Connection, note: str) -> Seal:
    """Store a signed checkpoint as it is."""
    checkpoint = read_checkpoint(read_note(note).text)
    last = last_seal(connection)
    made = Seal(last.number + 1 if last else 1, checkpoint.size, checkpoint.root, note)
    connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?)", made)
    if last_seal(connection) != made:
        msg = "the database did not keep the checkpoint: nothing was signed"
        raise IntegrityBroken(msg, kind="deleted", hint="see what is wrong: tally verify")
    return made


def _check_continues(nodes: Nodes, old: Checkpoint, new: Checkpoint) -> None:
    if old.origin != new.origin:
        msg = f"the last seal is of {old.origin}, the key is of {new.origin}"
        raise IntegrityBroken(
            msg, kind="unknown_key", hint="sign with a key of that name: tally keys rotate"
        )
    if old.size > new.size:
        events = plural(new.size, "event")
        msg = f"the log has {events}, the last seal has {old.size}: nothing was signed"
        raise IntegrityBroken(msg, kind="truncated", position=new.size + 1)
    if not continues(old, new, nodes.consistency(old.size, new.size)):
        events = plural(old.size, "event")
        msg = f"the log does not continue the last seal of {events}: nothing was signed"
        raise IntegrityBroken(msg, kind="forked")


# --- proofs from what is stored ----------------------------------------------------------------


def prove(connection: Connection, position: int) -> Inclusion:
    """Prove one event against the last seal. Raises: NoSuchThing where none covers it."""
    last = last_seal(connection, covering=position)
    if last is None:
        raise NoSuchThing(f"no checkpoint covers @{position} yet", hint="sign one with: tally seal")
    nodes = Nodes(connection)
    hashes = tuple(nodes.inclusion(position - 1, last.size))
    if not tree.verify_inclusion(
        nodes.fetch(0, position - 1), position - 1,
        size=last.size, proof=hashes, root=last.checkpoint.root,
    ):  # fmt: skip
        msg = f"the stored tree does not lead from @{position} to the signed root"
        raise IntegrityBroken(msg, kind="forked")
    return Inclusion(position - 1, hashes, last.note)


def prove_consistency(connection: Connection, old: Checkpoint) -> Consistency:
    """Prove that the last seal continues an older checkpoint.

    Raises: NoSuchThing, IntegrityBroken.
    """
    last = last_seal(connection)
    if last is None:
        raise NoSuchThing("there is no checkpoint yet", hint="sign one with: tally seal")
    if old.size > last.size:
        msg = f"the last checkpoint covers {plural(last.size, 'event')}, the older one {old.size}"
        raise NoSuchThing(msg, hint="sign the log as it is now: tally seal")
    nodes = Nodes(connection)
    hashes = tuple(nodes.consistency(old.size, last.size))
    same = nodes.root(last.size) == last.checkpoint.root
    if not same or not continues(old, last.checkpoint, hashes):
        msg = f"this log does not continue the checkpoint of {plural(old.size, 'event')}"
        raise IntegrityBroken(msg, kind="forked")
    return Consistency(old.size, hashes, last.note)


# --- keys and witnesses ------------------------------------------------------------------------


def log_key(name: str, seed: bytes) -> SigningKey:
    """Make the key of a log from 32 random bytes."""
    return SigningKey(name, ED25519, seed)


def witness_key(name: str, seed: bytes) -> SigningKey:
    """Make the key of a witness from 32 random bytes."""
    return SigningKey(name, COSIGNATURE, seed)


def cosign(note: Note, key: SigningKey, *, time: int) -> str:
    """Add a witness's cosignature; one of the same key that is there gives way.

    The caller has checked the log's signature, and that the log continues what the witness saw.
    """
    mine = (key.name, key.verifier.key_id)
    kept = tuple(s for s in note.signatures if (s.name, s.key_id) != mine)
    return f"{Note(note.text, kept)}{key.sign(note.text, time=time)}"


def empty_checkpoint(origin: str) -> Checkpoint:
    """Return the checkpoint of a log without events: what a witness has seen at first."""
    return Checkpoint(origin, 0, tree.EMPTY_ROOT)
