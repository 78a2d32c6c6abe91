"""Notices as lines of a file: one JSON object each, on the disk before the attempt is recorded."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from cli.notices.channel import Receipt, bounded, file_of
from cli.outputs import Target
from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cli.notices.channel import Address
    from cli.outputs import KeptPlace
    from projections.notices.kinds import Notice


class FileChannel:
    """A file that grows by a line a notice."""

    def __init__(self, address: Address, *, kept: Iterable[KeptPlace] = ()) -> None:
        """Open it. Raises: OSError, InvalidInput (a pipe, the ledger, a key, another file)."""
        self.name = address.name
        path = file_of(address.parts)
        Target(str(path)).check(kept)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._file = os.open(path, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise _not_ours(path, "is not a file")
            if os.pread(self._file, 1, 0) not in (b"", b"{", b"\n"):
                raise _not_ours(path, "holds something other than notices")
        except InvalidInput:
            os.close(self._file)
            raise

    def send(self, notice: Notice, body: bytes) -> Receipt:
        """Append one line."""
        del notice
        try:
            size = os.fstat(self._file).st_size
            torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
            line = (b"\n" if torn else b"") + body + b"\n"
            written = os.write(self._file, line)
            if written != len(line):
                return Receipt(taken=False, said=f"only {written} of {len(line)} bytes fit")
            os.fsync(self._file)
        except OSError as error:
            return Receipt(taken=False, said=bounded(error.strerror or str(error)))
        return Receipt(taken=True, said=f"line of {len(line)} bytes")

    def close(self) -> None:
        """Close it."""
        os.close(self._file)


def _not_ours(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{str(path)!r} {why}", hint="use a separate file")
