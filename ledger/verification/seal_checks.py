"""Checks the stored checkpoints, and one that was handed out: signatures, roots, nothing cut off.

Invariant: a checkpoint vouches for the stored nodes; that these are those of the bytes is checked
beside it (tree_checks.py). This module must not know events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.connection import highest_given
from ledger.errors import (
    DELETED,
    FORKED,
    INSERTED,
    MODIFIED,
    REORDERED,
    TRUNCATED,
    UNKNOWN_KEY,
    IntegrityBroken,
)
from ledger.proof.seals import TABLE, stored_seals
from ledger.proof.trust import NoAcceptedKey
from ledger.quoting import plural
from ledger.verification.findings import CheckResult, Fault, first

if TYPE_CHECKING:
    from ledger.connection import Connection
    from ledger.proof.nodes import Nodes
    from ledger.proof.notes import Checkpoint
    from ledger.proof.seals import Seal
    from ledger.proof.trust import TrustPolicy

SEALS = "stored checkpoints are the notes that were signed, none is missing"
SIGNATURES = "every stored checkpoint carries a signature of an accepted key"
CONSISTENCY = "the log continues every stored checkpoint"
SINCE = "the log continues the checkpoint that was handed out"


def check_seals(
    connection: Connection, nodes: Nodes, policy: TrustPolicy, *, events: int
) -> list[CheckResult]:
    """Check every stored checkpoint."""
    copies = signatures = consistency = None
    before: Seal | None = None
    good = count = 0
    notes: set[str] = set()
    for seal in stored_seals(connection):
        count += 1
        copies = copies or _twice(seal, notes) or _copied(seal, before)
        notes.add(seal.note)
        try:
            accepted = policy.accept(seal.note).checkpoint
        except NoAcceptedKey as error:
            signatures = signatures or Fault(UNKNOWN_KEY, seal.size, _named(seal, error))
        except IntegrityBroken as error:
            signatures = signatures or Fault(error.kind or MODIFIED, seal.size, _named(seal, error))
        else:
            consistency = consistency or continues(nodes, accepted, events=events, good=good)
            good = good if consistency else accepted.size
        before = seal
    copies = copies or _last_is_there(connection, before)
    return [
        CheckResult("seals", SEALS, count, copies),
        CheckResult("signatures", SIGNATURES, count, signatures),
        CheckResult("consistency", CONSISTENCY, count, consistency),
    ]


def _named(seal: Seal, error: Exception) -> str:
    return f"checkpoint {seal.number} over {plural(seal.size, 'event')}: {error}"


def _twice(seal: Seal, notes: set[str]) -> Fault | None:
    if seal.note not in notes:
        return None
    return Fault(INSERTED, None, f"checkpoint {seal.number} is a copy of an earlier one")


def _copied(seal: Seal, before: Seal | None) -> Fault | None:
    """Compare a row with its note and with the row before it."""
    number, size = (before.number, before.size) if before else (0, 0)
    if seal.number != number + 1:
        said = f"checkpoint {number + 1} is gone"
        return Fault(DELETED, size + 1, said)
    try:
        checkpoint = seal.checkpoint
    except IntegrityBroken as error:
        return Fault(MODIFIED, seal.size, _named(seal, error))
    if (seal.size, seal.root) != (checkpoint.size, checkpoint.root):
        said = f"checkpoint {seal.number} has columns that differ from its note"
        return Fault(MODIFIED, checkpoint.size, said)
    if checkpoint.size < size:
        said = f"checkpoint {seal.number} covers less than the one before"
        return Fault(REORDERED, checkpoint.size, said)
    return None


def _last_is_there(connection: Connection, last: Seal | None) -> Fault | None:
    """Compare the last number with the highest that the table ever gave."""
    given = highest_given(connection, TABLE)
    number, size = (last.number, last.size) if last is not None else (0, 0)
    if number >= given:
        return None
    return Fault(DELETED, size + 1, f"checkpoint {number + 1} is gone, {given} were signed")


def continues(
    nodes: Nodes, checkpoint: Checkpoint, *, events: int, good: int
) -> Fault | None:
    """Compare a checkpoint with the tree; ``good`` events are vouched for by an earlier one."""
    if checkpoint.size > events:
        said = f"the log has {plural(events, 'event')}, a checkpoint covers {checkpoint.size}"
        return Fault(TRUNCATED, events + 1, said)
    try:
        root = nodes.root(checkpoint.size)
    except IntegrityBroken as error:
        return Fault(error.kind, error.position, str(error))
    if root == checkpoint.root:
        return None
    where = f"the first that differs is among @{good + 1} to @{checkpoint.size}"
    said = f"the first {checkpoint.size} events have another root than was signed; {where}"
    return Fault(FORKED, good + 1, said)


def check_since(
    connection: Connection, nodes: Nodes, policy: TrustPolicy, *, since: str, events: int
) -> CheckResult:
    """Check a checkpoint that somebody kept outside."""
    try:
        accepted = policy.accept(since).checkpoint
    except NoAcceptedKey as error:
        return CheckResult("since", SINCE, 1, Fault(UNKNOWN_KEY, None, str(error)))
    except IntegrityBroken as error:
        return CheckResult("since", SINCE, 1, Fault(error.kind, None, str(error)))
    fault = None
    good = 0
    for seal in stored_seals(connection):
        own = _checkpoint(seal)
        if own is None:
            continue
        if own.origin != accepted.origin:
            said = f"the checkpoint is of {accepted.origin}, this log is {own.origin}"
            fault = first(fault, Fault(UNKNOWN_KEY, None, said))
        elif own.size < accepted.size and not continues(nodes, own, events=events, good=0):
            good = max(good, own.size)
    fault = fault or continues(nodes, accepted, events=events, good=good)
    return CheckResult("since", SINCE, accepted.size, fault)


def _checkpoint(seal: Seal) -> Checkpoint | None:
    try:
        return seal.checkpoint
    except IntegrityBroken:
        return None
