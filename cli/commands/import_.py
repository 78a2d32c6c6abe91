"""``tally import``: record commands from a file or a pipe."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from cli.errors import DONE, REFUSED
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import flush, table, write
from ledger.errors import BadLine, InvalidInput
from ledger.input.lines import LINE_MAX
from ledger.quoting import plural
from projections.answers.results import Imported, Result
from projections.reconciliation.readers import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session
    from ledger.outcomes import Outcome

_READ_BYTES = 1 << 20
VENDORS: Final = tuple(name for name, one in FORMATS.items() if one.vendor)
COLUMNS: Final = (
    "line", "ok", "duplicate", "positions", "warnings", "code", "message", "rule", "hint",
)  # fmt: skip


def available_lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Yield whole lines, and None where a pipe has no more for now.

    Of a line that is too long only the beginning is given, and nothing after it: it is not a
    command, and the import stops there.
    """
    begun: list[bytes] = []  # of the line that has not ended yet
    length = 0
    while chunk := _waited_for(source):
        first, *others = chunk.split(b"\n")
        for end in others:
            yield b"".join((*begun, first, b"\n"))
            begun.clear()
            first, length = end, 0
        begun.append(first)
        length += len(first)
        if length > LINE_MAX:
            yield b"".join(begun)[: LINE_MAX + 1]
            return
        if len(chunk) < _READ_BYTES:
            yield None
    if length:
        yield b"".join(begun)


def _waited_for(source: BinaryIO) -> bytes:
    """Read what is there, or wait for it; the results so far are handed over first."""
    flush()
    chunk: bytes = source.read1(_READ_BYTES)  # type: ignore[attr-defined]
    return chunk


def _row(output: Output, outcome: Outcome, line: int) -> dict[str, Any]:
    """Return the result of one line; a table has every column in every row."""
    shown = Result.of(outcome, line).plain()
    return shown if output.form != "csv" else {name: shown.get(name) for name in COLUMNS}


def _advised(error: BadLine, file: str) -> BadLine:
    """Add to the error of a first line how a file of another kind is taken."""
    if error.line != 1 or not Path(file).is_file():
        return error
    from cli.vendor_files import remedy  # noqa: PLC0415 - on the way to an error alone

    said = remedy(Path(file))
    return BadLine(line=1, error=InvalidInput(str(error.error), hint=said)) if said else error


def _counted(session: Session, output: Output, counts: Counter[str]) -> int:
    """Print what became of how many lines."""
    refused = sum(n for code, n in counts.items() if code.isupper())
    if output.form == "text":
        commands = plural(sum(counts.values()), "command")
        write(f"{commands}, log at @{session.reader.head().position}")
        if counts:
            table(("what", "count"), sorted(counts.items()))
    elif output.form == "json":
        output.object(
            Imported(
                lines=sum(counts.values()),
                accepted=counts["accepted"], duplicates=counts["repeated"],
                refused=refused,
                refusals={code: n for code, n in sorted(counts.items()) if code.isupper()},
                position=session.reader.head().position,
            )
        )  # fmt: skip
    return REFUSED if refused else DONE


@click.command("import")
@click.argument("file", metavar="FILE|-")
@click.option("--resume", is_flag=True, help="Skip the lines that are already recorded.")
@click.option("--stop-on-refusal", is_flag=True, help="Stop at the first refused line.")
@click.option(
    "--workers", type=click.IntRange(1, 2), default=1, show_default=True, metavar="N",
    help="2: a second process writes what the first decides.",
)  # fmt: skip
@click.option("--from", "from_", type=click.Choice(VENDORS), help="FILE is a vendor's file.")
@click.option("--dry-run", is_flag=True, help="With --from: show the result; record nothing.")
@click.option("--dates-lost", is_flag=True, help="With --from: accept that dates are lost.")
@click.option("--account", default="", help="With --from: the account, if the file names none.")
@click.option("--encoding", default="utf-8", show_default=True, help="With --from: its encoding.")
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, file: str, resume: bool, stop_on_refusal: bool,
    workers: int, from_: str | None, dry_run: bool, **reading: Any,
) -> int:  # fmt: skip
    """Record commands from a file of JSON lines, or from a vendor's file.

    \b
    Examples:
      tally import commands.ndjson
      tally import commands.ndjson --resume
      tally import commands.ndjson --workers 2
      generate | tally import - --ndjson
      tally import --from alibaba-bills bills.csv --dry-run
    """
    from ledger.importer import import_lines  # noqa: PLC0415 - loads the write side

    counts: Counter[str] = Counter()
    last = 0
    vendor = None
    if from_ is not None:
        from cli.vendor_files import converted  # noqa: PLC0415 - for --from alone

        vendor = converted(session, file, from_, resume=resume, **reading)
        if dry_run:
            from cli.previews import show_preview  # noqa: PLC0415 - for --dry-run alone

            return show_preview(session, output, vendor)
        source = vendor.new
    elif dry_run or reading["account"] or reading["dates_lost"]:
        msg = "--dry-run, --account and --dates-lost belong to --from"
        raise InvalidInput(msg, hint="name the format of FILE, e.g. --from alibaba-bills")
    else:
        source = sys.stdin.buffer if file == "-" else Path(file).open("rb")
    with source, Progress("import") as progress:
        try:
            results = import_lines(
                session.ledger, available_lines(source), resume=resume, workers=workers,
                stop_on_refusal=stop_on_refusal, origin=vendor.origin if vendor else None,
            )  # fmt: skip
            for result in vendor.with_repeats(results) if vendor else results:
                outcome = result.outcome
                last = result.line
                counts["repeated" if outcome.duplicate else outcome.code or "accepted"] += 1
                if output.form in ("ndjson", "csv"):
                    output.rows([_row(output, outcome, result.line)])
                progress(last, 0)
                if stop_on_refusal and outcome.code:
                    break
        except BadLine as error:
            raise _advised(error, file) if vendor is None else error from None
        finally:
            session.catch_views_up()
    return _counted(session, output, counts)
