"""The trial balance: its figures, from the columns or folded, and its answer.

Invariant: debits equal credits in every commodity, or the answer says that they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from ledger.errors import InvalidInput
from projections.answers.books import TrialBalance, book_line, book_totals
from projections.answers.terms import Instant
from projections.journal.reports import by_root, trial_balance
from projections.opened import FOLD, Opened
from projections.reports import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView


def trial_balance_of(
    view: LedgerView, point: Point, account: str | None, *, summary: bool = False,
    engine: str | None = None, starts: Instant | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TrialBalance:  # fmt: skip
    """Return the balance of every account of the books. Raises: InvalidInput, NoSuchThing."""
    if account is not None:
        view.state(account, point)  # or say that there is no such account
    derivation = _derivation(view, point, account, engine)
    if derivation == FOLD:
        lines = trial_balance(view.reader, point, account, progress)
    else:
        from projections.columns import books  # noqa: PLC0415 - loaded when needed

        columns = view.columns(point, derivation)
        lines = books.trial_balance(columns, point)
    totals = book_totals(lines)
    shown = by_root(lines) if summary else lines
    return TrialBalance(
        point=view.shown(point), starts=starts, account=account,
        rows=[book_line(line) for line in shown],
        derivation=cast("Literal['fold', 'spark', 'sql']", derivation),
        totals=totals, balanced=not any(one.difference for one in totals),
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


def _figures(view: LedgerView, question: Question) -> TrialBalance:
    return trial_balance_of(
        view, question.point, question.account, starts=question.since(view.offset),
        progress=question.progress,
    )  # fmt: skip


REPORT = Report("Every account of the books: debit, credit.", TrialBalance, _figures)
