"""Decisions about the ledger itself, which no command to an account makes.

Closes, adopted checks, tags, reconciliations and notices are decided here. Invariant: as with every
command, all that is due runs first (R57), the decision is made under the write lock, and a rule
that refuses leaves one CommandRefused and changes nothing else (R58). This module must not know
what is decided.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from ledger.envelopes import Provenance
from ledger.errors import Refused
from ledger.events import LEDGER_STREAM, CommandRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ledger.application import Ledger
    from ledger.events import AnyEvent, RecordedEvent
    from ledger.store import Writer


class Act:
    """One decision: who asked for it, and how it or its refusal is recorded.

    Its events go into ``stream``. Those of the ledger's own stream carry what was asked, as events
    of commands do; a refusal always does.
    """

    def __init__(
        self, ledger: Ledger, name: str, *, actor: str | None, reason: str | None = None,
        asked: Mapping[str, str | bool] | None = None, stream: str = LEDGER_STREAM,
    ) -> None:  # fmt: skip
        """Note who asks for what, and why."""
        self._ledger, self._stream = ledger, stream
        request = msgspec.Raw(msgspec.msgpack.encode({"do": name, **(asked or {})}))
        self._provenance = Provenance(name, actor, reason, request=request)

    @contextmanager
    def deciding(self) -> Iterator[tuple[Writer, int]]:
        """Decide under the write lock; a refusal is recorded, then raised. Raises: Refused."""
        refused: Refused | None = None
        with self._ledger.transaction() as (writer, now):
            try:
                yield writer, now
            except Refused as error:
                refused = error
                said = CommandRefused(code=error.code, rule=error.rule, message=str(error))
                self._record([said], LEDGER_STREAM, now=now)
        if refused is not None:
            raise refused

    def record(self, events: Iterable[AnyEvent], *, now: int) -> list[RecordedEvent]:
        """Record one batch: each event is caused by the first."""
        return self._record(events, self._stream, now=now)

    def _record(
        self, events: Iterable[AnyEvent], stream: str, *, now: int
    ) -> list[RecordedEvent]:
        provenance = self._provenance
        if stream != LEDGER_STREAM:
            provenance = Provenance(actor=provenance.actor, reason=provenance.reason)
        made: list[RecordedEvent] = []
        for event in events:
            cause = made[0].position if made else None
            made.append(self._ledger.note(event, provenance, stream=stream, now=now, cause=cause))
        return made
