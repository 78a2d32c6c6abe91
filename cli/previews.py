"""``tally import --from FILE --dry-run``: what would be there, account by account.

The commands are run on a copy, in a file that is gone afterwards, by the rules themselves.
Invariant: the ledger is not written to; where the file's own balance says something else, or a
command is refused, that is said.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from cli.bootstrap import Session
from cli.errors import DONE, FOUND
from cli.render import strong, table, write
from ledger.quoting import plural
from ledger.store import create_store, is_server, open_store
from projections.answers.results import Preview, PreviewRefusal
from projections.point import Asked
from projections.reconciliation.imports import NAMELESS, previewed

if TYPE_CHECKING:
    from cli.options import Output
    from cli.vendor_files import Converted

SHOWN_MAX = 20  # refusals that are spelled out


def show_preview(session: Session, output: Output, file: Converted) -> int:
    """Print what an import would leave; the commands themselves with --ndjson."""
    if output.form in ("ndjson", "csv"):
        write_commands(file.new)
        return DONE
    answer = _preview(session, file)
    if not output.answered(answer):
        _page(answer)
    return FOUND if answer.contradictions or answer.refusals else DONE


def write_commands(source: BinaryIO) -> None:
    """Print the commands as they would be imported."""
    import sys  # noqa: PLC0415 - the lines are JSON already

    sys.stdout.write(source.read().decode())


def _copied(session: Session, folder: Path) -> Session:
    """Return a session on a copy of the ledger in a file: a large one needs no memory for it."""
    path = folder / "copy.db"
    if is_server(session.location):
        from ledger.store.copying import copy  # noqa: PLC0415 - for ledgers on a server

        create_store(str(path))
        with closing(open_store(str(path))) as store:
            copy(session.reader, store)
    else:
        from ledger.store.backup import back_up  # noqa: PLC0415 - for ledgers in a file

        back_up(session.reader, path)
    return Session(str(path))


def _preview(session: Session, file: Converted) -> Preview:
    with (
        TemporaryDirectory(prefix="tally-") as folder, _copied(session, Path(folder)) as copied,
    ):  # fmt: skip
        return _tried(copied, file)


def _tried(copied: Session, file: Converted) -> Preview:
    from ledger.application import Ledger  # noqa: PLC0415 - loads the write side
    from ledger.importer import import_lines  # noqa: PLC0415 - as above

    refusals: list[PreviewRefusal] = []
    counts: Counter[str] = Counter()
    statement = file.statement
    for result in file.with_repeats(import_lines(Ledger(copied.store), file.new)):
        outcome = result.outcome
        counts["repeated" if outcome.duplicate else outcome.code or "accepted"] += 1
        if outcome.code:
            line = file.lines[result.line - 1]
            refusals.append(
                PreviewRefusal(code=outcome.code, message=outcome.message, command=line)
            )
    point = copied.point(Asked())
    names = sorted({line.account or NAMELESS for line in statement.lines})
    streams = set(copied.reader.streams())
    rows = [
        previewed(copied.state(name, point), statement) for name in names
        if f"account:{name}" in streams
    ]  # fmt: skip
    return Preview(
        point=copied.shown(point),
        source=statement.source, currency=statement.currency,
        commands=sum(counts.values()), accepted=counts["accepted"],
        duplicates=counts["repeated"], rows=rows, refusals=refusals[:SHOWN_MAX],
        refused=len(refusals),
        contradictions=[row for row in rows if row.in_file is not None and row.differs],
    )  # fmt: skip


def _page(answer: Preview) -> None:
    write(strong(f"{plural(answer.commands, 'command')} of {answer.source}, not recorded"))
    table(
        ("account", "cash", "coupons", "debts", "balance in the file", "difference"),
        [(row.account, row.cash, row.coupons, row.debts, row.in_file, row.difference)
         for row in answer.rows],
    )  # fmt: skip
    for row in answer.contradictions:
        write(f"the file's own balance of {row.account} is {row.in_file}, its rows leave "
              f"{row.cash} cash and {row.debts} debts")  # fmt: skip
    for one in answer.refusals:
        write(f"would be refused, {one.code}: {one.message}")
    if answer.refused > len(answer.refusals):
        write(f"... and {answer.refused - len(answer.refusals)} more")
    write("nothing is recorded; the commands themselves: --dry-run --ndjson")
