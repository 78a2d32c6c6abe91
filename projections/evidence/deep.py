"""The derived state compared with the log: stored views, their checkpoints, invariants, closes.

Invariant: it runs only on a log that is whole, and a fault here is drift, never tampering with
the log. This module must not write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import kept
from ledger.certain import certain
from ledger.connection import tables
from ledger.decisions.checklist import Digests
from ledger.errors import DELETED, INSERTED, MODIFIED, CorruptHistory, UnknownEventType
from ledger.events import ACCOUNT_PREFIX, PeriodClosed
from ledger.kept import stream_tiles
from ledger.verification.findings import CheckResult, Fault
from projections import snapshots
from projections.evidence.digests import derive, point_of
from projections.evidence.invariants import check_invariants
from projections.history.closes import recorded_closes
from projections.runner import Views
from projections.stored import LIVE, PROJECTIONS, SHADOW, refolded, stranger

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.store import Reader
    from projections.projection import Projection

    Progress = Callable[[int, int], None]
    Finder = Callable[[Reader], tuple[int, str | None, str]]

VIEW_CHECKPOINTS = "the checkpoint of every stored view is on this log"
VIEWS = "every stored view equals the refold of the whole log, row by row"
REBUILDS = "the rows of an interrupted rebuild equal a fold"
SNAPSHOTS = "every snapshot and kept state of a long stream is what a fold from nothing gives"
TILES = "every tile of a stream holds the bytes of the log"
CLOSES = "a replay reproduces the digests of every period close"
TRUSTED = ("fresh", "behind")


def check_view_checkpoints(reader: Reader) -> CheckResult:
    """Compare the views' checkpoints with the log."""
    connection = reader.connection
    there_are = tables(connection)
    stored: dict[str, int] = {}
    if "checkpoints" in there_are:
        stored = dict(connection.execute("SELECT name, position FROM checkpoints"))
    fault: Fault | None = None
    for view in Views(reader).status():
        there = view.name in stored
        if not there and LIVE + view.name in there_are:
            fault = fault or Fault(DELETED, None, f"view {view.name} has no checkpoint")
        elif there and view.state not in TRUSTED:
            position = stored.pop(view.name)
            kind = MODIFIED if LIVE + view.name in there_are else DELETED
            fault = fault or Fault(kind, position, f"view {view.name} is {view.state}")
        stored.pop(view.name, None)
    for name, position in stored.items():
        fault = fault or Fault(INSERTED, position, f"there is no view {name!r}")
    return CheckResult("view checkpoints", VIEW_CHECKPOINTS, len(PROJECTIONS), fault, derived=True)


def check_derived(
    reader: Reader, progress: Progress | None = None, *, views_stand: bool = True
) -> list[CheckResult]:
    """Refold and compare; judge every invariant over history; derive every close again.

    ``views_stand`` says that the views were caught up; where nothing can be written they may not.
    """
    views = _views(reader, progress) if views_stand else CheckResult(
        "views", VIEWS, 0, derived=True, skipped="they are behind, and cannot be caught up here"
    )  # fmt: skip
    checks = [views, _rebuilds(reader)]
    try:
        checks += [
            CheckResult(
                held.name, held.sentence, held.checked,
                None if held.first_bad is None else _violated(held.first_bad),
                derived=True,
            )
            for held in check_invariants(reader, progress)
        ]  # fmt: skip
        checks += [
            _copies(reader, "snapshots", SNAPSHOTS, {
                "the snapshot": snapshots.first_that_differs,
                "the kept state": kept.first_that_differs,
            }),
            _copies(reader, "tiles", TILES, {"a tile": stream_tiles.first_that_differs}),
            _closes(reader),
        ]  # fmt: skip
    except (CorruptHistory, UnknownEventType) as error:
        fault = Fault(None, None, str(error))
        checks.append(CheckResult("history", "the log can be folded", 0, fault, derived=True))
    return checks


def _violated(position: int) -> Fault:
    return Fault(None, position, f"it does not hold after the batch that ends @{position}")


def _views(reader: Reader, progress: Progress | None) -> CheckResult:
    views = Views(reader)
    drifted = [view for view in views.status() if view.state != "fresh"]
    if drifted:
        fault = Fault(None, None, f"view {drifted[0].name} is {drifted[0].state}, not compared")
        return CheckResult("views", VIEWS, 0, fault, derived=True)
    try:
        rows, difference = views.compare(progress)
    except (CorruptHistory, UnknownEventType) as error:
        return CheckResult("views", VIEWS, 0, Fault(None, None, str(error)), derived=True)
    if difference is None:
        return CheckResult("views", VIEWS, rows, derived=True)
    said = f"view {difference.view} differs at account {difference.account}"
    position = _last_of(reader, difference.account)
    return CheckResult("views", VIEWS, rows, Fault(difference.kind, position, said), derived=True)


def _last_of(reader: Reader, account: str) -> int | None:
    row = reader.connection.execute(
        "SELECT MAX(position) FROM stored_events WHERE originator_id = ?", (f"account:{account}",)
    ).fetchone()
    return int(row[0]) if row[0] is not None else None


def _copies(reader: Reader, name: str, sentence: str, finders: dict[str, Finder]) -> CheckResult:
    """Check what is kept to spare reading and folding, each kind by what finds its first fault."""
    count = 0
    for what, first_that_differs in finders.items():
        more, account, kind = first_that_differs(reader)
        count += more
        if account is not None:
            said = f"{what} of account {account} differs; drop them all: tally projections rebuild"
            return CheckResult(name, sentence, count, Fault(kind, None, said), derived=True)
    return CheckResult(name, sentence, count, derived=True)


def _closes(reader: Reader) -> CheckResult:
    count = 0
    fault: Fault | None = None
    for recorded in recorded_closes(reader):
        event = recorded.event
        assert isinstance(event, PeriodClosed)  # noqa: S101 - recorded_closes gives no other
        count += 1
        point = point_of(reader, at=event.at, position=event.known_position)
        again = derive(reader, point).digests
        committed = Digests(
            event.accounts, event.instances, event.trial_balance, event.instance_states,
            event.balances,
        )  # fmt: skip
        if event.balances is None:  # made before the balances had a digest of their own
            again = again._replace(trial_balance=certain(again.balances), balances=None)
        if again != committed and fault is None:
            said = f"the digests of the close of {event.period} differ from a replay's"
            fault = Fault(None, recorded.position, said)
    return CheckResult("period closes", CLOSES, count, fault, derived=True)


def _rebuilds(reader: Reader) -> CheckResult:
    """Compare every table that is being rebuilt beside a live view with the fold."""
    there = tables(reader.connection)
    noted: dict[str, tuple[int, int, str]] = {}
    if "rebuilds" in there:
        rows = reader.connection.execute("SELECT name, version, target, account FROM rebuilds")
        noted = {name: (version, target, account) for name, version, target, account in rows}
    known = {projection.name: projection for projection in PROJECTIONS}
    strange = next((name for name in noted if name not in known), None)
    fault = None if strange is None else Fault(INSERTED, None, f"there is no view {strange!r}")
    for name, projection in known.items():
        table = f"{SHADOW}{name}"
        if fault is None and (name in noted) != (table in there):
            gone = f"the note of {table}" if table in there else table
            fault = Fault(DELETED, None, f"{gone} is gone: a rebuild of {name} cannot go on")
        elif fault is None and name in noted:
            fault = _rebuild_fault(reader, projection, *noted[name])
    return CheckResult("rebuilds", REBUILDS, len(noted), fault, derived=True)


def _rebuild_fault(
    reader: Reader, projection: Projection, version: int, target: int, account: str
) -> Fault | None:
    """Compare what an interrupted rebuild left with the fold: accounts up to one, at a position."""
    if version != projection.version:
        return Fault(MODIFIED, None, f"the rebuild of {projection.name} is of another version")
    streams = reader.streams(ACCOUNT_PREFIX)
    if not 0 < target <= reader.head().position or (account and account not in streams):
        return Fault(MODIFIED, None, f"the rebuild of {projection.name} stands nowhere")
    names = [stream.removeprefix(ACCOUNT_PREFIX) for stream in streams if stream <= account]
    again = refolded(reader, (projection,), names, until=target, prefix=SHADOW)
    difference = next(
        (one.difference for one in again if one.difference is not None), None
    ) or stranger(reader, (projection,), frozenset(names), SHADOW)
    if difference is None:
        return None
    said = f"{SHADOW}{difference.view} differs at account {difference.account}"
    return Fault(difference.kind, None, said)
