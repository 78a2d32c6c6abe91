"""Adopting a file of standing checks: its text goes into the log, so that a close can require it.

Policy ``close_requires`` names what was adopted as ``check:NAME`` (R65). Invariant: the text that
a close judged is the last one adopted under the name before it; nothing outside the log is asked.
This module must not know what a check says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ledger.decisions import Act
from ledger.errors import InvalidInput
from ledger.events import ChecksAdopted
from ledger.quoting import quoted

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.events import RecordedEvent

ADOPT = "check --adopt"
TEXT_MAX = 1 << 16
_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]{0,98}", re.ASCII)


def adopt(
    ledger: Ledger, name: str, text: str, *, actor: str | None, reason: str | None = None
) -> RecordedEvent:
    """Record a file of checks under a name; the last one counts. Raises: InvalidInput."""
    if not actor:
        raise InvalidInput("adopting checks requires an actor", hint="--actor NAME")
    if not _NAME.fullmatch(name):
        msg = f"{quoted(name)} is not a name for checks"
        raise InvalidInput(msg, hint="lower-case letters, digits, . _ / and -, as in: month-end")
    if len(text.encode()) > TEXT_MAX:
        msg = f"the checks have more than {TEXT_MAX} bytes, and are kept in the log whole"
        raise InvalidInput(msg, hint="adopt only what a close requires")
    act = Act(ledger, ADOPT, actor=actor, reason=reason, asked={"name": name})
    with act.deciding() as (_, now):
        return act.record([ChecksAdopted(name=name, text=text)], now=now)[0]
