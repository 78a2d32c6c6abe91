"""What is changed in a rehearsed history: commands put in, left out or altered, policy pinned.

Invariant: a change names facts only, i.e. commands: what the rules made of them is decided
again, never edited. This module must not know how a history is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ledger import commands as c
from ledger import requests
from ledger.errors import InvalidInput
from ledger.periods import format_instant
from ledger.policy import Policy, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.events import RecordedEvent
    from ledger.store import Reader


class Insertion(NamedTuple):
    """A command that was never given, at its instant in the past."""

    at: int
    command: c.AnyCommand


class PriceChange(NamedTuple):
    """A list price from an instant on, in minor units, whatever was set for its sku after that."""

    at: int
    sku: str
    monthly_price: int


class Changes(NamedTuple):
    """Everything that is different from the recorded history.

    Attributes:
        inserts: in the order of their instants; each comes after the commands recorded then.
        skips: positions of the first events of the commands that are left out.
        patches: for each such position, the fields that get another value, as text.
        policy: values in force throughout, whatever was adopted.
        prices: list prices in the order of their instants; a sku named here keeps the price that
            is in force here, whatever was set.
        coupons: for each coupon, the fields of its grant that get another value, as text; None
            for a coupon that was never granted.

    """

    inserts: tuple[Insertion, ...] = ()
    skips: frozenset[int] = frozenset()
    patches: Mapping[int, Mapping[str, str]] = {}
    policy: Mapping[str, str] = {}
    prices: tuple[PriceChange, ...] = ()
    coupons: Mapping[str, Mapping[str, str] | None] = {}

    def since(self, reader: Reader) -> int:
        """Return the instant before which they change nothing; 0 if they hold from the start."""
        if self.policy or self.prices or self.coupons:
            return 0
        rows = map(reader.row, {*self.skips, *self.patches})
        instants = [*(one.at for one in self.inserts), *(row.recorded_at for row in rows if row)]
        return min(instants, default=0)

    def with_inserts(self, *more: Insertion) -> Changes:
        """Put more commands in."""
        inserts = sorted((*self.inserts, *more), key=lambda insert: insert.at)
        return self._replace(inserts=tuple(inserts))


NO_CHANGES = Changes()


def insertion(text: str, *, offset: int, until: int) -> Insertion:
    """Read an inserted command: one line of JSON with its instant ``at``, not after ``until``.

    Raises: InvalidInput.
    """
    command = c.normalise(c.parse(text), offset)
    if command.at is None:
        msg = 'an inserted command needs its instant: "at"'
        raise InvalidInput(msg, hint='{"do": "top-up", "at": "2025-03-09T12:00:00", ...}')
    if command.at > until:
        msg = "an inserted command lies after the ledger's clock"
        raise InvalidInput(msg, hint="for the future use: tally forecast")
    return Insertion(command.at, command)


def with_patch(
    changes: Changes, recorded: RecordedEvent, values: Mapping[str, str], *, offset: int
) -> Changes:
    """Alter a recorded command; with another ``at`` it comes at that instant instead.

    Raises: InvalidInput.
    """
    command = patched(command_of(recorded), values, offset=offset)
    position = recorded.position
    if command.at is None:
        return changes._replace(patches={**changes.patches, position: dict(values)})
    moved = changes._replace(skips=changes.skips | {position})
    return moved.with_inserts(Insertion(command.at, command))


def check_policy(values: Mapping[str, str]) -> None:
    """Refuse policy values that no reading knows. Raises: InvalidInput."""
    Policy().check(dict(values))


def is_command(recorded: RecordedEvent) -> bool:
    """Return whether an event is the first of a command's batch, accepted or refused.

    A close or a reopening is not one that can be decided again: its digests were derived.
    """
    return recorded.command in c.COMMANDS and recorded.cause is None


def command_of(recorded: RecordedEvent) -> c.AnyCommand:
    """Return the command as it was given, its envelope included."""
    command = requests.from_request(recorded.request)
    command.actor, command.reason = recorded.actor, recorded.reason
    return command


def patched(command: c.AnyCommand, values: Mapping[str, str], *, offset: int) -> c.AnyCommand:
    """Return a copy of a recorded command in which some fields have other values.

    Raises: InvalidInput, with a suggestion for a mistyped field.
    """
    fields: dict[str, Any] = msgspec.to_builtins(command)
    known = [*command.__struct_fields__]
    for field in c.INSTANTS:
        if isinstance(fields.get(field), int):
            fields[field] = format_instant(fields[field], offset)
    for key, text in values.items():
        if key not in known:
            hint = did_you_mean(key, known) or "fields: " + " ".join(known)
            msg = f"{fields['do']} has no field {key!r}"
            raise InvalidInput(msg, hint=hint)
        fields[key] = text if isinstance(getattr(command, key), str) else literal(text)
    return c.normalise(_from_fields(fields, values), offset)


def literal(text: str) -> object:
    """Read a number, a list, true, false or null; anything else is a text."""
    try:
        content: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return text if isinstance(content, float) else content


def _from_fields(fields: dict[str, Any], values: Mapping[str, str]) -> c.AnyCommand:
    try:
        return c.from_fields(fields)
    except InvalidInput:
        # A text that looks like a number: an id, a serial.
        return c.from_fields({**fields, **values})
