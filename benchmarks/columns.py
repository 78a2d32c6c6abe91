"""Every balance of the whole ledger at a past instant, from columns.

Beside: the fold of every account at the same point, and DuckDB's bare group-by over the same
segments, which is the limit.
"""

from __future__ import annotations

from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, apart, best, quickest, spent
from ledger.periods import HOUR
from ledger.store import open_reader
from projections import balances
from projections.columns import arrow, books
from projections.columns.asking import Asking, bound, cursor, opened
from projections.columns.segments import Columns
from projections.journal import reports
from projections.point import Asked, account_at, config_at, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.store import Reader
    from projections.point import Point

OFFSET = 8 * HOUR
_BARE = (
    "SELECT account, sum(cash), sum(outstanding) FROM log "
    "WHERE effective_at <= {} GROUP BY account"
)


def run(path: Path) -> list[Figure]:
    """Build the columns of a ledger and ask every balance in the middle of its time.

    Nothing where the extra is not installed.
    """
    if not arrow.available():
        return []
    reader = open_reader(str(path))
    head = reader.head()
    columns = Columns(reader)
    columns.drop()
    building = spent(columns.build)
    first = reader.row(1)
    begun = first.recorded_at if first is not None else 0
    middle = (begun + head.recorded_at) // 2
    point = resolve(reader, Asked(at=middle), clock=head.recorded_at, offset=OFFSET)
    # A process keeps answers, so each run asks at a point of its own.
    points = (point._replace(at=point.at - number) for number in count(1))
    asking = best(lambda: ask(reader, next(points)))
    bare = best(lambda: _bare(columns, point))
    folding = spent(lambda: _fold(reader, point))
    booking = best(lambda: _books(reader, next(points)))
    folding_books = spent(lambda: reports.trial_balance(reader, point))
    reached = bare / asking
    size = sum(segment.bytes for segment in columns.standing().segments)
    return [
        Figure(
            f"columns_build_{head.position}", f"{head.position / building:,.0f} events/s",
            f"{size / head.position:.1f} bytes an event", 1.0, "-", met=True,
        ),
        Figure(
            f"as_of_all_{head.position}",
            f"{asking * 1000:.0f} ms, from columns built before in {building:.1f} s",
            f"bare DuckDB group-by {bare * 1000:.0f} ms", reached, ">= 0.85", reached >= 0.85,
        ),
        Figure(
            f"as_of_all_fold_{head.position}", f"{asking * 1000:.0f} ms",
            f"fold of every account {folding * 1000:.0f} ms", folding / asking, "-",
            met=True,
        ),
        Figure(
            f"trial_balance_{head.position}", f"{booking * 1000:.0f} ms",
            f"the books folded {folding_books * 1000:.0f} ms", folding_books / booking, "-",
            met=True,
        ),
    ]  # fmt: skip


def huge(path: Path, folder: Path, lines: int) -> list[Figure]:
    """Ask every balance of N lines: a ledger's segments, again under other names."""
    copied = str(folder / "huge-{}.parquet")  # what a line holds lies together, as in a segment
    at, _ = apart(_copy, str(path), copied, lines)
    (asking, bare), peak = apart(_ask_copy, str(path), copied, at)
    for file in folder.glob("huge-*.parquet"):
        file.unlink()
    return [
        Figure(
            f"as_of_all_{lines // 1_000_000}m", f"{asking:.2f} s, {peak} MB at most",
            f"bare group-by {bare:.2f} s",
            bare / asking, ">= 0.85, < 0.5 s", bare / asking >= 0.85 and asking < 0.5,
        )
    ]  # fmt: skip


def _copy(path: str, copied: str, lines: int) -> int:
    """Write the segments many times under other names; return the middle of their time."""
    reader = open_reader(path)
    head, begun = reader.head(), reader.row(1)
    columns = Columns(reader)
    columns.build()
    times = -(-lines // head.position)
    with closing(opened(arrow.package("duckdb"))) as connection:
        names = ", ".join(f"'{one}'" for one in columns.paths(columns.standing().segments))
        for kind in range(arrow.OF_ACCOUNT + 1):
            connection.execute(
                f"COPY (SELECT log.* REPLACE (account || '-' || n AS account) "  # noqa: S608 - ours
                f"FROM range({times}) AS copies(n), read_parquet([{names}]) AS log "
                f"WHERE holds = {kind}) TO '{copied.format(kind)}' (FORMAT parquet)"
            )
    return ((begun.recorded_at if begun is not None else 0) + head.recorded_at) // 2


def _ask_copy(path: str, copied: str, at: int) -> tuple[float, float]:
    reader = open_reader(path)
    point = resolve(reader, Asked(at=at), clock=reader.head().recorded_at, offset=OFFSET)
    with closing(opened(arrow.package("duckdb"))) as connection:
        files = copied.format("*")
        connection.execute(f"CREATE VIEW log AS SELECT * FROM read_parquet('{files}')")  # noqa: S608 - ours
        text = bound("balances", point, "effective_at <= :at")  # all of it is known at the point
        asking = quickest(lambda: connection.execute(text).fetchall())
        return asking, quickest(lambda: connection.execute(_BARE.format(point.at)).fetchall())


def ask(reader: Reader, point: Point) -> int:
    """Ask every balance at a point from columns; return how many there are."""
    asking = Asking(reader, until=point.position)
    found = len(list(asking.rows("balances", point)))
    asking.close()
    return found


def _books(reader: Reader, point: Point) -> int:
    asking = Asking(reader, until=point.position)
    found = len(books.trial_balance(asking, point))
    asking.close()
    return found


def _bare(columns: Columns, point: Point) -> object:
    connection = cursor()
    paths = ", ".join(f"'{path}'" for path in columns.paths(columns.standing().segments))
    connection.execute(f"CREATE TEMP VIEW log AS SELECT * FROM read_parquet([{paths}])")  # noqa: S608 - our own paths
    return connection.execute(_BARE.format(point.at)).fetchall()


def _fold(reader: Reader, point: Point) -> int:
    policy = config_at(reader, point).policy
    states = (
        account_at(reader, stream.removeprefix("account:"), point) for stream in reader.streams()
    )
    return sum(len(balances.rows(state, policy)) for state in states if state is not None)
