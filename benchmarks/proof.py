"""Proof: what the tree costs an append, how fast a proof and a whole verification are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import (
    Figure,
    Measured,
    apart,
    commands,
    fill,
    memory_mb,
    new_ledger,
    quickest,
    spent,
    timed,
)
from ledger.periods import HOUR, read_period
from ledger.proof import nodes
from ledger.proof.notes import write_base64
from ledger.proof.seals import last_seal, log_key, seal
from ledger.proof.tree import leaf_hashes
from ledger.proof.trust import TrustPolicy
from ledger.store import create_store, open_reader, open_store
from ledger.store.rows import Row
from ledger.verification.tree_checks import Growth
from ledger.verification.whole import verify
from projections.evidence.pack import PackTerms, make_pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader

KEY = log_key("benchmark.example/log", bytes(32))
BATCH = 4096
VERIFIED = 300_000  # events/s
PACK_SECONDS, PACK_EVENTS, PACK_MB = 25, 2_700_000, 200


def cost_of_the_tree(folder: Path, size: int) -> Figure:
    """Import the same commands with the tree and without, in turns; CPU time of this process."""
    source = commands(size, accounts=max(200, size // 500))
    best = {True: 1e9, False: 1e9}
    for run in range(5):
        for grown in (True, False):
            path = folder / f"tree-{size}-{grown}-{run}.db"
            path.unlink(missing_ok=True)
            ledger = new_ledger(path)
            if not grown:
                ledger.store.after_append.clear()
                with ledger.store.writing() as writer:
                    writer.connection.execute("DROP TABLE tree_nodes")
            seconds = spent(lambda ledger=ledger: fill(ledger, source))  # type: ignore[misc]
            best[grown] = min(best[grown], seconds)
            ledger.store.close()
            path.unlink()
    cost = best[True] / best[False] - 1
    return Figure(
        f"tree_of_import_{size}", f"{best[True]:.2f} s with the tree",
        f"without: {best[False]:.2f} s", cost, "<= 0.10", cost <= 0.10,
    )  # fmt: skip


def sealed(path: Path) -> Reader:
    """Seal a ledger file and open it for looking."""
    store = open_store(str(path))
    with store.writing() as writer:
        last = last_seal(writer.connection)
        if last is None or last.size < writer.head.position:
            seal(writer.connection, (KEY,), origin=KEY.name, head=writer.head.position)
    store.close()
    reader = open_reader(str(path))
    reader.connection.execute("PRAGMA mmap_size=0")  # mapped pages do not count as our memory
    return reader


def large_log(folder: Path, size: int) -> Path:
    """Append plain rows only: the tree does not know what they mean."""
    path = folder / f"rows-{size}.db"
    path.unlink(missing_ok=True)
    create_store(str(path))
    store = open_store(str(path))
    for first in range(1, size + 1, 20_000):
        rows = [
            Row(p, f"s{p % 1000}", p // 1000 + 1, "T/1", p, p, b"%0240d" % p)
            for p in range(first, min(first + 20_000, size + 1))
        ]
        with store.writing() as writer:
            writer.append_rows(rows)
    store.close()
    return path


def proofs(reader: Reader) -> Figure:
    """Prove events here and there in the log."""
    kept = nodes.Nodes(reader.connection)
    size = kept.size()
    picked = range(0, size, max(size // 500, 1))
    seconds = spent(lambda: [kept.inclusion(i, size) for i in picked]) / len(picked)
    return Figure(
        f"proof_of_{size}", f"{seconds * 1e6:,.0f} us", "1 ms", seconds / 1e-3, "< 1",
        seconds < 1e-3,
    )  # fmt: skip


def bytes_to_root(reader: Reader) -> Figure:
    """Read all bytes, hash the leaves, grow the tree, compare every stored node and the root."""
    kept = nodes.Nodes(reader.connection)
    size = kept.size()

    def work() -> None:
        growth = Growth(kept)
        batch: list[bytes] = []
        for body in reader.bodies():
            batch.append(body)
            if len(batch) == BATCH:
                growth.take(leaf_hashes(batch))
                batch = []
        growth.take(leaf_hashes(batch))
        assert growth.root() == kept.root(size)  # noqa: S101 - a benchmark of something wrong
        assert growth.fault() is None  # noqa: S101 - as above

    before = memory_mb()
    rate = size / min(spent(work), spent(work))
    return Figure(
        f"bytes_to_root_{size}", f"{rate:,.0f} events/s, {memory_mb() - before} MB more",
        "300,000 events/s", rate / 300_000, ">= 1", rate >= 300_000,
    )  # fmt: skip


def verification(path: Path) -> Figure:
    """Verify everything that `tally verify` verifies of the log itself, in two processes."""
    reader = sealed(path)
    size = reader.head().position
    policy = TrustPolicy.of(KEY.verifier)
    before = memory_mb()
    alone = spent(lambda: verify(reader, policy))
    more = memory_mb() - before
    assert verify(reader, policy).whole  # noqa: S101 - a benchmark of something wrong
    both = quickest(lambda: verify(reader, policy, location=str(path)), runs=2)
    reader.close()
    rate = size / both
    return Figure(
        f"verify_{size}",
        f"{rate:,.0f} events/s by the clock; one process: {size / alone:,.0f}, {more} MB more",
        f"{VERIFIED:,} events/s", rate / VERIFIED, ">= 1", rate >= VERIFIED,
        (Measured("verify", size, 1e6 / rate),),
    )  # fmt: skip


def packing(path: Path, folder: Path) -> Figure:
    """Make the evidence pack of one month, by the clock; the log is in it whole."""
    sealed(path).close()
    (size, seconds), peak = apart(_pack, str(path), str(folder / "pack.zip"))
    limit = PACK_SECONDS * size / PACK_EVENTS
    return Figure(
        f"pack_{size}", f"{seconds:.1f} s, {peak} MB at most",
        f"{limit:.1f} s ({PACK_SECONDS} s for {PACK_EVENTS:,} events), {PACK_MB} MB",
        seconds / limit, "< 1", seconds < limit and peak < PACK_MB,
        (Measured("evidence pack", size, seconds / size * 1e6),),
    )  # fmt: skip


def _pack(path: str, target: str) -> tuple[int, float]:
    reader = open_reader(path)
    reader.connection.execute("PRAGMA mmap_size=0")  # mapped pages do not count as our memory
    found = last_seal(reader.connection)
    assert found is not None  # noqa: S101 - sealed above
    terms = PackTerms(
        read_period("2025-03", 8 * HOUR), 8 * HOUR, "CNY", str(TrustPolicy.of(KEY.verifier)),
        write_base64(found.root),
    )  # fmt: skip
    with Path(target).open("wb") as file:
        seconds = timed(lambda: make_pack(reader, found, terms, into=file))
    Path(target).unlink()
    return found.size, seconds


def tree(folder: Path, small: int, large: int) -> Iterator[Figure]:
    """Measure the tree alone: what it adds to an import, a proof, all bytes to the root."""
    yield cost_of_the_tree(folder, small)
    path = large_log(folder, large)
    reader = sealed(path)
    yield proofs(reader)
    yield bytes_to_root(reader)
    reader.close()
    path.unlink()
