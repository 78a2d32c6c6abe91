"""``tally backtest``: the whole history decided again under other rules, and what it costs whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.cluster import Work, cluster_options, place
from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.outputs import html_options, output_option, page_target
from cli.points import read_instant
from cli.progress import Progress
from cli.render import table, write
from ledger.errors import InvalidInput, NoSuchThing
from ledger.events import ACCOUNT_PREFIX
from ledger.policy import did_you_mean
from ledger.quoting import plural
from projections.answers.backtesting import PLAIN, RANKS, SIDES
from projections.impact import MONEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.bootstrap import Session
    from cli.outputs import Target
    from projections.answers.backtesting import Backtest
    from projections.exports.tables import Kind
    from projections.rehearsing.backtest_shares import AccountDelta, Scenario


@click.command("backtest")
@click.argument("accounts", metavar="[ACCOUNT]...", nargs=-1)
@click.option("--policy", multiple=True, metavar="KEY=VALUE", help="Policy value to override.")
@click.option("--prices", metavar="FILE", help="Price list: CSV with sku,monthly_price,from.")
@click.option(
    "--coupon", "coupons", multiple=True, metavar="ID=CHANGE",
    help="c-1=withdrawn, or c-1=amount:50.00; repeatable.",
)
@click.option(
    "--customers", default="recorded", show_default=True, metavar="recorded|topping-up|FILE",
    help="How customers react to the change.",
)
@click.option("--within", metavar="12h", help="How soon customers top up.")
@click.option("--from", "starts", metavar="T", help="Change nothing before T.")
@click.option("--to", "ends", metavar="T", help="Stop at T; default: the clock.")
@click.option(
    "--fail-over", "limits", multiple=True, metavar="MEASURE_delta=N",
    help="Exit with status 1 if a total changes by more.",
)
@html_options
@output_option("Write the rows as Parquet.", "--parquet", "parquet")
@output_option("Keep finished work in FILE, and resume it.", "--keep", "kept", old=("--resume",))
@cluster_options
@tally_command(rows=True)
def command(  # noqa: PLR0913 - the options of one question
    session: Session, output: Output, *, accounts: tuple[str, ...], policy: tuple[str, ...],
    prices: str | None, coupons: tuple[str, ...], customers: str, within: str | None,
    starts: str | None, ends: str | None, limits: tuple[str, ...], as_html: bool,
    target: Target | None, parquet: Target | None, kept: Target | None,
    workers: int | None, cluster: str | None,
) -> int:  # fmt: skip
    """Decide the whole history again under other rules: who would have paid more?

    Every command stays as recorded; its consequences are decided again, for every
    account or for those named. Nothing is written to the ledger.

    \b
    Examples:
      tally backtest --policy overdue_grace_legacy=48h
      tally backtest --prices 2026.csv --customers topping-up --within 3d
      tally backtest --coupon spring=withdrawn --from 2025-07-01 --json
      tally backtest --policy retention=30d --workers 2 --html -o page.html
      tally backtest --prices 2026.csv --fail-over charged_delta=100000
    """
    from cli import backtesting as given  # noqa: PLC0415 - loads the write side
    from ledger.verification.indexes import require_sound_now  # noqa: PLC0415 - the same
    from projections.rehearsing.backtest import backtest_of  # noqa: PLC0415 - the same
    from projections.rehearsing.backtest_shares import Scenario  # noqa: PLC0415 - the same

    page = page_target(output, target, as_html=as_html)
    behaviour = given.read_customers(customers, within)
    bounds = given.read_limits(limits)
    changes = given.read_changes(
        policy, prices, coupons, currency=session.config.currency, offset=session.offset
    )
    question = Scenario(changes, behaviour.rules, *_span(session, starts, ends), session.offset)
    if not accounts:
        require_sound_now(session.reader)  # what a wrong index leaves out is not decided again
    names = _cohort(session, accounts)
    with Progress("backtest") as progress:
        rows = _decide(session, Work(workers=workers, cluster=cluster), names, question,
                       kept=kept, progress=progress)  # fmt: skip
    answer = backtest_of(session, question, rows, customers=behaviour.said, limits=bounds)
    if page is None or not page.stdout:
        _print(output, answer)
    if page is not None:
        _write_page(page, session, answer)
    if parquet is not None:
        _write_parquet(parquet, answer)
    return FOUND if answer.exceeded else DONE


def _span(session: Session, starts: str | None, ends: str | None) -> tuple[int, int]:
    """Read the span. Raises: InvalidInput."""
    since = 0 if starts is None else session.instant(starts)
    until = session.now if ends is None else min(session.now, read_instant(ends, session.offset))
    if since > until:
        msg = f"--from {starts} lies after the end of the period"
        raise InvalidInput(msg, hint="the period ends with --to, or with the ledger's clock")
    return since, until


def _cohort(session: Session, accounts: tuple[str, ...]) -> list[str]:
    """Return the accounts that are asked for, by id. Raises: NoSuchThing."""
    known = {stream.removeprefix(ACCOUNT_PREFIX)
             for stream in session.reader.streams(ACCOUNT_PREFIX)}  # fmt: skip
    for name in accounts:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or "list them with: tally balances"
            msg = f"no account {name!r}"
            raise NoSuchThing(msg, hint=hint)
    return sorted(set(accounts) or known)


def _decide(
    session: Session, work: Work, names: list[str], question: Scenario, *,
    kept: Target | None, progress: Progress,
) -> list[AccountDelta]:  # fmt: skip
    from ledger.proof.nodes import Nodes  # noqa: PLC0415 - loads the write side
    from projections.rehearsing.backtest_shares import (  # noqa: PLC0415 - the same
        BacktestTask,
        FinishedShares,
        rows_of,
    )
    from projections.shares import divide  # noqa: PLC0415 - the same

    root = Nodes(session.reader.connection).root(session.reader.head().position)
    tasks = [
        BacktestTask(place(session.location), share, question) for share in divide(names)
    ]
    keeper = FinishedShares(
        None if kept is None else kept.path, question.digest(root + repr(names).encode())
    )
    rows = rows_of(tasks, keeper, lambda left: work.run(left, progress))
    work.say()
    return rows


def _print(output: Output, answer: Backtest) -> None:
    if output.human:
        _page(answer)
    elif output.form == "json":
        output.object(answer)
    else:
        output.rows(map(_flat, answer.rows) if output.form == "csv" else answer.plain()["rows"])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an account's row as plain cells, for CSV and Parquet."""
    flat = {"account": row["account"], "currency": row["currency"]}
    for name, cells in {**row[row["currency"]], **{one: row[one] for one in PLAIN}}.items():
        flat |= {f"{name}_{side}": cell for side, cell in cells.items()}
    return flat


def _page(answer: Backtest) -> None:
    """Print the totals, how single accounts change, and whom it changes most."""
    since = answer.from_.isoformat()[:10] if answer.from_ else "the start"
    write(f"customers: {answer.customers}")
    write(f"{plural(answer.accounts, 'account')} decided again, {answer.changed} changed, "
          f"from {since} to {answer.to.isoformat()[:10]}; nothing is written")  # fmt: skip
    write()
    table(("measure", *SIDES, *RANKS), answer.lines())
    if answer.most_changed:
        write()
        write("Changed most")
    for row in answer.most_changed:
        currency, charged, stopped = answer.moved(row.account)
        write(f"{row.account}  charged {charged:+f} {currency}, out of service {stopped:+d} s")
        write(f"  {row.try_}")
    for one in answer.exceeded:
        where = f" {one.currency}" if one.currency else ""
        write(f"over the limit: {one.measure} changes by {one.delta}{where}, "
              f"allowed {one.limit}")  # fmt: skip


def _write_page(target: Target, session: Session, answer: Backtest) -> None:
    """Write the page with its charts. Raises: OSError."""
    from projections.html.backtest import backtest_page  # noqa: PLC0415 - for --html alone
    from projections.html.page import Source  # noqa: PLC0415 - the same

    until = answer.to.isoformat()
    words = ["tally backtest", *(f"--policy {name}={text}" for name, text in answer.policy.items())]
    words += [f"--prices ({plural(len(answer.prices), 'price')})"] if answer.prices else []
    words += [f"--coupon {name}=..." for name in answer.coupons]
    words += [f"--from {answer.from_.isoformat()}"] if answer.from_ else []
    source = Source(" ".join(words), until, until, answer.position, session.root(answer.position))
    target.write(backtest_page(answer, source))


def _write_parquet(target: Target, answer: Backtest) -> None:
    """Write the rows as Parquet: decimals for money, integers otherwise. Raises: InvalidInput."""
    from projections.exports.tables import tables  # noqa: PLC0415 - an extra

    columns: dict[str, Kind] = {"account": "text", "currency": "text"}
    for name in (*MONEY, *PLAIN):
        for side in SIDES:
            columns[f"{name}_{side}"] = "decimal" if name in MONEY else "integer"
    pieces = tables(columns, map(_flat, answer.rows), {"tally.schema": "tally.backtest/1"})
    with target.opened() as file:
        file.writelines(piece.body for piece in pieces)
