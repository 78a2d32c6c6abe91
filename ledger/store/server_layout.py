"""The whole schema of a ledger on a server: what is there, and what this program lays out.

What is there comes from the server's catalogs, what must be there from the statements that made
it, both as the same kind of things. Names of constraints and their indexes are left out: a table
that was built beside another and renamed keeps those of its first name. This module must not
write, nor know what tables are for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.connection import Connection


class Thing(NamedTuple):
    """One object of a schema: its text is compared without spacing, quotes and IF NOT EXISTS."""

    type: str
    name: str
    table: str
    text: str

    @property
    def shown(self) -> str:
        """How a person knows it."""
        return f"the {self.type} {self.name!r}"


_OURS: Final = "relnamespace = current_schema()::regnamespace"
# type, name, table, text; every catalog that can change what a table gives or takes.
_CATALOGS: Final = (
    f"""
    SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
            WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END,
        c.relname, c.relname, concat_ws(' ', c.relpersistence,
            CASE WHEN c.relrowsecurity OR c.relforcerowsecurity THEN 'row security' END,
            CASE WHEN EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid)
                THEN 'inherits' END)
    FROM pg_class AS c WHERE c.{_OURS} AND c.relkind NOT IN ('i', 'I', 't', 'c')
    """,
    f"""
    SELECT 'column', c.relname || '.' || a.attname, c.relname, concat_ws(' ',
        format_type(a.atttypid, a.atttypmod), l.collname,
        CASE WHEN a.attnotnull THEN 'not null' END, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.{_OURS} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    """,
    f"""
    SELECT 'constraint', c.relname || ' ' || pg_get_constraintdef(k.oid), c.relname, ''
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
    WHERE c.{_OURS} AND k.contype NOT IN ('n', 't')
    """,
    f"""
    SELECT 'index', i.relname, c.relname, concat_ws(' ',
        CASE WHEN x.indisunique THEN 'unique' END,
        substring(pg_get_indexdef(x.indexrelid) FROM ' USING (.*)$'))
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
        JOIN pg_class AS c ON c.oid = x.indrelid
    WHERE c.{_OURS} AND c.relkind = 'r'
        AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = x.indexrelid)
    """,
    f"""
    SELECT 'trigger', t.tgname, c.relname, concat_ws(' ', pg_get_triggerdef(t.oid, true),
        CASE WHEN t.tgenabled <> 'O' THEN 'is off' END)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE c.{_OURS} AND NOT t.tgisinternal
    """,
    f"""
    SELECT 'rule', r.rulename, c.relname, pg_get_ruledef(r.oid)
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class
    WHERE c.{_OURS} AND r.rulename <> '_RETURN'
    """,
    f"""
    SELECT 'policy', p.polname, c.relname, '' FROM pg_policy AS p
        JOIN pg_class AS c ON c.oid = p.polrelid WHERE c.{_OURS}
    """,
    """
    SELECT 'function', p.proname, p.proname, concat_ws(' ', l.lanname, p.prosrc,
        CASE WHEN p.prosecdef OR p.proconfig IS NOT NULL THEN 'with settings' END)
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
    WHERE p.pronamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT 1 FROM pg_depend WHERE objid = p.oid AND classid = 'pg_proc'::regclass
            AND deptype = 'e')
    """,
)
_CREATE_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*)\)")
_CREATE_INDEX = re.compile(r"CREATE INDEX (\w+) ON (\w+) (\(.*\))")
_CREATE_TRIGGER = re.compile(r"(CREATE TRIGGER (\w+) .* ON (\w+) .*)")
_CREATE_FUNCTION = re.compile(
    r"CREATE OR REPLACE FUNCTION (\w+)\(\).*? LANGUAGE (\w+) AS \$\$ ?(.*?) ?\$\$"
)
_ITEM = re.compile(r"(?:[^,(]|\([^)]*\))+")
_TYPES: Final = {
    "BIGINT": "bigint", "INTEGER": "bigint", "TEXT": "text C",
    "BLOB": "bytea",
}


def there(connection: Connection) -> dict[str, Thing]:
    """Read what the current schema holds, by type and name."""
    (schema,) = connection.execute("SELECT current_schema()::text").fetchone()
    things = (
        Thing(type_, plain(str(name)), str(table), plain(text or "", schema))
        for catalog in _CATALOGS
        for type_, name, table, text in connection.execute(catalog).fetchall()
    )
    return {f"{thing.type} {thing.name}": thing for thing in things}


def laid_out(statements: Iterable[str]) -> dict[str, Thing]:
    """Return what our statements make, in a server's spelling."""
    things: dict[str, Thing] = {}
    for statement in statements:
        for thing in _made(plain(statement)):
            things[f"{thing.type} {thing.name}"] = thing
    return things


def _made(text: str) -> Iterator[Thing]:
    if match := _CREATE_TABLE.match(text):
        yield from _table(match[1], match[2])
    elif match := _CREATE_INDEX.match(text):
        yield Thing("index", match[1], match[2], f"btree {match[3]}")
    elif match := _CREATE_TRIGGER.match(text):
        # The server gives the events of a trigger in an order of its own.
        ordered = match[1].replace("UPDATE OR DELETE", "DELETE OR UPDATE")
        yield Thing("trigger", match[2], match[3], ordered)
    elif match := _CREATE_FUNCTION.match(text):
        yield Thing("function", match[1], match[1], f"{match[2]} {match[3]}")


def _table(table: str, body: str) -> Iterator[Thing]:
    yield Thing("table", table, table, "p")
    keys: list[str] = []
    columns: list[tuple[str, str, bool]] = []
    for item in (one.strip() for one in _ITEM.findall(body)):
        if item.startswith(("PRIMARY KEY", "UNIQUE")):
            yield Thing("constraint", f"{table} {item}", table, "")
            if item.startswith("PRIMARY"):
                keys = re.findall(r"\w+", item.partition("(")[2])
            continue
        name, kind, *rest = item.split()
        if "PRIMARY" in rest:
            yield Thing("constraint", f"{table} PRIMARY KEY ({name})", table, "")
            keys = [name]
        columns.append((name, _TYPES[kind], "NOT" in rest))
    for name, kind, kept in columns:
        held = " not null" if kept or name in keys else ""
        yield Thing("column", f"{table}.{name}", table, f"{kind}{held}")


def plain(text: str, schema: str = "") -> str:
    """Leave out of a text what means nothing."""
    text = " ".join(text.replace('"', "").split()).replace("IF NOT EXISTS ", "")
    if schema:
        text = text.replace(f"{schema}.", "")
    return text.replace("( ", "(").replace(" )", ")")
