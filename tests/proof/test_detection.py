"""R59: every kind of tampering, in every stored column and side table, is found and named.

Each case is plain sqlite3 on a copy of the file, its triggers dropped, and says which check fails,
with which kind and first bad position. The ledger has 42 events; checkpoints cover 26 and 40.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger.proof.seals import log_key
from projections.stored import PROJECTIONS
from tests.cli.program import Json
from tests.proof.worlds import (
    NAME,
    SEED,
    Sealed,
    forge_everything,
    opened,
    rebuild_tree,
    renumber,
    rewrite,
    sign_anew,
    tampered,
)

HEAD, FIRST, SECOND = 42, 26, 40
EVENTS = "UPDATE stored_events SET"
NODES = "UPDATE tree_nodes SET"
FLIPPED = "CAST(x'00' || substr(hashes, 2) AS BLOB)"


class Case(NamedTuple):
    """Statements, and what verification must say."""

    statements: tuple[str, ...]
    check: str
    kind: str | None
    position: int | None


def found(answer: Json, name: str) -> tuple[Any, Any]:
    """Return kind and position of a check that must have failed."""
    check = next(one for one in answer["checks"] if one["name"] == name)
    assert not check["ok"], answer["checks"]
    return check["kind"], check["first_bad"]


def test_the_whole_ledger_holds(whole: Sealed) -> None:
    answer = whole.verify("--deep", "--since", whole.folder / "first.checkpoint")
    assert answer["ok"]
    assert (answer["events"], answer["sealed"]) == (HEAD, SECOND)
    assert all(
        (check["ok"], check["kind"], check["first_bad"]) == (True, None, None)
        for check in answer["checks"]
    )
    counts = {check["name"]: check["checked"] for check in answer["checks"] if not check["skipped"]}
    assert counts["requests"] == 6
    assert counts["signatures"] == 2
    assert counts["period closes"] == 1
    for name in ("snapshots", "tiles"):  # no stream is long
        counts.pop(name)
    counts.pop("rebuilds")  # none was interrupted
    assert min(counts.values()) > 0


# --- the columns of the log ---------------------------------------------------------------------

COLUMNS = {
    "originator_id": "'account:zz'",
    "originator_version": "originator_version + 100",
    "topic": "'TopUpReceived/2'",
    "recorded_at": "recorded_at - 1000000",
    "effective_at": "effective_at - 86400000000",
}


@pytest.mark.parametrize("position", [1, 10, HEAD])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_beside_the_bytes(world: Sealed, column: str, position: int) -> None:
    """Nothing outside the hashed bytes influences a projection unnoticed."""
    tampered(world.path, f"{EVENTS} {column} = {COLUMNS[column]} WHERE position = {position}")
    answer = world.verify(code=5)
    assert found(answer, "columns") == ("modified", position)
    assert [check["name"] for check in answer["checks"] if not check["ok"]] == ["columns"]


def test_every_stored_column_of_the_log_is_in_this_matrix(world: Sealed) -> None:
    connection = sqlite3.connect(world.path)
    names = {row[1] for row in connection.execute("PRAGMA table_info(stored_events)")}
    tables = {
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    connection.close()
    assert names == {"position", "state", *COLUMNS}
    views = {f"view_{one.name}" for one in PROJECTIONS}
    assert tables - views == {
        "stored_events", "sqlite_sequence", "requests", "meta", "tree_nodes", "seals",
        "checkpoints",
    }  # fmt: skip


@pytest.mark.parametrize("position", [1, 10, 31, HEAD])
def test_the_effective_time_edited_in_place(world: Sealed, position: int) -> None:
    """A named case: bytes and column are changed together."""
    connection = opened(world.path)
    (at,) = connection.execute(
        "SELECT effective_at FROM stored_events WHERE position = ?", (position,)
    ).fetchone()
    connection.close()
    rewrite(world.path, position, effective_at=at - 86_400_000_000)
    assert found(world.verify(code=5), "leaves") == ("modified", position)


@pytest.mark.parametrize("tail", ["", "00"])
def test_bytes_that_are_no_event(world: Sealed, tail: str) -> None:
    tampered(world.path, f"{EVENTS} state = CAST(state || x'{tail or 'c1'}' AS BLOB) "
                         "WHERE position = 7")  # fmt: skip
    assert found(world.verify(code=5), "leaves") == ("modified", 7)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("amount", {"event": {"amount": 1}}),
        ("actor", {"actor": "nobody"}),
        ("reason", {"reason": "none"}),
        ("cause", {"cause": 1}),
        ("stream", {"stream": "account:zz"}),
        ("version", {"version": 77}),
        ("recorded_at", {"recorded_at": 1}),
        ("position", {"position": 6}),
        ("type", {"event": {"type": "TopUpReceived/9"}}),
    ],
)
def test_every_part_of_the_bytes(world: Sealed, name: str, change: Json) -> None:
    del name
    rewrite(world.path, 5, columns=False, **change)
    assert found(world.verify(code=5), "leaves") == ("modified", 5)


# --- rows of the log ----------------------------------------------------------------------------


@pytest.mark.parametrize("position", [1, 2, 20, HEAD - 1])
def test_a_deleted_event(world: Sealed, position: int) -> None:
    tampered(world.path, f"DELETE FROM stored_events WHERE position = {position}")
    assert found(world.verify(code=5), "leaves") == ("deleted", position)


@pytest.mark.parametrize("position", [1, 2, 20, HEAD - 1])
def test_a_deleted_event_and_the_gap_closed(world: Sealed, position: int) -> None:
    connection = opened(world.path)
    connection.execute("DELETE FROM stored_events WHERE position = ?", (position,))
    renumber(connection, position, -1)
    connection.close()
    answer = world.verify(code=5)
    assert found(answer, "leaves") == found(answer, "columns") == ("deleted", position)


@pytest.mark.parametrize("position", [0, 1, 20, HEAD - 1])
@pytest.mark.parametrize("copy", [False, True], ids=["made up", "a copy"])
def test_an_inserted_event(world: Sealed, position: int, copy: bool) -> None:
    connection = opened(world.path)
    renumber(connection, position, 1)
    made_up = "state" if copy else "CAST(state || x'01' AS BLOB)"
    connection.execute(
        "INSERT INTO stored_events SELECT ?, 'account:new', 1, topic, "
        f"{made_up}, recorded_at, effective_at FROM stored_events WHERE position = ?",
        (position + 1, 12 if position > 20 else 31),
    )
    connection.close()
    assert found(world.verify(code=5), "leaves") == ("inserted", position + 1)


def test_an_event_appended_without_its_leaf(world: Sealed) -> None:
    tampered(
        world.path,
        "INSERT INTO stored_events SELECT position + 1, 'account:new', 1, topic, state, "
        f"recorded_at, effective_at FROM stored_events WHERE position = {HEAD}",
    )
    assert found(world.verify(code=5), "leaves") == ("inserted", HEAD + 1)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (9, 10), (5, 30), (HEAD - 1, HEAD)])
@pytest.mark.parametrize("column", ["position", "state"])
def test_two_events_change_places(world: Sealed, one: int, other: int, column: str) -> None:
    connection = opened(world.path)
    if column == "position":
        for old, new in ((one, -1), (other, one), (-1, other)):
            connection.execute(f"{EVENTS} position = ? WHERE position = ?", (new, old))
    else:
        states = dict(connection.execute("SELECT position, state FROM stored_events"))
        for place, taken in ((one, other), (other, one)):
            connection.execute(f"{EVENTS} state = ? WHERE position = ?", (states[taken], place))
    connection.close()
    answer = world.verify(code=5)
    assert found(answer, "leaves") == found(answer, "columns") == ("reordered", one)


def test_an_event_moved_behind_the_head(world: Sealed) -> None:
    tampered(world.path, f"{EVENTS} position = 999 WHERE position = 8")
    assert found(world.verify(code=5), "leaves") == ("reordered", 8)


@pytest.mark.parametrize("last", [HEAD - 1, 30, 12, 1])
def test_the_tail_cut_off(world: Sealed, last: int) -> None:
    """A named case."""
    tampered(world.path, f"DELETE FROM stored_events WHERE position > {last}")
    answer = world.verify(code=5)
    assert found(answer, "leaves") == found(answer, "columns") == ("truncated", last + 1)


def test_everything_deleted(world: Sealed) -> None:
    tampered(world.path, "DELETE FROM stored_events")
    assert found(world.verify(code=5), "leaves") == ("truncated", 1)


@pytest.mark.parametrize("last", [30, 12])
def test_the_tail_cut_off_and_the_tree_made_to_fit(world: Sealed, last: int) -> None:
    tampered(
        world.path, f"DELETE FROM stored_events WHERE position > {last}",
        f"UPDATE sqlite_sequence SET seq = {last} WHERE name = 'stored_events'",
    )  # fmt: skip
    rebuild_tree(world.path)
    answer = world.verify(code=5)
    assert found(answer, "consistency") == ("truncated", last + 1)


def test_a_recorded_time_that_goes_back(world: Sealed) -> None:
    rewrite(world.path, 35, recorded_at=1_700_000_000_000_000)
    rebuild_tree(world.path)
    answer = world.verify(code=5)
    assert found(answer, "clock") == ("clock_backwards", 35)
    assert found(answer, "consistency") == ("forked", FIRST + 1)


def test_a_simulated_clock_set_back(world: Sealed) -> None:
    tampered(world.path, "UPDATE meta SET value = '1' WHERE key = 'clock'")
    assert found(world.verify(code=5), "clock") == ("clock_backwards", HEAD)


def test_a_gap_in_a_stream(world: Sealed) -> None:
    rewrite(world.path, 5, columns=False, version=9)
    assert found(world.verify(code=5), "versions") == ("deleted", 5)


# --- the tree -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "name", "kind", "position"),
    [
        (f"{NODES} hashes = {FLIPPED} WHERE level = 0 AND start = 0", "leaves", "modified", 1),
        (f"{NODES} hashes = {FLIPPED} WHERE level = 1 AND start = 0", "nodes", "modified", 1),
        (f"{NODES} hashes = {FLIPPED} WHERE level = 4 AND start = 1", "nodes", "modified", 17),
        (f"{NODES} hashes = CAST(substr(hashes, 2) AS BLOB) WHERE level = 1 AND start = 0",
         "nodes", "inserted", 1),
        (f"{NODES} start = 900 WHERE level = 0 AND start = 0", "leaves", "deleted", 1),
        (f"{NODES} start = 900 WHERE level = 2 AND start = 0", "nodes", "deleted", 1),
        (f"{NODES} level = 9 WHERE level = 5", "nodes", "deleted", 1),
        ("DELETE FROM tree_nodes WHERE level = 0 AND start = 1", "leaves", "deleted", 2),
        ("DELETE FROM tree_nodes WHERE level = 3 AND start > 0", "nodes", "deleted", 25),
        ("DELETE FROM tree_nodes WHERE level = 0", "leaves", "deleted", 1),
        ("DELETE FROM tree_nodes", "leaves", "deleted", 1),
        ("INSERT INTO tree_nodes SELECT 0, 42, hashes FROM tree_nodes WHERE level = 5", "leaves",
         "truncated", 43),
        ("INSERT INTO tree_nodes SELECT 5, 1, hashes FROM tree_nodes WHERE level = 5", "nodes",
         "inserted", 33),
        ("INSERT INTO tree_nodes SELECT 6, 0, hashes FROM tree_nodes WHERE level = 5", "nodes",
         "inserted", 1),
    ],
)  # fmt: skip
def test_the_stored_tree(
    world: Sealed, statement: str, name: str, kind: str, position: int
) -> None:
    tampered(world.path, statement)
    assert found(world.verify(code=5), name) == (kind, position)


# --- the stored checkpoints ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "name", "kind", "position"),
    [
        ("UPDATE seals SET size = 25 WHERE number = 1", "seals", "modified", FIRST),
        ("UPDATE seals SET root = zeroblob(32) WHERE number = 2", "seals", "modified", SECOND),
        ("UPDATE seals SET number = 7 WHERE number = 2", "seals", "deleted", FIRST + 1),
        ("UPDATE seals SET note = replace(note, '26', '25') WHERE number = 1", "signatures",
         "unsigned", FIRST),
        ("UPDATE seals SET note = substr(note, 1, instr(note, '—') - 1) WHERE number = 2",
         "signatures", "unsigned", SECOND),
        ("UPDATE seals SET note = 'nothing' WHERE number = 2", "signatures", "unsigned", SECOND),
        ("DELETE FROM seals WHERE number = 1", "seals", "deleted", 1),
        ("DELETE FROM seals WHERE number = 2", "seals", "deleted", FIRST + 1),
        ("DELETE FROM seals", "seals", "deleted", 1),
    ],
)  # fmt: skip
def test_the_stored_checkpoints(
    world: Sealed, statement: str, name: str, kind: str, position: int
) -> None:
    tampered(world.path, statement)
    assert found(world.verify(code=5), name) == (kind, position)


def test_two_checkpoints_change_places(world: Sealed) -> None:
    tampered(
        world.path, *(f"UPDATE seals SET number = {new} WHERE number = {old}"
                      for old, new in ((1, 9), (2, 1), (9, 2))),
    )  # fmt: skip
    assert found(world.verify(code=5), "seals") == ("reordered", FIRST)


def test_a_checkpoint_by_another_key(world: Sealed) -> None:
    sign_anew(world.path, log_key(NAME, b"\x07" * 32))
    assert found(world.verify(code=5), "signatures") == ("unknown_key", HEAD)


def test_a_log_rewritten_without_the_key(world: Sealed) -> None:
    """The tree fits the forged bytes; the checkpoint does not fit the tree: forked."""
    rewrite(world.path, 30, event={"amount": 1})
    rebuild_tree(world.path)
    assert found(world.verify(code=5), "consistency") == ("forked", FIRST + 1)


# --- the remembered requests --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind", "position"),
    [
        ("UPDATE requests SET scope = 'token:zz' WHERE key = 'once'", "modified", 39),
        ("UPDATE requests SET key = 'twice' WHERE key = 'once'", "modified", 39),
        ("UPDATE requests SET digest = x'00' WHERE key = 'once'", "modified", 39),
        ("UPDATE requests SET first_position = 3 WHERE key = 'once'", "modified", 39),
        ("UPDATE requests SET last_position = 3 WHERE key = 'once'", "modified", 39),
        ("DELETE FROM requests WHERE key = 'once'", "deleted", 39),
        ("DELETE FROM requests WHERE key LIKE 'alipay%T1'", "deleted", 5),
        ("INSERT INTO requests VALUES ('token:a-1', 'more', x'00', 6, 6)", "inserted", 6),
    ],
)
def test_the_remembered_requests(
    world: Sealed, statement: str, kind: str, position: int
) -> None:
    tampered(world.path, statement)
    assert found(world.verify(code=5), "requests") == (kind, position)


# --- what is derived: exit 1 --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind", "position"),
    [
        ("UPDATE checkpoints SET position = 7 WHERE name = 'balances'", "modified", 7),
        ("UPDATE checkpoints SET position = 77 WHERE name = 'bills'", "modified", 77),
        ("UPDATE checkpoints SET version = 99 WHERE name = 'coupons'", "modified", HEAD),
        ("UPDATE checkpoints SET body_sha256 = x'00' WHERE name = 'overdue'", "modified", HEAD),
        ("UPDATE checkpoints SET name = 'other' WHERE name = 'deadlines'", "deleted", None),
        ("DELETE FROM checkpoints WHERE name = 'instances'", "deleted", None),
        (
            "INSERT INTO checkpoints SELECT 'x', 1, 42, body_sha256 FROM checkpoints LIMIT 1",
            "inserted",
            HEAD,
        ),
    ],
)  # fmt: skip
def test_the_checkpoints_of_views(
    world: Sealed, statement: str, kind: str, position: int | None
) -> None:
    tampered(world.path, statement)
    assert found(world.verify(code=1), "view checkpoints") == (kind, position)


def test_a_row_of_a_view_deleted(world: Sealed) -> None:
    tampered(world.path, "DELETE FROM view_balances WHERE account = 'a-2'")
    answer = world.verify("--deep", code=1)
    assert found(answer, "views") == ("deleted", HEAD)
    assert world.verify()["ok"], "what is derived is compared only with --deep"


def test_a_forged_close_is_not_reproduced(world: Sealed) -> None:
    """Even the holder of the key cannot commit to a trial balance that a replay does not give."""
    position = 40
    rewrite(world.path, position, event={"trial_balance": "00" * 32})
    rebuild_tree(world.path)
    sign_anew(world.path, log_key(NAME, SEED))
    answer = world.verify("--deep", code=1)
    assert found(answer, "period closes") == (None, position)


def test_an_invariant_broken_by_forged_events(world: Sealed) -> None:
    """The books must balance after every batch, whoever signed them."""
    rewrite(world.path, 5, event={"amount": 1})
    rebuild_tree(world.path)
    sign_anew(world.path, log_key(NAME, SEED))
    tampered(world.path, "DELETE FROM requests WHERE first_position = 5",
             "INSERT INTO requests VALUES ('payment', 'alipay' || char(31) || 'T1', "
             "CAST('a-1' || char(31) || '1' AS BLOB), 5, 5)")  # fmt: skip
    world.done("projections", "rebuild", code=1)
    kind, position = found(world.verify("--deep", code=1), "cash_is_never_negative")
    assert kind is None
    assert position is not None


# --- outside checkpoints, and the honest limit --------------------------------------------------


def test_the_holder_of_the_key_can_rewrite_what_nobody_else_has_seen(world: Sealed) -> None:
    """The honest limit: without a checkpoint outside, nothing shows it."""
    forge_everything(world)
    assert world.verify()["ok"]


@pytest.mark.parametrize(
    ("kept", "expected"), [("first", None), ("second", ("forked", 1))]
)
def test_a_checkpoint_outside_shows_it(
    world: Sealed, kept: str, expected: tuple[str, int] | None
) -> None:
    """@30 was changed: the checkpoint over 26 still holds, that over 40 does not."""
    forge_everything(world)
    answer = world.verify(
        "--since", world.folder / f"{kept}.checkpoint", code=0 if expected is None else 5
    )
    assert answer["ok"] is (expected is None)
    if expected is not None:
        assert found(answer, "since") == expected


def test_a_fresh_log_in_place_of_the_old_one(world: Sealed, tmp_path: Path) -> None:
    """A named case: the key is the same, the history differs."""
    for part in tmp_path.glob("t.db*"):
        part.unlink()
    world.done("init", "--clock", "simulated", "--start", "2025-01-01")
    world.done("seal")
    since = world.folder / "first.checkpoint"
    assert found(world.verify("--since", since, code=5), "since") == ("truncated", 2)
    for i in range(30):
        world.record("set-price", "--sku", f"s{i}", "--monthly-price", "1")
    world.done("seal")
    kind, position = found(world.verify("--since", since, code=5), "since")
    assert (kind, position) == ("forked", 2)


def test_a_checkpoint_of_another_ledger(world: Sealed, tmp_path: Path) -> None:
    """A named case."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "o.key").write_text(f"{log_key('other.example/ledger', SEED)}\n")
    second = Sealed.at(other / "o.db")
    second.done("init", "--clock", "simulated", "--start", "2025-01-01")
    second.done("seal", "-o", other / "o.checkpoint")
    answer = world.verify("--since", other / "o.checkpoint", code=5)
    assert found(answer, "since") == ("unknown_key", None)
