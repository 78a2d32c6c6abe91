"""``tally check``: standing checks, and the first position at which one fails."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import point_line, strong, write
from ledger.events import ACCOUNT_PREFIX
from ledger.quoting import plural
from projections.answers.hunting import Adopted, Checks, Judged
from projections.answers.terms import Instant
from projections.evidence.digests import point_of
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point
    from projections.standing import Finding, StandingCheck
    from projections.view import When


@click.command("check")
@click.argument("file", metavar="FILE.toml")
@click.option("--period", metavar="PERIOD",
              help="Evaluate checks of closes at the end of this period.")  # fmt: skip
@click.option("--adopt", metavar="NAME",
              help="Record the file, to require it as check:NAME in close_requires.")  # fmt: skip
@click.option("--actor", help="Who adopts it.")
@click.option("--reason", help="Why.")
@tally_command(rows=True, point=True)
def command(
    session: Session, output: Output, *, file: str, period: str | None, adopt: str | None,
    actor: str | None, reason: str | None, when: When,
) -> int:  # fmt: skip
    """Evaluate standing checks: expressions over accounts, identities of the books, or SQL.

    Each must hold at every position (always), at each close, or now. The first position
    at which one fails is printed. Exits with status 1 when one fails. docs/CHECKS.md has more.

    \b
    Examples:
      tally check month-end.toml
      tally check month-end.toml --period 2025-03
      tally check month-end.toml --position 1200 --json
      tally check month-end.toml --adopt month-end --actor ops/lin
    """
    from cli.querying import rows_of  # noqa: PLC0415 - loaded when needed
    from projections.standing import evaluate  # noqa: PLC0415 - as above

    text, checks = _read(session, file)
    if adopt is not None:
        if period is not None or when is not None:
            raise click.UsageError("--adopt records the file: omit the point and the period")
        return _adopt(session, output, adopt, text, actor=actor, reason=reason)
    point = session.at(when)
    end = _end_of(session, period, point)
    rows = []
    with Progress("check") as progress:
        for done, check in enumerate(checks, 1):
            finding = evaluate(
                session.reader, check, point, offset=session.offset, end=end,
                rows=partial(rows_of, session),
            )  # fmt: skip
            rows.append(_row(session, check, finding))
            progress(done, len(checks))
    good = all(row.ok for row in rows)
    found = Checks(point=session.shown(point), ok=good, checks=rows)
    if not output.answered(found, "checks"):
        write(strong(point_line(found.point)))
        for row in rows:
            _line(row)
        bad = sum(not row.ok for row in rows)
        write(f"{plural(len(rows), 'check')}, {bad} failing" if bad else "every check holds")
    return DONE if good else FOUND


def _read(session: Session, file: str) -> tuple[str, list[StandingCheck]]:
    """Read a file of checks. Raises: InvalidInput, OSError, NoSuchThing (an account)."""
    from pathlib import Path  # noqa: PLC0415 - loaded when needed

    from projections.standing_file import read_checks  # noqa: PLC0415 - as above
    from projections.toml import BYTES_MAX  # noqa: PLC0415 - as above

    with Path(file).open("rb") as opened:
        raw = opened.read(BYTES_MAX + 1)
    checks = read_checks(raw, repr(file))
    known = {stream.removeprefix(ACCOUNT_PREFIX) for stream in session.reader.streams()}
    for account in (name for check in checks for name in check.accounts if name not in known):
        raise session.no_account(account)
    return raw.decode("utf-8-sig"), checks


def _adopt(
    session: Session, output: Output, name: str, text: str, *,
    actor: str | None, reason: str | None,
) -> int:  # fmt: skip
    """Record a file of checks, so that a close can require it."""
    from ledger.decisions.adopting import adopt  # noqa: PLC0415 - loads the write side

    recorded = adopt(session.ledger, name, text, actor=actor, reason=reason)
    if output.human:
        write(f"adopted {name} [@{recorded.position}]")
        write(f"a close requires it while close_requires names check:{name}")
    else:
        output.object(Adopted(name=name, position=recorded.position))
    return DONE


def _end_of(session: Session, period: str | None, point: Point) -> Point | None:
    """Return the point of a period's last second, as known at the point."""
    if period is None:
        return None
    from ledger.closes import check_ended  # noqa: PLC0415 - loaded when needed
    from ledger.periods import read_period  # noqa: PLC0415 - loaded when needed

    wanted = read_period(period, session.offset)
    check_ended(wanted, now=session.now, offset=session.offset)
    return point_of(session.reader, at=wanted.last, position=point.position)


def _row(session: Session, check: StandingCheck, found: Finding) -> Judged:
    row = None if found.first_bad is None else session.reader.row(found.first_bad)
    at = None if row is None else Instant.at(row.recorded_at, session.offset)
    said = check.expr or check.sql or ", ".join(check.books)
    return Judged(
        name=check.name, when=check.when, ok=found.ok, checked=found.checked,
        failing=found.failing, first_bad=found.first_bad, recorded_at=at,
        account=found.account, says=said,
    )  # fmt: skip


def _line(row: Judged) -> None:
    if row.ok:
        write(f"ok  {row.name} ({row.when}, {row.checked} times)")
        return
    who = f" in {row.account}" if row.account else ""
    write(f"NO  {row.name} ({row.when}): {row.says}")
    write(f"    fails first at @{row.first_bad}, {short(row.recorded_at)}{who}; "
          f"{row.failing} failing")  # fmt: skip
