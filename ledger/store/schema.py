"""The tables of a ledger, and what the embedded database itself refuses.

``stored_events`` keeps the library's column names, so that its recorders read and write it; the
position is explicit and never reused. UPDATE and DELETE are refused by triggers.
"""

from __future__ import annotations

APPLICATION_ID = 0x7A11751C  # "tallystick", in SQLite's header
USER_VERSION = 1

EVENTS = "stored_events"

CREATE_EVENTS = f"""
CREATE TABLE IF NOT EXISTS {EVENTS} (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    UNIQUE (originator_id, originator_version)
) STRICT
"""

_SIDE_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS requests (
        scope TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,
        first_position INTEGER NOT NULL, last_position INTEGER NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)
INDEXES = (
    f"CREATE INDEX IF NOT EXISTS events_by_recorded_at ON {EVENTS} (recorded_at)",
    f"CREATE INDEX IF NOT EXISTS events_by_effective_at ON {EVENTS} (effective_at)",
)


def _refusals(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} is refused'); END"
        for verb in ("UPDATE", "DELETE")
    )


# INSERT OR REPLACE would delete without asking the triggers above. FAIL, as nothing was changed
# yet that ABORT would have to undo: SQLite copied every page of every row for it (decision 0092).
_NO_REPLACE = (
    (f"CREATE TRIGGER IF NOT EXISTS {EVENTS}_no_replace BEFORE INSERT ON {EVENTS} "
    f"WHEN NEW.position <= (SELECT MAX(position) FROM {EVENTS}) OR EXISTS ("
    f"SELECT 1 FROM {EVENTS} WHERE originator_id = NEW.originator_id "
    "AND originator_version = NEW.originator_version) "
    f"BEGIN SELECT RAISE(FAIL, '{EVENTS} is append-only: an event is there already'); END"),
    ("CREATE TRIGGER IF NOT EXISTS requests_no_replace BEFORE INSERT ON requests "
    "WHEN EXISTS (SELECT 1 FROM requests WHERE scope = NEW.scope AND key = NEW.key) "
    "BEGIN SELECT RAISE(ABORT, 'requests is append-only: the key is used'); END"),
)
# What older ledgers have in the place of one of these, and keep.
EARLIER: tuple[str, ...] = (_NO_REPLACE[0].replace("RAISE(FAIL", "RAISE(ABORT"),)


# The tree of the log (ledger/proof/nodes.py) and its signed checkpoints (ledger/proof/seals.py).
_PROOF_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS tree_nodes (
        level INTEGER NOT NULL, start INTEGER NOT NULL, hashes BLOB NOT NULL,
        PRIMARY KEY (level, start)
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS seals (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
    ) STRICT
    """,
)
PROOF_STATEMENTS: tuple[str, ...] = (
    *_PROOF_TABLES,
    *_refusals("tree_nodes"),
    *_refusals("seals"),
    ("CREATE TRIGGER IF NOT EXISTS tree_nodes_no_replace BEFORE INSERT ON tree_nodes "
    "WHEN EXISTS (SELECT 1 FROM tree_nodes WHERE level = NEW.level AND start = NEW.start) "
    "BEGIN SELECT RAISE(ABORT, 'tree_nodes is append-only: the node is there'); END"),
    ("CREATE TRIGGER IF NOT EXISTS seals_no_replace BEFORE INSERT ON seals "
    "WHEN NEW.number <= (SELECT MAX(number) FROM seals) "
    "BEGIN SELECT RAISE(ABORT, 'seals is append-only: the seal is there'); END"),
)

# What a server takes too, in its own spelling (ledger/store/server.py); triggers it has its own.
TABLES: tuple[str, ...] = (CREATE_EVENTS, *_SIDE_TABLES, *_PROOF_TABLES)
APPEND_ONLY = (EVENTS, "requests", "tree_nodes", "seals")

STATEMENTS: tuple[str, ...] = (
    CREATE_EVENTS,
    *_SIDE_TABLES,
    *INDEXES,
    *_refusals(EVENTS),
    *_refusals("requests"),
    *_NO_REPLACE,
    *PROOF_STATEMENTS,
)

# --- a server ---------------------------------------------------------------------------------
# In SQLite's spelling of types; ledger/store/server.py translates them.

_LAYOUT: str = "CREATE TABLE ledger_layout (application INTEGER NOT NULL, version INTEGER NOT NULL)"
_REFUSE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP; END $$
"""
# The highest number that was ever given stays known when its row is gone.
_HIGHEST = (
    "CREATE TABLE highest_given (name TEXT PRIMARY KEY, seq INTEGER NOT NULL)",
    """
    CREATE OR REPLACE FUNCTION note_highest() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE format('INSERT INTO highest_given SELECT %L, max(%I) FROM %I '
            'ON CONFLICT (name) DO UPDATE SET seq = greatest(highest_given.seq, excluded.seq)',
            TG_TABLE_NAME, TG_ARGV[0], TG_TABLE_NAME);
        RETURN NULL;
    END $$
    """,
    *(
        f"CREATE TRIGGER {table}_highest AFTER INSERT ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION note_highest('{column}')"
        for table, column in ((EVENTS, "position"), ("seals", "number"))
    ),
)
SERVER_STATEMENTS: tuple[str, ...] = (
    *TABLES,
    *INDEXES,
    _REFUSE,
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    _LAYOUT,
    *_HIGHEST,
)
