"""How a file gets its name: written beside it, made durable, then named.

Invariant: content appears under its name whole or not at all, and an error leaves nothing beside
it; a full disk is one error, whoever wrote. This module must not know what is written.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from ledger.store.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SPARE: Final = ".part"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
# How engines write the same text.
_NO_ROOM_SAYS: Final = (
    "No space left on device", "Disk quota exceeded", "max_temp_directory_size",
)  # fmt: skip


def is_full(error: BaseException) -> bool:
    """Return whether an error of the system, or of an engine on it, means that a disk is full."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return any(said in str(error) for said in _NO_ROOM_SAYS)


def disk_full(place: str) -> DiskFull:
    """Return the error of an output that there is no room for."""
    return DiskFull(place, left="nothing of it is left there", hint="make room, then repeat it")


@contextmanager
def room_for(place: Path | str) -> Iterator[None]:
    """Let an error name the place, not the spare name beside it. Raises: DiskFull, OSError."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise disk_full(str(place)) from error
        if str(error.filename).endswith(_SPARE):
            error.filename = str(place)
        raise


def spare(path: Path) -> Path:
    """Return an unused hidden name in the same folder."""
    return path.with_name(f".{path.name[:100]}.{os.getpid()}.{os.urandom(4).hex()}{_SPARE}")


@contextmanager
def written_beside(
    path: Path, *, mode: int | None = None, replace: bool = True
) -> Iterator[BinaryIO]:
    """Write a file beside its place, make it durable, then give it its name.

    Raises: FileExistsError (where nothing may be replaced), DiskFull, OSError.
    """
    part = spare(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with room_for(path):
        handle = os.open(part, flags, 0o666 if mode is None else mode)
        try:
            with os.fdopen(handle, "wb") as file:
                if mode is not None:
                    os.fchmod(file.fileno(), mode)  # the umask has no say in a mode that was given
                yield file
                file.flush()
                os.fsync(file.fileno())
            give_name(part, path, replace=replace)
        finally:
            part.unlink(missing_ok=True)


def give_name(part: Path, path: Path, *, replace: bool = True) -> None:
    """Name a whole, durable file, durably. Raises: FileExistsError, OSError."""
    if replace:
        part.replace(path)
    else:
        _name_new(part, path)
    sync(path.parent)


def _name_new(part: Path, path: Path) -> None:
    try:
        os.link(part, path)  # unlike a rename, it never replaces
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.rename(path)


def sync(path: Path) -> None:
    """Make the entries of a folder, or the bytes of a file, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some file systems cannot sync a folder; the file itself is durable
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
