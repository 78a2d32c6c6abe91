"""History of a row, and differences between two points: beside DoltLite, SQLite with commits.

DoltLite keeps one table of balances and a commit a day; ours answers for any instant of both axes,
and says which event did it. It comes from PyPI into an environment of its own; where it does not
install there are no rows.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.history import OFFSET, typical
from benchmarks.measure import Figure, best
from ledger import codec
from ledger.account import evolve
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.periods import local_day
from ledger.state import AccountState
from ledger.store import open_reader
from projections.history.blame import last
from projections.history.compiling import parse_name
from projections.history.diff import diff_account
from projections.point import Asked, account_at, resolve

if TYPE_CHECKING:
    from ledger.store import Reader

PROGRAM = Path(__file__).with_name("doltlite_peer.py")
PACKAGE = "doltlite"


def run(path: Path, folder: Path) -> list[Figure]:
    """Ask both the same three questions about one account."""
    program = _installed(folder / "doltlite")
    if program is None:
        sys.stderr.write(f"{PACKAGE} does not install here\n")
        return []
    reader = open_reader(str(path))
    head, account = reader.head(), typical(reader)
    days = folder / "days.json"
    dates = _write(reader, days)
    asked = subprocess.run(
        [str(program), str(PROGRAM), str(days), str(folder / "doltlite.db"), account],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (folder / "doltlite.db").unlink()
    theirs: dict[str, Any] = msgspec.json.decode(asked.stdout)
    now = resolve(reader, Asked(), clock=head.recorded_at, offset=OFFSET)
    past = resolve(
        reader, Asked(position=head.position // 2), clock=head.recorded_at, offset=OFFSET
    )
    ours = {
        "history": best(lambda: last(reader, account, now, parse_name("cash")), runs=5),
        "as_of": best(lambda: account_at(reader, account, past), runs=5),
        "diff": best(lambda: diff_account(reader, account, past, now), runs=5),
    }
    events = len(reader.stream_bodies(ACCOUNT_PREFIX + account))
    reader.close()
    return [
        Figure(
            f"doltlite_{name}_{events}", f"{seconds * 1000:.2f} ms, any instant, {events} events",
            f"DoltLite: {theirs[name] * 1000:.2f} ms, {dates} daily commits, made in "
            f"{theirs['commits']:.1f} s",
            theirs[name] / seconds, "-", met=True,
        )
        for name, seconds in ours.items()
    ]  # fmt: skip


def _installed(place: Path) -> Path | None:
    """Install the peer; return the Python that has it."""
    program = place / "bin" / "python"
    try:
        if not program.exists():
            venv.create(place, with_pip=True)
        command = [str(program), "-m", "pip", "install", "--quiet", PACKAGE]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError):
        return None
    return program


def _write(reader: Reader, target: Path) -> int:
    """Write what changes in the balances day by day; return how many days there are."""
    states: dict[str, AccountState] = {}
    days: dict[int, dict[str, tuple[int, int]]] = {}
    for recorded in codec.decode_all(reader.bodies()):
        account = account_of(recorded.stream)
        if account is not None:
            state = states.setdefault(account, AccountState(account))
            evolve(state, recorded)
            day = days.setdefault(local_day(recorded.recorded_at, OFFSET), {})
            day[account] = state.cash, state.outstanding
    target.write_bytes(msgspec.json.encode(list(days.values())))
    return len(days)
