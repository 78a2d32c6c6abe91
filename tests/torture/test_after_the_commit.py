"""What fails after the commit takes nothing back: the file cannot grow, and the WAL still can."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import COMMAND, World, environment, lines

if TYPE_CHECKING:
    from pathlib import Path

resource = pytest.importorskip("resource", reason="there are no limits of files here")
FIRST, MORE = 900, 300


def top_ups(channel: str, count: int) -> list[dict[str, object]]:
    return [
        {"do": "top-up", "account": "a", "amount": "1", "channel": channel, "serial": str(n)}
        for n in range(count)
    ]


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_what_is_durable_in_the_wal_is_told_as_recorded(tmp_path: Path, share: float) -> None:
    """Who is told that nothing was recorded repeats it: a renewal would be paid twice."""
    world = World(tmp_path / "t.db", start=None)
    world.take({"do": "open-account", "account": "a"}, *top_ups("c", FIRST))
    limit = int(world.path.stat().st_size * share)
    done = subprocess.run(
        [*COMMAND, "import", "-", "--ledger", str(world.path)], capture_output=True, check=False,
        input=lines(*top_ups("d", MORE)).encode(), env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(world.events("a")) == 1 + FIRST + MORE
    world.done("verify")
    assert world.state("a")["cash"] == f"{FIRST + MORE}.00"
