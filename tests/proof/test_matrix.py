"""R59: every table, index, trigger and side file x edit, delete, insert, swap, drop, replace.

Every cell is done to a copy of a ledger that has everything: seals, a close, stored views, frames
of long streams, an interrupted rebuild, columns, a journal that is needed. `tally verify --deep`
must find each and name a kind that fits. The table of the answers is in docs/PROOF.md.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.bootstrap import Session
from ledger import kept
from ledger.kept import stream_tiles
from ledger.proof.seals import log_key
from projections import runner, snapshots
from projections.columns import arrow, segments
from projections.stored import PROJECTIONS
from tests.cli.program import ROOT, Json, World, environment
from tests.proof.matrix import (
    BEGIN,
    DELETE,
    DOCS,
    DROP,
    EDIT,
    END,
    INSERT,
    REPLACE,
    SWAP,
    Shape,
    Table,
    part,
    right,
    schema_of,
    the_first,
    ways,
    written,
)
from tests.proof.test_place import hide
from tests.proof.worlds import NAME, Sealed, opened, sealed, tampered


@pytest.fixture(scope="module")
def table() -> Table:
    """What was found, cell by cell; the last test reads it."""
    return defaultdict(set)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """A ledger in which no table is empty."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshots, "EVERY", 4)
        patched.setattr(snapshots, "LONG", 8)
        patched.setattr(kept, "LONG", 4)
        patched.setattr(stream_tiles, "SIZE", 3)
        patched.setattr(runner, "REBUILD_BATCH", 2)
        patched.setattr(arrow, "available", lambda: False)  # its engine takes a second a time
        world = sealed(tmp_path_factory.mktemp("rich"))
        world.take(*MORE, code=0)
        world.done("tag", "add", "here")
        world.done("seal", "-o", world.folder / "third.checkpoint")
        world.done("balances")
        interrupt_a_rebuild(world)
        yield world


ACCOUNT = {"do": "open-account"}
TOP_UP = {"do": "top-up", "channel": "c", "amount": "9000"}
MORE: list[Json] = [
    {"do": "set-price", "sku": "std", "monthly_price": "500"},
    {**ACCOUNT, "account": "m-1", "token": "k-1"}, {**ACCOUNT, "account": "m-2"},
    {**TOP_UP, "account": "m-1", "serial": "m1"}, {**TOP_UP, "account": "m-2", "serial": "m2"},
    *(
        {"do": "purchase", "account": account, "instance": f"i-{months}", "sku": "std",
         "months": months}
        for account, months in (("m-1", 1), ("m-1", 2), ("m-2", 3))
    ),
    *(
        {"do": "grant-coupon", "account": account, "coupon": f"c-{amount}", "amount": amount,
         "ends": "2025-12-01"}
        for account, amount in (("m-1", "10"), ("m-1", "20"), ("m-2", "30"))
    ),
    {**ACCOUNT, "account": "m-3"},
    {"do": "activate-public", "account": "m-3", "instance": "p", "kind": "public_legacy"},
]  # fmt: skip


def interrupt_a_rebuild(world: Sealed) -> None:
    """Leave tables beside the live views, some accounts of them done."""

    def stop(done: int, _: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with Session(str(world.path)) as session, pytest.raises(KeyboardInterrupt):
        runner.Views(session.store.reader, session.store).rebuild(progress=stop)


# Frames, states and tiles are made when first of use, and again: nothing is lost with them.
HARMLESS = re.compile(
    r"(DELETE FROM|DROP TABLE) view_(snapshots|states|tiles)|DELETE FROM view_states WHERE .*"
)


def judge(
    world: World, table: Table, thing: str, how: str, *arguments: object, what: str = ""
) -> None:
    """Verify, and note which check found it; fail where none did, or all name something else."""
    done = world.run("verify", "--deep", "--json", *arguments)
    assert "Traceback" not in done.err
    answer: Json = done.json
    unkeyed = answer.get("code") == "NO_ACCEPTED_KEY"  # a file is missing, the log is not broken
    assert done.code in (1, 5) or unkeyed, (thing, how, done)
    if "checks" not in answer:  # it cannot be judged at all
        table[thing, how].add((answer["code"], ""))
        return
    bad = [check for check in answer["checks"] if not check["ok"]]
    fitting = [one for one in bad if one["kind"] == right(thing, how, what)]
    assert fitting, (thing, how, what, right(thing, how, what), bad)
    best = next((one for one in fitting if one["name"] not in ("indexes", "database")), fitting[0])
    table[thing, how].add((best["name"], best["kind"]))


def again(world: Sealed, folder: Path) -> Sealed:
    """Make a copy of the ledger in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return world.copy(folder)


CORE = ("stored_events", "requests", "tree_nodes", "seals", "meta", "sqlite_sequence",
        "checkpoints", "rebuilds", "view_snapshots", "view_states", "view_tiles")  # fmt: skip
VIEWS = tuple(
    f"{prefix}{view.name}" for prefix in ("view_", "shadow_") for view in PROJECTIONS
)


def test_every_table_is_in_the_matrix(rich: Sealed) -> None:
    assert set(schema_of(rich.path, "table")) == {*CORE, *VIEWS}
    assert rich.run("verify", "--deep").code == 0


@pytest.mark.parametrize("name", [*CORE, *VIEWS])
def test_a_table(rich: Sealed, table: Table, tmp_path: Path, name: str) -> None:
    _, text = schema_of(rich.path, "table")[name]
    with closing(sqlite3.connect(rich.path)) as connection:
        (rows,) = connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()
        planned = ways(connection, name, "" if name == "sqlite_sequence" else text)
    shown = re.sub(r"^(view|shadow)_(?!snapshots|states|tiles).*", r"\1_*", name)
    for how, cases in planned.items():
        for statements in cases:
            world = again(rich, tmp_path / "w")
            connection = opened(world.path)
            for statement in statements:
                changed = connection.execute(statement).rowcount
                assert changed or not rows, statement
            connection.close()
            if HARMLESS.fullmatch(statements[0]):
                assert world.run("verify", "--deep").code == 0
            elif rows or how not in (EDIT, DELETE, SWAP):
                since = ("--since", world.folder / "third.checkpoint")
                judge(world, table, shown, how, *since, what=part(how, statements[0]))


# --- indexes and triggers -------------------------------------------------------------------------


def test_every_index(rich: Sealed, table: Table, tmp_path: Path) -> None:
    for name, (of, text) in schema_of(rich.path, "index").items():
        with closing(sqlite3.connect(rich.path)) as connection:
            shape = Shape(connection, of)
            empty = not connection.execute(f"SELECT COUNT(*) FROM {of}").fetchone()[0]
        where, keys = the_first(shape, of), shape.keys
        world = again(rich, tmp_path / "w")
        if not empty:
            hide(world.path, name, of, where)
            judge(world, table, "each index", DELETE)
        if not text:  # it belongs to a rule of its table
            continue
        other = re.sub(r"\(.*\)", f"({keys[0]})", text)
        for how, statements in (
            (DROP, (f"DROP INDEX {name}",)),
            (REPLACE, (f"DROP INDEX {name}", other)),
            (INSERT, (text.replace(name, f"{name}_more"),)),
        ):
            world = again(rich, tmp_path / "w")
            tampered(world.path, *statements)
            judge(world, table, "each index", how)


def test_every_trigger(rich: Sealed, table: Table, tmp_path: Path) -> None:
    for name, (of, text) in schema_of(rich.path, "trigger").items():
        softer = re.sub(r"RAISE\((ABORT|FAIL), '[^']*'\)", "RAISE(IGNORE)", text)
        for how, statements in (
            (DROP, (f"DROP TRIGGER {name}",)),
            (EDIT, (f"DROP TRIGGER {name}", softer)),
            (REPLACE, (f"DROP TRIGGER {name}",
                       f"CREATE TRIGGER {name} BEFORE INSERT ON {of} BEGIN SELECT 1; END")),
            (INSERT, (text.replace(name, f"{name}_more"),)),
        ):  # fmt: skip
            world = again(rich, tmp_path / "w")
            connection = sqlite3.connect(world.path, isolation_level=None)
            for statement in statements:
                connection.execute(statement)
            connection.close()
            judge(world, table, "each trigger", how)


# --- side files -----------------------------------------------------------------------------------

KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from cli.bootstrap import Session
    from ledger.events import TagAdded
    from ledger.proof.seals import log_key, seal
    from ledger.decisions.tagging import add_tag
    from tests.proof.worlds import NAME, SEED
    with Session(sys.argv[1]) as session:
        store = session.store
        for name in ("one", "two"):
            tag = TagAdded(name=name, at=1, known_at=1, known_position=1, sealed=False)
            add_tag(session.ledger, tag)
        with store.writing() as writer:
            head = writer.head.position
            made = seal(writer.connection, (log_key(NAME, SEED),), origin=NAME, head=head)
        Path(sys.argv[2]).write_text(made.note)
        os.kill(os.getpid(), signal.SIGKILL)
    """
)
FRAME = 24 + 4096


def killed(world: Sealed, folder: Path) -> Sealed:
    """Make a copy whose last writer was killed: its -wal is needed."""
    copied = again(world, folder)
    subprocess.run(
        [sys.executable, "-c", KILLED, str(copied.path), str(folder / "last.checkpoint")],
        cwd=ROOT, env=environment(), check=False,
    )  # fmt: skip
    (folder / "t.db-shm").unlink()
    return copied


def test_the_journal(rich: Sealed, table: Table, tmp_path: Path) -> None:
    template = killed(rich, tmp_path / "killed")
    raw = (tmp_path / "killed" / "t.db-wal").read_bytes()
    since = ("--since", tmp_path / "killed" / "last.checkpoint")
    other = killed(rich, tmp_path / "other")
    foreign = other.path.with_name("t.db-wal").read_bytes()
    head, rest = raw[:32], [raw[i : i + FRAME] for i in range(32, len(raw), FRAME)]
    frames = [frame for frame in rest if frame[8:16] == head[16:24]]  # others are of the last round
    assert len(frames) > 4
    assert frames[-1][4:8] != bytes(4), "a commit"
    bits = [bytearray(raw) for _ in range(3)]
    for at, one in zip((9, 32 + 4, 32 + FRAME + 900), bits, strict=True):
        one[at] ^= 1
    cases: dict[str, list[bytes | None]] = {
        EDIT: [bytes(bit) for bit in bits],
        DELETE: [None, b"", head + b"".join(frames[1:])],
        INSERT: [head + b"".join((*frames, frames[-1])), head + frames[0] + raw[32:]],
        SWAP: [head + frames[1] + frames[0] + b"".join(frames[2:])],
        DROP: [head + b"".join(frames[: len(frames) // 2]), raw[: 32 + FRAME + 100]],
        REPLACE: [head + foreign[32:]],
    }
    for how, contents in cases.items():
        for content in contents:
            shutil.rmtree(tmp_path / "w", ignore_errors=True)
            shutil.copytree(template.folder, tmp_path / "w")
            wal = tmp_path / "w" / "t.db-wal"
            wal.unlink()
            if content is not None:
                wal.write_bytes(content)
            judge(World.at(tmp_path / "w" / "t.db"), table, "`LEDGER-wal`", how, *since)


def test_a_checkpoint_that_was_kept_and_the_policy(
    rich: Sealed, table: Table, tmp_path: Path
) -> None:
    world = again(rich, tmp_path / "w")
    kept = world.folder / "third.checkpoint"
    note = kept.read_text(encoding="utf-8")
    first, second, root, *rest = note.split("\n")
    for how, text in (
        (EDIT, note.replace(root, "A" * 43 + "=")), (EDIT, note.replace(second, "3")),
        (SWAP, (world.folder / "first.checkpoint").read_text().replace(first, "other.example/l")),
    ):  # fmt: skip
        assert rest
        kept.write_text(text, encoding="utf-8")
        judge(world, table, "a checkpoint that was kept", how, "--since", kept)
    policy = world.path.with_suffix(".policy")
    world.path.with_suffix(".key").unlink()
    policy.unlink(missing_ok=True)
    judge(world, table, "key and policy", DELETE)
    stranger = log_key(NAME, b"\x07" * 32).verifier
    policy.write_text(f"log {stranger}\nquorum none\n", encoding="utf-8")
    judge(world, table, "key and policy", REPLACE)


def test_the_columns(rich: Sealed, table: Table, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrow, "available", lambda: True)
        patched.setattr(segments, "SEGMENT_EVENTS", 30)
        for how in (EDIT, DELETE, SWAP, REPLACE):
            world = again(rich, tmp_path / "w")
            world.done("columns", "build")
            folder = Path(f"{world.path}.columns")
            one, other, *_ = sorted(folder.glob("*.parquet"))
            raw = one.read_bytes()
            if how == EDIT:
                one.write_bytes(raw[:200] + bytes([raw[200] ^ 1]) + raw[201:])
            elif how == DELETE:
                one.unlink()
            elif how == SWAP:
                one.write_bytes(other.read_bytes())
                other.write_bytes(raw)
            else:
                manifest = folder / "manifest.json"
                manifest.write_text(manifest.read_text().replace('"last":30', '"last":31'))
            judge(world, table, "columns", how)


def test_what_is_found_is_written_down(
    table: Table, request: pytest.FixtureRequest
) -> None:
    """The table in docs/PROOF.md is this one; `make golden` writes it."""
    if not {("stored_events", EDIT), ("each index", DROP), ("columns", EDIT)} <= set(table):
        pytest.skip("the whole matrix makes the table")
    text = DOCS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    whole = f"{before}{BEGIN}\n\n{written(table)}\n\n{END}{after}"
    if request.config.getoption("--update-golden"):
        DOCS.write_text(whole, encoding="utf-8")
    assert text == whole or request.config.getoption("--update-golden")
