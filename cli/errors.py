"""From an error to what a person or a program sees: one line or one object, and an exit code.

The exit codes are those of INTERFACE section 1, mapped in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import (
    BadLine,
    CorruptHistory,
    IntegrityBroken,
    InvalidInput,
    LedgerError,
    NoSuchThing,
    Refused,
    SelfReview,
    UnknownEventType,
    WrongBreakState,
)
from ledger.quoting import bounded
from ledger.store.beside import disk_full, is_full
from ledger.store.errors import (
    CannotKeep,
    DiskFull,
    LedgerBusy,
    LedgerDamaged,
    LedgerExists,
    LedgerNotFound,
    NotALedger,
    StoreError,
)

if TYPE_CHECKING:
    from projections.answers.results import ErrorShown

DONE, FOUND, USAGE, NO_SUCH, REFUSED, BROKEN, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130

# What a value from outside may do to Python itself, where no module has said it better.
TOO_MUCH: tuple[type[Exception], ...] = (
    OverflowError, RecursionError, MemoryError, UnicodeError,
)  # fmt: skip
EXPECTED: tuple[type[Exception], ...] = (LedgerError, OSError, *TOO_MUCH)
_TOO_MUCH_SAYS: dict[type[Exception], tuple[str, str]] = {
    OverflowError: ("a number is too large", "give a smaller one"),
    RecursionError: ("a value is nested too deeply", "use fewer levels"),
    MemoryError: ("it does not fit into memory", "do it in smaller parts"),
    UnicodeError: ("a text is not UTF-8", "save it as UTF-8"),
}

# The first class that fits decides; the more special ones come first.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (InvalidInput, USAGE),
    (BadLine, USAGE),
    (NoSuchThing, NO_SUCH),
    (LedgerNotFound, NO_SUCH),
    (Refused, REFUSED),
    (SelfReview, REFUSED),
    (WrongBreakState, REFUSED),
    (CorruptHistory, BROKEN),
    (IntegrityBroken, BROKEN),
    (UnknownEventType, BROKEN),
    (LedgerDamaged, BROKEN),
    (NotALedger, BROKEN),
    (CannotKeep, USAGE),
    (LedgerExists, CONFLICT),
    (LedgerBusy, CONFLICT),
    (DiskFull, CONFLICT),
    (StoreError, CONFLICT),  # read-only, no rights, cannot be opened, a server that is away
    (MemoryError, CONFLICT),
    (OSError, USAGE),
)


def exit_code(error: BaseException | type[BaseException]) -> int:
    """Return the exit code of an error, or of a class of errors."""
    kind = error if isinstance(error, type) else type(_meant(error))
    return next((code for one, code in EXIT_CODES if issubclass(kind, one)), USAGE)


def _meant(error: BaseException) -> BaseException:
    """Tell a full disk where no writer has: stdout, a pipe, a temporary file."""
    if isinstance(error, OSError) and is_full(error):
        return disk_full(str(error.filename or "the output"))
    return error


def _told(error: BaseException) -> tuple[str, str, str | None]:
    """Return the code of an error, what is wrong, and what to do next."""
    error = _meant(error)
    code = error.code if isinstance(error, LedgerError) else type(error).__name__.upper()
    message = str(error)
    hint = getattr(error, "hint", None) or getattr(error, "remedy", None) or None
    if isinstance(error, TOO_MUCH):
        code = "TOO_MUCH"
        kind = next(kind for kind in TOO_MUCH if isinstance(error, kind))
        message, hint = _TOO_MUCH_SAYS[kind]
    if isinstance(error, OSError):
        code, hint = "FILE_ERROR", "check the path and its permissions"
        if error.filename is None and error.strerror:
            message = f"cannot read or write: {error.strerror.lower()}"
            hint = "check its source and destination"
        elif error.strerror:
            message = f"cannot open {str(error.filename)!r}: {error.strerror.lower()}"
    return code, bounded(message), hint and bounded(hint)


def error_shown(error: BaseException) -> ErrorShown:
    """Return ``tally.error/1``."""
    from projections.answers.results import ErrorShown, looked_at  # noqa: PLC0415 - for programs

    code, message, hint = _told(error)
    return ErrorShown(
        code=code, exit=exit_code(error), message=message, hint=hint,  # type: ignore[arg-type]
        facts=looked_at(error),
    )  # fmt: skip


def error_line(error: BaseException) -> str:
    """Describe in one line what is wrong and what to do next."""
    _, message, hint = _told(error)
    return f"error: {message}; {hint}" if hint else f"error: {message}"
