"""Closing from the command line: the ledger's decision, then its seal and its pack.

What has to be there for them (a key, a place to write to) is asked for before anything is recorded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cli.querying import rows_of
from cli.release import release
from cli.trusting import read_key
from ledger.checklist import CheckLine
from ledger.closes import check_ended
from ledger.closing import close as close_period
from ledger.errors import WrongState
from ledger.periods import months_of
from ledger.proof.notes import write_base64
from ledger.releases import seal as sign
from projections.evidence.closing import Derivation
from projections.history.closes import read_closes
from projections.runner import Views

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.progress import Progress
    from ledger.closing import Closed
    from ledger.periods import Period

ORDER = "months close in order"


def checklist(session: Session, period: Period, progress: Progress) -> list[CheckLine]:
    """Return the checklist of a close as of now; nothing is recorded. Raises: NoSuchThing."""
    offset = session.offset
    check_ended(period, now=session.now, offset=offset)
    order = CheckLine(ORDER, ok=True, figure=period.name)
    try:
        read_closes(session.reader).check_close(period, months_of(period, offset))
    except WrongState as error:
        order = CheckLine(ORDER, ok=False, figure=str(error))
    derivation = _derivation(session, session.views(), progress)
    with session.reader.snapshot():
        return [order, *derivation.figures(session.reader, period).checklist]


def _derivation(session: Session, views: Views, progress: Progress) -> Derivation:
    return Derivation(views, partial(rows_of, session), progress)


def close(
    session: Session, period: Period, progress: Progress, *,
    override: bool, actor: str | None, reason: str | None,
) -> Closed:  # fmt: skip
    """Close a period. Raises: Refused, PointInTheFuture, InvalidInput."""
    derivation = _derivation(session, Views(session.store.reader, session.store), progress)
    return close_period(
        session.ledger, period, derivation, actor=actor, reason=reason, override=override,
        release=release(),
    )


def closed_json(period: Period, closed: Closed) -> dict[str, Any]:
    """Return ``tally.close/1``: the last month's figures, and a row for every month."""
    rows = [
        {
            "period": getattr(recorded.event, "period", ""), "position": recorded.position,
            "known_position": getattr(recorded.event, "known_position", None),
            "restatements": list(getattr(recorded.event, "restatements", ())),
            **digests._asdict(),
        }
        for recorded, digests in zip(closed.events, closed.digests, strict=True)
    ]  # fmt: skip
    return {
        "schema": "tally.close/1", **rows[-1], "period": period.name, "months": rows,
        "actor": closed.events[0].actor,
        "open_points": [line.name for line in closed.checklist if not line.ok],
        "checks": [
            {"name": line.name, "ok": line.ok, "figure": line.figure} for line in closed.checklist
        ],
    }  # fmt: skip


def seal(session: Session) -> dict[str, Any]:
    """Sign a checkpoint of the log, kept in the ledger. Raises: NoSuchThing."""
    key = read_key(session.location, None)
    with session.store.writing() as writer:
        sealed = sign(writer, (key,), origin=key.name, release=release())
    return {
        "number": sealed.number, "origin": key.name, "size": sealed.size,
        "root": write_base64(sealed.root), "checkpoint": sealed.note,
    }  # fmt: skip
