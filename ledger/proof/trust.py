"""Whom to believe: the log's and the witnesses' public keys, in one file (C2SP tlog-policy).

Invariant: a checkpoint is accepted if a key listed for its origin signed it, no signature of a
listed key is wrong, and the quorum of witnesses cosigned it. The file is kept outside the ledger:
a ledger cannot vouch for itself. This module must not know where the file is.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.errors import UNKNOWN_KEY, UNSIGNED, IntegrityBroken, InvalidInput, NoSuchThing
from ledger.proof.notes import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    VerifierKey,
    read_checkpoint,
    read_note,
    signers,
)

NONE = "none"


class NoAcceptedKey(NoSuchThing):
    """The policy accepts no key of this log: it is missing, or another log's (exit 3)."""

    code = "NO_ACCEPTED_KEY"

    def __init__(self, origin: str) -> None:
        """Name the log."""
        super().__init__(
            f"no key is accepted for the log {origin}",
            hint="name the policy of this log with --trust; whoever keeps the log hands it out",
        )


class Group(NamedTuple):
    """A group witnesses what at least ``threshold`` of its members witness."""

    threshold: int
    members: tuple[str, ...]


class Accepted(NamedTuple):
    """A checkpoint whose signatures hold, and who made them."""

    checkpoint: Checkpoint
    note: Note
    keys: tuple[VerifierKey, ...]


class TrustPolicy:
    """Accepted logs and witnesses, and how many witnesses it takes."""

    def __init__(self) -> None:
        """Accept nobody yet."""
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum = NONE

    @classmethod
    def of(cls, *logs: VerifierKey) -> TrustPolicy:
        """Accept these logs, without witnesses."""
        policy = cls()
        policy.logs = list(logs)
        return policy

    @classmethod
    def read(cls, text: str) -> TrustPolicy:
        """Read a policy file. Raises: InvalidInput, BadNote."""
        policy = cls()
        quorums = 0
        for number, line in enumerate(text.split("\n"), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                quorums += policy._read_line(words)
            except (ValueError, IndexError):
                msg = f"line {number} of the policy cannot be read: {line.strip()[:80]!r}"
                raise InvalidInput(msg, hint="lines: log, witness, group, quorum") from None
        if quorums != 1:
            msg = f"the policy has {quorums} quorum lines"
            raise InvalidInput(msg, hint="add one line: quorum none")
        return policy

    def _read_line(self, words: list[str]) -> int:
        kind = words[0]
        if kind == "log":
            self.logs.append(_key(words[1], ED25519))
        elif kind == "witness":
            self._new(words[1])
            self.witnesses[words[1]] = _key(words[2], COSIGNATURE)
        elif kind == "group":
            self._new(words[1])
            members = tuple(words[3:])
            taken = {name for group in self.groups.values() for name in group.members}
            if set(members) - self._names() or taken & set(members) or not members:
                raise ValueError(words)
            named = {"any": 1, "all": len(members)}
            threshold = named[words[2]] if words[2] in named else int(words[2])
            if not 1 <= threshold <= len(members) or len(set(members)) != len(members):
                raise ValueError(words)
            self.groups[words[1]] = Group(threshold, members)
        elif kind == "quorum":
            if words[1] != NONE and words[1] not in self._names():
                raise ValueError(words)
            self.quorum = words[1]
            return 1
        else:
            raise ValueError(words)
        return 0

    def _names(self) -> set[str]:
        return {*self.witnesses, *self.groups}

    def _new(self, name: str) -> None:
        if name == NONE or name in self._names():
            raise ValueError(name)

    def __str__(self) -> str:
        """Write it as a policy file."""
        lines = [f"log {key}" for key in self.logs]
        lines += [f"witness {name} {key}" for name, key in self.witnesses.items()]
        lines += [
            f"group {name} {group.threshold} {' '.join(group.members)}"
            for name, group in self.groups.items()
        ]
        return "\n".join([*lines, f"quorum {self.quorum}"]) + "\n"

    def accept(self, text: str) -> Accepted:
        """Check a signed checkpoint. Raises: IntegrityBroken, BadNote, NoAcceptedKey."""
        note = read_note(text)
        checkpoint = read_checkpoint(note.text)
        if not self.logs:
            raise NoAcceptedKey(checkpoint.origin)
        keys = self.signers(note, checkpoint.origin, "checkpoint")
        cosigners = {name for name, key in self.witnesses.items() if key in keys}
        if self.quorum != NONE and not self._witnessed(self.quorum, cosigners):
            msg = f"not cosigned by the quorum {self.quorum!r} of witnesses"
            raise IntegrityBroken(msg, kind=UNSIGNED)
        return Accepted(checkpoint, note, tuple(keys))

    def signers(self, note: Note, origin: str, what: str) -> list[VerifierKey]:
        """Return who signed a note, a key of the log among them. Raises: IntegrityBroken."""
        keys = signers(note, (*self.logs, *self.witnesses.values()))
        if not any(key.name == origin for key in keys if key.algorithm == ED25519):
            msg = f"no key that is accepted for {origin} signed this {what}"
            raise IntegrityBroken(msg, kind=UNKNOWN_KEY)
        return keys

    def _witnessed(self, name: str, cosigners: set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigners
        return sum(self._witnessed(one, cosigners) for one in group.members) >= group.threshold


def _key(text: str, algorithm: int) -> VerifierKey:
    key = VerifierKey.read(text)
    if key.algorithm != algorithm:
        raise ValueError(text)
    return key
