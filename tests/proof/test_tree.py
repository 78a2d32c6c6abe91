"""R59: the tree, by the published vectors, by a second implementation, and as it is stored."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import IntegrityBroken
from ledger.proof import nodes, tree
from ledger.proof.nodes import Nodes
from ledger.store import create_store, open_store
from ledger.store.rows import Row
from ledger.store.schema import PROOF_STATEMENTS
from tests.proof import recursive

ROOT = Path(__file__).parents[2]
VECTORS = ROOT.parent / "shared" / "data" / "rfc6962" / "testdata"
needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the published RFC 6962 vectors are not beside the project"
)


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def vectors(kind: str) -> list[Any]:
    return [
        pytest.param(path, id=f"{path.parent.name}-{path.stem}")
        for path in sorted((VECTORS / kind).rglob("*.json"))
    ]


@needs_vectors
def test_the_vectors_are_all_there() -> None:
    assert len(vectors("inclusion")) + len(vectors("consistency")) == 196


@needs_vectors
@pytest.mark.parametrize("path", vectors("inclusion"))
def test_a_published_inclusion_proof(path: Path) -> None:
    case = json.loads(path.read_text())
    holds = tree.verify_inclusion(
        raw(case["leafHash"]), case["leafIdx"], size=case["treeSize"],
        proof=[raw(one) for one in case["proof"] or ()], root=raw(case["root"]),
    )  # fmt: skip
    assert holds is not case["wantErr"]


@needs_vectors
@pytest.mark.parametrize("path", vectors("consistency"))
def test_a_published_consistency_proof(path: Path) -> None:
    """Three of them expect a refusal because the older tree is empty."""
    case = json.loads(path.read_text())
    holds = tree.verify_consistency(
        case["size1"], case["size2"], old_root=raw(case["root1"]), root=raw(case["root2"]),
        proof=[raw(one) for one in case["proof"] or ()],
    )  # fmt: skip
    assert holds is not case["wantErr"]


def stored(batches: list[list[bytes]]) -> Nodes:
    """Store a tree batch by batch."""
    connection = sqlite3.connect(":memory:")
    for statement in PROOF_STATEMENTS:
        connection.execute(statement)
    before = 0
    for batch in batches:
        nodes.append(connection, batch, before=before)
        before += len(batch)
    return Nodes(connection)


@given(st.lists(st.lists(st.binary(max_size=8), min_size=1, max_size=40), max_size=6), st.data())
def test_what_is_stored_is_what_the_text_says(
    batches: list[list[bytes]], data: st.DataObject
) -> None:
    entries = [entry for batch in batches for entry in batch]
    kept = stored(batches)
    size = data.draw(st.integers(0, len(entries)))
    assert kept.size() == len(entries)
    assert kept.root(size) == recursive.mth(entries[:size])
    if size:
        index = data.draw(st.integers(0, size - 1))
        proof = kept.inclusion(index, size)
        assert proof == recursive.path(index, entries[:size])
        leaf, root = tree.leaf_hash(entries[index]), kept.root(size)
        assert tree.verify_inclusion(leaf, index, size=size, proof=proof, root=root)
        assert not tree.verify_inclusion(
            tree.leaf_hash(entries[index] + b"!"), index, size=size, proof=proof, root=root
        )
        old = data.draw(st.integers(1, size))
        steps = kept.consistency(old, size)
        assert steps == recursive.proof(old, entries[:size])
        assert tree.verify_consistency(
            old, size, old_root=kept.root(old), root=root, proof=steps
        )


def test_a_large_tree_is_the_same_however_it_came() -> None:
    entries = [b"%d" % i for i in range(1500)]
    root = recursive.mth(entries)
    for cuts in ([1500], [1, 255, 256, 1, 511, 476], [300] * 5):
        batches, at = [], 0
        for cut in cuts:
            batches.append(entries[at : at + cut])
            at += cut
        kept = stored(batches)
        assert kept.root(1500) == root
        assert kept.inclusion(777, 1500) == recursive.path(777, entries)
        rows = list(kept.rows(0))
        assert all(len(hashes) <= 256 * 32 for _, hashes in rows)
        assert all(start // 256 == (start + len(h) // 32 - 1) // 256 for start, h in rows)


def test_a_leaf_is_no_node() -> None:
    left, right = tree.leaf_hash(b"a"), tree.leaf_hash(b"b")
    assert tree.leaf_hash(left + right) != tree.node_hash(left, right)
    assert tree.root(lambda *_: b"", 0) == tree.EMPTY_ROOT == recursive.mth([])


def rows(first: int, count: int) -> list[Row]:
    return [Row(p, "account:a", p, "T/1", 1, 1, b"%d" % p) for p in range(first, first + count)]


def test_events_and_nodes_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    with store.writing() as writer:
        writer.append_rows(rows(1, 10))
    with pytest.raises(RuntimeError), store.writing() as writer:
        writer.append_rows(rows(11, 10))
        raise RuntimeError
    kept = Nodes(store.reader.connection)
    assert kept.size() == store.reader.head().position == 10
    store.close()
    again = open_store(location)
    with again.writing() as writer:
        writer.append_rows(rows(11, 5))
        writer.append_rows(rows(16, 3))
    kept = Nodes(again.reader.connection)
    assert kept.root(18) == recursive.mth([b"%d" % p for p in range(1, 19)])
    again.close()


@pytest.mark.parametrize("statement", ["UPDATE {} SET rowid = 9", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["tree_nodes", "seals"])
def test_the_database_refuses_to_change_them(tmp_path: Path, table: str, statement: str) -> None:
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    with store.writing() as writer:
        writer.append_rows(rows(1, 3))
        writer.connection.execute("INSERT INTO seals VALUES (1, 3, x'00', '')")
    with pytest.raises(Exception, match="append-only"), store.writing() as writer:
        writer.connection.execute(statement.format(table))
    with pytest.raises(Exception, match="append-only"), store.writing() as writer:
        writer.connection.execute("INSERT OR REPLACE INTO tree_nodes VALUES (0, 0, x'00')")
    store.close()


def test_a_ledger_made_before_there_was_a_tree_gets_it_once(tmp_path: Path) -> None:
    location = str(tmp_path / "old.db")
    create_store(location)
    store = open_store(location)
    store.after_append.clear()  # as the program was before
    with store.writing() as writer:
        writer.append_rows(rows(1, 9000))
        for table in ("tree_nodes", "seals"):
            writer.connection.execute(f"DROP TABLE {table}")
    store.close()
    seen: list[tuple[int, int]] = []
    again = open_store(location, lambda done, total: seen.append((done, total)))
    assert seen == [(4096, 9000), (8192, 9000), (9000, 9000)]
    kept = Nodes(again.reader.connection)
    assert kept.root(9000) == recursive.mth([b"%d" % p for p in range(1, 9001)])
    again.close()
    once = open_store(location, lambda *_: pytest.fail("built again"))
    with once.writing() as writer:
        writer.append_rows(rows(9001, 1))
    once.close()


def test_two_writers_in_turn_grow_one_tree_and_see_each_others_settings(tmp_path: Path) -> None:
    """What a store keeps of its last transaction counts only while nobody else has written."""
    location = str(tmp_path / "t.db")
    create_store(location)
    stores = [open_store(location), open_store(location)]
    position = 0
    for turn, count in enumerate((3, 1, 5, 1, 1, 7, 64, 1, 300, 2, 1)):
        with stores[turn % 3 % 2].writing() as writer:
            assert writer.head.position == position
            assert writer.meta("turn") == (str(turn - 1) if turn else None)
            writer.append_rows(rows(position + 1, count))
            writer.set_meta("turn", str(turn))
        position += count
    kept = Nodes(stores[0].reader.connection)
    assert kept.root(position) == recursive.mth([b"%d" % p for p in range(1, position + 1)])
    for store in stores:
        store.close()


def test_what_was_undone_is_not_known(tmp_path: Path) -> None:
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    with store.writing() as writer:
        writer.append_rows(rows(1, 3))
        writer.set_meta("k", "1")
    with pytest.raises(RuntimeError), store.writing() as writer:
        writer.append_rows(rows(4, 2))
        writer.set_meta("k", "2")
        raise RuntimeError
    with store.writing() as writer:
        assert (writer.head.position, writer.meta("k")) == (3, "1")
        writer.save()
        writer.append_rows(rows(4, 2))
        writer.set_meta("k", "3")
        writer.undo()
        assert (writer.head.position, writer.meta("k")) == (3, "1")
        writer.append_rows(rows(4, 3))
    assert Nodes(store.reader.connection).root(6) == recursive.mth([b"%d" % p for p in range(1, 7)])
    store.close()


def test_a_tree_of_another_log_stops_the_append(tmp_path: Path) -> None:
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    with store.writing() as writer:
        writer.append_rows(rows(1, 3))
    with sqlite3.connect(location) as other:
        other.execute("DROP TRIGGER tree_nodes_no_delete")
        other.execute("DELETE FROM tree_nodes WHERE start = 0")
    with pytest.raises(IntegrityBroken), store.writing() as writer:
        writer.append_rows(rows(4, 1))
    assert store.reader.head().position == 3
    store.close()
