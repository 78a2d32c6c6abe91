"""What a close derives: the digests of its months, and the checklist before it (R61, R65).

Invariant: everything is read through one reader, so in the ledger's own transaction it is of
exactly that position. Nothing is decided here: what refuses a close is the ledger's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ledger.checklist import CheckLine, Digests
from ledger.events import ACCOUNT_PREFIX
from ledger.ordering import next_due
from ledger.periods import months_of
from ledger.reconciling import OPEN, REOPENED, register
from projections.evidence.digests import derive, point_of
from projections.journal.chart import format_scaled
from projections.runner import Views
from projections.stored import fold_accounts, policy_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger.periods import Period
    from ledger.reconciling import Register, Run
    from ledger.store import Reader, Writer
    from projections.evidence.digests import DerivedAt

    Progress = Callable[[int, int], None]

DUE, VIEWS, BOOKS = "everything due has run", "views equal a refold", "books balance"


class Derivation:
    """Derives for one close; what it derived once it keeps."""

    def __init__(self, views: Views, progress: Progress | None = None) -> None:
        """Catch views up through ``views``; ``progress`` counts accounts."""
        self._views = views
        self._progress = progress
        self._made: dict[tuple[int, int], DerivedAt] = {}

    def prepare(self, writer: Writer) -> None:
        """Catch every view up inside the writer's transaction."""
        self._views.catch_up_within(writer)

    def _derive(self, reader: Reader, *, at: int, position: int) -> DerivedAt:
        key = at, position
        if key not in self._made:
            point = point_of(reader, at=at, position=position)
            self._made[key] = derive(reader, point, self._progress)
        return self._made[key]

    def digests(self, reader: Reader, *, at: int, position: int) -> Digests:
        """Derive everything at an instant, as the first ``position`` events know it."""
        return self._derive(reader, at=at, position=position).digests

    def checklist(
        self, reader: Reader, period: Period, required: Sequence[str]
    ) -> list[CheckLine]:
        """Check what a close depends on; ``required`` are the sources that policy names."""
        position = reader.head().position
        policy = policy_at(reader, position)
        names = [stream.removeprefix(ACCOUNT_PREFIX) for stream in reader.streams(ACCOUNT_PREFIX)]
        waiting = sum(
            (due := next_due(state, policy)) is not None and due.at < period.ends
            for state in fold_accounts(reader, names, position)
        )
        rows, difference = Views(reader).compare(self._progress)
        drifted = "" if difference is None else f"{difference.view} of {difference.account}"
        sums = self._derive(reader, at=period.last, position=position).sums
        off = {name: amount for name, amount in sums.items() if amount}
        figures = [f"{format_scaled(amount, name)} {name}" for name, amount in off.items()]
        known = register(reader)
        months = months_of(period, policy.calendar_offset)
        return [
            CheckLine(DUE, not waiting, f"{waiting} waiting"),
            CheckLine(VIEWS, difference is None, f"{drifted} differs" if drifted
                      else f"{rows} rows"),
            CheckLine(BOOKS, not off, ", ".join(figures) or "0.00"),
            *(_source(known, source, months) for source in required),
        ]  # fmt: skip


def _source(known: Register, source: str, months: Sequence[Period]) -> CheckLine:
    """Find a signed-off run of a source for every month, nothing unexplained and no break open."""
    said: list[str] = []
    for month in months:
        missing = list(_covering(known, source, month))
        if not missing:
            said.append(f"no run covers {month.name}")
        elif all(missing):
            said.append(missing[-1])
    makers = {one.actor for one in known.runs.values() if one.event.source == source and one.actor}
    return CheckLine(
        f"{source} reconciled", not said, "; ".join(said) or "unexplained 0.00, 0 breaks open",
        required=True, makers=tuple(sorted(makers)),
    )  # fmt: skip


def _covering(known: Register, source: str, month: Period) -> Iterator[str]:
    """Return what is missing in each run that covers a month; nothing where it is complete."""
    for run in known.runs.values():
        event = run.event
        # Statements end with the last second of a day, or with the first of the next.
        if event.source == source and event.starts <= month.starts and event.ends >= month.last:
            yield _missing(known, run)


def _missing(known: Register, run: Run) -> str:
    event = run.event
    unexplained = Decimal(event.opening) + Decimal(event.movements) - Decimal(event.closing)
    if unexplained:
        return f"run {event.run} leaves {unexplained} unexplained"
    still = sum(known.breaks[name].state in (OPEN, REOPENED) for name in event.breaks)
    if still:
        return f"run {event.run} has {still} open break{'s'[: still != 1]}"
    if run.signed_by is None:
        return f"run {event.run} is not signed off"
    return ""
