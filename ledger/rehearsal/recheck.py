"""Recheck: decide the whole history again and list every difference with what was recorded.

Invariant: an untouched ledger under the same policy has none, not even a position.
This module must not know how differences are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import codec
from ledger.config import STREAMS
from ledger.events import ACCOUNT_PREFIX, LEDGER_STREAM, account_of
from ledger.rehearsal.changes import Changes
from ledger.rehearsal.differences import Pair, compare
from ledger.rehearsal.rehearsal import Rehearsal, Step, whose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ledger.store import Reader

PROGRESS_STEPS = 1000


def accounts_named(reader: Reader) -> set[str]:
    """Return every account of the log: those that were opened, and those that commands named."""
    refused = map(whose, codec.decode_all(reader.stream_bodies(LEDGER_STREAM)))
    opened = (stream.removeprefix(ACCOUNT_PREFIX) for stream in reader.streams(ACCOUNT_PREFIX))
    return {*opened, *(account for account in refused if account is not None)}


class Recheck:
    """One run over a history, or over the part of some accounts.

    The parts of a division, one of them with the ledger's own streams, find together what one run
    over the whole finds, but for ``order``: positions count across all accounts.

    Attributes:
        checked: events that were recorded, or that should have been, so far.

    """

    def __init__(
        self,
        reader: Reader,
        *,
        accounts: Collection[str] | None = None,
        own_streams: bool = False,
        policy: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Choose what to decide again, and under which policy instead of the recorded one.

        ``own_streams``: with some accounts, judge the ledger's own streams too.
        """
        self.rehearsal = Rehearsal(
            reader,
            accounts=accounts,
            changes=Changes(policy=policy or {}),
        )
        self.checked = 0
        self._reader = reader
        self._whole = accounts is None
        self._accounts = frozenset(accounts or ())
        self._own_streams = own_streams
        self._policy = policy or {}
        self._progress = progress

    def differences(self) -> Iterator[Pair]:
        """Yield the differences, those of paired batches in the order of the log.

        The first event that only its position tells from its record is one, if none was before.
        """
        differ = False
        for pair in compare(self._steps()):
            if not self._whole and not self._own(pair):
                continue
            self.checked += 1
            if not pair.same or (self._whole and not differ and _shifted(pair)):
                differ = True
                yield pair
        if self._own_streams:
            self.checked += sum(
                len(self._reader.stream_bodies(stream))
                for stream in self._reader.streams("")
                if account_of(stream) is None and stream not in STREAMS
            )

    def _own(self, pair: Pair) -> bool:
        account = whose(pair.event)
        return self._own_streams if account is None else account in self._accounts

    def _steps(self) -> Iterator[Step]:
        for count, step in enumerate(self.rehearsal.run()):
            if self._progress is not None and count % PROGRESS_STEPS == 0 and step.recorded:
                self._progress(step.recorded[0].position)
            yield step


def _shifted(pair: Pair) -> bool:
    one, other = pair.recorded, pair.derived
    return one is not None and other is not None and one.position != other.position
