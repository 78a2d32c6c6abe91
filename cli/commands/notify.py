"""``tally notify``: tell customers, over the web, by mail or into a file (R67)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.notices.options import delivery, notice_options, read_kinds
from cli.options import Output, tally_command
from cli.render import flush, point_line, strong, write
from ledger import clock as clocks
from ledger.errors import InvalidInput
from ledger.quoting import plural
from projections.answers.noticing import Attempt, Notices, Notified
from projections.pages import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.bootstrap import Session
    from projections.point import Point
    from projections.view import When


@click.command("notify")
@click.argument("account", required=False)
@click.option("--to", metavar="URL", envvar="TALLY_NOTIFY_TO",
              help="https://..., smtp://... or file://... (or TALLY_NOTIFY_TO).")  # fmt: skip
@click.option("--once", is_flag=True, help="Try each notice once, without waiting.")
@click.option("--list", "listed", is_flag=True, help="List notices and attempts up to a point.")
@notice_options
@tally_command(rows=True, point=True)
def command(
    session: Session, output: Output, *, account: str | None, to: str | None, once: bool,
    listed: bool, when: When, **options: Any,
) -> int:  # fmt: skip
    """Deliver notices: low balance, overdue, stops, expiry, release, auto-renewal.

    Delivery is at least once and in order per account; a failed notice is tried again
    after 1 s, 5 s, 30 s and 2 min. Every attempt is recorded; --list shows what was
    sent to whom, and when. Exits with status 1 when something was not delivered.

    \b
    Examples:
      tally notify --to https://hooks.example.com/billing
      tally notify --to "smtp://mail.example.com/ops@example.com" --once
      tally notify --to file:///var/spool/notices.ndjson --kinds overdue,expired
      tally notify --list acme --known-at 2025-06-12
    """
    if listed:
        point = session.at(when)
        return _list(session, output, account=account, kinds=options["kinds"], point=point)
    if to is None or account is not None or when is not None:
        wrong = "--to is missing" if to is None else "ACCOUNT and a point need --list"
        raise InvalidInput(wrong, hint="see: tally notify --help")
    if session.config.clock == clocks.SYSTEM:
        session.ledger.advance()  # what fell due is told, and decides what else is
    work = delivery(session, to, **options)
    rows: list[Attempt] = []
    for recorded in work.once() if once else work.patiently():
        row = Attempt.of(recorded, session.offset)
        if output.form == "json":
            rows.append(row)
        elif output.human:
            write(_line(row))
        else:
            output.rows([row])
        flush()
    waiting = len(work.outbox)
    if output.form == "json":
        output.object(
            Notified(
                channel=work.outbox.channel, sent=work.sent, failed=work.failed, waiting=waiting,
                attempts=rows,
            )
        )  # fmt: skip
    elif output.human:
        more = f", {waiting} waiting" if waiting else ""
        write(f"{plural(work.sent, 'notice')} sent to {work.outbox.channel}{more}")
    return FOUND if waiting else DONE


def _line(row: Attempt) -> str:
    mark = "sent" if row.taken else f"not taken ({row.attempt})"
    said = "" if row.taken else f": {row.answer}"
    return f"{mark}  {row.account}  {row.kind}  {short(row.at)}{said}"


def _list(
    session: Session, output: Output, *, account: str | None, kinds: Sequence[str], point: Point
) -> int:
    from projections.notices.outbox import attempts  # noqa: PLC0415 - loaded when needed

    wanted = read_kinds(kinds)
    rows = [
        row for recorded in attempts(session.reader, until=point.position)
        if recorded.recorded_at <= point.seen_at
        and (row := Attempt.of(recorded, session.offset)).kind in wanted
        and account in (None, row.account)
    ]  # fmt: skip
    if account is not None and not rows:
        session.state(account, point)  # or say that there is no such account
    found = Notices(point=session.shown(point), rows=rows)
    if not output.answered(found):
        write(strong(point_line(found.point, account or "")))
        for row in rows:
            write(f"@{row.position:<5} {short(row.tried_at):<19} {_line(row)}")
            write(f"{'':26}{row.channel}")
        write(f"{plural(sum(row.taken for row in rows), 'notice')} sent, "
              f"{plural(len(rows), 'attempt')}")  # fmt: skip
    return DONE
