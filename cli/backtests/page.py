"""A backtest for people: a page on the terminal, a page of HTML, a table of Parquet.

Invariant: the first line says how customers are assumed to behave; each account that is named
comes with a command that shows its own history. This module must not decide anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.backtests import answer
from cli.backtests.answer import PLAIN, SIDES, Row, money_writer
from cli.backtests.trying import try_command
from cli.render import table, write
from ledger.money import format_minor
from ledger.periods import format_instant
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from ledger.quoting import plural
from projections.impact import MONEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.backtests.given import Customers
    from cli.backtests.shares import Question
    from cli.bootstrap import Session
    from cli.outputs import Target
    from projections.exports.tables import Cell, Kind

Json = dict[str, Any]
_WORDS = {
    "charged": "charged", "collected": "collected", "refunded": "refunded",
    "coupons_used": "coupons used", "outstanding": "outstanding at the end",
    "overdue_seconds": "overdue, seconds", "stopped_seconds": "out of service, seconds",
    "refused": "commands refused", "stops": "stops", "renewals": "renewals",
    "renewals_failed": "renewals failed", "lost_to_release": "instances lost to release",
    "notices": "notices",
}  # fmt: skip


def whole_answer(
    session: Session, rows: Sequence[Row], question: Question, behaviour: Customers,
    exceeded: list[Json],
) -> Json:  # fmt: skip
    """Write ``tally.backtest/1``."""
    changes, offset = question.changes, session.offset
    return {
        "schema": "tally.backtest/1", "policy": dict(changes.policy),
        "prices": [
            {"sku": one.sku, "monthly_price": format_minor(one.monthly_price, _currency(session)),
             "from": format_instant(one.at, offset) if one.at else None}
            for one in changes.prices
        ],
        "coupons": {name: None if given is None else dict(given)
                    for name, given in sorted(changes.coupons.items())},
        "customers": behaviour.said,
        "from": format_instant(question.starts, offset) if question.starts else None,
        "to": format_instant(question.ends, offset),
        "position": session.reader.head().position,
        "accounts": len(rows), "changed": sum(row.changed for row in rows),
        "totals": answer.totals_json(rows), "distribution": answer.distribution_json(rows),
        "months": answer.months_json(rows),
        "most_changed": [
            {"account": row.account, "try": try_command(session, row.account, question)}
            for row in answer.most_changed(rows)
        ],
        "exceeded": exceeded,
        "rows": [answer.row_json(row) for row in rows],
    }  # fmt: skip


def _currency(session: Session) -> str:
    return session.config.currency


def print_page(
    session: Session, rows: Sequence[Row], question: Question, behaviour: Customers,
    exceeded: Sequence[Json],
) -> None:  # fmt: skip
    """Print the totals, how single accounts change, and whom it changes most."""
    changed = [row for row in rows if row.changed]
    write(f"customers: {behaviour.said}")
    write(f"{plural(len(rows), 'account')} decided again, {len(changed)} changed"
          f"{_span(session, question)}; nothing is written")  # fmt: skip
    write()
    table(("measure", "before", "after", "delta", "p50", "p95", "max"), _measures(rows), words=1)
    for row in answer.most_changed(rows):
        if row is answer.most_changed(rows)[0]:
            write()
            write("Changed most")
        money = money_writer(row.before.currency)
        write(f"{row.account}  charged {_signed(money(row.delta('charged')))} "
              f"{row.before.currency}, out of service "
              f"{_signed(str(row.delta('stopped_seconds')))} s")  # fmt: skip
        write(f"  {try_command(session, row.account, question)}")
    for one in exceeded:
        where = f" {one['currency']}" if one["currency"] else ""
        write(f"over the limit: {one['measure']} changes by {one['delta']}{where}, "
              f"allowed {one['limit']}")  # fmt: skip


def _span(session: Session, question: Question) -> str:
    since = format_instant(question.starts, session.offset)[:10] if question.starts else "the start"
    until = format_instant(question.ends, session.offset)[:10]
    return f", from {since} to {until}"


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _measures(rows: Sequence[Row]) -> list[list[str]]:
    """Write a line for each measure: totals, then the sizes of single accounts' changes."""
    totals, ranks = answer.totals_json(rows), answer.distribution_json(rows)
    lines = [
        _measure(f"{_WORDS[name]} {currency}", totals[currency][name], ranks[currency][name])
        for currency in answer.by_currency(rows)
        for name in MONEY
    ]
    lines += [_measure(_WORDS[name], totals[name], ranks[name]) for name in PLAIN if rows]
    return lines


def _measure(name: str, total: Json, ranks: Json) -> list[str]:
    return [name, *(str(total[side]) for side in SIDES),
            *(str(ranks[rank]) for rank in ("p50", "p95", "max"))]  # fmt: skip


def write_page(
    target: Target, session: Session, rows: Sequence[Row], question: Question, behaviour: Customers
) -> None:
    """Write the page with its charts. Raises: OSError."""
    from projections.html.backtest import Charged, backtest_page  # noqa: PLC0415 - for --html alone
    from projections.html.page import Source  # noqa: PLC0415 - the same

    position = session.reader.head().position
    root = write_base64(Nodes(session.reader.connection).root(position))
    until = format_instant(question.ends, session.offset)
    charts = [
        Charged(
            currency, [row.delta("charged") for row in own],
            [(month, sum(row.before.months.get(month, 0) for row in own),
              sum(row.after.months.get(month, 0) for row in own))
             for month in sorted({m for row in own for m in (*row.before.months,
                                                             *row.after.months)})],
        )
        for currency, own in answer.by_currency(rows).items()
    ]  # fmt: skip
    most = [
        [row.account, money_writer(row.before.currency)(row.delta("charged")),
         row.before.currency, str(row.delta("stopped_seconds")),
         try_command(session, row.account, question)]
        for row in answer.most_changed(rows)
    ]  # fmt: skip
    source = Source(f"tally backtest{_options(question, session)}", until, until, position, root)
    target.write(backtest_page(behaviour.said, _measures(rows), charts, most, source))


def _options(question: Question, session: Session) -> str:
    """Write the changes as a person gave them, for the foot of a page."""
    changes = question.changes
    words = [f" --policy {name}={given}" for name, given in changes.policy.items()]
    words += [f" --prices ({plural(len(changes.prices), 'price')})"] if changes.prices else []
    words += [f" --coupon {name}=..." for name in changes.coupons]
    if question.starts:
        words.append(f" --from {format_instant(question.starts, session.offset)}")
    return "".join(words)


def write_parquet(target: Target, rows: Sequence[Row]) -> None:
    """Write the rows as Parquet: decimals for money, integers otherwise. Raises: InvalidInput."""
    from decimal import Decimal  # noqa: PLC0415 - for --parquet alone

    from projections.exports.tables import tables  # noqa: PLC0415 - an extra

    columns: dict[str, Kind] = {"account": "text", "currency": "text"}
    for name in (*MONEY, *PLAIN):
        for side in SIDES:
            columns[f"{name}_{side}"] = "decimal" if name in MONEY else "integer"
    typed: Iterator[dict[str, Cell]] = (
        {name: Decimal(cell) if columns[name] == "decimal" else cell for name, cell in row.items()}
        for row in map(answer.flat_row, rows)
    )
    pieces = tables(columns, typed, {"tally.schema": "tally.backtest/1"})
    with target.opened() as file:
        file.writelines(piece.body for piece in pieces)
