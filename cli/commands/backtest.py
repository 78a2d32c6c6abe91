"""``tally backtest``: the whole history decided again under other rules, and what it costs whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.cluster.running import Work, cluster_options, place
from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.outputs import html_options, output_option, page_target
from cli.points import read_instant
from cli.progress import Progress
from ledger.errors import InvalidInput, NoSuchThing
from ledger.events import ACCOUNT_PREFIX
from ledger.policy import did_you_mean

if TYPE_CHECKING:
    from cli.backtests.answer import Row
    from cli.backtests.given import Customers
    from cli.backtests.shares import Question
    from cli.bootstrap import Session
    from cli.outputs import Target


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
    from cli.backtests import given  # noqa: PLC0415 - loads the write side
    from cli.backtests.answer import over  # noqa: PLC0415 - the same
    from cli.backtests.shares import Question  # noqa: PLC0415 - the same
    from ledger.verification.indexes import require_sound_now  # noqa: PLC0415 - the same

    page = page_target(output, target, as_html=as_html)
    behaviour = given.read_customers(customers, within)
    bounds = given.read_limits(limits)
    changes = given.read_changes(
        policy, prices, coupons, currency=session.config.currency, offset=session.offset
    )
    question = Question(changes, behaviour.rules, *_span(session, starts, ends), session.offset)
    if not accounts:
        require_sound_now(session.reader)  # what a wrong index leaves out is not decided again
    names = _cohort(session, accounts)
    with Progress("backtest") as progress:
        rows = _decide(session, Work(workers=workers, cluster=cluster), names, question,
                       kept=kept, progress=progress)  # fmt: skip
    exceeded = over(rows, bounds)
    if page is None or not page.stdout:
        _print(session, output, rows, question, behaviour, exceeded)
    if page is not None:
        from cli.backtests.page import write_page  # noqa: PLC0415 - for --html alone

        write_page(page, session, rows, question, behaviour)
    if parquet is not None:
        from cli.backtests.page import write_parquet  # noqa: PLC0415 - for --parquet alone

        write_parquet(parquet, rows)
    return FOUND if exceeded else DONE


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
    session: Session, work: Work, names: list[str], question: Question, *,
    kept: Target | None, progress: Progress,
) -> list[Row]:  # fmt: skip
    from cli.backtests.shares import BacktestTask, Kept, rows_of  # noqa: PLC0415 - loads the write side
    from ledger.proof.nodes import Nodes  # noqa: PLC0415 - the same
    from projections.shares import divide  # noqa: PLC0415 - the same

    root = Nodes(session.reader.connection).root(session.reader.head().position)
    tasks = [
        BacktestTask(place(session.location), share, question) for share in divide(names)
    ]
    keeper = Kept(None if kept is None else kept.path, question.digest(root + repr(names).encode()))
    rows = list(rows_of(tasks, work, keeper, progress))
    work.say()
    return rows


def _print(
    session: Session, output: Output, rows: list[Row], question: Question, behaviour: Customers,
    exceeded: list[dict[str, Any]],
) -> None:  # fmt: skip
    from cli.backtests import answer  # noqa: PLC0415 - loads the write side
    from cli.backtests.page import print_page, whole_answer  # noqa: PLC0415 - the same

    if output.form == "ndjson":
        output.rows(answer.row_json(row) for row in rows)
    elif output.form == "csv":
        output.rows(answer.flat_row(row) for row in rows)
    elif output.human:
        print_page(session, rows, question, behaviour, exceeded)
    else:
        output.object(whole_answer(session, rows, question, behaviour, exceeded))
