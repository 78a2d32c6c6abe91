"""Recheck: decide the whole history again and list every difference with what was recorded.

Invariant: an untouched ledger under the same policy has none, not even a position.
This module must not know how differences are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.rehearsal.changes import Changes
from ledger.rehearsal.differences import Pair, compare
from ledger.rehearsal.replay import Rehearsal, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ledger.events import RecordedEvent
    from ledger.store import Reader

MISSING, EXTRA, DIFFERENT, ORDER = "missing", "extra", "different", "order"
PROGRESS_STEPS = 1000


class Difference(NamedTuple):
    """One event in which the record and the rules disagree.

    Attributes:
        kind: ``missing`` (recorded, the rules do not lead to it), ``extra`` (the rules lead to
            it, not recorded), ``different`` (in some fields), ``order`` (at another position).

    """

    kind: str
    recorded: RecordedEvent | None
    derived: RecordedEvent | None

    @property
    def event(self) -> RecordedEvent:
        """The recorded event, or the one that should have been."""
        found = self.recorded or self.derived
        assert found is not None  # noqa: S101 - a difference has at least one side
        return found


class Recheck:
    """One run over a history.

    Attributes:
        checked: events that were recorded, or that should have been, so far.

    """

    def __init__(
        self,
        reader: Reader,
        *,
        account: str | None = None,
        policy: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Choose what to decide again, and under which policy instead of the recorded one."""
        self.rehearsal = Rehearsal(
            reader,
            accounts=None if account is None else {account},
            changes=Changes(policy=policy or {}),
        )
        self.checked = 0
        self._account = account
        self._whole = account is None
        self._policy = policy or {}
        self._progress = progress

    def differences(self) -> Iterator[Difference]:
        """Give the differences, those of paired batches in the order of the log."""
        differ = False
        for pair in compare(self._steps()):
            if self._account is not None and not self._own(pair):
                continue
            self.checked += 1
            if not pair.same:
                differ = True
                yield _difference(pair)
            elif self._whole and not differ and _shifted(pair):
                differ = True
                yield Difference(ORDER, pair.recorded, pair.derived)

    def _own(self, pair: Pair) -> bool:
        event = pair.recorded or pair.derived
        return event is not None and event.stream == f"account:{self._account}"

    def _steps(self) -> Iterator[Step]:
        for count, step in enumerate(self.rehearsal.run()):
            if self._progress is not None and count % PROGRESS_STEPS == 0 and step.recorded:
                self._progress(step.recorded[0].position)
            yield step


def _difference(pair: Pair) -> Difference:
    if pair.recorded is None:
        return Difference(EXTRA, None, pair.derived)
    if pair.derived is None:
        return Difference(MISSING, pair.recorded, None)
    return Difference(DIFFERENT, pair.recorded, pair.derived)


def _shifted(pair: Pair) -> bool:
    one, other = pair.recorded, pair.derived
    return one is not None and other is not None and one.position != other.position
