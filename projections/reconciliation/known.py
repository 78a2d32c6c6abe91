"""What the ledger has of a vendor's statement before it is imported, and what it would leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.periods import SECOND
from projections.answers.results import Previewed
from projections.point import Asked, account_at
from projections.reconciliation.amounts import exact, from_minor
from projections.reconciliation.imports import Known, Left

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ledger.state import AccountState
    from projections.reconciliation.lines import Statement
    from projections.view import LedgerView


def known_of(
    view: LedgerView, statement: Statement, accounts: Sequence[str], named: Iterable[str], *,
    position: int,
) -> Known:  # fmt: skip
    """Gather what the ledger has of the accounts that a statement names, at a position."""
    point = view.point(Asked(position=position))
    begun = point._replace(at=min(point.at, statement.starts - SECOND), everything=False)
    payments: dict[tuple[str, str], str] = {}
    instances: set[tuple[str, str]] = set()
    left: Left = {}
    held: dict[str, int] = {}
    for name in sorted(named):
        state = account_at(view.reader, name, point)
        if state is None:
            continue
        payments |= {(name, serial): channel for channel, serial in state.payments}
        instances |= {(name, instance) for instance in state.instances}
        for bill in state.bills.values():
            rest = from_minor(bill.amount - bill.credited, state.currency)
            left.setdefault((name, bill.instance), []).append((rest, bill.item, bill.posted_at))
        if state.payments or state.bills or state.debts:
            before = account_at(view.reader, name, begun)
            held[name] = from_minor(before.available, state.currency) if before else 0
    return Known(accounts, instances, payments, left, {}, held)


def previewed(state: AccountState, statement: Statement) -> Previewed:
    """Return an account as an import would leave it, beside the file's own figures."""
    account, code = state.account, state.currency
    stated = None
    named = account if account in statement.openings else ""
    if named in statement.openings and code == statement.currency:
        stated = statement.openings[named] + sum(
            statement.effect(line) for line in statement.lines if line.account == named
        )
    held = from_minor(state.cash - state.outstanding, code)
    coupons = sum(one.remaining for one in state.coupons.values())
    return Previewed(
        account=account, currency=code, cash=exact(from_minor(state.cash, code), code),
        coupons=exact(from_minor(coupons, code), code),
        debts=exact(from_minor(state.outstanding, code), code),
        in_file=None if stated is None else exact(stated, code),
        difference=None if stated is None else exact(stated - held, code),
        differs=stated is not None and stated != held,
    )  # fmt: skip
