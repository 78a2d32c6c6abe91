"""The evidence pack: a zip that an auditor verifies with Python alone, on a machine without us.

Invariant: the same log, checkpoint, period and seed give the same bytes. The manifest names every
file's SHA-256 and the checkpoint; everything in the reports follows from the events in the pack.
This module must not sign, and must not write files.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger import codec
from ledger.events import PeriodClosed
from ledger.money import exponent, format_minor
from ledger.nodes import Nodes
from ledger.notes import write_base64
from ledger.periods import format_instant
from ledger.proofs import Inclusion
from projections.evidence.books import Balance, Books, folded
from projections.evidence.digests import point_of
from projections.evidence.lists import EVENT_COLUMNS, Lists, sample
from projections.history.closes import recorded_closes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ledger.periods import Period
    from ledger.seal import Seal
    from ledger.store import Reader

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same bytes whenever it is made
SAMPLE_SIZE = 25
BALANCE_COLUMNS = ("account", "currency", "cash", "outstanding", "coupons")
MONEY = ("cash", "outstanding", "coupons")


class Terms(NamedTuple):
    """What a pack is about and how it is written."""

    period: Period
    offset: int
    currency: str
    policy: str
    seed: str
    sample_size: int = SAMPLE_SIZE


class Pack(NamedTuple):
    """A finished pack: its bytes, its manifest."""

    content: bytes
    manifest: dict[str, Any]


def make_pack(
    reader: Reader, seal: Seal, terms: Terms, *,
    progress: Callable[[int, int], None] | None = None,
) -> Pack:  # fmt: skip
    """Make the pack of a period from the sealed part of the log."""
    events, books, lists = io.BytesIO(), Books(terms.period), Lists(terms.period)
    bodies = list(reader.bodies(until=seal.size))
    in_period: list[int] = []
    for recorded, body in zip(codec.decode_all(bodies), bodies, strict=True):
        events.write(body)
        books.take(recorded)
        lists.take(recorded, body)
        if terms.period.starts <= recorded.recorded_at < terms.period.ends:
            in_period.append(recorded.position)
        if progress is not None:
            progress(recorded.position, seal.size)
    content = {
        "README.txt": _page("README.txt"), "verify.py": _page("standalone.py"),
        "checkpoint": seal.note.encode(), "policy": terms.policy.encode(),
        "events.msgpack": events.getvalue(),
    }  # fmt: skip
    content |= _reports(reader, seal, terms, books=books, lists=lists)
    chosen = range(in_period[0], in_period[-1] + 1) if in_period else range(0)
    content |= _sample(reader, seal, terms, chosen=chosen)
    manifest = _manifest(reader, seal, terms, content)
    content["manifest.json"] = _json(manifest)
    return Pack(_zipped(content), manifest)


def _page(name: str) -> bytes:
    return files("projections.evidence").joinpath(name).read_bytes()


def _reports(
    reader: Reader, seal: Seal, terms: Terms, *, books: Books, lists: Lists
) -> dict[str, bytes]:
    opening, closing = books.opening(), books.closing()
    row = _Writer(terms)
    return {
        "reports/trial_balance_opening.csv": row.balances(opening),
        "reports/trial_balance_closing.csv": row.balances(closing),
        "reports/rollforward.csv": row.table(
            ("currency", "control_account", "line", "amount"),
            (
                (currency, control, name, format_minor(amount, currency))
                for currency, control, name, amount in books.roll_forward()
            ),
        ),
        "reports/cutoff_recorded_after.csv": row.events(lists.late),
        "reports/cutoff_effective_outside.csv": row.events(lists.early),
        "reports/back_dated.csv": row.events(lists.back_dated),
        "reports/adjusting.csv": row.events(lists.adjusting),
        "reports/duplicates.csv": row.table(
            ("kind", "channel", "serial", "first", "position"), lists.duplicates
        ),
        "reports/completeness.json": _json(lists.completeness()),
        "reports/tie_out.json": _json(_tie_out(reader, seal, terms, opening, closing)),
        "reports/period_closes.json": _json(_closes(reader, seal, terms)),
        "reports/reconciliations.json": _json([]),
    }  # fmt: skip


class _Writer:
    """Writes rows as CSV, money and instants as the ledger writes them."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return text.getvalue().encode()

    def balances(self, balances: Sequence[Balance]) -> bytes:
        rows = (
            (one.account, one.currency, *(format_minor(part, one.currency) for part in one[2:]))
            for one in balances
        )
        return self.table(BALANCE_COLUMNS, rows)

    def events(self, rows: Iterable[Sequence[Any]]) -> bytes:
        terms = self._terms
        written = (
            (
                *row[:3], format_instant(row[3], terms.offset),
                format_instant(row[4], terms.offset), *row[5:8],
                *(format_minor(part, terms.currency) for part in row[8:]),
            )
            for row in rows
        )  # fmt: skip
        return self.table(EVENT_COLUMNS, written)


def _tie_out(
    reader: Reader, seal: Seal, terms: Terms, opening: list[Balance], closing: list[Balance]
) -> dict[str, Any]:
    """Hold the sums of effects against the fold of every account."""
    found: dict[str, Any] = {}
    ends = (("opening", terms.period.before, opening), ("closing", terms.period.last, closing))
    for name, at, summed in ends:
        fold = folded(reader, point_of(reader, at=at, position=seal.size))
        differ = sorted({one.account for one in set(fold) ^ set(summed)})
        found[name] = {"accounts": len(summed), "ties": not differ, "differ": differ}
    return found


def _closes(reader: Reader, seal: Seal, terms: Terms) -> list[dict[str, Any]]:
    return [
        {
            "position": recorded.position, "actor": recorded.actor,
            "recorded_at": format_instant(recorded.recorded_at, terms.offset),
            **{name: getattr(recorded.event, name) for name in PeriodClosed.__struct_fields__},
        }
        for recorded in recorded_closes(reader, until=seal.size)
    ]  # fmt: skip


def _sample(reader: Reader, seal: Seal, terms: Terms, *, chosen: range) -> dict[str, bytes]:
    """Draw events of the period, each with a proof of its own."""
    nodes = Nodes(reader.connection)
    content: dict[str, bytes] = {}
    drawn = sample(terms.seed, chosen, terms.sample_size)
    for position in drawn:
        hashes = tuple(nodes.inclusion(position - 1, seal.size))
        proof = Inclusion(position - 1, hashes, seal.note)
        row = reader.row(position)
        content[f"sample/{position}.tlog-proof"] = str(proof).encode()
        content[f"sample/{position}.event"] = row.body if row is not None else b""
    about = {
        "seed": terms.seed, "of": [chosen.start, chosen.stop - 1] if chosen else [],
        "drawn": drawn,
    }  # fmt: skip
    content["sample/sample.json"] = _json(about)
    return content


def _manifest(
    reader: Reader, seal: Seal, terms: Terms, content: dict[str, bytes]
) -> dict[str, Any]:
    checkpoint = seal.checkpoint
    head = reader.row(seal.size)
    return {
        "schema": "tally.manifest/1",
        "period": terms.period.name,
        "starts": format_instant(terms.period.starts, terms.offset),
        "ends": format_instant(terms.period.ends, terms.offset),
        "starts_us": terms.period.starts,
        "ends_us": terms.period.ends,
        "offset_us": terms.offset,
        "known_at": format_instant(head.recorded_at if head else 0, terms.offset),
        "currency": terms.currency,
        "digits": exponent(terms.currency),
        "checkpoint": {
            "origin": checkpoint.origin, "size": checkpoint.size,
            "root": write_base64(checkpoint.root),
        },
        "files": {
            name: {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
            for name, raw in sorted(content.items())
        },
    }  # fmt: skip


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def _zipped(content: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content[name])
    return made.getvalue()
