"""``tally check``: standing checks, and the first position at which one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.options import Output, point_options, tally_command
from cli.points import asked
from cli.progress import Progress
from cli.render import plural, point_line, short, strong, write
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX
from ledger.periods import format_instant
from projections.answers import point_json
from projections.evidence.digests import point_of

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point
    from projections.standing import Check, Finding

MEMORY, SECONDS = "512MB", 60


@click.command("check")
@click.argument("file", metavar="FILE.toml")
@click.option("--period", metavar="PERIOD",
              help="Judge what is to hold at closes at the end of this period.")  # fmt: skip
@tally_command(rows=True, point=True)
def command(
    session: Session, output: Output, *, file: str, period: str | None, **options: Any
) -> int:
    """Judge standing checks: expressions over accounts, identities of the books, or SQL.

    Each must hold at every position (always), at each close, or now; the first position
    at which one fails is named. Exits with status 1 when one fails. docs/CHECKS.md has more.

    \b
    Examples:
      tally check month-end.toml
      tally check month-end.toml --period 2025-03
      tally check month-end.toml --position 1200 --json
    """
    from cli.checking import read_checks  # noqa: PLC0415 - loaded when needed

    checks = read_checks(file)
    known = {stream.removeprefix(ACCOUNT_PREFIX) for stream in session.reader.streams()}
    for account in (name for one in checks for name in one.accounts if name not in known):
        raise session.no_account(account)
    point = asked(session, **point_options(options))
    end = _end_of(session, period, point)
    rows = []
    with Progress("check") as progress:
        for done, check in enumerate(checks, 1):
            rows.append(_row(session, check, _judge(session, check, point, end)))
            progress(done, len(checks))
    good = all(row["ok"] for row in rows)
    if output.form == "json":
        shown = point_json(point, session.offset)
        output.object({"schema": "tally.check/1", "point": shown, "ok": good, "checks": rows})
    elif not output.human:
        output.rows(rows)
    else:
        write(strong(point_line(point_json(point, session.offset))))
        for row in rows:
            _line(row)
        bad = sum(not row["ok"] for row in rows)
        write(f"{plural(len(rows), 'check')}, {bad} failing" if bad else "every check holds")
    return DONE if good else FOUND


def _end_of(session: Session, period: str | None, point: Point) -> Point | None:
    """Return the point of a period's last second, as known at the point."""
    if period is None:
        return None
    from ledger.closes import check_ended  # noqa: PLC0415 - loaded when needed
    from ledger.periods import read_period  # noqa: PLC0415 - loaded when needed

    wanted = read_period(period, session.offset)
    check_ended(wanted, now=session.now, offset=session.offset)
    return point_of(session.reader, at=wanted.last, position=point.position)


def _judge(session: Session, check: Check, point: Point, end: Point | None) -> Finding:
    from projections.standing import CLOSES, NOW, judge  # noqa: PLC0415 - loaded when needed

    if check.when == CLOSES and end is not None:
        check, point = check._replace(when=NOW), end
    if check.sql is not None:
        return _ask(session, check, point)
    try:
        return judge(session.reader, check, point, offset=session.offset)
    except InvalidInput as error:
        raise InvalidInput(f"check {check.name!r}: {error}", hint=error.hint) from None


def _ask(session: Session, check: Check, point: Point) -> Finding:
    """Ask a query, at every point that it is to hold at: rows are what is wrong."""
    from projections.standing import (  # noqa: PLC0415 - loaded when needed
        ALWAYS,
        CLOSES,
        Finding,
        close_points,
    )

    if check.when == ALWAYS:
        return _bisected(session, check, point)
    points = [(point.position, point)]
    if check.when == CLOSES:
        points = close_points(session.reader, point)
    failing, first = 0, None
    for position, at in points:
        wrong = _rows_of(session, check, at)
        if wrong:
            failing, first = max(failing, wrong), position if first is None else first
    return Finding(len(points), failing, first)


def _bisected(session: Session, check: Check, point: Point) -> Finding:
    """Find the first position at which a query that stays wrong is wrong, by halving."""
    from projections.standing import Finding  # noqa: PLC0415 - loaded when needed

    asked_for, low, high = 1, 1, point.position
    wrong = _rows_of(session, check, point)
    if not wrong:
        return Finding(asked_for)
    while low < high:
        middle = (low + high) // 2
        row = session.reader.row(middle)
        at = row.recorded_at if row is not None else point.at
        asked_for += 1
        if _rows_of(session, check, point_of(session.reader, at=at, position=middle)):
            high = middle
        else:
            low = middle + 1
    return Finding(asked_for, wrong, low)


def _rows_of(session: Session, check: Check, point: Point) -> int:
    """Count the rows that a query gives at a point. Raises: InvalidInput, ExtraMissing."""
    from cli.commands.sql import points_of  # noqa: PLC0415 - an extra
    from cli.queries.engine import Engine  # noqa: PLC0415 - an extra

    assert check.sql is not None  # noqa: S101 - asked for queries alone
    engine = Engine(session, memory=MEMORY, seconds=SECONDS)
    try:
        answer = engine.ask(check.sql, point, points_of(session, check.sql))
        return sum(1 for _ in answer.rows())
    except InvalidInput as error:
        raise InvalidInput(f"check {check.name!r}: {error}", hint=error.hint) from None
    finally:
        engine.close()


def _row(session: Session, check: Check, found: Finding) -> dict[str, Any]:
    row = None if found.first_bad is None else session.reader.row(found.first_bad)
    at = None if row is None else format_instant(row.recorded_at, session.offset)
    said = check.expr or check.sql or ", ".join(check.books)
    return {
        "name": check.name, "when": check.when, "ok": found.ok, "checked": found.checked,
        "failing": found.failing, "first_bad": found.first_bad, "recorded_at": at,
        "account": found.account, "says": said,
    }  # fmt: skip


def _line(row: dict[str, Any]) -> None:
    if row["ok"]:
        write(f"ok  {row['name']} ({row['when']}, {row['checked']} times)")
        return
    who = f" in {row['account']}" if row["account"] else ""
    write(f"NO  {row['name']} ({row['when']}): {row['says']}")
    write(f"    fails first at @{row['first_bad']}, {short(row['recorded_at'])}{who}; "
          f"{row['failing']} failing")  # fmt: skip
