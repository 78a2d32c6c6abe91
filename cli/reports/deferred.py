"""``tally report deferred``: the cash of terms, what of it is earned and what is not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, answer, money, report_command, show
from ledger.money import format_minor
from ledger.periods import format_instant
from projections.journal.books import Books, books_at
from projections.journal.chart import DEFERRED, minor_unit

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.journal.schedules import Term


@report_command("deferred")
@click.option("--all", "everything", is_flag=True, help="Include terms that are over or refunded.")
def report(
    session: Session, output: Output, account: str | None, span: Span, *, everything: bool
) -> int:
    """Show each paid term that is not over, earned straight line by the second.

    The total must equal Liabilities:Deferred; exits with status 1 if not.

    \b
    Examples:
      tally report deferred
      tally report deferred --at 2025-03-31 --csv
      tally report deferred a-1 --all
    """
    at = span.point.seen_at
    with Progress("books") as progress:
        books = books_at(session.reader, span.point, account, progress=progress)
    rows = [
        _row(term, at, session.offset)
        for term in books.schedules.terms()
        if everything or term.unearned(at)
    ]
    totals = _totals(books, at)
    ties = all(one["ties"] for one in totals)
    if output.form in ("ndjson", "csv"):
        output.rows(rows)
    elif output.form == "json":
        output.object(
            answer("deferred", session, span, account=account, rows=rows, totals=totals, ties=ties)
        )
    else:
        show(
            output, session, span, account, _parts(rows, totals), name="deferred",
            title="deferred revenue", more=("--all",) if everything else (),
        )  # fmt: skip
    return DONE if ties else FOUND


def _row(term: Term, at: int, offset: int) -> dict[str, Any]:
    amounts = {
        "cash": term.cash, "earned": term.earned(at), "deferred": term.unearned(at),
        "refunded": 0 if term.kept is None else term.cash - term.kept,
    }  # fmt: skip
    return {
        "account": term.account, "instance": term.instance, "order": term.order,
        "position": term.position, "starts": format_instant(term.starts, offset),
        "ends": format_instant(term.ends, offset), "currency": term.currency,
        **{name: format_minor(amount, term.currency) for name, amount in amounts.items()},
    }  # fmt: skip


def _totals(books: Books, at: int) -> list[dict[str, Any]]:
    booked: dict[str, int] = {}
    for key, amount in books.balances(at).items():
        if key.account.root == DEFERRED:
            booked[key.commodity] = booked.get(key.commodity, 0) - amount
    unearned = dict.fromkeys(booked, 0)
    for term in books.schedules.terms():
        if term.cash:
            unearned[term.currency] += term.unearned(at) * minor_unit(term.currency)
    return [
        {
            "currency": name, **money(name, deferred=unearned[name], booked=booked[name]),
            "ties": unearned[name] == booked[name],
        }
        for name in sorted(booked)
    ]  # fmt: skip


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    written = [
        [row["account"], row["instance"], row["order"], row["starts"][:10], row["ends"][:10],
         row["cash"], row["earned"], row["deferred"]]
        for row in rows
    ]  # fmt: skip
    header = ["account", "instance", "order", "starts", "ends", "cash", "earned", "deferred"]
    parts: list[Sheet | str] = [Sheet(header, written, text=5)] if rows else []
    for total in totals:
        tie = "as booked" if total["ties"] else f"but booked {total['booked']}"
        parts.append(f"deferred {total['deferred']} {total['currency']}, {tie}")
    return parts or ["nothing is deferred"]
