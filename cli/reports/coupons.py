"""``tally report coupons``: every coupon, and the coupon accounts of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, answer, money, report_command, show
from ledger.money import format_minor
from ledger.periods import format_instant
from projections.answers.state import status_within
from projections.columns.books import Held, coupons
from projections.journal.chart import MEMO, OUTSTANDING, currency_of, minor_unit
from projections.journal.identities import coupons_left
from projections.journal.reports import by_root, trial_balance
from projections.opened import SQL

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.journal.reports import Line
    from projections.point import Point


@report_command("coupons")
def report(session: Session, output: Output, account: str | None, span: Span) -> int:
    """Show every coupon: its face is what is used, forfeited and left (R1).

    Below it the coupon accounts of the books; Outstanding must equal what is left. Exits with
    status 1 if they disagree.

    \b
    Examples:
      tally report coupons
      tally report coupons a-1 --at 2025-03-31
    """
    point = span.point
    with Progress("books") as progress:
        held, left, lines = _held(session, point, account, progress)
    rows = [_row(one, point.seen_at, session.offset) for one in held]
    lines = by_root(lines)
    memo = [line for line in lines if line.key.account.root.startswith(MEMO)]
    totals = [
        {
            "account": line.key.account.root, "currency": currency_of(line.key.commodity),
            "commodity": line.key.commodity, **money(line.key.commodity, balance=line.amount),
        }
        for line in memo
    ]  # fmt: skip
    booked = {currency_of(line.key.commodity): line.amount for line in memo
              if line.key.account.root == OUTSTANDING}  # fmt: skip
    ties = all(booked.get(currency, 0) == amount for currency, amount in left.items())
    if output.form in ("ndjson", "csv"):
        output.rows(rows)
    elif output.form == "json":
        output.object(
            answer("coupons", session, span, account=account, rows=rows, totals=totals, ties=ties)
        )
    else:
        parts = _parts(rows, totals)
        show(output, session, span, account, parts, name="coupons", title="coupons")
    return DONE if ties else FOUND


def _held(
    session: Session, point: Point, account: str | None, progress: Progress
) -> tuple[list[Held], dict[str, int], list[Line]]:
    """Return every coupon, what is left of them by currency, and the books."""
    if account is None and session.derivation(point, None, stored=False) == SQL:
        return coupons(session.columns(point, SQL), point)
    held: list[Held] = []
    left: dict[str, int] = {}
    states = session.states(point) if account is None else [session.state(account, point)]
    for state in states:
        held += [
            Held(
                state.account, name, state.currency, one.amount, one.used, one.remaining,
                one.forfeited, one.starts, one.ends,
            )
            for name, one in sorted(state.coupons.items())
        ]  # fmt: skip
        rest = coupons_left(state) * minor_unit(state.currency)
        left[state.currency] = left.get(state.currency, 0) + rest
    return held, left, trial_balance(session.reader, point, account, progress)


def _row(one: Held, at: int, offset: int) -> dict[str, Any]:
    return {
        "account": one.account, "coupon": one.coupon, "currency": one.currency,
        **{
            part: format_minor(getattr(one, part), one.currency)
            for part in ("amount", "used", "forfeited", "remaining")
        },
        "status": status_within(one.starts, one.ends, at),
        "starts": format_instant(one.starts, offset),
        "ends": format_instant(one.ends, offset),
    }  # fmt: skip


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    if not rows:
        return ["no coupon was granted"]
    names = ("account", "coupon", "status", "ends", "amount", "used", "forfeited", "remaining")
    written = [
        [row[name][:10] if name == "ends" else row[name] for name in names] for row in rows
    ]
    booked = [[one["account"], one["balance"], one["commodity"]] for one in totals]
    return [
        Sheet(list(names), written, text=4),
        Sheet(["account of the books", "balance", ""], booked, text=1),
    ]
