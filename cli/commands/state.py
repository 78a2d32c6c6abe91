"""``tally state``: one account at a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, account_argument, tally_command
from cli.render import point_line, strong, table, write
from cli.restatements import say_restated, write_was
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.state import AutoRenew, State
    from projections.history.points import Point


@click.command("state")
@account_argument()
@tally_command(point=True)
def command(session: Session, output: Output, account: str, when: Point | None) -> None:
    """Show one account: money, coupons, unpaid items, instances.

    \b
    Examples:
      tally state a-1
      tally state a-1 --at 2025-03-31
      tally state a-1 --as-of 2025-03-31T12:00:00+08:00 --json
    """
    point = session.at(when)
    answer = session.account(account, point)
    session.note_what_is_due()
    if not output.answered(answer):
        page(answer)
        say_restated(answer.restated)
        write_was(session, account, point)


def page(answer: State) -> None:
    """Write an account's state as a page."""
    currency = answer.currency
    write(strong(point_line(answer.point, answer.account)))
    write(f"  cash         {answer.cash:>14} {currency}")
    write(f"  outstanding  {answer.outstanding:>14} {currency}")
    write(f"  available    {answer.available:>14} {currency}")
    write(f"  overdue      {f'since {short(answer.overdue_since)}' if answer.overdue else 'no'}")
    alert = answer.alert
    if alert.threshold is not None:
        raised = "raised" if alert.raised else "quiet"
        write(f"  alert        below {alert.threshold} {currency}, {raised}")
    if answer.unpaid:
        write()
        table(
            ("unpaid", "kind", "amount", "outstanding", "posted", "late"),
            [
                (i.item, i.kind, i.amount, i.outstanding, i.posted_at, i.late)
                for i in answer.unpaid
            ],
        )  # fmt: skip
    if answer.coupons:
        write()
        table(
            ("coupon", "amount", "remaining", "forfeited", "status", "ends"),
            [
                (k.coupon, k.amount, k.remaining, k.forfeited, k.status, k.ends)
                for k in answer.coupons
            ],
        )
    if answer.instances:
        write()
        table(
            ("instance", "kind", "state", "sku", "expires", "auto-renew"),
            [
                (i.instance, i.kind, i.state, i.sku, i.expires_at, _auto(i.auto_renew))
                for i in answer.instances
            ],
        )


def _auto(auto_renew: AutoRenew) -> str:
    if not auto_renew.enabled:
        return "off"
    following = auto_renew.next_attempt_at
    return f"{auto_renew.months} mo, {following.date() if following else 'no slot left'}"
