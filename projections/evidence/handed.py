"""A pack as somebody handed it over: opened without trust, nothing of it unpacked to its names.

Invariant: every entry is looked at before one is read; names, sizes and ratios are bounded, so
that a zip that means harm costs one error. This module must not know what an entry says.
"""

from __future__ import annotations

import json
import re
import stat
import zipfile
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any, Self

from ledger.errors import IntegrityBroken, InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

FILES_MAX = 50_000
TEXT_MAX = 1 << 28  # bytes of an entry that is read as a whole
RATIO_MAX = 400  # how many times its size an entry may have been compressed
RATIO_FREE = 1 << 20  # below this size any compression ratio is accepted
DIGITS_MAX = 20
_PIECE = 1 << 16
_ENCRYPTED = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*", re.ASCII)


def broken(message: str) -> IntegrityBroken:
    """Return the error that a pack does not hold."""
    return IntegrityBroken(message, hint="ask for the pack again, through another channel")


class Handed:
    """An opened pack.

    Attributes:
        sizes: each entry's name and how many bytes it unpacks to.

    """

    def __init__(self, path: Path) -> None:
        """Look at every entry. Raises: InvalidInput (no zip), IntegrityBroken, OSError."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            msg = f"{str(path)!r} is not a pack: {error}"
            raise InvalidInput(msg, hint="name a zip that tally pack wrote") from None
        self.sizes: dict[str, int] = {}
        try:
            entries = self._zip.infolist()
            if len(entries) > FILES_MAX:
                raise broken(f"it has {len(entries)} files")
            for entry in entries:
                self._look_at(entry)
            if sum(entry.compress_size for entry in entries) > path.stat().st_size:
                raise broken("its entries overlap")
        except IntegrityBroken:
            self._zip.close()
            raise

    def _look_at(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        if not _NAME.fullmatch(name) or ".." in name:
            raise broken(f"a file is named {name[:80]!r}")
        if name in self.sizes:
            raise broken(f"two files are named {name}")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise broken(f"{name} is not a plain file")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in (
            zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED,
        ):  # fmt: skip
            raise broken(f"{name} is encrypted, or compressed in an unknown way")
        if entry.file_size > max(RATIO_FREE, RATIO_MAX * entry.compress_size):
            raise broken(f"{name} would unpack to more than it can hold")
        self.sizes[name] = entry.file_size

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._zip.close()

    def open(self, name: str) -> IO[bytes]:
        """Open an entry. Raises: IntegrityBroken."""
        if name not in self.sizes:
            raise broken(f"{name} is missing")
        return self._zip.open(name)

    def text(self, name: str) -> str:
        """Read a text. Raises: IntegrityBroken."""
        if self.sizes.get(name, 0) > TEXT_MAX:
            raise broken(f"{name} is too large")
        with self.open(name) as file:
            return file.read().decode()

    def json(self, name: str) -> Any:  # noqa: ANN401 - JSON of a stranger
        """Read JSON: no fractions, no long numbers, no repeated keys. Raises: IntegrityBroken."""
        return json.loads(
            self.text(name), parse_int=_whole, parse_float=_refuse, parse_constant=_refuse,
            object_pairs_hook=_unique,
        )  # fmt: skip

    def digest(self, name: str) -> tuple[int, str]:
        """Return an entry's size and hash."""
        made, size = sha256(), 0
        with self.open(name) as file:
            while piece := file.read(_PIECE):
                made.update(piece)
                size += len(piece)
        return size, made.hexdigest()


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise broken("a number is too long")
    return int(text)


def _refuse(text: str) -> int:
    raise broken(f"{text[:40]!r} is not an integer")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise broken("a key appears twice in one object")
    return found
