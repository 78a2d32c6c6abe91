"""``tally reconcile``: compare a bank's or a vendor's file with the ledger."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import UNSET

from cli.deliveries import statement_file
from cli.errors import DONE, FOUND
from cli.groups import Registered
from cli.options import Output, tally_command
from cli.outputs import output_option, printed
from cli.pages import as_page
from cli.points import read_instant
from cli.render import note, point_line, strong, table, write, write_lines
from ledger import clock as clocks
from ledger.errors import InvalidInput
from ledger.quoting import plural
from projections.answers.keeping import ColumnMap
from projections.answers.terms import Formatter
from projections.pages import Figure, short
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.propose import Proposer
from projections.reconciliation.readers import FORMATS, READERS, advised, format_of, source_of
from projections.reconciliation.readers.maps import shipped_map
from projections.reconciliation.sources import Compared, ComparisonAsked, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.bootstrap import Session
    from cli.outputs import Target
    from projections.answers.reconciling import BreakFound, ProofShown, Reconcile
    from projections.point import Point


_UNSAID = (None, "", "0", (), False)  # what options are that were not given


@click.command("reconcile")
@click.argument("file", metavar="FILE|-")
@click.option("--source", type=Registered(FORMATS, READERS), metavar="SOURCE",
              help=f"What the file is: {', '.join(FORMATS)}.")  # fmt: skip
@click.option("--against", metavar="OLD", help="Compare FILE with an earlier delivery instead.")
@click.option("--map", "map_", metavar="TOML|NAME", help="The column map of a csv.")
@click.option("--guess", is_flag=True, help="Print a starter column map for a csv, and stop.")
@click.option("--period", metavar="PERIOD", help="Only this month, or FROM..TO.")
@click.option("--account", default="", help="The bank account to read, or the account of all rows.")
@click.option("--channel", "channels", multiple=True, help="Only payments through this channel.")
@click.option("--item", "items", multiple=True, help="Only these bill items, e.g. PayAsYouGoBill.")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of a CSV.")
@click.option(
    "--transit-days", type=click.IntRange(0, 366), metavar="N",
    help="Days a payment may be in transit."
)
@click.option("--tolerance", metavar="X", default="0", help="Let amounts differ by up to X.")
@click.option("--propose", is_flag=True, help="Print commands that book what is missing.")
@click.option("--record", is_flag=True, help="Record the run and its breaks in the ledger.")
@click.option("--actor", help="Who records it.")
@click.option("--html", "as_html", is_flag=True, help="A page to print and sign.")
@output_option("Write a file instead of stdout.")
@tally_command(rows=True, point=True)
def command(
    session: Session, output: Output, *, file: str, target: Target | None, as_html: bool,
    **options: Any,
) -> int:  # fmt: skip
    """Compare a statement with the ledger; list every break by class, age and evidence.

    Exits with status 1 when there are breaks. Nothing is written without --record.

    \b
    Examples:
      tally reconcile march.xml --source camt053
      tally reconcile bills.csv --source alibaba-bills --period 2025-03
      tally reconcile psp.csv --source csv --guess > psp.toml
      tally reconcile psp.csv --source csv --map psp.toml --json
      tally reconcile march.xml --source camt053 --propose > fix.ndjson
      tally reconcile march.xml --source camt053 --record --actor lin
      tally reconcile march.xml --source camt053 --html -o march.html
      tally reconcile --against monday.csv tuesday.csv
    """
    output = as_page(output) if as_html else output
    return printed(target, lambda: _reconcile(session, output, file, options))


def _reconcile(session: Session, output: Output, file: str, options: dict[str, Any]) -> int:
    if options["against"] is not None:
        return _against(session, output, file, options)
    if options["source"] is None:
        hint = f"--source {next(iter(FORMATS))}, one of: {', '.join(FORMATS)}"
        raise InvalidInput("name the format with --source", hint=hint)
    if options["guess"]:
        return _guess(output, statement_file(file, options["source"]), options)
    point = session.at(options["when"])
    body = statement_file(file, options["source"])
    compared = compare(session, point, body, _wanted(session, options))
    if options["propose"]:
        _propose(session, compared, options)
    elif options["record"]:
        _record(session, compared, point, file=Path(file).name, actor=options["actor"])
        point = session.at(options["when"])
    if not options["propose"]:
        _print(session, output, compared, point, file)
    return FOUND if compared.report.breaks else DONE


def _guess(output: Output, body: bytes | Path, options: dict[str, Any]) -> int:
    from projections.reconciliation.guessing import guess_map  # noqa: PLC0415 - for this alone

    if options["source"] != "csv" or options["map_"] is not None or isinstance(body, Path):
        raise InvalidInput("--guess makes a map for --source csv", hint="leave out --map")
    found = source_of(body)
    if found not in ("", "csv"):
        note(f"note: the file looks like {found}, which needs no map: --source {found}")
    with advised(body, "csv"):
        guessed = guess_map(body)
    if output.human:
        write_lines(guessed.rstrip())
    else:
        output.object(ColumnMap(map=guessed))
    return DONE


def _column_map(path: str) -> str:
    """Read a column map: a file, or one that ships under its name."""
    if "/" not in path and "." not in path and not Path(path).exists():
        return shipped_map(path)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"the column map {path!r} is not UTF-8 text") from None


def _against(session: Session, output: Output, file: str, options: dict[str, Any]) -> int:
    """Compare two deliveries, which needs nothing of what compares one with the ledger."""
    from cli.against import against  # noqa: PLC0415 - for --against alone

    old, source, encoding = (options.pop(name) for name in ("against", "source", "encoding"))
    if output.form == "html":
        raise InvalidInput("--html and --against exclude each other", hint="use --csv or --json")
    when = options.pop("when")
    options |= {} if when is None else when._asdict()
    given = [name.rstrip("_") for name, said in options.items() if said not in _UNSAID]
    if given:
        msg = f"--{given[0].replace('_', '-')} cannot be combined with --against"
        raise InvalidInput(msg, hint="--against compares two files; the ledger is not read")
    return against(session, output, old, file, source=source, encoding=encoding)


def _wanted(session: Session, options: dict[str, Any]) -> ComparisonAsked:
    path, source = options["map_"], options["source"]
    if source == "csv" and path is None:
        hint = "--map FILE.toml; --guess prints a starter map"
        raise InvalidInput("source csv needs a column map", hint=hint)
    column_map = None if path is None else _column_map(path)
    account = options["account"]
    if format_of(source).bank and session.reader.has_stream(f"account:{account}"):
        account = ""  # an account of the ledger, for --propose: not the name of a bank account
    return ComparisonAsked(
        source, options["encoding"], column_map, account,
        frozenset(options["channels"]), span_of(session, options["period"]),
        options["transit_days"], abs(read_amount(options["tolerance"])),
        frozenset(options["items"]),
    )  # fmt: skip


def span_of(session: Session, period: str | None) -> tuple[int, int] | None:
    """Read ``2025-03``, a date, or FROM..TO (both included) as a half-open span."""
    if period is None:
        return None
    first, _, last = period.partition("..")
    starts, ends = session.instant(first), read_instant(last or first, session.offset)
    if ends < starts:
        msg = f"period {period!r} ends before it begins"
        raise InvalidInput(msg, hint="write it like 2025-03 or 2025-03-01..2025-03-15")
    return starts, ends + 1_000_000


def _propose(session: Session, compared: Compared, options: dict[str, Any]) -> None:
    formatter = Formatter(offset=session.offset, currency=compared.report.currency)
    channel = min(compared.channels) if len(compared.channels) == 1 else "bank"
    account = options["account"] if options["account"] in compared.side.accounts else ""
    simulated = session.config.clock == clocks.SIMULATED
    proposer = Proposer(
        compared.side, formatter, at=session.now if simulated else None, known_at=session.now,
        account=account, channel=channel,
    )  # fmt: skip
    for proposal in proposer.proposals(compared.report):
        if proposal.command is not None:
            sys.stdout.write(json.dumps(proposal.command, ensure_ascii=False) + "\n")
        else:
            note(f"note: nothing proposed for {proposal.said}")


def _record(
    session: Session, compared: Compared, point: Point, *, file: str, actor: str | None
) -> None:
    """Record a run and its breaks, and say on stderr what was recorded."""
    from ledger.decisions.reviewing import record_run  # noqa: PLC0415 - recording alone needs the write side
    from ledger.reconciling import register  # noqa: PLC0415 - for --record alone
    from projections.reconciliation.runs import new_run  # noqa: PLC0415 - as register

    new = new_run(compared, position=point.position, file=file)
    recorded = record_run(session.ledger, new, actor=actor)
    if not recorded:
        note("note: this file was recorded before; nothing is new")
        return
    note(f"recorded run {new.event.run} as {plural(len(recorded), 'event')}")
    overlaps = register(session.reader).overlapping(new.event)
    if overlaps:
        note(f"note: its period overlaps that of run {', '.join(overlaps)}")


def _print(
    session: Session, output: Output, compared: Compared, point: Point, file: str
) -> None:
    answer = compared.answer(session, point)
    if output.form == "html":
        from cli.reconciled import reconciled_page  # noqa: PLC0415 - for --html alone

        page = reconciled_page(session, compared, answer, point, file=Path(file).name)
        sys.stdout.write(page)
    elif not output.answered(answer, "breaks"):
        _page(answer)


def _breaks(rows: Sequence[BreakFound]) -> None:
    table(
        ("class", "key", "account", "ours", "theirs", "delta", "age"),
        [(one.class_, one.key, one.account, one.ours, one.theirs, one.delta,
          Figure(f"{one.age_days} d")) for one in rows], page=80,
    )  # fmt: skip


def _page(answer: Reconcile) -> None:
    """Print the report for a person: what matched, every break, the proof."""
    write(strong(f"{answer.source} against the ledger") + f"   {answer.currency}")
    write(point_line(answer.point))
    period = answer.period
    if period.ends:
        write(f"period {short(period.starts)} up to {short(period.ends)}, not included")
    if answer.channels is not UNSET:
        write(f"payments of: {', '.join(answer.channels)}")
    rules = ", ".join(f"{count} by {rule}" for rule, count in answer.rules.items())
    write(f"{answer.matched} matched" + (f": {rules}" if rules else ""))
    write()
    if answer.breaks:
        found = plural(len(answer.breaks), "break")
        write(strong(f"{found}: {', '.join(f'{n} {k}' for k, n in answer.classes.items())}"))
        _breaks(answer.breaks)
    else:
        write("no breaks")
    write()
    if answer.expected:
        write(strong(f"on their way, expected: {len(answer.expected)}"))
        _breaks(answer.expected)
        write()
    totals = () if answer.totals is UNSET else answer.totals
    for proof in answer.proofs:
        write(strong("proof" + (f", in {proof.currency}" if len(answer.proofs) > 1 else "")))
        for total in totals:
            if total.currency == proof.currency:
                write(f"  billed {total.currency:<24} {total.billed!s:>16}")
        _proof(proof)


def _proof(proof: ProofShown) -> None:
    for name in ("opening", "movements", "closing"):
        write(f"  provider {name:<22} {getattr(proof, name)!s:>16}")
    write(f"  {'ledger balance':<31} {proof.ledger_balance!s:>16}")
    for item in proof.reconciling_items:
        write(f"  + {item.item:<29} {item.amount!s:>16}")
    write(f"  = {'provider closing':<29} {proof.closing!s:>16}")
    write(f"  {'unexplained':<31} {proof.unexplained!s:>16}")
