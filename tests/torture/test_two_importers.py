"""Two importers at once, cut off at random moments, resumed at once: each line once."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections import Counter
from typing import TYPE_CHECKING

from cli.bootstrap import Session
from ledger.importer import import_lines
from tests.application.test_resuming import alerts, thresholds
from tests.application.worlds import START
from tests.cli.program import World
from tests.torture.worlds import ROUNDS, chance, told

if TYPE_CHECKING:
    from pathlib import Path

LINES = 600
ROUNDS_OF_KILLS = 4 * ROUNDS


def begin(path: Path, lines: list[bytes]) -> int:
    """Resume an import in a process of its own, forked."""
    # No key may come before the child is inside its try: it would go on as these tests.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside our own threads
        child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return child
    code = 99
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        with Session(str(path)) as session:
            for _ in import_lines(session.ledger, lines, resume=True, batch_lines=15):
                pass
        code = 0
    except KeyboardInterrupt:
        code = 130
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a process, and return how it ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_importers_cut_at_random_moments_record_each_line_once(tmp_path: Path) -> None:
    draw, counts = chance("two importers"), Counter[str]()
    for round_ in range(ROUNDS):
        world = World(tmp_path / f"{round_}.db", start=START)
        inputs = {name: alerts(name, LINES) for name in ("a", "b")}
        for _ in range(ROUNDS_OF_KILLS):
            children = [begin(world.path, lines) for lines in inputs.values()]
            for child in children:
                time.sleep(draw.uniform(0.0, 0.15))
                how = draw.choice((signal.SIGKILL, signal.SIGINT))
                os.kill(child, how)
            for child in children:
                counts[f"ended with {ended(child)}"] += 1
        children = [begin(world.path, lines) for lines in inputs.values()]
        assert [ended(child) for child in children] == [0, 0]
        for name in inputs:
            seen = thresholds(str(world.path), name)
            assert len(seen) == len(set(seen)) == LINES, name
        world.done("verify", "--deep")
    told("two importers", counts)
