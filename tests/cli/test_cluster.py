"""Many workers: the same bytes with one, two and four; a lost worker changes nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.cluster import Work, place
from ledger.rehearsal.recheck import accounts_named
from ledger.store import open_reader
from projections import shares
from projections.rehearsing.recheck import RecheckTask
from tests.cli.program import COMMAND, ROOT, Done, Json, World, environment, tally, valid

if TYPE_CHECKING:
    from collections.abc import Iterator

START = "2025-01-01T00:00:00+08:00"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The committed year, with a tag and a close after it; nobody may write to it."""
    path = tmp_path_factory.mktemp("year") / "year.db"
    world = World.at(path)
    world.done("init", "--clock", "simulated", "--start", START)
    world.done("import", ROOT / "fixtures" / "year.ndjson", code=4)
    world.done("tag", "add", "end")
    world.done("close", "2025-03", "--actor", "lin")
    world.done("projections", "list")
    assert world.done("replay", "--compare").code == 0
    return world


def outside(world: World, *arguments: object) -> Done:
    """Run the program as a process of its own, as Dask's workers need it."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments), "--ledger", str(world.path)],
        capture_output=True, env=environment(), text=True, check=False, timeout=120,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("replay", "--compare"), ("recheck",)],
    ids=" ".join,
)
def test_the_bytes_are_those_of_one_process(year: World, arguments: tuple[str, ...]) -> None:
    alone = outside(year, *arguments, "--json")
    assert alone.code == 0
    assert valid(alone.json)
    for workers in (1, 2, 4):
        done = outside(year, *arguments, "--json", "--workers", workers)
        assert (done.code, done.out) == (0, alone.out)
        assert f"note: {workers} worker{'s'[: workers > 1]} took " in done.err


@pytest.mark.slow
def test_differences_are_the_same_with_one_worker_and_two(year: World) -> None:
    arguments = ("recheck", "--ndjson", "--policy", "retention=30d")
    one, two = (outside(year, *arguments, "--workers", workers) for workers in (1, 2))
    assert (one.code, one.out) == (1, two.out)
    alone = outside(year, *arguments)
    # Positions count across all accounts: only one run over the whole can say that they moved.
    assert sorted(map(repr, two.rows)) == sorted(
        repr(row) for row in alone.rows if row["kind"] != "order"
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler and two workers, each a program of its own."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    script = (
        "import sys\n"
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().strip()
        assert address.startswith("tcp://")
        yield address, [process]
        process.stdin.close()
        process.wait(30)


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_changes_nothing(
    year: World, cluster: tuple[str, list[subprocess.Popen[str]]]
) -> None:
    with closing(open_reader(str(year.path))) as reader:
        accounts, head = sorted(accounts_named(reader)), reader.head().position
    where = place(str(year.path))
    folds = [
        shares.RefoldTask(where, share, head, compare=True) for share in shares.divide(accounts)
    ]
    expected = shares.whole(Work().run(folds, lambda _, __: None))
    killed: list[int] = []
    work = Work(cluster=cluster[0])

    def kill_one(_: int, __: int) -> None:
        if not killed:
            worker = next(iter(work.counts))
            killed.append(int(worker.rpartition(":")[2]))
            os.kill(killed[0], signal.SIGKILL)

    assert shares.whole(work.run(folds, kill_one)) == expected
    assert killed

    checks = [
        RecheckTask(where, share, not number, {})
        for number, share in enumerate(shares.divide(accounts))
    ]
    done = list(Work(cluster=cluster[0]).run(checks, lambda _, __: None))
    assert sum(one.events for one in done) == head
    assert not any(one.differences for one in done)


@pytest.mark.slow
def test_each_of_two_workers_does_a_part(year: World) -> None:
    """Counted in events: how they share depends on what else the machine does."""
    done = outside(year, "replay", "--workers", 2)
    said = next(line for line in done.err.splitlines() if line.startswith("note: 2 workers"))
    counts = [int(part) for part in said.split() if part.isdigit()][1:]
    assert len(counts) == 2
    assert min(counts) > 0


@pytest.mark.slow
def test_ctrl_c_while_the_workers_start_is_quiet(year: World) -> None:
    """A terminal sends it to all of them."""
    started = subprocess.Popen(
        [*COMMAND, "replay", "--workers", "2", "--ledger", str(year.path)], env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    group = ["pgrep", "-g", str(started.pid)]
    while len(subprocess.run(group, capture_output=True, check=True).stdout.split()) < 3:
        time.sleep(0.02)  # itself, what tracks resources, a worker
    os.killpg(started.pid, signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert said.replace("\n", "") in ("interrupted", "interrupted; nothing recorded is lost")


def test_a_tampered_row_and_a_stranger_are_found(world: World) -> None:
    world.done("replay", "--compare")
    connection = sqlite3.connect(world.path)
    connection.execute("UPDATE view_balances SET cash = cash + 1 WHERE account = 'a-1'")
    connection.commit()
    first = world.done("replay", "--compare", "--json", code=1).json["first_difference"]
    assert (first["view"], first["account"]) == ("balances", "a-1")
    connection.execute("UPDATE view_balances SET cash = cash - 1 WHERE account = 'a-1'")
    names = [name for _, name, *_ in connection.execute("PRAGMA table_info(view_balances)")]
    others = ", ".join(name for name in names if name != "account")
    connection.execute(
        f"INSERT INTO view_balances (account, {others}) "
        f"SELECT 'stranger', {others} FROM view_balances LIMIT 1"
    )
    connection.commit()
    connection.close()
    stranger = world.done("replay", "--compare", "--json", code=1).json["first_difference"]
    assert (stranger["account"], stranger["refolded"]) == ("stranger", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workers", "0"), "--workers cannot be '0': it is a whole number, from 1 to 256"),
        (("--workers", "9" * 23), "it is a whole number, from 1 to 256"),
        (("--workers", "2", "--cluster", "tcp://127.0.0.1:1"), "exclude each other"),
        (("--cluster", "not an address"), "no cluster answers at not an address"),
        (("--cluster", "tcp://u:hush@127.0.0.1:1"), "no cluster answers at tcp://***@127.0.0.1:1"),
    ],
)
def test_what_is_no_cluster(world: World, arguments: tuple[str, ...], said: str) -> None:
    for command in ("replay", "recheck"):
        done = tally(command, *arguments, "--ledger", world.path)
        assert done.code == 2
        assert said in done.err
        assert "hush" not in done.err
        assert "Traceback" not in done.err


def test_without_the_extra_one_line_says_what_to_install(world: World, tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError\n", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "replay", "--workers", "2", "--json", "--ledger", str(world.path)],
        capture_output=True, text=True, check=False,
        env={**environment(), "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 2
    error: Json = valid(Done(2, done.stdout, done.stderr).json)
    assert "tallystick[cluster]" in error["hint"]


def test_buckets_do_not_depend_on_the_division() -> None:
    accounts = [f"a-{number}" for number in range(1000)]
    for count in (1, 7, 64):
        divided = shares.divide(accounts, count)
        assert sorted(name for share in divided for name in share) == sorted(accounts)
        for share in divided:
            assert share == sorted(share)
            assert len({shares.bucket_of(name) % count for name in share}) == 1
