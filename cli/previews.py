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
from typing import TYPE_CHECKING, Any, BinaryIO

from cli.bootstrap import Session
from cli.errors import DONE, FOUND
from cli.render import strong, table, write
from ledger.quoting import plural
from ledger.store import create_store, is_server, open_store
from projections.answers import point_json, state_json
from projections.point import Asked
from projections.reconciliation.amounts import from_minor, write_amount
from projections.reconciliation.imports import NAMELESS

if TYPE_CHECKING:
    from cli.options import Output
    from cli.vendor_files import Converted
    from ledger.state import AccountState
    from projections.reconciliation.lines import Statement

SHOWN_MAX = 20  # refusals that are spelled out


def show_preview(session: Session, output: Output, file: Converted) -> int:
    """Print what an import would leave; the commands themselves with --ndjson."""
    if output.form in ("ndjson", "csv"):
        write_commands(file.new)
        return DONE
    answer = _preview(session, file)
    if output.human:
        _page(answer)
    else:
        output.object(answer)
    return FOUND if answer["contradictions"] or answer["refusals"] else DONE


def write_commands(source: BinaryIO) -> None:
    """Print the commands as they would be imported."""
    import sys  # noqa: PLC0415 - the lines are JSON already

    sys.stdout.write(source.read().decode())


def _copied(session: Session, folder: Path) -> Session:
    """Return a session on a copy of the ledger in a file: a large one needs no memory for it."""
    path = folder / "copy.db"
    if is_server(session.location):
        from ledger.copying import copy  # noqa: PLC0415 - for ledgers on a server

        create_store(str(path))
        with closing(open_store(str(path))) as store:
            copy(session.reader, store)
    else:
        from ledger.store.backup import back_up  # noqa: PLC0415 - for ledgers in a file

        back_up(session.reader, path)
    return Session(str(path))


def _preview(session: Session, file: Converted) -> dict[str, Any]:
    with (
        TemporaryDirectory(prefix="tally-") as folder, _copied(session, Path(folder)) as copied,
    ):  # fmt: skip
        return _tried(copied, file)


def _tried(copied: Session, file: Converted) -> dict[str, Any]:
    from ledger.application import Ledger  # noqa: PLC0415 - loads the write side
    from ledger.importer import import_lines  # noqa: PLC0415 - as above

    refusals: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    statement = file.statement
    for result in file.with_repeats(import_lines(Ledger(copied.store), file.new)):
        outcome = result.outcome
        counts["repeated" if outcome.duplicate else outcome.code or "accepted"] += 1
        if outcome.code:
            refusals.append({"code": outcome.code, "message": outcome.message,
                             "command": file.lines[result.line - 1]})  # fmt: skip
    point = copied.point(Asked())
    names = sorted({line.account or NAMELESS for line in statement.lines})
    streams = set(copied.reader.streams())
    rows = [
        _row(copied.state(name, point), copied, statement) for name in names
        if f"account:{name}" in streams
    ]  # fmt: skip
    return {
        "schema": "tally.import_preview/1", "point": point_json(point, copied.offset),
        "source": statement.source, "currency": statement.currency,
        "commands": sum(counts.values()), "accepted": counts["accepted"],
        "duplicates": counts["repeated"], "rows": rows, "refusals": refusals[:SHOWN_MAX],
        "refused": len(refusals),
        "contradictions": [row for row in rows if row["in_file"] and row["differs"]],
    }  # fmt: skip


def _row(state: AccountState, copied: Session, statement: Statement) -> dict[str, Any]:
    point = copied.point(Asked())
    shown = state_json(state, copied.config_at(point).policy, point)
    account, code = shown["account"], shown["currency"]
    coupons = sum(from_minor(one.remaining, code) for one in state.coupons.values())
    stated = None
    named = account if account in statement.openings else ""
    if named in statement.openings and code == statement.currency:
        stated = statement.openings[named] + sum(
            statement.effect(line) for line in statement.lines if line.account == named
        )
    held = from_minor(state.cash - state.outstanding, code)
    return {
        "account": account, "currency": code, "cash": shown["cash"],
        "coupons": write_amount(coupons, code), "debts": shown["outstanding"],
        "in_file": None if stated is None else write_amount(stated, code),
        "difference": None if stated is None else write_amount(stated - held, code),
        "differs": stated is not None and stated != held,
    }  # fmt: skip


def _page(answer: dict[str, Any]) -> None:
    write(strong(f"{plural(answer['commands'], 'command')} of {answer['source']}, not recorded"))
    table(
        ("account", "cash", "coupons", "debts", "balance in the file", "difference"),
        [(row["account"], row["cash"], row["coupons"], row["debts"], row["in_file"],
          row["difference"]) for row in answer["rows"]], words=1,
    )  # fmt: skip
    for row in answer["contradictions"]:
        write(f"the file's own balance of {row['account']} is {row['in_file']}, its rows leave "
              f"{row['cash']} cash and {row['debts']} debts")  # fmt: skip
    for one in answer["refusals"]:
        write(f"would be refused, {one['code']}: {one['message']}")
    if answer["refused"] > len(answer["refusals"]):
        write(f"... and {answer['refused'] - len(answer['refusals'])} more")
    write("nothing is recorded; the commands themselves: --dry-run --ndjson")
