"""Everything that can go wrong with the file or server that keeps the log."""

from __future__ import annotations

from ledger.errors import LedgerError


class StoreError(LedgerError):
    """The store cannot do this."""

    code = "STORE_ERROR"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the remedy apart from the message."""
        super().__init__(message)
        self.hint = hint


class LedgerNotFound(StoreError):
    """There is no ledger at this place (exit 3)."""

    code = "LEDGER_NOT_FOUND"

    def __init__(self, location: str, *, hint: str = "make one with: tally init") -> None:
        """Name the place."""
        super().__init__(f"no ledger at {location!r}", hint=hint)


class LedgerExists(StoreError):
    """A new ledger would overwrite something (exit 6)."""

    code = "LEDGER_EXISTS"

    def __init__(
        self, location: str, *, hint: str = "choose another place with --ledger, or remove it"
    ) -> None:
        """Name the place."""
        super().__init__(f"{location!r} exists", hint=hint)


class NotALedger(StoreError):
    """The file is something else (exit 5)."""

    code = "NOT_A_LEDGER"

    def __init__(self, location: str, *, why: str) -> None:
        """Name the place and what it is."""
        super().__init__(
            f"{location!r} is not a ledger of this program: {why}",
            hint="name a ledger with --ledger or TALLY_LEDGER",
        )


class LedgerDamaged(StoreError):
    """The file cannot be read as it was written (exit 5)."""

    code = "LEDGER_DAMAGED"

    def __init__(self, location: str, *, why: str) -> None:
        """Name the place and what the database says."""
        super().__init__(
            f"{location!r} is damaged: {why}",
            hint="keep the file as it is and restore the last copy beside it",
        )


class LayoutChanged(LedgerDamaged):
    """The schema is not what this program lays out (exit 5)."""

    code = "LAYOUT_CHANGED"

    def __init__(self, location: str, *, why: str, remedy: str) -> None:
        """Name the thing and what to do about it."""
        super().__init__(location, why=why)
        self.args = (f"the schema of {location!r} was changed: {why}",)
        self.hint = f"{remedy}; all that is wrong: tally verify"


class LedgerBusy(StoreError):
    """Another process is writing (exit 6)."""

    code = "LEDGER_BUSY"

    def __init__(self, location: str) -> None:
        """Name the place."""
        super().__init__(
            f"{location!r} is being written by another process", hint="try again in a moment"
        )


class ServerUnreachable(StoreError):
    """The server of the ledger does not answer, or refuses to (exit 6)."""

    code = "SERVER_UNREACHABLE"

    def __init__(self, location: str, *, why: str) -> None:
        """Name the place and what the server says."""
        super().__init__(
            f"the server of {location!r} cannot be used: {why}",
            hint="check the URL, and that the server runs; nothing recorded is lost",
        )


class LedgerReadOnly(StoreError):
    """The place of the ledger takes no writes; it can be read (exit 6)."""

    code = "LEDGER_READ_ONLY"

    def __init__(self, location: str, *, why: str = "") -> None:
        """Name the place."""
        said = f": {why}" if why else ""
        super().__init__(
            f"{location!r} is read-only{said}; nothing was recorded",
            hint="reading works; to record, make it writable or copy it: tally copy FROM TO",
        )


class NoRights(StoreError):
    """Whoever asks has no right to use the ledger, or none to write to it (exit 6)."""

    code = "NO_RIGHTS"

    def __init__(self, location: str, *, why: str, writing: bool = False) -> None:
        """Name the place and what is not allowed."""
        if writing:
            super().__init__(
                f"{location!r} may not be written to: {why}; nothing was recorded",
                hint="what may be read can be read; ask its owner for permission to write",
            )
        else:
            super().__init__(
                f"{location!r} may not be used: {why}",
                hint="ask its owner for permission; nothing recorded is lost",
            )


class CannotKeep(StoreError):
    """The server cannot keep what it was given, such as a text in its encoding (exit 2)."""

    code = "CANNOT_KEEP"

    def __init__(self, location: str, *, why: str) -> None:
        """Name the place and what the server says."""
        super().__init__(
            f"{location!r} cannot keep it: {why}",
            hint="use a database with the encoding UTF8; to move a ledger: tally copy FROM TO",
        )


class CannotOpen(StoreError):
    """The ledger's file cannot be opened or read at the moment (exit 6)."""

    code = "CANNOT_OPEN"

    def __init__(self, location: str, *, why: str, hint: str = "") -> None:
        """Name the place and what the system says."""
        super().__init__(
            f"{location!r} cannot be used: {why}",
            hint=hint or "check the disk and the permissions of file and folder",
        )


class DiskFull(StoreError):
    """There is no room on the disk; what was begun is not there, not even in part (exit 6)."""

    code = "DISK_FULL"

    def __init__(
        self,
        location: str,
        *,
        left: str = "nothing of this batch was recorded",
        hint: str = "make room, then repeat the command (imports: --resume)",
    ) -> None:
        """Name the place, and say what became of what was begun."""
        super().__init__(f"no room to write {location!r}; {left}", hint=hint)


class ColumnsDamaged(StoreError):
    """The columns beside the ledger cannot be read; the log itself is not concerned (exit 6)."""

    code = "COLUMNS_DAMAGED"

    def __init__(self, location: str, *, why: str) -> None:
        """Name the place and what the engine says."""
        super().__init__(
            f"the columns at {location!r} cannot be read: {why}",
            hint="they are derived: tally columns drop, then tally columns build",
        )


class StreamConflict(StoreError):
    """Another event has this version of the stream (exit 6)."""

    code = "STREAM_CONFLICT"


class PositionConflict(StoreError):
    """Rows do not continue the log (exit 6)."""

    code = "POSITION_CONFLICT"
