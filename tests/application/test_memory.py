"""What an import keeps in memory: states, and nothing that only the cycle collector could free."""

from __future__ import annotations

import gc
from itertools import islice
from typing import TYPE_CHECKING

from cli.bootstrap import Session
from ledger.memory import no_cycles
from tests.application.worlds import new_ledger, record
from tests.cli.program import ROOT, small

if TYPE_CHECKING:
    from pathlib import Path


def test_a_refused_command_leaves_no_cycle_behind(tmp_path: Path) -> None:
    """The collector is off in an import, so a cycle a refusal would add up over a long one."""
    with (ROOT / "fixtures" / "year.ndjson").open("rb") as year:
        lines = list(islice(year, 1200))
    ledger = new_ledger(tmp_path / "l.db")
    record(ledger, lines[:400])
    gc.collect()
    with no_cycles():
        outcomes = record(ledger, lines[400:])
        assert sum(not outcome.ok for outcome in outcomes) > 20
        del outcomes
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            left = [type(one).__name__ for one in gc.garbage if isinstance(one, Exception)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert left == []
    ledger.store.close()

def test_a_look_beside_a_writer_maps_nothing(tmp_path: Path) -> None:
    """What is mapped counts as memory: of a look it is the cache, of a long write the whole log."""
    world = small(tmp_path / "t.db")
    for first, mapped in (("reader", True), ("store", False)):
        with Session(str(world.path)) as session:
            getattr(session, first)
            ((size,),) = session.reader.connection.execute("PRAGMA mmap_size").fetchall()
            assert bool(size) == mapped
