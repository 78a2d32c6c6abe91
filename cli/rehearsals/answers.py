"""Forecast, flip and why-not as JSON.

Invariant: a proposal is printed as the command that tries it. This module must not know click
or the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.rehearsals.written import Writers, command_json, error_json, whatif_command
from ledger import commands as c
from ledger import requests
from ledger.errors import REFUSALS
from ledger.events import account_of
from ledger.periods import format_instant
from ledger.rehearsal.flip import SKIP
from projections.answers.state import state_of
from projections.point import Point, config_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.events import RecordedEvent
    from ledger.rehearsal.flip import Flip
    from ledger.rehearsal.forecast import Forecast
    from ledger.rehearsal.why_not import Tried
    from ledger.store import Reader
    from projections.answers.terms import Formatter

Json = dict[str, Any]


def flip_json(flip: Flip, write: Formatter) -> Json:
    """Write a change that would have changed the decision, with the command that tries it."""
    shown: Json = {
        "kind": flip.kind,
        "by": write.instant(flip.at),
        "amount": write.money(flip.amount),
        "currency": write.currency,
    }
    if flip.kind == SKIP:
        shown["skip"] = flip.skip
        shown["try"] = f"tally whatif --skip {flip.skip}"
    elif flip.command is not None:
        shown["insert"] = command_json(flip.command, at=flip.at, offset=write.offset)
        shown["try"] = whatif_command(flip.command, at=flip.at, offset=write.offset)
    return shown


def cure_json(flip: Flip, write: Formatter) -> Json:
    """Write a command that, given now, would have another one accepted."""
    command: Json = {}
    if flip.command is not None:
        command = command_json(flip.command, at=None, offset=write.offset)
    return {
        "kind": flip.kind,
        "amount": write.money(flip.amount),
        "currency": write.currency,
        "command": command,
    }


def why_not_json(
    command: c.AnyCommand,
    answer: Tried,
    cures: Iterable[Flip],
    *,
    now: int,
    writers: Writers,
) -> Json:
    """Write what would become of a command: ``tally.why_not/1``."""
    account = getattr(command, "account", None)
    write = writers.of(account)
    return {
        "schema": "tally.why_not/1",
        "account": account,
        "at": write.instant(now),
        "command": command_json(command, at=None, offset=write.offset),
        "position": None,
        "accepted": answer.refused is None,
        "duplicate": answer.duplicate,
        "refused": error_json(answer.refused, write) if answer.refused is not None else None,
        "currency": write.currency,
        "events": [] if answer.refused else [writers.event(one).plain() for one in answer.made],
        "cures": [cure_json(cure, write) for cure in cures],
    }


def forecast_json(
    reader: Reader, found: Forecast, *, to: int, now: int, account: str | None
) -> Json:
    """Write what is to come: ``tally.forecast/1``."""
    head = reader.head().position
    today = config_at(reader, Point(now, now, head, everything=True))
    writers = Writers(reader, today)
    then = Point(to, to, head + len(found.events), everything=True)
    offset = today.policy.calendar_offset
    return {
        "schema": "tally.forecast/1",
        "account": account,
        "from": format_instant(now, offset),
        "to": format_instant(to, offset),
        "position": head,
        "events": [writers.event(one).plain() for one in found.events],
        "states": [
            state_of(state, found.config.policy, then).plain()
            for _, state in sorted(found.states.items())
        ],
    }


def past_refusal_json(
    recorded: RecordedEvent, found: Iterable[Flip], writers: Writers
) -> Json:
    """Write a refusal of the past and what would have had it accepted: ``tally.why_not/1``."""
    event = recorded.event
    account = account_of(recorded.stream)
    write = writers.of(account)
    command = requests.from_request(recorded.request)
    return {
        "schema": "tally.why_not/1",
        "account": account,
        "at": write.instant(recorded.effective_at),
        "command": command_json(command, at=None, offset=write.offset),
        "position": recorded.position,
        "accepted": False,
        "duplicate": False,
        "refused": {
            "code": getattr(event, "code", None),
            "message": getattr(event, "message", None),
            "rule": getattr(event, "rule", None),
            "needed": write.money(getattr(event, "needed", None)),
            "available": write.money(getattr(event, "available", None)),
            "hint": _remedy(getattr(event, "code", "")),
        },
        "currency": write.currency,
        "events": [],
        "flips": [flip_json(one, write) for one in found],
    }


def _remedy(code: str) -> str:
    return next((kind.remedy for kind in REFUSALS if kind.code == code), "")
