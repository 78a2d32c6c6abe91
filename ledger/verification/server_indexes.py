"""The indexes of a server's tables: each row looked up through each index, and both counted.

The planner is told to leave other ways alone, and asked whether it does; ``amcheck`` looks at the
pages too where whoever keeps the server has installed it. This module must not know what tables
mean.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import DELETED, INSERTED, MODIFIED
from ledger.store.errors import StoreError
from ledger.verification.findings import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.connection import Connection

_LIST: Final = """
SELECT c.relname::text, i.relname::text, x.indisvalid AND x.indisready AND x.indislive,
    ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY k.place)
FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY 1, 2
"""
_THROUGH_INDEX: Final = (
    "enable_seqscan", "enable_bitmapscan", "enable_tidscan", "enable_hashjoin",
    "enable_mergejoin", "enable_sort", "enable_incremental_sort", "enable_material",
    "enable_memoize", "max_parallel_workers_per_gather",
)  # fmt: skip
_BY_TABLE: Final = (
    "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan",
    "max_parallel_workers_per_gather",
)  # fmt: skip
_PAGES: Final = """
SELECT n.nspname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.proname = 'bt_index_check' AND p.pronargs = 2 AND has_function_privilege(p.oid, 'EXECUTE')
"""


def faults(connection: Connection, wanted: str | None = None) -> Iterator[Fault | None]:
    """Yield what is wrong with each index, None where nothing is."""
    amcheck = connection.execute(_PAGES).fetchone()
    for table, index, valid, columns in connection.execute(_LIST).fetchall():
        if wanted is not None and table != wanted:
            continue
        if not valid:
            yield Fault(MODIFIED, None, f"index {index} is marked as not to be used")
            continue
        fault = _compared(connection, table, index, columns)
        if fault is None and amcheck is not None:
            fault = _pages(connection, amcheck[0], index)
        yield fault


def _compared(
    connection: Connection, table: str, index: str, columns: list[str]
) -> Fault | None:
    position = "a.position" if "position" in _columns_of(connection, table) else "NULL"
    with _only(connection, _THROUGH_INDEX):
        for some in (columns, columns[:1]):
            same = " AND ".join(f'b."{one}" = a."{one}"' for one in some)
            text = (
                f'SELECT {position} FROM (SELECT ctid AS place, * FROM "{table}" OFFSET 0) AS a '
                f'WHERE NOT EXISTS (SELECT 1 FROM "{table}" AS b '
                f"WHERE {same} AND b.ctid = a.place) LIMIT 1"
            )
            if _uses(connection, text, index):
                break
        else:
            return None  # the planner will not be told; nor will it use the index by itself
        lost = connection.execute(text).fetchone()
        order = ", ".join(f'"{one}"' for one in columns)
        entries = _count(connection, f'SELECT {order} FROM "{table}" ORDER BY {order} OFFSET 0')
    if lost is not None:
        where = f"@{lost[0]}" if lost[0] is not None else f"a row of {table}"
        return Fault(DELETED, lost[0], f"index {index} lacks {where}")
    with _only(connection, _BY_TABLE):
        rows = _count(connection, f'SELECT 1 FROM "{table}" OFFSET 0')
    if rows == entries:
        return None
    return Fault(INSERTED, None, f"index {index} has {entries} entries, {table} {rows} rows")


def _columns_of(connection: Connection, table: str) -> set[str]:
    rows = connection.execute(
        "SELECT column_name::text FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = ?",
        (table,),
    )
    return {name for (name,) in rows}


def _count(connection: Connection, text: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({text}) AS x").fetchone()[0])


def _uses(connection: Connection, text: str, index: str) -> bool:
    """Ask the planner whether it goes through an index."""
    (plan,) = connection.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {text}").fetchone()
    found = json.loads(plan) if isinstance(plan, str) else plan
    return index in _names(found)


def _names(part: Any) -> Iterator[str]:  # noqa: ANN401 - a plan is JSON
    if isinstance(part, list):
        for one in part:
            yield from _names(one)
    elif isinstance(part, dict):
        if "Index Name" in part:
            yield part["Index Name"]
        yield from _names(part.get("Plans", []))
        yield from _names(part.get("Plan", []))


def _pages(connection: Connection, schema: str, index: str) -> Fault | None:
    """Let the extension compare the index with the whole table, entry by entry."""
    connection.execute("SAVEPOINT pages")
    try:
        connection.execute(
            f'SELECT "{schema}".bt_index_check(?::regclass, true)', (f'"{index}"',)
        )
    except StoreError as error:
        connection.execute("ROLLBACK TO SAVEPOINT pages")
        return Fault(MODIFIED, None, f"index {index}: {error}")
    connection.execute("RELEASE SAVEPOINT pages")
    return None


@contextmanager
def _only(connection: Connection, off: tuple[str, ...]) -> Iterator[None]:
    """Leave the planner one way, inside a transaction."""
    for name in off:
        connection.execute(f"SET LOCAL {name} = {'0' if name.startswith('max') else 'off'}")
    yield
    for name in off:
        connection.execute(f"SET LOCAL {name} TO DEFAULT")
