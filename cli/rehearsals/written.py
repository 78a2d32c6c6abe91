"""Rehearsed events, commands, errors and differences, written as JSON.

Invariant: every amount is written by the projections' formatter in its account's currency.
This module must not know click or the terminal.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from ledger import commands as c
from ledger.certain import certain
from ledger.errors import InvalidInput, LedgerError, Refused
from ledger.events import AMOUNTS, INSTANTS, account_of, type_name
from ledger.money import to_minor
from ledger.periods import format_instant, parse_instant
from ledger.rehearsal.changes import literal
from projections.currencies import Currencies
from projections.history.fields import MONEY, Look, Name, read_all, written
from projections.history.rules_of import rule_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.config import LedgerConfig
    from ledger.policy import Policy
    from ledger.rehearsal.recheck import Difference
    from ledger.releases import Releases
    from ledger.state import AccountState
    from ledger.store import Reader
    from projections.answers.terms import Formatter

Json = dict[str, Any]
_SHIFTING = ("position", "version", "cause", "schema")


class Writers(Currencies):
    """Writers by account: each account has its own currency."""

    def __init__(self, reader: Reader, config: LedgerConfig) -> None:
        """Write in the ledger's offset."""
        offset = config.policy.calendar_offset
        super().__init__(own=config.currency, offset=offset, reader=reader)


# --- recheck ----------------------------------------------------------------------------------


def difference_json(difference: Difference, writers: Writers, releases: Releases) -> Json:
    """Write one difference between the record and the rules."""
    event = difference.event
    recorded, decided = (
        None if one is None else writers.event(one).plain()
        for one in (difference.recorded, difference.derived)
    )
    if decided is not None:
        for key in ("position", "version", "cause"):
            decided[key] = recorded[key] if recorded is not None else None
    return {
        "kind": difference.kind,
        "account": account_of(event.stream),
        "position": difference.recorded.position if difference.recorded is not None else None,
        "type": type_name(type(event.event)),
        "effective_at": certain(recorded or decided)["effective_at"],
        "rule": rule_of(event),
        "release": releases.of(difference.recorded, difference.derived),
        "fields": _fields(recorded, decided),
        "recorded": recorded,
        "decided": decided,
    }


def _fields(recorded: Json | None, decided: Json | None) -> list[Json]:
    if recorded is None or decided is None:
        return []
    one = {**recorded, **recorded["data"]}
    other = {**decided, **decided["data"]}
    names = [name for name in one | other if name not in (*_SHIFTING, "data")]
    return [
        {"field": name, "recorded": one.get(name), "decided": other.get(name)}
        for name in names
        if one.get(name) != other.get(name)
    ]


# --- commands ---------------------------------------------------------------------------------


def command_json(command: c.AnyCommand, *, at: int | None, offset: int) -> Json:
    """Write a command as a line of an import, so that it can be given to ``--insert``."""
    fields: Json = msgspec.to_builtins(command)
    shown: Json = {"do": fields.pop("do")}
    if isinstance(command, c.AccountCommand):
        shown["account"] = fields.pop("account")
    if at is not None:
        shown["at"] = format_instant(at, offset)
    fields.pop("at", None)
    for name, cell in fields.items():
        is_instant = name in c.INSTANTS and isinstance(cell, int)
        shown[name] = format_instant(cell, offset) if is_instant else cell
    return shown


def whatif_command(command: c.AnyCommand, *, at: int, offset: int) -> str:
    """Write the shell command that tries an inserted command."""
    shown = command_json(command, at=at, offset=offset)
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    quoted = text.replace("'", "'\\''")
    return f"tally whatif --insert '{quoted}'"


def error_json(error: LedgerError, write: Formatter) -> Json:
    """Write why a command does not stand: the rule, what was needed and what was there."""
    shown: Json = {"code": error.code, "message": str(error)}
    if isinstance(error, Refused):
        shown["rule"] = error.rule
        shown["needed"] = write.money(error.needed)
        shown["available"] = write.money(error.available)
        shown["hint"] = error.remedy
        if error.facts:
            shown["facts"] = dict(error.facts)
    return shown


def event_value(name: str, text: str, write: Formatter) -> object:
    """Read a new value for an event's field: money, an instant, or what JSON says.

    Raises: InvalidInput, InvalidAmount.
    """
    if text in ("null", "none"):
        return None
    if name in AMOUNTS:
        try:
            return to_minor(Decimal(text), write.currency, least=0, what=name)
        except InvalidOperation:
            msg = f"{name} {text!r} is not an amount"
            raise InvalidInput(msg, hint='write it like "350.00"') from None
    if name in INSTANTS:
        return parse_instant(text, write.offset)
    return literal(text)


# --- what differs ------------------------------------------------------------------------------


def fields_of(
    state: AccountState | None, policy: Policy, seen_at: int
) -> dict[Name, int | str | bool | None]:
    """Return every field of a state; nothing where there is no account."""
    return dict(read_all(Look(state, policy, seen_at))) if state is not None else {}


def diff_rows(
    account: str,
    before: Mapping[Name, Any],
    after: Mapping[Name, Any],
    write: Formatter,
) -> list[Json]:
    """Return a row for each field that differs, like those of ``tally diff``."""
    rows: list[Json] = []
    for name in [*before, *(name for name in after if name not in before)]:
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        row: Json = {
            "account": account,
            "field": str(name),
            "a": written(name, one, write),
            "b": written(name, other, write),
        }
        if name.what.kind == MONEY and one is not None and other is not None:
            row["delta"] = write.money(other - one)
        rows.append(row)
    return rows
