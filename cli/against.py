"""``tally reconcile --against OLD NEW``: what a provider restated between two deliveries."""

from __future__ import annotations

from collections import deque
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.deliveries import delivered
from cli.errors import DONE, FOUND
from cli.render import note, strong, table, write
from ledger.errors import LedgerError
from ledger.quoting import plural
from projections.reconciliation.against.comparing import Comparison

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output

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
        output.rows(found.rows())
    elif output.form == "json":
        rows = list(found.rows())
        output.object({"schema": "tally.against/1", **_head(found, old, new), "rows": rows})
    else:
        _page(found, old, new)
    if found.both.left_out and not output.human:
        note(f"note: not compared, in one file only: {', '.join(found.both.left_out)}")
    return FOUND if any(found.counts[kind] for kind in ("added", "gone", "changed")) else DONE


def _currency(session: Session) -> str:
    try:
        return session.config.currency
    except (LedgerError, OSError):
        return CURRENCY


def _head(found: Comparison, old: str, new: str) -> dict[str, Any]:
    files = zip(("old", "new"), (old, new), found.files(), strict=True)
    return {
        "source": found.shape.source,
        **{side: {"file": Path(file).name, **hashed, "rows": found.counts[f"{side}_rows"]}
           for side, file, hashed in files},
        "counts": {kind: found.counts[kind] for kind in ("added", "gone", "changed")},
        "totals": found.totals(), "not_compared": list(found.both.left_out),
    }  # fmt: skip


def _page(found: Comparison, old: str, new: str) -> None:
    rows = found.rows()
    first = list(islice(rows, SHOWN))
    deque(rows, maxlen=0)  # read to the end: the totals stand only then
    head = _head(found, old, new)
    write(strong(f"{head['new']['file']} against {head['old']['file']}") + f"   {head['source']}")
    write(", ".join(f"{count} {kind}" for kind, count in head["counts"].items()))
    if first:
        write()
        table(
            ("change", "account", "category", "resource", "old", "new", "delta", "currency"),
            [(row["change"], row["account"], row["category"], row["resource"], row["old"],
              row["new"], row["delta"], row["currency"]) for row in first],
        )  # fmt: skip
    more = sum(head["counts"].values()) - len(first)
    if more:
        write(f"and {plural(more, 'more change')}: --ndjson lists them all")
    write()
    table(
        ("currency", "old", "added", "gone", "changed", "new"),
        [tuple(total.values()) for total in head["totals"]],
    )
    if head["not_compared"]:
        write(f"not compared, in one file only: {', '.join(head['not_compared'])}")
