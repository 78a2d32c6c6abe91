"""Where settings come from: an option, the environment, a tally.toml, or the default.

Invariant: the option after the command wins over the one before it, then TALLY_LEDGER, then the
nearest tally.toml of this folder or one above, then ./tally.db; an empty variable is not set. No
secret is ever part of a setting's value. A tally.toml is read only where it decides.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_LEDGER: Final = "./tally.db"
LEDGER_VARIABLE: Final = "TALLY_LEDGER"
FILE_NAME: Final = "tally.toml"
KEYS: Final = ("ledger",)
OPTION, ENVIRONMENT, FILE, DEFAULT = "option", "environment", "file", "default"
_GIVEN_BEFORE: Final = "tally.ledger"  # of click's context: --ledger before the command


class SettingInForce(NamedTuple):
    """A setting in force: its value, and where it comes from.

    Attributes:
        source: option, environment, file or default.
        where: the option, the variable or the file; None for a default.

    """

    name: str
    value: str | None
    source: str
    where: str | None = None


def ledger_option(help_: str) -> Callable[[Any], Any]:
    """Return the option --ledger, before or after the command."""
    return click.option("--ledger", metavar="PATH|URL", help=help_)


def remember(ctx: click.Context, ledger: str | None) -> None:
    """Keep what was given before the command."""
    if ledger is not None:
        ctx.meta[_GIVEN_BEFORE] = ledger


def ledger_setting(given: str | None, ctx: click.Context | None = None) -> SettingInForce:
    """Find the ledger: ``given`` is the option after the command. Raises: InvalidInput."""
    from ledger.store.places import is_server, place  # noqa: PLC0415 - help opens no ledger

    before = ctx.meta.get(_GIVEN_BEFORE) if ctx is not None else None
    option = given if given is not None else before
    if option is not None:
        return SettingInForce("ledger", place(option), OPTION, "--ledger")
    variable = os.environ.get(LEDGER_VARIABLE)
    if variable:
        return SettingInForce("ledger", place(variable), ENVIRONMENT, LEDGER_VARIABLE)
    path = nearest_file()
    if path is not None:
        named = read_file(path).get("ledger")
        if named is not None:
            found = named if is_server(named) else str(path.parent / place(named))
            return SettingInForce("ledger", place(found), FILE, str(path))
    return SettingInForce("ledger", DEFAULT_LEDGER, DEFAULT)


def nearest_file() -> Path | None:
    """Find the tally.toml of this folder, or of the nearest one above that has one."""
    try:
        here = Path.cwd()
    except OSError:  # the folder is gone, or may not be looked at
        return None
    for folder in (here, *here.parents):
        path = folder / FILE_NAME
        try:
            if path.is_file():
                return path
        except OSError:
            continue
    return None


def read_file(path: Path) -> dict[str, str]:
    """Read a tally.toml. Raises: InvalidInput, OSError."""
    from ledger.policy import did_you_mean  # noqa: PLC0415 - where there is a file
    from projections.toml import BYTES_MAX, read_toml  # noqa: PLC0415 - as above

    with path.open("rb") as file:
        content = read_toml(file.read(BYTES_MAX + 1), repr(str(path)))
    for key, value in content.items():
        if key not in KEYS:
            hint = did_you_mean(key, list(KEYS)) or f"it may have: {', '.join(KEYS)}"
            raise InvalidInput(f"{str(path)!r} has no setting {key!r}", hint=hint)
        if not isinstance(value, str) or not value or "\0" in value:
            msg = f"{key} in {str(path)!r} is not a non-empty text"
            raise InvalidInput(msg, hint=f'write it like {key} = "books/tally.db"')
    return content
