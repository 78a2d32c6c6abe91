"""The trial balance: its figures, from the columns or folded, and its answer.

Invariant: debits equal credits in every commodity, or the answer says that they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from ledger.errors import InvalidInput
from projections.answers.books import TrialBalance, book_line, book_totals
from projections.journal.reports import by_root, trial_balance
from projections.opened import FOLD, Opened
from projections.pages import Page, Sheet
from projections.reports import Option, Report

if TYPE_CHECKING:
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView


def figures(view: LedgerView, question: Question) -> TrialBalance:
    """Return the balance of every account of the books; with ``summary`` a line for a kind.

    ``engine`` chooses how it is derived. Raises: InvalidInput, NoSuchThing.
    """
    point, account, options = question.point, question.account, question.options
    if account is not None:
        view.state(account, point)  # or say that there is no such account
    derivation = _derivation(view, point, account, cast("str | None", options.get("engine")))
    if derivation == FOLD:
        lines = trial_balance(view.reader, point, account, question.progress)
    else:
        from projections.columns import books  # noqa: PLC0415 - loaded when needed

        lines = books.trial_balance(view.columns(point, derivation), point)
    totals = book_totals(lines)
    shown = by_root(lines) if options.get("summary") else lines
    return TrialBalance(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        rows=[book_line(line) for line in shown],
        derivation=cast("Literal['fold', 'spark', 'sql']", derivation),
        totals=totals, balanced=not any(total.difference for total in totals),
        restated=view.restated("trial-balance", point, account),
    )  # fmt: skip


def _derivation(view: Opened, point: Point, account: str | None, engine: str | None) -> str:
    """Choose how to answer: one customer's books are folded. Raises: InvalidInput."""
    if account is None:
        return view.derivation(point, engine, stored=False)
    if engine in (None, FOLD):
        return FOLD
    msg = f"the books of one account are always folded, not queried with {engine}"
    raise InvalidInput(msg, hint="omit --engine or ACCOUNT")


def page(found: TrialBalance) -> Page:
    """Show the accounts of each commodity, and its total."""
    parts: list[Sheet | str] = []
    for total in found.totals:
        rows: list[tuple[object, ...]] = [
            (row.account, row.debit or "", row.credit or "")
            for row in found.rows if row.commodity == total.commodity
        ]  # fmt: skip
        rows.append(("total", total.debit, total.credit))
        parts.append(Sheet((total.commodity, "debit", "credit"), rows))
        if total.difference:
            parts.append(f"does not balance: {total.difference}")
    return parts or ["nothing is posted yet"]


REPORT = Report(
    """Show every account of the books at a point; debits and credits must be equal.

    Commodities such as CNYCPN count coupons, which are not money. With ACCOUNT, shows the
    postings of one customer. Exits with status 1 if it does not balance.
    """,
    TrialBalance, figures, page,
    examples=(
        "tally report trial-balance", "tally report trial-balance --at 2025-03-31 --summary",
        "tally report trial-balance --as-of 2025-03-31 --csv -o tb.csv",
    ),
    title="trial balance", span=False, holds="balanced",
    options=(Option("summary", "One line per type of account."), Option("engine", kind="engine")),
)  # fmt: skip
