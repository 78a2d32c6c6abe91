"""A pack made again from the events in it, and compared with itself: every file, every byte.

The signed events are put into a ledger of their own, in a temporary folder, and the pack is
written from it as ``tally pack`` does. Invariant: a report that does not follow from the events
differs; nothing outside the pack is asked, but the accepted keys if they are given. verify.py
comes to the same another way.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ledger import codec
from ledger.errors import IntegrityBroken, InvalidInput, LedgerError
from ledger.periods import format_instant, read_period
from ledger.proof.nodes import Nodes
from ledger.proof.notes import read_note, write_base64
from ledger.proof.seals import Seal
from ledger.proof.trust import TrustPolicy
from ledger.quoting import plural
from ledger.store import create_store, open_store
from ledger.store.rows import Row
from projections.answers.proving import CheckpointFound, PackCheck, PackVerified
from projections.evidence.handed import Handed, broken
from projections.evidence.pack import (
    MANIFEST,
    PROGRAM,
    README,
    SCHEMA,
    SIGNATURE,
    PackTerms,
    make_pack,
    manifest_text,
)
from projections.exports.events import split

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.proof.notes import Checkpoint
    from ledger.proof.trust import Accepted
    from ledger.store import Store

    Progress = Callable[[int, int], None]

EVENTS, CHECKPOINT, POLICY = "events.msgpack", "checkpoint", "policy"
SAMPLE = "sample/sample.json"
MANIFEST_SIGNED = "manifest's signature"
OLDER = "tally.manifest/1"
NOT_JUDGED = (README, MANIFEST, PROGRAM)
CANNOT = (
    "that what was recorded is true, or all that happened",
    "that the key's holder wrote no other history before somebody outside saw a checkpoint",
    "the reasons given for entries by hand: they are in the log, and not judged",
)
UNSIGNED = "whether README.txt and verify.py are as they were written: nobody signed the manifest"
_BATCH = 2000
# Whatever else a file that means harm may bring about.
_HARM = (
    LedgerError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ArithmeticError, LookupError,
    TypeError, ValueError, AttributeError, RecursionError, MemoryError, NotImplementedError,
)  # fmt: skip


class _Unsigned(Exception):
    """Nobody signed the manifest."""


class PackVerifier:
    """Runs the checks of a pack one after another, until one does not hold."""

    def __init__(self, path: Path, *, policy: TrustPolicy | None = None) -> None:
        """Remember where the pack is, and whom to believe instead of the pack's own policy."""
        self._path = path
        self._policy = policy
        self._manifest: dict[str, Any] = {}
        self._accepted: Accepted | None = None
        self._store: Store | None = None
        self._older = False
        self._about: tuple[str | None, str | None] = None, None  # period, known at
        self._signed: bool | None = None
        self._checks: list[PackCheck] = []
        self._whole = False  # every check was run

    def run(self, progress: Progress | None = None) -> PackVerified:
        """Run every check. Raises: InvalidInput (no pack)."""
        with TemporaryDirectory() as folder:
            try:
                self._run(Path(folder), progress)
            finally:
                if self._store is not None:
                    self._store.close()
        accepted, (period, known_at) = self._accepted, self._about
        return PackVerified(
            pack=str(self._path), ok=self._whole and all(check.ok for check in self._checks),
            period=period, known_at=known_at,
            checkpoint=None if accepted is None else _shown(accepted.checkpoint),
            keys=[] if accepted is None else [str(key) for key in accepted.keys],
            checks=self._checks, not_judged=sorted(NOT_JUDGED) if self._whole else [],
            signed=self._signed,
            cannot_show=[*CANNOT, *([UNSIGNED] if self._signed is False else [])],
        )  # fmt: skip

    def _run(self, folder: Path, progress: Progress | None) -> None:
        checks: list[tuple[str, Callable[[Handed], str]]] = [
            ("manifest", self._check_manifest), ("files", self._check_files),
            ("signature", self._check_signature), (MANIFEST_SIGNED, self._check_signed),
            ("log", lambda pack: self._check_log(pack, folder)),
            ("made again", lambda pack: self._check_again(pack, progress)),
        ]  # fmt: skip
        try:
            pack = Handed(self._path)
        except IntegrityBroken as error:
            self._say("manifest", str(error), ok=False)
            return
        with pack:
            for name, check in checks:
                try:
                    self._say(name, check(pack), ok=True)
                except _Unsigned:  # what follows from the events can still be shown
                    self._signed = False
                    self._say(name, f"there is no {SIGNATURE}", ok=False)
                except _HARM as error:
                    if self._older:
                        msg = f"{str(self._path)!r} was made by an older program"
                        raise InvalidInput(msg, hint="run the verify.py in it") from None
                    known = isinstance(error, LedgerError)
                    said = str(error) if known else f"it is malformed ({type(error).__name__})"
                    self._say(name, said, ok=False)
                    return
        self._whole = True

    def _say(self, name: str, said: str, *, ok: bool) -> None:
        self._checks.append(PackCheck(name=name, ok=ok, said=said[:200]))

    def _check_manifest(self, pack: Handed) -> str:
        told = pack.json(MANIFEST)
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            self._older = isinstance(told, dict) and told.get("schema") == OLDER
            raise broken(f"its manifest is not a {SCHEMA}")
        if not isinstance(told["period"], str) or not isinstance(told["files"], dict):
            raise broken("its manifest is malformed")
        self._manifest, self._about = told, (str(told["period"]), str(told["known_at"]))
        return f"period {told['period']}, known at {told['known_at']}"

    def _check_files(self, pack: Handed) -> str:
        listed = self._manifest["files"]
        if more := sorted(set(pack.sizes) - set(listed) - {MANIFEST, SIGNATURE}):
            raise broken(f"the manifest does not name {more[0]}")
        for name, told in listed.items():
            size, digest = pack.digest(name)
            if told != {"bytes": size, "sha256": digest}:
                raise broken(f"{name} is not as the manifest says")
        return plural(len(listed), "file")

    def _check_signature(self, pack: Handed) -> str:
        own = TrustPolicy.read(pack.text(POLICY))
        accepted = (self._policy or own).accept(pack.text(CHECKPOINT))
        checkpoint = accepted.checkpoint
        if _shown(checkpoint).plain() != self._manifest["checkpoint"]:
            raise broken("the manifest names another checkpoint")
        self._accepted = accepted
        names = ", ".join(key.name for key in accepted.keys)
        return f"{plural(checkpoint.size, 'event')} of {checkpoint.origin}, signed by {names}"

    def _check_signed(self, pack: Handed) -> str:
        """A key of the log signed the manifest, so every file that it names is as it was."""
        assert self._accepted is not None  # noqa: S101 - the checks run in order
        if SIGNATURE not in pack.sizes:
            raise _Unsigned
        note, checkpoint = read_note(pack.text(SIGNATURE)), self._accepted.checkpoint
        if note.text != manifest_text(checkpoint, pack.digest(MANIFEST)[1]):
            raise broken(f"{SIGNATURE} is about another manifest")
        policy = self._policy or TrustPolicy.read(pack.text(POLICY))
        keys = policy.signers(note, checkpoint.origin, "manifest")
        self._signed = True
        return f"signed by {', '.join(key.name for key in keys)}"

    def _check_log(self, pack: Handed, folder: Path) -> str:
        """Put the events into a ledger of their own; their tree has the signed root."""
        assert self._accepted is not None  # noqa: S101 - the checks run in order
        checkpoint = self._accepted.checkpoint
        location = str(folder / "pack.db")
        create_store(location)
        self._store = store = open_store(location)
        with pack.open(EVENTS) as ahead, pack.open(EVENTS) as behind:
            bodies = split(ahead, behind)
            while batch := [_row(body) for body in islice(bodies, _BATCH)]:
                if batch[-1].position > checkpoint.size:
                    raise broken("there are more events than were signed")
                with store.writing() as writer:
                    writer.append_rows(batch)
        head = store.reader.head().position
        if head != checkpoint.size:
            raise broken(f"{head} events, {checkpoint.size} were signed")
        if Nodes(store.reader.connection).root(head) != checkpoint.root:
            raise broken("an event is not as it was signed")
        return f"root {write_base64(checkpoint.root)}"

    def _check_again(self, pack: Handed, progress: Progress | None) -> str:
        """Write the pack from those events, and compare."""
        assert self._accepted is not None  # noqa: S101 - the checks run in order
        assert self._store is not None  # noqa: S101 - as above
        told, checkpoint = self._manifest, self._accepted.checkpoint
        offset, about = told["offset_us"], pack.json(SAMPLE)
        period = read_period(told["period"], offset)
        if told["starts"] != format_instant(period.starts, offset):
            raise broken("the manifest names two periods")
        terms = PackTerms(
            period, offset, told["currency"], pack.text(POLICY), about["seed"], about["wanted"]
        )
        note = pack.text(CHECKPOINT)
        seal = Seal(1, checkpoint.size, checkpoint.root, note)
        made = make_pack(
            self._store.reader, seal, terms, into=cast("BinaryIO", _Nowhere()), progress=progress
        ).manifest
        for one in (made, told):
            for page in (README, PROGRAM):  # of the program that made it, maybe an older one
                one["files"].pop(page, None)
        for name in sorted({*made["files"], *told["files"]}):
            if made["files"].get(name) != told["files"].get(name):
                raise broken(f"{name} does not follow from the events")
        if made != told:
            differ = sorted(key for key in {*made, *told} if made.get(key) != told.get(key))
            raise broken(f"the manifest's {differ[0]} does not follow from the events")
        return f"{len(made['files'])} files follow from the events, byte for byte"


class _Nowhere(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, raw: Any) -> int:  # noqa: ANN401 - any bytes
        """Close it."""
        return len(raw)


def _shown(checkpoint: Checkpoint) -> CheckpointFound:
    root = write_base64(checkpoint.root)
    return CheckpointFound(origin=checkpoint.origin, size=checkpoint.size, root=root)


def _row(body: bytes) -> Row:
    found = codec.decode_envelope(body)
    return Row(
        found.position, found.stream, found.version, found.event.type, found.recorded_at,
        found.effective_at, body,
    )  # fmt: skip


def verify_pack(
    path: Path, *, policy: TrustPolicy | None = None, progress: Progress | None = None
) -> PackVerified:
    """Verify a pack. Raises: InvalidInput, OSError where there is none to verify."""
    if path.is_dir():
        msg = f"{str(path)!r} is a folder"
        raise InvalidInput(msg, hint="name the zip; its verify.py reads folders too")
    return PackVerifier(path, policy=policy).run(progress)
