"""Everything that can go wrong with the file or server that keeps the log."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import LedgerError


class StoreError(LedgerError):
    """The store cannot do this."""

    code = "STORE_ERROR"


class PlaceError(StoreError):
    """Something is wrong with a place.

    Attributes:
        said: the message of a kind: {0} is the place, {1} why, as the system or the server says it.

    """

    said: ClassVar[str]

    def __init__(self, location: str, *, why: str = "", hint: str | None = None) -> None:
        """Name the place and why."""
        super().__init__(self.said.format(location, why), hint=hint)


class LedgerNotFound(PlaceError):
    """There is no ledger at this place (exit 3)."""

    code = "LEDGER_NOT_FOUND"
    said = "no ledger at {0!r}"
    hint = "make one with: tally init"


class LedgerExists(PlaceError):
    """A new ledger would overwrite something (exit 6)."""

    code = "LEDGER_EXISTS"
    said = "{0!r} exists"
    hint = "choose another place with --ledger, or remove it"


class NotALedger(PlaceError):
    """The file is something else (exit 5)."""

    code = "NOT_A_LEDGER"
    said = "{0!r} is not a ledger of this program: {1}"
    hint = "name a ledger with --ledger or TALLY_LEDGER"


class LedgerDamaged(PlaceError):
    """The file cannot be read as it was written (exit 5)."""

    code = "LEDGER_DAMAGED"
    said = "{0!r} is damaged: {1}"
    hint = "keep the file as it is and restore the last copy beside it"


class LayoutChanged(LedgerDamaged):
    """The schema is not what this program lays out (exit 5)."""

    code = "LAYOUT_CHANGED"
    said = "the schema of {0!r} was changed: {1}"


class LedgerBusy(PlaceError):
    """Another process is writing (exit 6)."""

    code = "LEDGER_BUSY"
    said = "{0!r} is being written by another process"
    hint = "try again in a moment"


class ServerUnreachable(PlaceError):
    """The server of the ledger does not answer, or refuses to (exit 6)."""

    code = "SERVER_UNREACHABLE"
    said = "the server of {0!r} cannot be used: {1}"
    hint = "check the URL, and that the server runs; nothing recorded is lost"


class LedgerReadOnly(PlaceError):
    """The place of the ledger takes no writes; it can be read (exit 6)."""

    code = "LEDGER_READ_ONLY"
    said = "{0!r} is read-only{1}; nothing was recorded"
    hint = "reading works; to record, make it writable or copy it: tally copy FROM TO"

    def __init__(self, location: str, *, why: str = "") -> None:
        """Name the place, and why where that is known."""
        super().__init__(location, why=f": {why}" if why else "")


class NoRights(PlaceError):
    """Whoever asks has no right to use the ledger, or none to write to it (exit 6)."""

    code = "NO_RIGHTS"
    said = "{0!r} may not be used: {1}"
    hint = "ask its owner for permission; nothing recorded is lost"


class NoRightsToWrite(NoRights):
    """As above, for one who may read."""

    said = "{0!r} may not be written to: {1}; nothing was recorded"
    hint = "what may be read can be read; ask its owner for permission to write"


class CannotKeep(PlaceError):
    """The server cannot keep what it was given, such as a text in its encoding (exit 2)."""

    code = "CANNOT_KEEP"
    said = "{0!r} cannot keep it: {1}"
    hint = "use a database with the encoding UTF8; to move a ledger: tally copy FROM TO"


class CannotOpen(PlaceError):
    """The ledger's file cannot be opened or read at the moment (exit 6)."""

    code = "CANNOT_OPEN"
    said = "{0!r} cannot be used: {1}"
    hint = "check the disk and the permissions of file and folder"


class DiskFull(PlaceError):
    """There is no room on the disk; what was begun is not there, not even in part (exit 6)."""

    code = "DISK_FULL"
    said = "no room to write {0!r}; {1}"
    hint = "make room, then repeat the command (imports: --resume)"

    def __init__(
        self, location: str, *, left: str = "nothing of this batch was recorded",
        hint: str | None = None,
    ) -> None:  # fmt: skip
        """Name the place, and say what became of what was begun."""
        super().__init__(location, why=left, hint=hint)


class ColumnsDamaged(PlaceError):
    """The columns beside the ledger cannot be read; the log itself is not concerned (exit 6)."""

    code = "COLUMNS_DAMAGED"
    said = "the columns at {0!r} cannot be read: {1}"
    hint = "they are derived: tally columns drop, then tally columns build"


class StreamConflict(StoreError):
    """Another event has this version of the stream (exit 6)."""

    code = "STREAM_CONFLICT"


class PositionConflict(StoreError):
    """Rows do not continue the log (exit 6)."""

    code = "POSITION_CONFLICT"
