"""What is measured, step by step, on which ledgers; each step can run in a process of its own.

Ledgers are made by the first steps and read by the later ones. ``python -m benchmarks`` runs them
in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from benchmarks import (
    backtest,
    columns,
    explorer,
    focus,
    history,
    open_things,
    others,
    proof,
    read_side,
    reconcile,
    server,
    snapshots,
    versions,
    write_side,
)
from benchmarks.measure import Figure
from benchmarks.running import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


class Scale(NamedTuple):
    """How large everything is.

    Attributes:
        commands: sizes of the ledgers that show how costs grow, smallest first.
        long: the ledger of what looks at many pages or decides everything again.
        lines: of the statement that is reconciled.
        rows, more: of the FOCUS files that are read for their time, and for their memory.
        copied: lines of the columns that are copied to be many; 0 for none.
        installs: whether peers are installed from PyPI, each into an environment of its own.

    """

    commands: tuple[int, ...]
    long: int
    lines: int
    rows: int
    more: int
    copied: int
    installs: bool = False


SCALES = {
    "whole": Scale(
        (10_000, 100_000, 1_000_000), 370_000, 200_000, 300_000, 3_000_000, 20_000_000,
        installs=True,
    ),
    "quick": Scale((3000, 10_000), 10_000, 20_000, 3000, 20_000, 0),
    "tiny": Scale((500, 1000), 1000, 2000, 3000, 20_000, 0),
}


class Step(NamedTuple):
    """A piece of the run that is lost or kept as one."""

    name: str
    work: Callable[..., Iterable[Figure] | Figure]
    arguments: tuple[Any, ...]

    def figures(self) -> list[Figure]:
        """Do it."""
        done = self.work(*self.arguments)
        return [done] if isinstance(done, Figure) else list(done)


def steps(folder: Path, scale: Scale) -> list[Step]:
    """List every step, in order."""
    sizes, at = scale.commands, write_side.imported
    small, large, long = (at(folder, size) for size in (sizes[0], sizes[-1], scale.long))
    found = [
        Step(f"import_{size}", write_side.import_commands, (folder, size))
        for size in sorted({*sizes, scale.long})
    ]
    found += [
        Step("import_flat", _flat, (folder,)),
        Step("append_1", write_side.append_1, (folder,)),
        *(Step(f"import_{size}_two", write_side.in_two, (folder, size)) for size in sizes[:2]),
        Step("server", server.run, (folder, sizes[0])),
        Step("open_things", open_things.run, (sizes,)),
        *(Step(f"fold_{size}", read_side.fold_log, (at(folder, size), folder)) for size in sizes),
        *(Step(f"rebuild_{size}", read_side.rebuild, (at(folder, size),)) for size in sizes),
        Step("one_account", read_side.one_account, (small, large)),
        Step("history", history.one_account, (long,)),
        Step("backtest", backtest.backtest, (long,)),
        Step("columns", columns.run, (large,)),
        Step("explorer", explorer.run, (long,)),
        Step("others", others.run, (small, large, folder)),
        Step("snapshots", snapshots.run, (folder, sizes[-2:])),
        Step("start_up", read_side.start_up, (small, large)),
        Step("reconcile", reconcile.reconcile_lines, (scale.lines,)),
        Step("focus", focus.run, (folder, scale.rows, scale.more)),
        Step("tree", proof.tree, (folder, sizes[0], sizes[-1])),
        *(Step(f"verify_{size}", proof.verification, (at(folder, size),)) for size in sizes),
        Step(f"pack_{sizes[-1]}", proof.packing, (large, folder)),
    ]
    if scale.installs:
        found.append(Step("doltlite", versions.run, (small, folder)))
    if scale.copied:
        found.append(Step("columns_copied", columns.huge, (large, folder, scale.copied)))
    return found


def _flat(folder: Path) -> Iterator[Figure]:
    kept = (folder / "results").glob("import_*[0-9].json")
    ended = [msgspec.json.decode(one.read_bytes(), type=Ended) for one in kept]
    return write_side.flat([figure for one in ended for figure in one.figures])
