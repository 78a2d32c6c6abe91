"""The log as a portable stream: the stored bytes come back, and make the ledger's root again."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from tests.cli.program import World

if TYPE_CHECKING:
    from pathlib import Path


def stored(world: World) -> list[bytes]:
    """What the file holds, read without any of our code."""
    with sqlite3.connect(world.path) as connection:
        rows = connection.execute("SELECT state FROM stored_events ORDER BY position")
        return [body for (body,) in rows]


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962, written as it is defined."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    both = root_of(leaves[:split]) + root_of(leaves[split:])
    return hashlib.sha256(b"\x01" + both).digest()


def as_msgpack(world: World, path: Path, *arguments: object) -> list[dict[str, Any]]:
    world.done("export", "--format", "events", "-o", path, *arguments)
    return list(msgpack.Unpacker(io.BytesIO(path.read_bytes()), raw=False))


def as_ndjson(world: World, *arguments: object) -> list[dict[str, Any]]:
    done = world.done("export", "--format", "events", "--ndjson", *arguments)
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize("name", ["year", "hard"])
def test_both_ways_to_write_give_the_stored_bytes(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(name)
    packed, rows = as_msgpack(world, tmp_path / "log.msgpack"), as_ndjson(world)
    bodies = stored(world)
    assert [one["body"] for one in packed] == bodies
    assert [base64.b64decode(row["body"]) for row in rows] == bodies
    assert [row["position"] for row in rows] == list(range(1, len(bodies) + 1))


def test_the_root_can_be_computed_from_the_stream(hard: World, tmp_path: Path) -> None:
    path = tmp_path / "log.msgpack"
    said = hard.json("export", "--format", "events", "-o", path)
    packed = list(msgpack.Unpacker(io.BytesIO(path.read_bytes()), raw=False))
    root = base64.b64encode(root_of([one["body"] for one in packed])).decode()
    assert (said["root"], said["size"], said["rows"]) == (root, len(packed), len(packed))


def test_an_event_reads_as_the_log_shows_it(hard: World, tmp_path: Path) -> None:
    logged = hard.events()
    for shown in (as_ndjson(hard), as_msgpack(hard, tmp_path / "log.msgpack")):
        for one in shown:
            del one["body"]
        assert shown == logged


def test_a_point_bounds_the_stream_on_both_axes(hard: World) -> None:
    everything, end = as_ndjson(hard), "2025-01-06T23:59:59+08:00"
    known = as_ndjson(hard, "--known-at", "2025-01-06")
    assert known == [one for one in everything if one["recorded_at"] <= end]
    both = as_ndjson(hard, "--as-of", "2025-01-06")
    assert both == [one for one in known if one["effective_at"] <= end]
    then = as_ndjson(hard, "--at", "2025-01-06")
    assert then == [one for one in everything if one["effective_at"] <= end]
    assert len(then) > len(both)  # a credit note and a reversal were learned later


def test_what_does_not_go_together_is_said(hard: World) -> None:
    for wrong in (
        ("--format", "events", "--parquet"),
        ("--format", "alibaba-bills", "--ndjson"),
        ("--format", "events", "--focus-version", "1.2"),
        ("--format", "focus", "--ndjson", "--parquet"),
        ("--format", "hledger", "--parquet"),
    ):
        done = hard.run("export", *wrong)
        assert (done.code, done.out) == (2, ""), wrong
        assert done.err.startswith("error: "), wrong
        assert "Traceback" not in done.err
