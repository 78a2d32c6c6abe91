"""Signed notes and checkpoints: texts of a few lines with Ed25519 signatures (C2SP).

Formats: c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature (Ed25519). Invariant: reading
is strict: every meaning has one canonical form, and what is read is written again byte for byte.
This module must not know ledgers, files or clocks.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256
from typing import NamedTuple

from ledger.errors import UNKNOWN_KEY, UNSIGNED, IntegrityBroken

ED25519 = 0x01
COSIGNATURE = 0x04

_DASH = "\N{EM DASH} "
_SIGNATURES_MAX = 64
_PRIVATE = "PRIVATE+KEY+"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CHECKPOINT_LINES = 3


class BadNote(IntegrityBroken):
    """A text is not a signed note, checkpoint, key or proof."""

    code = "BAD_NOTE"


class SecondSpelling(BadNote):
    """A note says the same bytes in another spelling: no carrier does that, somebody did."""


def read_base64(text: str) -> bytes:
    """Read standard base64 in canonical form. Raises: BadNote, SecondSpelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw:
        raise BadNote(f"{text[:60]!r} is not base64")
    if base64.b64encode(raw).decode() != text:
        raise SecondSpelling(f"{text[:60]!r} is not base64 in canonical form: it was altered")
    return raw


def write_base64(raw: bytes) -> str:
    """Write standard base64."""
    return base64.b64encode(raw).decode()


def read_size(text: str) -> int:
    """Read a decimal without leading zeroes. Raises: BadNote."""
    if not _SIZE.fullmatch(text):
        raise BadNote(f"{text[:60]!r} is not a size")
    return int(text)


def check_name(name: str) -> str:
    """Refuse what cannot be the name of a key. Raises: BadNote."""
    if not name or "+" in name or any(one.isspace() or ord(one) < ord(" ") for one in name):
        raise BadNote(f"{name!r} cannot name a key: no spaces, no plus")
    return name


class VerifierKey(NamedTuple):
    """A public key with its name and what its signatures are."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of the hash of name, algorithm and key."""
        material = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return sha256(material).digest()[:4]

    def __str__(self) -> str:
        """Write it as a vkey: name, key id, key."""
        raw = write_base64(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{raw}"

    @classmethod
    def read(cls, text: str) -> VerifierKey:
        """Read a vkey. Raises: BadNote."""
        name, key_id, raw = _three(text)
        material = read_base64(raw)
        if material[0] not in (ED25519, COSIGNATURE) or len(material) != 1 + _KEY_BYTES:
            raise BadNote(f"the key of {name!r} is not an Ed25519 key")
        key = cls(check_name(name), material[0], material[1:])
        if key.key_id.hex() != key_id:
            raise BadNote(f"the key of {name!r} has the id {key.key_id.hex()}, not {key_id}")
        return key

    def signed_by(self, text: str, raw: bytes) -> bool:
        """Check a signature (without its key id) of a note's text."""
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(raw) != _TIME_BYTES + _SIGNATURE_BYTES:
                return False
            message = cosigned(text, int.from_bytes(raw[:_TIME_BYTES], "big"))
            raw = raw[_TIME_BYTES:]
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - loaded late
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above

        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify(raw, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey(NamedTuple):
    """A private key: it signs checkpoints, or cosigns those of others."""

    name: str
    algorithm: int
    seed: bytes

    @property
    def verifier(self) -> VerifierKey:
        """Its public half."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - loaded late

        public = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return VerifierKey(self.name, self.algorithm, public.public_bytes_raw())

    def __str__(self) -> str:
        """Write it as Go's sumdb tools do."""
        raw = write_base64(bytes([self.algorithm]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{raw}"

    def __repr__(self) -> str:
        """Show no secret."""
        return f"SigningKey({self.name!r})"

    @classmethod
    def read(cls, text: str) -> SigningKey:
        """Read a private key. Raises: BadNote, which does not repeat it."""
        if not text.startswith(_PRIVATE):
            raise BadNote("this is not a private key", hint="make one with: tally keys new")
        try:
            name, key_id, raw = _three(text.removeprefix(_PRIVATE))
            material, name = read_base64(raw), check_name(name)
        except BadNote:  # its message may hold a part of the key
            raise BadNote("the private key is cut or was changed") from None
        if material[0] not in (ED25519, COSIGNATURE) or len(material) != 1 + _KEY_BYTES:
            raise BadNote("the private key is not an Ed25519 key")
        key = cls(name, material[0], material[1:])
        if key.verifier.key_id.hex() != key_id:
            raise BadNote("the private key does not match its key id")
        return key

    def sign(self, text: str, *, time: int = 0) -> str:
        """Return the signature line of a note's text; ``time`` (POSIX) is for cosignatures."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - loaded late

        message, head = text.encode(), b""
        if self.algorithm == COSIGNATURE:
            message, head = cosigned(text, time), time.to_bytes(_TIME_BYTES, "big")
        raw = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        return f"{_DASH}{self.name} {write_base64(self.verifier.key_id + head + raw)}\n"


def cosigned(text: str, time: int) -> bytes:
    """Return what a witness signs."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _three(text: str) -> tuple[str, str, str]:
    parts = text.strip().split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, key id, key
        raise BadNote("a key is written as NAME+ID+KEY")
    return parts[0], parts[1], parts[2]


class Signature(NamedTuple):
    """One signature line, taken apart."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def time(self) -> int:
        """When a cosignature says it was made (POSIX)."""
        return int.from_bytes(self.raw[:_TIME_BYTES], "big")


class Note(NamedTuple):
    """A text and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Write it as it was read."""
        lines = (f"{_DASH}{s.name} {write_base64(s.key_id + s.raw)}\n" for s in self.signatures)
        return f"{self.text}\n{''.join(lines)}"


def read_note(text: str) -> Note:
    """Read a signed note strictly; no signature is checked yet. Raises: BadNote."""
    if any(ord(one) < ord(" ") and one != "\n" for one in text):
        raise BadNote("a note has no control characters")
    head, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise BadNote("a note is a text, an empty line and signatures", kind=UNSIGNED)
    lines = tail[:-1].split("\n")
    if len(lines) > _SIGNATURES_MAX:
        raise BadNote(f"a note has at most {_SIGNATURES_MAX} signatures")
    return Note(head + "\n", tuple(_read_signature(line) for line in lines))


def _read_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise BadNote(f"{line[:60]!r} is not a signature line", kind=UNSIGNED)
    raw = read_base64(encoded)
    if len(raw) <= 4:  # noqa: PLR2004 - the key id alone
        raise BadNote(f"the signature of {name!r} is empty", kind=UNSIGNED)
    return Signature(check_name(name), raw[:4], raw[4:])


def signers(note: Note, keys: tuple[VerifierKey, ...]) -> list[VerifierKey]:
    """Return the known keys that signed a note; unknown ones are passed over.

    Raises: IntegrityBroken when a known key's signature is wrong, or none is of a known key.
    """
    found: list[VerifierKey] = []
    for signature in note.signatures:
        for key in keys:
            if (key.name, key.key_id) != (signature.name, signature.key_id):
                continue
            if not key.signed_by(note.text, signature.raw):
                msg = f"the signature of {key.name} is wrong: the text or the signature was changed"
                raise IntegrityBroken(msg, kind=UNSIGNED)
            found.append(key)
    if not found:
        names = ", ".join(sorted({s.name for s in note.signatures}))
        msg = f"signed by {names}, and none of these is a key that is accepted"
        raise IntegrityBroken(msg, kind=UNKNOWN_KEY)
    return found


class Checkpoint(NamedTuple):
    """What a checkpoint says: this log, of this size, has this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{write_base64(self.root)}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text; further lines are refused: they could not be audited.

    Raises: BadNote.
    """
    lines = text.split("\n")
    if len(lines) != _CHECKPOINT_LINES + 1 or lines[3] or not lines[0]:
        raise BadNote("a checkpoint is three lines: origin, size, root")
    root = read_base64(lines[2])
    if len(root) != _KEY_BYTES:
        raise BadNote("a checkpoint's root has 32 bytes")
    return Checkpoint(lines[0], read_size(lines[1]), root)
