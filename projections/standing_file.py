"""A file of standing checks: TOML, read strictly, every fault with the check that it is in.

It is beside the ledger, or was adopted into the log, where the last one under a name counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ledger import codec
from ledger.errors import InvalidInput
from ledger.events import LEDGER_STREAM, ChecksAdopted
from ledger.policy import did_you_mean
from projections.standing import ALWAYS, BOOKS, WHEN, StandingCheck
from projections.toml import read_toml

if TYPE_CHECKING:
    from ledger.store import Reader

_CHECKS_MAX = 1000
_TEXTS = ("name", "when", "expr", "books", "sql", "currency")
_KEYS = (*_TEXTS, "accounts", "monotone")
_HINT = "see docs/CHECKS.md"


class AdoptedFile(NamedTuple):
    """A file of checks as it was adopted last under its name."""

    name: str
    text: str
    position: int


def adopted(reader: Reader, *, until: int) -> dict[str, AdoptedFile]:
    """Return the checks in force after the first events, by name."""
    found: dict[str, AdoptedFile] = {}
    for recorded in codec.decode_all(
        reader.stream_bodies(LEDGER_STREAM, until_position=until, types=[codec.tag(ChecksAdopted)])
    ):
        event = recorded.event
        if isinstance(event, ChecksAdopted):
            found[event.name] = AdoptedFile(event.name, event.text, recorded.position)
    return found


def read_checks(raw: bytes, what: str) -> list[StandingCheck]:
    """Read the checks of a file; ``what`` names it in errors. Raises: InvalidInput."""
    told = read_toml(raw, what)
    listed = told.pop("check", None)
    if told or not isinstance(listed, list) or not listed:
        raise InvalidInput(f"{what} must hold only tables [[check]]", hint=_HINT)
    if len(listed) > _CHECKS_MAX:
        raise InvalidInput(f"{what} holds more than {_CHECKS_MAX} checks", hint=_HINT)
    found = [_check(one, number) for number, one in enumerate(listed, 1)]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"two checks are named {name!r}", hint="a name is given once")
    return found


def _check(told: object, number: int) -> StandingCheck:
    if not isinstance(told, dict):
        raise InvalidInput(f"check {number} is not a table", hint=_HINT)
    where = f"check {told.get('name', number)!r}"
    for key, cell in told.items():
        if key not in _KEYS:
            hint = did_you_mean(key, list(_KEYS)) or "keys: " + ", ".join(_KEYS)
            raise InvalidInput(f"{where} has an unknown key {key!r}", hint=hint)
        if key in _TEXTS and (not isinstance(cell, str) or not cell.strip()):
            raise InvalidInput(f"{where}: {key} must be a text", hint=_HINT)
    if "name" not in told:
        raise InvalidInput(f"check {number} has no name", hint=_HINT)
    if sum(key in told for key in ("expr", "books", "sql")) != 1:
        raise InvalidInput(f"{where} needs exactly one of expr, books and sql", hint=_HINT)
    when = told.get("when", ALWAYS)
    if when not in WHEN:
        raise InvalidInput(f"{where}: when is {when!r}", hint="one of: " + ", ".join(WHEN))
    made = StandingCheck(
        told["name"], when, told.get("expr"), _books(told, where), told.get("sql"),
        _accounts(told, where), told.get("currency"), _monotone(told, where),
    )  # fmt: skip
    if made.sql is not None and (made.accounts or made.currency is not None):
        raise InvalidInput(f"{where}: a query names its accounts itself", hint=_HINT)
    if made.sql is not None and when == ALWAYS and not made.monotone:
        raise InvalidInput(
            f"{where}: a query cannot run at every position",
            hint='when = "now" or "closes"; or monotone = true, if what failed once fails on',
        )
    return made


def _books(told: dict[str, Any], where: str) -> tuple[str, ...]:
    if "books" not in told:
        return ()
    if told["books"] == "all":
        return BOOKS
    if told["books"] not in BOOKS:
        hint = did_you_mean(told["books"], list(BOOKS)) or "all, or one of: " + ", ".join(BOOKS)
        raise InvalidInput(f"{where}: there is no identity {told['books']!r}", hint=hint)
    return (told["books"],)


def _accounts(told: dict[str, Any], where: str) -> tuple[str, ...]:
    found = told.get("accounts", "all")
    if found == "all":
        return ()
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise InvalidInput(f'{where}: accounts must be "all" or a list of ids', hint=_HINT)
    return tuple(found)


def _monotone(told: dict[str, Any], where: str) -> bool:
    found = told.get("monotone", False)
    if not isinstance(found, bool):
        raise InvalidInput(f"{where}: monotone is true or false", hint=_HINT)
    return found
