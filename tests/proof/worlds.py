"""A sealed ledger with everything in it, copies of it, and plain sqlite3 to tamper with them.

``opened`` drops every trigger first: whoever owns the file owns the triggers too.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgpack

from ledger.proof import nodes
from ledger.proof.notes import SigningKey
from ledger.proof.seals import log_key, seal
from tests.cli.program import SMALL, Json, World

SEED = bytes(range(32))
NAME = "test.example/ledger"


class Sealed(World):
    """A ledger with its key and policy beside it, and some checkpoints handed out."""

    folder: Path

    def checkpoint(self, name: str) -> Path:
        """Seal, and hand the checkpoint out."""
        path = self.folder / f"{name}.checkpoint"
        self.done("seal", "-o", path)
        return path

    def verify(self, *arguments: object, code: int = 0) -> Json:
        """Verify, with every answer held to its schema."""
        return self.json("verify", *arguments, code=code)

    def copy(self, folder: Path) -> Sealed:
        """Copy the ledger, its keys and its checkpoints."""
        for path in self.folder.iterdir():
            if path.is_file() and path.suffix not in {".db-wal", ".db-shm"}:
                if path == self.path:
                    with sqlite3.connect(path) as source, sqlite3.connect(
                        folder / path.name
                    ) as target:
                        source.backup(target)
                    source.close()
                    target.close()
                else:
                    shutil.copyfile(path, folder / path.name)
        copied = Sealed.at(folder / self.path.name)
        assert isinstance(copied, Sealed)
        copied.folder = folder
        return copied


def sealed(folder: Path) -> Sealed:
    """Record January for two accounts, seal twice, close it, use a token, leave a tail unsealed."""
    world = Sealed.__new__(Sealed)
    world.path, world.folder = folder / "t.db", folder
    world.done("init", "--clock", "simulated", "--start", "2025-01-01")
    (folder / "t.key").write_text(f"{log_key(NAME, SEED)}\n")
    world.done("import", SMALL, code=4)
    world.checkpoint("first")
    world.done("clock", "advance", "--to", "2025-02-21T12:00:00+08:00")
    world.record(
        "top-up", "--account", "a-1", "--amount", "5", "--channel", "card", "--serial", "T9",
        "--token", "once",
    )  # fmt: skip
    world.json("close", "2025-01", "--actor", "lin", "--reason", "month end")
    world.checkpoint("second")
    world.record(
        "top-up", "--account", "a-2", "--amount", "7", "--channel", "card", "--serial", "T10"
    )
    world.done("balances")  # the views catch up
    return world


class Tampering(sqlite3.Connection):
    """Plain sqlite3 without the triggers of a ledger, which are there again when it is closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the triggers away."""
        super().__init__(*arguments, **options)
        self._taken = self.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _, _ in self._taken:
            self.execute(f"DROP TRIGGER {name}")

    def close(self) -> None:
        """Restore them, but those of a table that is gone."""
        tables = {
            name for (name,) in
            self.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        }  # fmt: skip
        for _, table, text in self._taken:
            if table in tables:
                self.execute(text)
        super().close()


def opened(path: Path) -> sqlite3.Connection:
    """Open a ledger file to tamper with it."""
    return sqlite3.connect(path, isolation_level=None, factory=Tampering)


def tampered(path: Path, *statements: str) -> None:
    """Run statements that the program would never run."""
    connection = opened(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def body(connection: sqlite3.Connection, position: int) -> dict[str, Any]:
    """Read an event's bytes with a MessagePack library that is not ours."""
    (raw,) = connection.execute(
        "SELECT state FROM stored_events WHERE position = ?", (position,)
    ).fetchone()
    found: dict[str, Any] = msgpack.unpackb(raw)
    return found


def rewrite(path: Path, at: int, /, *, columns: bool = True, **changes: Any) -> None:
    """Change an event in its bytes, and in the columns beside them."""
    connection = opened(path)
    event = body(connection, at)
    inner = changes.pop("event", {})
    event.update(changes)
    event["event"].update(inner)
    connection.execute(
        "UPDATE stored_events SET state = ? WHERE position = ?",
        (msgpack.packb(event), at),
    )
    if columns:
        connection.execute(
            "UPDATE stored_events SET recorded_at = ?, effective_at = ? WHERE position = ?",
            (event["recorded_at"], event["effective_at"], at),
        )
    connection.close()


def renumber(connection: sqlite3.Connection, after: int, by: int) -> None:
    """Move all events after a position."""
    connection.execute("UPDATE stored_events SET position = -position WHERE position > ?", (after,))
    connection.execute(
        "UPDATE stored_events SET position = -position + ? WHERE position < 0", (by,)
    )


def rebuild_tree(path: Path) -> None:
    """Compute the whole tree again from whatever the events are now."""
    connection = opened(path)
    bodies = [b for (b,) in connection.execute("SELECT state FROM stored_events ORDER BY position")]
    connection.execute("DELETE FROM tree_nodes")
    nodes.append(connection, bodies, before=0)
    connection.close()


def sign_anew(path: Path, key: SigningKey) -> None:
    """Forget every checkpoint and sign the log as it is now: what a key's holder can do."""
    connection = opened(path)
    connection.execute("DELETE FROM seals")
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'seals'")
    (head,) = connection.execute("SELECT MAX(position) FROM stored_events").fetchone()
    seal(connection, (key,), origin=NAME, head=head)
    connection.close()


def forge_everything(world: Sealed) -> None:
    """Rewrite an event, the tree and the checkpoints, with the key."""
    rewrite(world.path, 30, actor="nobody")
    rebuild_tree(world.path)
    sign_anew(world.path, log_key(NAME, SEED))
