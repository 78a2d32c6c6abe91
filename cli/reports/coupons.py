"""``tally report coupons``: every coupon, and the coupon accounts of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, answer, money, report_command, show
from ledger.money import format_minor
from ledger.periods import format_instant
from projections.answers.state import coupon_status
from projections.journal.chart import MEMO, OUTSTANDING, currency_of, minor_unit
from projections.journal.identities import coupons_left
from projections.journal.reports import by_root, trial_balance

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from ledger.state import AccountState


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
    rows: list[dict[str, Any]] = []
    left: dict[str, int] = {}
    states = session.states(point) if account is None else [session.state(account, point)]
    for state in states:
        rows += _rows(state, point.seen_at, session.offset)
        rest = coupons_left(state) * minor_unit(state.currency)
        left[state.currency] = left.get(state.currency, 0) + rest
    with Progress("books") as progress:
        lines = by_root(trial_balance(session.reader, point, account, progress))
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


def _rows(state: AccountState, at: int, offset: int) -> list[dict[str, Any]]:
    return [
        {
            "account": state.account, "coupon": name, "currency": state.currency,
            **{
                part: format_minor(getattr(coupon, part), state.currency)
                for part in ("amount", "used", "forfeited", "remaining")
            },
            "status": coupon_status(coupon, at),
            "starts": format_instant(coupon.starts, offset),
            "ends": format_instant(coupon.ends, offset),
        }
        for name, coupon in sorted(state.coupons.items())
    ]  # fmt: skip


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
