"""A ledger that records: the read API, and the application that writes.

Invariant: what ``record`` returned for is durable; what a rule refused is in the log as refused,
and raises. This module wires the write side to the views, and decides nothing.
"""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ledger import application, commands
from ledger.clock import SIMULATED, SYSTEM, system_now
from ledger.errors import InvalidInput
from ledger.founding import create
from ledger.money import check_currency
from ledger.periods import parse_instant
from ledger.policy import Policy
from ledger.store import open_store
from ledger.store.making import new_ledger
from projections.history.points import written
from projections.runner import Views
from projections.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ledger.outcomes import Outcome
    from projections.answers.events import Event


def open_ledger(location: str | os.PathLike[str]) -> LedgerView:
    """Open a ledger for looking: a file, or ``postgresql://...``. Use it in a ``with``.

    Nothing is written, so it works in a place that takes no writes. Where the stored views lag
    behind the log, questions about the whole ledger are folded from events: slower, never wrong.
    """
    return LedgerView(os.fspath(location))


class Ledger(LedgerView):
    """A ledger for recording, and for looking. Use it in a ``with``; one thread at a time.

    Other processes may record at the same time: each batch holds the write lock while it is
    decided and appended.
    """

    may_write = True

    def __init__(self, location: str | os.PathLike[str]) -> None:
        """Remember where the ledger is; it is opened when it is needed."""
        super().__init__(os.fspath(location))

    @classmethod
    def create(
        cls, location: str | os.PathLike[str], *, clock: str = SYSTEM,
        start: str | datetime | None = None, currency: str = "CNY",
        policy: Mapping[str, str] | None = None,
    ) -> Ledger:  # fmt: skip
        """Make a new ledger, like ``tally init``. Raises: InvalidInput, LedgerExists.

        ``clock`` is ``system``, or ``simulated`` for one that commands and ``advance`` move from
        ``start`` on.
        """
        check_currency(currency)
        values, readings = dict(policy or {}), Policy()
        readings.check(values)
        readings.adopt(values, at=0)
        if start is not None and clock != SIMULATED:
            raise InvalidInput("start is for a simulated clock", hint='clock="simulated"')
        text = _text(start)
        begins = system_now() if text is None else parse_instant(text, readings.calendar_offset)
        with new_ledger(os.fspath(location)) as fresh, closing(open_store(fresh)) as store:
            create(
                store, clock=clock, start=begins, currency=currency, policy=values,
                ledger=os.urandom(16).hex(),
            )  # fmt: skip
        return cls(location)

    @cached_property
    def application(self) -> application.Ledger:
        """The ledger as an application: it loads, decides and appends."""
        return application.Ledger(self.store, Views(self.store.reader, self.store))

    def record(self, do: str, /, **fields: object) -> Outcome:
        """Record one command: its name and its fields, as ``tally record`` takes them.

        Amounts are texts, integers or Decimals, never floats; instants texts or aware datetimes.
        With ``token`` a repeat is safe: it returns the first result again.
        Raises: Refused (a rule says no; the refusal is in the log), InvalidInput (no command).
        """
        (outcome,) = self.record_all([{"do": do, **fields}])
        if outcome.refused is not None:
            raise outcome.refused
        return outcome

    def record_all(self, wanted: Iterable[Mapping[str, Any]]) -> list[Outcome]:
        """Record commands in order, in one transaction: durable together, or not there.

        A refused command does not stop the others: its outcome says so. Raises: InvalidInput, and
        then nothing is recorded from the first that is not a command on.
        """
        parsed = [commands.from_fields(_fields(one)) for one in wanted]
        outcomes, failure = self.application.execute(parsed)
        self.refresh()
        if failure is not None:
            raise failure
        return outcomes

    def advance(self, to: str | datetime | None = None) -> list[Event]:
        """Record what falls due: up to ``to`` on a simulated clock, up to now on the system's."""
        text = _text(to)
        instant = None if text is None else self.instant(text)
        made = self.application.advance(instant)
        self.refresh()
        return [self.event(one) for one in self.application.recorded(made)]


def _text(given: str | datetime | None) -> str | None:
    return written(given) if isinstance(given, datetime) else given


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(given)
    for name, content in fields.items():
        if isinstance(content, float):
            msg = f"{name} {content!r} is a float, which holds no exact amount"
            raise InvalidInput(msg, hint='give a text, an integer or a Decimal: "350.00"')
        if isinstance(content, datetime):
            fields[name] = written(content)
    return fields
