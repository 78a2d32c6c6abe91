"""Tallystick: a billing ledger that answers for any of its numbers, at any instant.

Look at a ledger:

    from tallystick import Point, open_ledger

    with open_ledger("tally.db") as ledger:
        state = ledger.account("acme")                      # now
        state = ledger.account("acme", "2025-06-12")        # as it was true then
        then = Point(as_of="2025-06-12")                    # as the page was printed then
        for row in ledger.balances(then).rows:
            print(row.account, row.available, row.currency)

Record in it:

    from tallystick import Ledger, Refused

    with Ledger("tally.db") as ledger:
        try:
            ledger.record("top-up", account="acme", amount="800", channel="alipay", serial="A1")
        except Refused as error:
            print(error.code, error, error.remedy)

Every answer is a struct with typed fields: money is an exact ``decimal.Decimal`` in major units,
an instant an aware ``datetime``. ``answer.plain()`` is the object that the same command prints with
``--json``; ``tally schema NAME`` describes it. A point is a text as on the command line
(``2025-03``, ``@1050``, ``-7d``, ``tag:close-2025-03``, ``AT::KNOWN``), a ``datetime`` or a
``Point``. What goes wrong on purpose is a ``LedgerError`` with a stable ``code``.

The same program as ``tally`` runs as ``python -m tallystick``. More: docs/PYTHON.md.
"""

from ledger.errors import InvalidInput, LedgerError, NoSuchThing, Refused
from ledger.outcomes import Outcome
from ledger.store.errors import StoreError
from projections.answers.balances import Balance, Balances
from projections.answers.books import BookLine, BookTotal, TrialBalance
from projections.answers.diff import Diff, Difference
from projections.answers.events import Event, Log, Show
from projections.answers.reconciling import Reconcile, Reconciliation
from projections.answers.rows import ViewRows
from projections.answers.state import (
    AlertShown,
    AutoRenew,
    CouponShown,
    InstanceRow,
    Instances,
    InstanceShown,
    State,
    Unpaid,
)
from projections.answers.terms import (
    Answer,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Restated,
)
from projections.answers.why import Cause, Flip, Why
from projections.exports import Export, Piece, Terms
from projections.history.points import Point
from projections.pages import Figure, Sheet
from projections.point import Point as ResolvedPoint
from projections.projection import Projection
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.lines import Line, Reference, Statement
from projections.reports import Option, Question, Report
from projections.view import LedgerView
from tallystick.recording import Ledger, open_ledger

__all__ = [
    "AlertShown",
    "Answer",
    "AutoRenew",
    "Balance",
    "Balances",
    "BookLine",
    "BookTotal",
    "Cause",
    "CouponShown",
    "Currency",
    "Diff",
    "Difference",
    "Event",
    "Export",
    "Figure",
    "Flip",
    "Id",
    "InstanceRow",
    "InstanceShown",
    "Instances",
    "Instant",
    "InvalidInput",
    "Ledger",
    "LedgerError",
    "LedgerView",
    "Line",
    "Log",
    "Money",
    "NoSuchThing",
    "Option",
    "Outcome",
    "Part",
    "Piece",
    "Point",
    "PointShown",
    "Projection",
    "Question",
    "Reconcile",
    "Reconciliation",
    "Reference",
    "Refused",
    "Report",
    "ResolvedPoint",
    "Restated",
    "Sheet",
    "Show",
    "State",
    "Statement",
    "StoreError",
    "Terms",
    "TrialBalance",
    "Unpaid",
    "ViewRows",
    "Why",
    "open_ledger",
    "read_amount",
]  # fmt: skip
