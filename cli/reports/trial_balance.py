"""``tally report trial-balance``: the balance of every account of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.options import engine_options
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, answer, currency_fields, money, report_command, show
from ledger.errors import InvalidInput
from projections.journal.reports import Line, by_root, trial_balance
from projections.view import FOLD

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.point import Point


@report_command("trial-balance")
@click.option("--summary", is_flag=True, help="One line for all accounts of a kind.")
@engine_options
def report(
    session: Session, output: Output, account: str | None, span: Span, *,
    summary: bool, engine: str | None, master: str,
) -> int:  # fmt: skip
    """Show every account of the books at a point; debits and credits must be equal.

    CNYCPN and its like count coupons, which are no money. ACCOUNT shows what one customer's
    events have posted. Exit 1 if it does not balance.

    \b
    Examples:
      tally report trial-balance
      tally report trial-balance --at 2025-03-31 --summary
      tally report trial-balance --as-of 2025-03-31 --csv -o tb.csv
    """
    derivation = _derivation(session, span.point, account, engine)
    if derivation == FOLD:
        with Progress("books") as progress:
            lines = trial_balance(session.reader, span.point, account, progress)
    else:
        from projections.columns import books  # noqa: PLC0415 - loaded when needed

        columns = session.columns(span.point, derivation, master=master)
        lines = books.trial_balance(columns, span.point)
    totals = _totals(lines)
    if summary:
        lines = by_root(lines)
    rows = [_row(line) for line in lines]
    balanced = all(one["difference"].strip("0.") == "" for one in totals)
    if output.form in ("ndjson", "csv"):
        output.rows(rows)
    elif output.form == "json":
        output.object(
            answer("trial_balance", session, span, account=account, rows=rows,
                   derivation=derivation, totals=totals, balanced=balanced)
        )  # fmt: skip
    else:
        show(
            output, session, span, account, _parts(rows, totals), name="trial-balance",
            title="trial balance", more=("--summary",) if summary else (),
        )  # fmt: skip
    return DONE if balanced else FOUND


def _derivation(session: Session, point: Point, account: str | None, engine: str | None) -> str:
    """Choose how to answer: one customer's books are folded. Raises: InvalidInput."""
    if account is None:
        return session.derivation(point, engine, stored=False)
    if engine in (None, FOLD):
        return FOLD
    msg = f"the books of one account are folded, not asked of {engine}"
    raise InvalidInput(msg, hint="leave out --engine, or ACCOUNT")


def _row(line: Line) -> dict[str, Any]:
    key, amount = line
    return {
        "account": str(key.account), **currency_fields(key.commodity),
        **money(key.commodity, debit=max(amount, 0), credit=max(-amount, 0), balance=amount),
    }  # fmt: skip


def _totals(lines: list[Line]) -> list[dict[str, Any]]:
    sums: dict[str, list[int]] = {}
    for key, amount in lines:
        both = sums.setdefault(key.commodity, [0, 0])
        both[amount < 0] += abs(amount)
    return [
        {
            **currency_fields(name),
            **money(name, debit=debit, credit=credit, difference=debit - credit),
        }
        for name, (debit, credit) in sorted(sums.items())
    ]


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    parts: list[Sheet | str] = []
    for total in totals:
        own = [row for row in rows if row["commodity"] == total["commodity"]]
        written = [
            [row["account"], *(_or_blank(row[side]) for side in ("debit", "credit"))]
            for row in own
        ]
        written.append(["total", total["debit"], total["credit"]])
        parts.append(Sheet([total["commodity"], "debit", "credit"], written, text=1))
        if total["debit"] != total["credit"]:
            parts.append(f"does not balance: {total['difference']}")
    return parts or ["nothing is posted yet"]


def _or_blank(amount: str) -> str:
    return amount if amount.strip("0.") else ""
