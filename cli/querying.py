"""Asks the query of a standing check: what of it is wrong at a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point
    from projections.standing import StandingCheck

MEMORY, SECONDS = "512MB", 60


def rows_of(session: Session, check: StandingCheck, point: Point) -> int:
    """Count the rows that a query gives at a point. Raises: InvalidInput, ExtraMissing."""
    from cli.commands.sql import points_of  # noqa: PLC0415 - an extra
    from cli.queries.engine import Database  # noqa: PLC0415 - an extra

    assert check.sql is not None  # noqa: S101 - asked for queries alone
    engine = Database(session, memory=MEMORY, seconds=SECONDS)
    try:
        answer = engine.ask(check.sql, point, points_of(session, check.sql))
        return sum(1 for _ in answer.rows())
    except InvalidInput as error:
        raise InvalidInput(f"check {check.name!r}: {error}", hint=error.hint) from None
    finally:
        engine.close()
