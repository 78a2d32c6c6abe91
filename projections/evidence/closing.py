"""What a close derives: the digests of its months, and the checklist before it (R61, R65).

Invariant: everything is read through one reader that sees one state of the log, so it is of
exactly that position. Nothing is decided here: what refuses a close is the ledger's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ledger import codec
from ledger.account.ordering import next_due
from ledger.decisions.checklist import CheckLine, Figures
from ledger.events import ACCOUNT_PREFIX
from ledger.periods import months_of
from ledger.reconciling import ONE_ACCOUNT, OPEN, REOPENED, register
from projections.evidence.digests import derive, point_of
from projections.journal.chart import format_scaled
from projections.movements import BILL, NOTE, ORDER, PAYMENT, REFUND, REVERSAL, movement
from projections.runner import Views
from projections.standing import CLOSES, evaluate
from projections.standing_file import adopted, read_checks
from projections.stored import fold_accounts, policy_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger.decisions.checklist import Digests
    from ledger.periods import Period
    from ledger.policy import Policy
    from ledger.reconciling import RecordedRun, RunRegister
    from ledger.store import Reader, Writer
    from projections.standing import Rows
    from projections.standing_file import AdoptedFile

    Progress = Callable[[int, int], None]

DUE, VIEWS, BOOKS = "everything due has run", "views equal a refold", "books balance"
# What a file has lines of: a vendor's bills and FOCUS of charges, its transactions of both.
_PAID, _CHARGED = frozenset({PAYMENT, REVERSAL}), frozenset({BILL, NOTE, ORDER, REFUND})
_CHARGES, CSV = ("alibaba-bills", "focus"), "csv"
_NAMED = 3  # accounts that a check line names
CHECK = "check:"  # before the name of adopted checks in the policy


class Derivation:
    """Derives for one close; ``rows`` asks the query of a standing check."""

    def __init__(self, views: Views, rows: Rows, progress: Progress | None = None) -> None:
        """Catch views up through ``views``; ``progress`` counts accounts."""
        self._views = views
        self._rows = rows
        self._progress = progress

    def prepare(self, writer: Writer) -> None:
        """Catch every view up inside the writer's transaction."""
        self._views.catch_up_within(writer)

    def figures(self, reader: Reader, period: Period) -> Figures:
        """Derive what a close looks at and commits, as of the reader's head."""
        position = reader.head().position
        policy = policy_at(reader, position)
        months = months_of(period, policy.calendar_offset)
        digests: list[Digests] = []
        sums: dict[str, int] = {}
        for month in months:
            point = point_of(reader, at=month.last, position=position)
            derived = derive(reader, point, self._progress)
            digests.append(derived.digests)
            sums = derived.sums
        lines = [
            _due(reader, period, position, policy), self._views_line(reader), _books(sums),
            *self._required(reader, months, position, policy),
        ]  # fmt: skip
        return Figures(position, lines, digests)

    def _views_line(self, reader: Reader) -> CheckLine:
        rows, difference = Views(reader).compare(self._progress)
        if difference is None:
            return CheckLine(VIEWS, ok=True, figure=f"{rows} rows")
        figure = f"{difference.view} of {difference.account} differs"
        return CheckLine(VIEWS, ok=False, figure=figure)

    def _required(
        self, reader: Reader, months: Sequence[Period], position: int, policy: Policy
    ) -> Iterator[CheckLine]:
        """Yield a line for each source and each adopted file of checks that policy names."""
        known, checks = register(reader), adopted(reader, until=position)
        for name in policy.close_requires:
            if name.startswith(CHECK):
                there = checks.get(name.removeprefix(CHECK))
                yield self._checks(reader, name, there, months, position, policy)
            else:
                yield _source(reader, known, name, months, position)

    def _checks(
        self, reader: Reader, name: str, there: AdoptedFile | None, months: Sequence[Period],
        position: int, policy: Policy,
    ) -> CheckLine:  # fmt: skip
        """Judge adopted checks: at the end of each month, now, or at every position."""
        if there is None:
            figure = f"no checks are adopted under this name: tally check FILE --adopt {name[6:]}"
            return CheckLine(name, ok=False, figure=figure, required=True)
        said: list[str] = []
        checks = read_checks(there.text.encode(), f"the checks adopted as {there.name}")
        head = point_of(reader, at=reader.head().recorded_at, position=position)
        for check in checks:
            for month in months if check.when == CLOSES else months[-1:]:
                end = point_of(reader, at=month.last, position=position)
                found = evaluate(
                    reader, check, head, offset=policy.calendar_offset, rows=self._rows, end=end
                )
                if not found.ok:
                    who = f" in {found.account}" if found.account else ""
                    said.append(f"{check.name!r} fails first at @{found.first_bad}{who}")
                    break
        figure = "; ".join(said) or f"{len(checks)} hold, as adopted at @{there.position}"
        return CheckLine(name, not said, figure, required=True)


def _due(reader: Reader, period: Period, position: int, policy: Policy) -> CheckLine:
    waiting = sum(
        (due := next_due(state, policy)) is not None and due.at < period.ends
        for state in fold_accounts(reader, reader.accounts(), position)
    )
    return CheckLine(DUE, not waiting, f"{waiting} waiting")


def _books(sums: dict[str, int]) -> CheckLine:
    off = [f"{format_scaled(amount, name)} {name}" for name, amount in sums.items() if amount]
    return CheckLine(BOOKS, not off, ", ".join(off) or "0.00")


def _source(
    reader: Reader, known: RunRegister, source: str, months: Sequence[Period], position: int
) -> CheckLine:
    """Find a signed-off run of a source for every month, nothing unexplained and no break open.

    A break that any run of the source over the month left open counts, whichever was signed off.
    Runs that speak of one account each have to speak of every account that moved together.
    """
    said: list[str] = []
    asked: dict[str, None] = {}  # how what covers was narrowed or loosened
    for month in months:
        runs = _covering(known, source, month)
        missing = [_missing(run) for run in runs]
        open_ = [text for run in runs if (text := _open(known, run))]
        complete = [run for run, text in zip(runs, missing, strict=True) if not text]
        if not runs:
            said.append(f"no run covers {month.name}")
        elif open_:
            said.append(open_[-1])
        elif not complete:
            said.append(missing[-1])
        else:
            chosen = [complete[-1]]
            if all(_accounts(run) for run in complete):  # none speaks of the whole ledger
                chosen = complete
                left = _moved(reader, source, month, position).difference(*map(_accounts, chosen))
                if left:
                    named = ", ".join(sorted(left)[:_NAMED]) + " ..." * (len(left) > _NAMED)
                    said.append(f"no run of {month.name} speaks of {named}")
            asked.update(dict.fromkeys(one for run in chosen for one in run.only))
    good = ", ".join(("unexplained 0.00, 0 breaks open", *asked))
    makers = {run.actor for run in known.runs.values() if run.event.source == source and run.actor}
    return CheckLine(
        f"{source} reconciled", not said, "; ".join(said) or good,
        required=True, makers=tuple(sorted(makers)),
    )  # fmt: skip


def _accounts(run: RecordedRun) -> set[str]:
    """Return the account that a run is narrowed to, if any."""
    return {one.removeprefix(ONE_ACCOUNT) for one in run.only if one.startswith(ONE_ACCOUNT)}


def _moved(reader: Reader, source: str, month: Period, position: int) -> set[str]:
    """Return the accounts of which a file of this source has lines in a month."""
    kinds = _PAID if source == CSV else _CHARGED if source in _CHARGES else _PAID | _CHARGED
    found = set()
    for one in codec.decode_all(reader.bodies_by_effect(until=position, at=month.last)):
        moved = movement(one) if one.effective_at >= month.starts else None
        if moved is not None and moved.kind in kinds:
            found.add(one.stream.removeprefix(ACCOUNT_PREFIX))
    return found


def _covering(known: RunRegister, source: str, month: Period) -> list[RecordedRun]:
    # Statements end with the last second of a day, or with the first of the next.
    return [
        run for run in known.runs.values()
        if run.event.source == source
        and run.event.starts <= month.starts and run.event.ends >= month.last
    ]  # fmt: skip


def _open(known: RunRegister, run: RecordedRun) -> str:
    """Return how many breaks of a run are open; nothing where none is."""
    still = sum(known.breaks[name].state in (OPEN, REOPENED) for name in run.event.breaks)
    return f"run {run.event.run} has {still} open break{'s'[: still != 1]}" if still else ""


def _missing(run: RecordedRun) -> str:
    """Return what a run lacks to stand for its source; nothing where it is complete."""
    event = run.event
    items, channels = (
        any(one.startswith(word) for one in run.only) for word in ("item ", "channel ")
    )
    if items or (channels and not event.matches):  # a file with none of a channel's payments
        return f"run {event.run} compares {', '.join(run.only)} and nothing else"
    unexplained = Decimal(event.opening) + Decimal(event.movements) - Decimal(event.closing)
    if unexplained:
        return f"run {event.run} leaves {unexplained} unexplained"
    return f"run {event.run} is not signed off" if run.signed_by is None else ""
