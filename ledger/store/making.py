"""New ledgers: a file is filled beside its place and gets its name when it is whole.

Invariant: a command that is refused, killed or out of room leaves no ledger that is there in part.
On a server what is laid out but empty is as good as nothing. This module must not know events.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.store import create_store, is_server, open_reader, place
from ledger.store.beside import disk_full, give_name, room_for, spare, sync
from ledger.store.errors import DiskFull, LedgerExists, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDES: Final = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file


@contextmanager
def new_ledger(location: str, *, replace: bool = False) -> Iterator[str]:
    """Create the schema of a new ledger, and return the place where it is to be filled.

    Raises: LedgerExists, StoreError, InvalidInput, OSError.
    """
    location = place(location)
    if is_server(location):
        _lay_out_on_server(location)
        yield location
        return
    path = Path(realpath(location))  # as the database reads it: x/.. need not exist
    replace = replace or _is_nothing(path)
    if path.exists() and not replace:
        raise LedgerExists(location)
    with named_when_whole(path, location, replace=replace) as part:
        create_store(str(part))
        yield str(part)


def _lay_out_on_server(location: str) -> None:
    try:
        create_store(location)
    except LedgerExists:
        with closing(open_reader(location)) as there:
            if there.head().position:
                raise


def _is_nothing(path: Path) -> bool:
    """Return whether a file is there, but nothing in it."""
    return path.is_file() and not path.stat().st_size


@contextmanager
def named_when_whole(path: Path, location: str, *, replace: bool) -> Iterator[Path]:
    """Yield a hidden place beside a database's, which gets its name when the body has ended.

    Raises: LedgerExists, DiskFull, StoreError, OSError.
    """
    part = spare(path)
    _check_alone(path)
    try:
        with room_for(location):
            yield part
            if any(side.exists() and side.stat().st_size for side in sides_of(part)):
                raise disk_full(location)  # what is beside it could not be moved into it
            sync(part)
            _check_alone(path)
            if replace:
                for side in sides_of(path):
                    side.unlink(missing_ok=True)
            give_name(part, path, replace=replace)
    except FileExistsError:
        raise LedgerExists(location) from None
    except DiskFull:
        raise disk_full(location) from None
    except StoreError as error:  # it is named as the user does
        error.args = tuple(str(said).replace(str(part), location) for said in error.args)
        raise
    finally:
        for one in (part, *sides_of(part)):
            one.unlink(missing_ok=True)


def _check_alone(path: Path) -> None:
    """Refuse a place where somebody is at work on a database. Raises: LedgerExists."""
    for side in sides_of(path):
        # SQLite would take it for a part of the new file.
        if not side.name.endswith("-shm") and side.exists() and side.stat().st_size:
            hint = f"it was left by another {path.name}; move it away, or name another file"
            if path.exists():
                hint = f"another program is using {path.name}; name another file"
            raise LedgerExists(str(side), hint=hint)


def sides_of(path: Path) -> list[Path]:
    """Return where SQLite keeps what belongs to a file."""
    return [path.with_name(path.name + side) for side in SIDES]
