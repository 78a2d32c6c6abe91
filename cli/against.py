"""``tally reconcile --against OLD NEW``: what a provider restated between two deliveries."""

from __future__ import annotations

from collections import deque
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cli.deliveries import delivered
from cli.errors import DONE, FOUND
from cli.render import note, strong, table, write
from ledger.errors import LedgerError
from ledger.quoting import plural
from projections.reconciliation.against.comparing import Comparison

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.answers.delivering import Against

SHOWN: Final = 100  # changes on a page for people; the other forms have all of them
CURRENCY: Final = "CNY"  # of files that name none, where there is no ledger to ask


def against(
    session: Session, output: Output, old: str, new: str, *, source: str | None, encoding: str
) -> int:
    """Compare two files of one month; exit code 1 where anything was restated."""
    found = Comparison(
        delivered(old), delivered(new), source=source, currency=_currency(session),
        encoding=encoding,
    )  # fmt: skip
    if output.form in ("ndjson", "csv"):
        output.rows(row.plain() for row in found.rows())
        answer = None
    else:
        rows = found.rows()
        # A page shows the first of them; it is read to the end, for the totals stand only then.
        first = list(islice(rows, SHOWN) if output.human else rows)
        deque(rows, maxlen=0)
        answer = found.answer(first, old=Path(old).name, new=Path(new).name)
    if answer is not None and not output.answered(answer):
        _page(answer)
    elif found.both.left_out:
        note(f"note: not compared, in one file only: {', '.join(found.both.left_out)}")
    return FOUND if any(found.counts[kind] for kind in ("added", "gone", "changed")) else DONE


def _currency(session: Session) -> str:
    try:
        return session.config.currency
    except (LedgerError, OSError):
        return CURRENCY


def _page(answer: Against) -> None:
    counts = msgspec.structs.asdict(answer.counts)
    write(strong(f"{answer.new.file} against {answer.old.file}") + f"   {answer.source}")
    write(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    if answer.rows:
        write()
        table(
            ("change", "account", "category", "resource", "old", "new", "delta", "currency"),
            [(row.change, row.account, row.category, row.resource, row.old, row.new, row.delta,
              row.currency) for row in answer.rows],
        )  # fmt: skip
    more = sum(counts.values()) - len(answer.rows)
    if more:
        write(f"and {plural(more, 'more change')}: --ndjson lists them all")
    write()
    table(
        ("currency", "old", "added", "gone", "changed", "new"),
        [msgspec.structs.astuple(total) for total in answer.totals],
    )
    if answer.not_compared:
        write(f"not compared, in one file only: {', '.join(answer.not_compared)}")
