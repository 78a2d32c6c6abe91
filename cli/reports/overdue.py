"""``tally report overdue``: who owes since when, by age."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.render import WIDTH, table, write
from cli.reports.sheet import Span, answer, heading, report_command, source
from ledger.events import ACCOUNT_PREFIX
from ledger.money import format_minor
from ledger.periods import DAY, format_instant
from ledger.quoting import plural

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from ledger.state import AccountState

# Days since an item was posted, both ends included; the last has no end.
AGES = ((0, 1), (2, 7), (8, 30), (31, 60), (61, 90), (91, None))
BUCKETS = tuple("90+" if last is None else f"{first}-{last}" for first, last in AGES)


@report_command("overdue")
def report(session: Session, output: Output, account: str | None, span: Span) -> None:
    """Show every account that is overdue: since when, how much, and how old its items are.

    An item's age is counted from when it was posted (R9), in whole days.

    \b
    Examples:
      tally report overdue
      tally report overdue --at 2025-03-31 --csv -o overdue.csv
      tally report overdue --html -o overdue.html
    """
    point = span.point
    if output.form == "html":
        sys.stdout.write(_html(session, span, account))
        return
    states = session.owing(point) if account is None else [session.state(account, point)]
    rows = [row_of(state, point.seen_at, session.offset) for state in states if state.items]
    totals = _totals(rows)
    if output.form == "csv":  # one plain cell an age, and how many items
        output.rows(
            {
                **{name: cell for name, cell in row.items() if name != "ages"},
                "items": len(row["items"]), **row["ages"],
            }
            for row in rows
        )  # fmt: skip
    elif output.form == "ndjson":
        output.rows(rows)
    elif output.human:
        heading("overdue", session, span, account)
        _page(rows, totals)
    else:
        output.object(
            answer("overdue", session, span, account=account, rows=rows, totals=totals)
        )


def _html(session: Session, span: Span, account: str | None) -> str:
    from projections.html.overdue import overdue_page  # noqa: PLC0415 - for --html alone
    from projections.reports.overdue import overdue_spans  # noqa: PLC0415 - the same

    streams = session.reader.streams(ACCOUNT_PREFIX)
    names = [one.removeprefix(ACCOUNT_PREFIX) for one in streams] if account is None else [account]
    found = list(overdue_spans(session.reader, span.point, names))
    made = source("overdue", session, span, account)
    return overdue_page(found, made, ends=span.point.seen_at, offset=session.offset)


def row_of(state: AccountState, at: int, offset: int) -> dict[str, Any]:
    """Write what an account owes, item by item and by age."""
    sums = dict.fromkeys(BUCKETS, 0)
    items = sorted(state.items.values(), key=lambda item: (item.posted_at, item.item))
    for item in items:
        sums[_bucket((at - item.posted_at) // DAY)] += item.outstanding
    since = state.overdue_since
    return {
        "account": state.account, "currency": state.currency,
        "outstanding": format_minor(state.outstanding, state.currency),
        "overdue_since": None if since is None else format_instant(since, offset),
        "days": 0 if since is None else max(0, at - since) // DAY,
        "items": [
            {
                "item": item.item, "kind": item.kind,
                "outstanding": format_minor(item.outstanding, state.currency),
                "posted_at": format_instant(item.posted_at, offset),
                "days": max(0, at - item.posted_at) // DAY,
            }
            for item in items
        ],
        "ages": {name: format_minor(amount, state.currency) for name, amount in sums.items()},
    }  # fmt: skip


def _bucket(days: int) -> str:
    return next(
        name
        for name, (_, last) in zip(BUCKETS, AGES, strict=True)
        if last is None or days <= last
    )


def _minor(amount: str) -> int:
    return int(amount.replace(".", ""))


def _totals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["currency"], []).append(row)
    return [
        {
            "currency": currency, "accounts": len(own),
            "outstanding": format_minor(sum(_minor(one["outstanding"]) for one in own), currency),
            "ages": {
                name: format_minor(sum(_minor(one["ages"][name]) for one in own), currency)
                for name in BUCKETS
            },
        }
        for currency, own in sorted(found.items())
    ]  # fmt: skip


def _page(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> None:
    if not rows:
        write("nobody is overdue")
        return
    written = [
        [row["account"], (row["overdue_since"] or "-")[:10], str(row["days"]),
         str(len(row["items"])), row["outstanding"], row["currency"]]
        for row in rows
    ]  # fmt: skip
    table(["account", "since", "days", "items", "outstanding", ""], written, words=2, page=WIDTH)
    for total in totals:
        write()
        write(f"{plural(total['accounts'], 'account')} owe {total['outstanding']} "
              f"{total['currency']}, by days since posted:")  # fmt: skip
        table(list(BUCKETS), [[total["ages"][name] for name in BUCKETS]], words=0, page=WIDTH)
