"""An import in two processes records what one process would, whatever becomes of the other."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from fixtures.generate import lines as generated
from ledger import commands as c
from ledger.errors import BadLine, InvalidInput
from ledger.importer import import_lines
from ledger.proof.nodes import Nodes
from ledger.store import open_reader
from ledger.store.handover import Handover
from tests.application.worlds import bodies, new_ledger, reopen
from tests.proof import recursive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledger.outcomes import LineResult

BATCH = 150


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """Commands of 12 accounts, refusals, repeats and a change of policy among them."""
    made = [line.encode() for line in generated(12, 12, 5, commands=1200)]
    at = json.loads(made[700])["at"]
    policy = {"at": at, "do": "set-policy", "key": "retention", "value": "10d"}
    again = [line for line in made[:700] if b'"top-up"' in line]
    return [*made[:700], json.dumps(policy).encode() + b"\n", *again, *made[700:]]


@pytest.fixture(scope="module")
def expected(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return what one process records."""
    path = tmp_path_factory.mktemp("one") / "t.db"
    ledger = new_ledger(path)
    list(import_lines(ledger, lines, batch_lines=BATCH))
    ledger.store.close()
    return bodies(path)


def begin(path: Path, lines: list[bytes], *, resume: bool = False) -> Iterator[LineResult]:
    ledger = reopen(path) if path.exists() else new_ledger(path)
    return import_lines(ledger, lines, batch_lines=BATCH, resume=resume, workers=2)


def check_tree(path: Path) -> None:
    """Compare the tree with the log."""
    reader = open_reader(str(path))
    log = list(reader.bodies())
    assert Nodes(reader.connection).root(len(log)) == recursive.mth(log)
    reader.close()


def test_the_same_bytes_and_results_and_none_before_its_commit(
    lines: list[bytes], expected: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "t.db"
    alone = new_ledger(tmp_path / "alone.db")
    results = []
    running = begin(path, lines)
    first = next(running)
    reader = open_reader(str(path))
    for result in (first, *running):
        results.append(result)
        if result.line % 40 == 0 and result.outcome.positions:
            assert result.outcome.positions[-1] <= reader.head().position
    reader.close()
    shown = [(one.line, one.outcome._replace(refused=None)) for one in results]
    wanted = import_lines(alone, lines, batch_lines=BATCH)
    assert shown == [(one.line, one.outcome._replace(refused=None)) for one in wanted]
    assert sum(one.outcome.duplicate for one in results) > 10
    assert bodies(path) == expected
    check_tree(path)


def test_a_foreign_writer_is_noticed_and_what_flies_is_decided_again(
    lines: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "t.db"
    running = begin(path, lines)
    results = list(islice(running, 2 * BATCH))
    other = reopen(path)
    other.execute([c.OpenAccount(account="foreign")])
    other.store.close()
    results += running
    assert [result.line for result in results] == list(range(1, len(lines) + 1))
    log = bodies(path)
    assert sum(b"foreign" in body for body in log) == 1
    given = [at for one in results if not one.outcome.duplicate for at in one.outcome.positions]
    assert len(given) == len(set(given)), "no position belongs to two commands"
    assert given[-1] <= len(log)
    check_tree(path)


def test_the_other_process_is_killed(
    lines: list[bytes], expected: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "t.db"
    running = begin(path, lines)
    results = list(islice(running, BATCH + 3))
    (child,) = multiprocessing.active_children()
    child.kill()
    results += running
    assert len(results) == len(lines)
    assert bodies(path) == expected
    check_tree(path)


def test_cut_off_and_resumed(
    lines: list[bytes], expected: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "t.db"
    running = begin(path, lines)
    next(running)
    del running  # as Ctrl-C does
    assert not multiprocessing.active_children()
    list(begin(path, lines, resume=True))
    assert bodies(path) == expected


def test_a_bad_line_ends_it_after_the_results_before_it(
    lines: list[bytes], expected: list[bytes], tmp_path: Path
) -> None:
    path, results = tmp_path / "t.db", []
    running = begin(path, [*lines[:400], b"{}\n", *lines[400:]])
    with pytest.raises(BadLine, match="401"):
        for result in running:
            results.append(result)  # noqa: PERF402 - those before the error count
    assert len(results) == 400
    list(begin(path, [*lines[:400], b"\n", *lines[400:]], resume=True))
    assert bodies(path) == expected


def test_accounts_that_are_let_go_are_let_go_under_the_lock(
    lines: list[bytes], expected: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "t.db"
    ledger = new_ledger(path)
    ledger.held_max = 900
    list(import_lines(ledger, lines, batch_lines=BATCH, workers=2))
    assert bodies(path) == expected


def test_ctrl_c_does_not_reach_the_other_process_while_it_starts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    new_ledger(path).store.close()
    handover = Handover(str(path))
    (started,) = multiprocessing.active_children()
    os.kill(started.pid or 0, signal.SIGINT)
    assert handover.end()
    assert started.exitcode == 0


def test_only_a_file_has_two_writers(lines: list[bytes]) -> None:
    with pytest.raises(InvalidInput, match="in a file"):
        list(import_lines(new_ledger(":memory:"), lines, workers=2))
