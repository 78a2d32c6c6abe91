"""The evidence pack: a zip that an auditor verifies with Python alone, on a machine without us.

Invariant: the same log, checkpoint, period and seed give the same bytes. The manifest names every
file's SHA-256 and the checkpoint, and a key of the log signs the manifest, so no part of the pack
can be altered without it; everything in the reports follows from the events in the pack.
Memory does not grow with the log: one pass over the events, one fold of each customer, and one
pass for both journals. This module must not sign, and must not open files.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from itertools import tee
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ledger import codec
from ledger.money import exponent
from ledger.periods import format_instant
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from ledger.proof.proofs import Inclusion
from projections.evidence.books import (
    BALANCE_COLUMNS,
    CUSTOMER_COLUMNS,
    ROLL_COLUMNS,
    PeriodSums,
    period_point,
)
from projections.evidence.digests import point_of
from projections.evidence.lists import FRAME_COLUMNS, METHOD, Lists, SamplingFrame
from projections.evidence.reconciled import closes, reconciliations
from projections.evidence.writing import Archive, Spooled, json_bytes
from projections.history.register import restatements_of
from projections.journal import beancount, hledger
from projections.journal.reports import CLOSING, OPENING
from projections.journal.transactions import BARE, Ledgered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.periods import Period
    from ledger.proof.notes import Checkpoint
    from ledger.proof.seals import Seal
    from ledger.store import Reader
    from projections.journal.transactions import Transaction

    Progress = Callable[[int, int], None]
    Sign = Callable[[str], str]  # a note's text to its signature line

SCHEMA = "tally.manifest/2"
MANIFEST, SIGNATURE = "manifest.json", "manifest.note"
SIGNED = "tally.pack/1"  # the first line of what is signed
SAMPLE_SIZE = 25
README, PROGRAM = "README.txt", "verify.py"  # pages for a stranger: no evidence in themselves


class WrittenPack(NamedTuple):
    """A pack that was written: its manifest, and how long the zip is."""

    manifest: dict[str, Any]
    bytes: int


class PackTerms(NamedTuple):
    """What a pack is about and how it is written."""

    period: Period
    offset: int
    currency: str
    policy: str
    seed: str
    sample_size: int = SAMPLE_SIZE


def make_pack(
    reader: Reader, seal: Seal, terms: PackTerms, *, into: BinaryIO, sign: Sign | None = None,
    progress: Progress | None = None,
) -> WrittenPack:  # fmt: skip
    """Write the pack of a period from the sealed part of the log; ``sign`` signs its manifest."""
    with Archive(into) as archive:
        archive.put(README, _page("README.txt"))
        archive.put(PROGRAM, _page("standalone.py"))
        archive.put("checkpoint", seal.note.encode())
        archive.put("policy", terms.policy.encode())
        lists = Lists(terms.period, archive, offset=terms.offset, currency=terms.currency)
        frame = SamplingFrame(terms.period)
        _events(archive, reader, seal, lists=lists, frame=frame, progress=progress)
        _books(archive, reader, seal, terms, progress=progress)
        lists.write_to(archive)
        archive.put("reports/completeness.json", json_bytes(lists.completeness()))
        found = closes(reader, until=seal.size, offset=terms.offset)
        archive.put("reports/period_closes.json", json_bytes(found))
        runs = reconciliations(reader, terms.period, until=seal.size, offset=terms.offset)
        archive.put("reports/reconciliations.json", json_bytes(runs))
        register = _restatements(reader, terms.period, until=seal.size, offset=terms.offset)
        archive.put("reports/restatements.json", json_bytes(register))
        _journals(archive, reader, seal, terms)
        _sample(archive, reader, seal, terms, frame)
        manifest = _manifest(reader, seal, terms, archive, lists.currencies)
        raw = json_bytes(manifest)
        archive.put(MANIFEST, raw)
        if sign is not None:
            text = manifest_text(seal.checkpoint, sha256(raw).hexdigest())
            archive.put(SIGNATURE, f"{text}\n{sign(text)}".encode())
    return WrittenPack(manifest, archive.size)


def manifest_text(checkpoint: Checkpoint, digest: str) -> str:
    """Return what is signed of a manifest; its four lines can be taken for no checkpoint."""
    return f"{SIGNED}\n{checkpoint.origin}\n{checkpoint.size}\n{digest}\n"


def _page(name: str) -> bytes:
    return files("projections.evidence").joinpath(name).read_bytes()


def _events(
    archive: Archive, reader: Reader, seal: Seal, *, lists: Lists, frame: SamplingFrame,
    progress: Progress | None,
) -> None:  # fmt: skip
    """Write the events as they are stored, and look at each on the way."""
    with archive.entry("events.msgpack") as entry:
        for body in reader.bodies(until=seal.size):
            recorded = codec.decode(body)
            entry.write(body)
            lists.take(recorded, body)
            frame.take(recorded)
            if progress is not None:
                progress(recorded.position, seal.size)


def _books(
    archive: Archive, reader: Reader, seal: Seal, terms: PackTerms, *, progress: Progress | None
) -> None:
    ends = PeriodSums(terms.period)
    customers = {end: archive.later(CUSTOMER_COLUMNS) for end in (OPENING, CLOSING)}
    ends.fold(reader, seal.size, customers=customers, progress=progress)
    for end, table in customers.items():
        name = f"reports/trial_balance_{end}.csv"
        archive.table(name, BALANCE_COLUMNS, ends.trial_balance(end))
        table.write_to(archive, f"reports/customers_{end}.csv")
    archive.table("reports/rollforward.csv", ROLL_COLUMNS, ends.roll_forward())
    archive.put("reports/tie_out.json", json_bytes(ends.tie_out()))


def _restatements(reader: Reader, period: Period, *, until: int, offset: int) -> dict[str, Any]:
    """Return every fact about the period since it was closed, and what it changed."""
    row = reader.row(until)
    at = max(period.last, row.recorded_at if row is not None else 0)
    found = restatements_of(reader, period, point_of(reader, at=at, position=until), offset)
    return {name: cell for name, cell in found.plain().items() if name not in ("schema", "point")}


def _journals(archive: Archive, reader: Reader, seal: Seal, terms: PackTerms) -> None:
    """Write the books of the period for hledger and beancount: opened, then day by day.

    The events are posted once: what is for beancount waits on the disk.
    """
    point = period_point(terms.period, seal.size)
    posted = Ledgered(
        reader, point, offset=terms.offset, form=BARE, starts=terms.period.starts
    )
    first, second = tee(posted)
    behind = [0]  # transactions that beancount's writer has taken

    def counted() -> Iterator[Transaction]:
        for one in second:
            behind[0] += 1
            yield one

    heading = f"; {terms.period.name}, as the first {seal.size} events know it\n"
    other = archive.keep(Spooled())
    other.write(heading.encode())
    later = beancount.pieces(counted(), terms.offset)

    def in_step() -> Iterator[Transaction]:
        for taken, one in enumerate(first, 1):
            yield one
            while behind[0] < taken and (piece := next(later, None)) is not None:
                other.write(piece.encode())

    def pieces() -> Iterator[str]:
        yield heading
        yield from hledger.pieces(in_step(), terms.offset, BARE)

    archive.stream("journals/period.hledger", pieces())
    for piece in later:
        other.write(piece.encode())
    other.write_to(archive, "journals/period.beancount")


def _sample(
    archive: Archive, reader: Reader, seal: Seal, terms: PackTerms, frame: SamplingFrame
) -> None:
    """Draw events of the period, each with a proof of its own."""
    nodes = Nodes(reader.connection)
    drawn = frame.draw(terms.seed, terms.sample_size)
    for position in drawn:
        hashes = tuple(nodes.inclusion(position - 1, seal.size))
        proof = Inclusion(position - 1, hashes, seal.note)
        row = reader.row(position)
        archive.put(f"sample/{position}.tlog-proof", str(proof).encode())
        archive.put(f"sample/{position}.event", row.body if row is not None else b"")
    archive.table("sample/frame.csv", FRAME_COLUMNS, frame.spans)
    about = {
        "method": METHOD, "seed": terms.seed, "frame": len(frame), "wanted": terms.sample_size,
        "drawn": drawn,
    }  # fmt: skip
    archive.put("sample/sample.json", json_bytes(about))


def _manifest(
    reader: Reader, seal: Seal, terms: PackTerms, archive: Archive, currencies: set[str]
) -> dict[str, Any]:
    checkpoint = seal.checkpoint
    head = reader.row(seal.size)
    return {
        "schema": SCHEMA,
        "period": terms.period.name,
        "starts": format_instant(terms.period.starts, terms.offset),
        "ends": format_instant(terms.period.ends, terms.offset),
        "starts_us": terms.period.starts,
        "ends_us": terms.period.ends,
        "offset_us": terms.offset,
        "known_at": format_instant(head.recorded_at if head else 0, terms.offset),
        "currency": terms.currency,
        "digits": {currency: exponent(currency) for currency in sorted(currencies)},
        "checkpoint": {
            "origin": checkpoint.origin, "size": checkpoint.size,
            "root": write_base64(checkpoint.root),
        },
        "files": {name: one._asdict() for name, one in sorted(archive.files.items())},
    }  # fmt: skip
