"""The read side: folds, rebuilds, one account, start-up."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.measure import Figure, Measured, apart, best, spent, whole_process
from ledger import codec
from ledger.events import ACCOUNT_PREFIX
from ledger.kept.stream_tiles import Tiles
from ledger.memory import no_cycles
from ledger.store import open_reader, open_store
from projections.point import Asked, account_at, resolve
from projections.runner import Views

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.store import Reader

PEER_EVENTS = 50_000
STARTS_MAX = 1.75
BARE = "import click; click.command()(lambda: None).main(['--help'], standalone_mode=False)"


def fold_log(path: Path, folder: Path) -> list[Figure]:
    """Fold a whole log into account states; peers: repository.get, and bare rows + decode.

    As looks at a whole ledger do, once its views have caught up: from stream tiles, each way in a
    process that has done nothing else.
    """
    apart(catch_up, path)
    (ours, bare), _ = apart(_fold_seconds, path)
    reader = open_reader(str(path))
    events = reader.head().position
    rate, most = events / ours, events / bare
    peer = peers.open_peer(str(folder / "fold-peer.db"))
    history = itertools.islice(codec.decode_all(reader.bodies()), PEER_EVENTS)
    ids = peers.fill(peer, history)
    stored = sum(peer.repository.get(one).version for one in ids.values())
    theirs = stored / spent(lambda: list(peers.read_all(peer, ids)))
    return [
        Figure(
            f"fold_{events}", f"{rate:,.0f} events/s",
            f"eventsourcing repository.get: {theirs:,.0f} events/s",
            rate / theirs, ">= 20", rate / theirs >= 20,
            (
                Measured("fold", events, 1e6 / rate),
                Measured("peer: repository.get", events, 1e6 / theirs),
                Measured("rows + decode alone", events, 1e6 / most),
            ),
        ),
        Figure(
            f"fold_{events}_of_limit", f"{rate:,.0f} events/s",
            f"rows + typed decode alone: {most:,.0f} events/s",
            rate / most, ">= 0.9", rate / most >= 0.9,
        ),
    ]  # fmt: skip


def catch_up(path: Path) -> None:
    """Bring the stored views of a ledger up to its head."""
    store = open_store(str(path))
    Views(store.reader, store).catch_up()
    store.close()


def _fold_seconds(path: Path) -> tuple[float, float]:
    """Return how long a fold takes, and reading and decoding alone, in turns."""
    reader = open_reader(str(path))
    accounts = [stream.removeprefix(ACCOUNT_PREFIX) for stream in reader.streams()]
    point = resolve(reader, Asked(), clock=reader.head().recorded_at, offset=0)

    def fold() -> None:
        tiles = Tiles(reader)
        with no_cycles():  # as every fold of a whole log does
            for account in accounts:
                account_at(reader, account, point, tiles)

    def limit() -> None:
        with no_cycles():
            for body in reader.bodies():
                codec.decode(body)

    turns = [(spent(fold), spent(limit)) for _ in range(7)]
    return min(one for one, _ in turns), min(other for _, other in turns)


def rebuild(path: Path) -> Figure:
    """Rebuild all stored views; peer: the library's way, one transaction an event."""
    store = open_store(str(path))
    views = Views(store.reader, store)
    views.catch_up()
    events = store.reader.head().position
    rate = events / spent(views.rebuild)
    store.close()
    theirs = peers.project_one_by_one()
    return Figure(
        f"rebuild_{events}", f"{rate:,.0f} events/s, six views",
        f"eventsourcing tracking recorder, one view, an event a transaction: {theirs:,.0f}/s",
        rate / theirs, ">= 100", rate / theirs >= 100,
        (Measured("rebuild of all views", events, 1e6 / rate),),
    )  # fmt: skip


def one_account(small: Path, large: Path) -> Figure:
    """Fold one account at a past instant in a small and in a large ledger."""
    times = [_one(open_reader(str(path))) for path in (small, large)]
    ratio = times[1] / times[0]
    return Figure(
        "state_of_one_account", f"{times[1] * 1e6:,.0f} us an event-thousand, large ledger",
        f"small ledger: {times[0] * 1e6:,.0f} us", ratio, "<= 1.3", ratio <= 1.3,
    )  # fmt: skip


def _one(reader: Reader) -> float:
    """Return the seconds per thousand events of folding some accounts in the middle of history."""
    head = reader.head()
    point = resolve(
        reader, Asked(position=head.position // 2), clock=head.recorded_at, offset=0
    )
    names = [stream.removeprefix(ACCOUNT_PREFIX) for stream in reader.streams()[:20]]
    states = [state for name in names if (state := account_at(reader, name, point)) is not None]
    events = sum(state.version for state in states)
    seconds = best(lambda: [account_at(reader, state.account, point) for state in states], runs=5)
    return seconds / events * 1000


def start_up(small: Path, large: Path) -> list[Figure]:
    """Whole processes beside a bare click program; the guard in CI is the set of modules."""
    bare = _least([sys.executable, "-c", BARE])
    looks = [_least(_look(path)) for path in (small, large)]
    helped = _least([sys.executable, "-m", "cli.main", "--help"])
    found = [
        Figure(
            f"start_{name}", f"{seconds * 1000:,.0f} ms", f"bare click: {bare * 1000:,.0f} ms",
            seconds / bare, f"<= {STARTS_MAX}", seconds / bare <= STARTS_MAX,
        )
        for name, seconds in (("help", helped), ("state", looks[0]))
    ]  # fmt: skip
    flat = looks[1] / looks[0]
    found.append(
        Figure(
            "start_state_flat", f"{looks[1] * 1000:,.0f} ms in the largest ledger",
            f"in the smallest: {looks[0] * 1000:,.0f} ms", flat, "<= 1.1", flat <= 1.1,
        )
    )  # fmt: skip
    return found


def _least(command: list[str]) -> float:
    return min(whole_process(command) for _ in range(9))


def _look(path: Path) -> list[str]:
    reader = open_reader(str(path))
    account = reader.streams()[0].removeprefix(ACCOUNT_PREFIX)
    reader.close()
    return [sys.executable, "-m", "cli.main", "state", account, "--ledger", str(path)]
