"""Which columns two deliveries share, and their rows that are not the same in both.

Rows come one identity at a time. DuckDB hashes every row and keeps the counts, so memory is flat;
without it, or for what it cannot read, Python does the same with a digest a row. What differs is
then read again, in full.
Invariant: cells that mean the same are written the same: numbers without trailing zeros, instants
in UTC, nulls as nothing. A group holds every row of its identity, in both files, unless all are
the same. This module must not know what becomes of a group.
"""

from __future__ import annotations

import hashlib
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.columns import arrow
from projections.reconciliation.amounts import DECIMALS
from projections.reconciliation.focus import by_columns, by_rows, cells
from projections.reconciliation.focus.columns import plain
from projections.reconciliation.focus.delivery import PARQUET, FocusFile
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

class Shape(NamedTuple):
    """A kind of file.

    Attributes:
        identity: the columns that identify a charge, as far as a file has them.
        amount: the column of its amount; the first of these that both files have.
        shown: columns of the answer, each with the names that it may have in a file.

    """

    source: str
    identity: tuple[str, ...]
    amount: tuple[str, ...]
    shown: tuple[tuple[str, tuple[str, ...]], ...]


FOCUS: Final = Shape(
    "focus",
    ("BillingAccountId", "SubAccountId", "BillingCurrency", "BillingPeriodStart",
     "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass",
     "ChargeFrequency", "ChargeDescription", "PricingCategory", "ProviderName",
     "ServiceProviderName", "PublisherName", "ServiceName", "SkuId", "SkuPriceId", "SkuMeter",
     "ResourceId", "RegionId", "AvailabilityZone", "CommitmentDiscountId",
     "CommitmentDiscountStatus", "CapacityReservationId", "CapacityReservationStatus",
     "AllocatedResourceId", "x_RecordId"),
    ("BilledCost",),
    (("account", ("BillingAccountId", "SubAccountId")), ("currency", ("BillingCurrency",)),
     ("invoice", ("InvoiceId",)), ("category", ("ChargeCategory",)),
     ("service", ("ServiceName",)), ("resource", ("ResourceId",)), ("sku", ("SkuId",)),
     ("starts", ("ChargePeriodStart",))),
)  # fmt: skip
BILLS: Final = Shape(
    "alibaba-bills",
    ("OwnerID", "AccountID", "BillingCycle", "RecordID", "Item", "InstanceID", "Currency",
     "RelatedRecordID"),
    ("PretaxAmount", "PretaxGrossAmount"),
    (("account", ("OwnerID", "AccountID")), ("currency", ("Currency",)),
     ("invoice", ("RecordID",)), ("category", ("Item",)), ("service", ("ProductCode",)),
     ("resource", ("InstanceID",)), ("sku", ("CommodityCode",)), ("starts", ("UsageStartTime",))),
)  # fmt: skip
SHAPES: Final = {shape.source: shape for shape in (FOCUS, BILLS)}
_INSTANTS: Final = ("PeriodStart", "PeriodEnd")
_NUMBERS: Final = ("Cost", "Price", "Quantity", "Amount", "Discount", "Coupons", "CashCoupons")
_OWN: Final = "x_"  # a provider's own column says when it was exported, not what is charged


def shape_of(source: str | None, header: Sequence[str]) -> Shape:
    """Return the shape of a file: as named, else as its columns say. Raises: BadStatement."""
    if source is not None and source not in SHAPES:
        msg = f"deliveries of {source} are not compared"
        raise InvalidInput(msg, hint=f"--source {' or '.join(SHAPES)}")
    there = {plain(name) for name in header}
    for shape in SHAPES.values():
        needed = {*map(plain, FORMATS[shape.source].header)}
        if shape.source == source or (source is None and needed <= there):
            return shape
    raise BadStatement(
        "the file is neither FOCUS nor the vendor's bills", hint="name it with --source"
    )


class Common(NamedTuple):
    """The columns that two files share, by the name that the first one writes.

    Attributes:
        identity, content: what identifies a charge, and what else is compared.
        left_out: what only one of the files has.

    """

    identity: tuple[str, ...]
    content: tuple[str, ...]
    amount: str
    left_out: tuple[str, ...]


def common(shape: Shape, old: Sequence[str], new: Sequence[str]) -> Common:
    """Find what can be compared. Raises: BadStatement."""
    known = {plain(name): name for name in (*shape.identity, *shape.amount)}
    first = {plain(name): known.get(plain(name), name) for name in old if name.strip()}
    second = {plain(name): known.get(plain(name), name) for name in new if name.strip()}
    shared = [name for spelled, name in first.items() if spelled in second]
    amount = next((name for name in shape.amount if name in shared), "")
    if not amount:
        raise BadStatement(f"the files do not both have a column {shape.amount[0]}")
    identity = tuple(name for name in shape.identity if name in shared)
    content = tuple(
        name for name in shared
        if name not in identity and name != amount and not name.lower().startswith(_OWN)
    )  # fmt: skip
    left_out = sorted({first[name] for name in first.keys() - second.keys()}
                      | {second[name] for name in second.keys() - first.keys()})  # fmt: skip
    return Common(identity, content, amount, tuple(left_out))


def is_instant(name: str) -> bool:
    """Return whether a column holds instants."""
    return name.endswith(_INSTANTS)


def canonical(name: str, text: str) -> str:
    """Write a cell so that equal ones are equal, however a delivery spells them."""
    plain_text = text.strip()
    if plain_text in cells.NULLS:
        return ""
    if is_instant(name):
        try:
            return format_instant(cells.read_instant(plain_text), 0)
        except InvalidInput:
            return plain_text
    if name.endswith(_NUMBERS):
        try:
            return number(cells.read_cost(plain_text))
        except InvalidInput:
            return plain_text
    return plain_text


def number(fine: int) -> str:
    """Write fine units with no more decimals than there are."""
    whole, part = divmod(abs(fine), 10**DECIMALS)
    rest = f"{part:0{DECIMALS}d}".rstrip("0")
    return f"{'-' if fine < 0 else ''}{whole}{'.' if rest else ''}{rest}"


Raw = tuple[int, dict[str, str]]  # a row's number, and its cells by column
Group = tuple[list[Raw], list[Raw]]
_FETCHED: Final = 2048
# Two files are read at once, and what is grouped and sorted goes to disk beyond this.
_SETTINGS: Final = ("SET memory_limit = '224MB'", "SET threads = 2")
_UNIT: Final = "\x1f"


def header_of(delivery: FocusFile) -> list[str]:
    """Return the names of a file's columns. Raises: BadStatement."""
    if delivery.form != PARQUET:
        return delivery.header()
    return by_rows.parquet_names(delivery)


def groups(old: FocusFile, new: FocusFile, both: Common, *, small: int) -> Iterator[Group]:
    """Return the groups that differ, by the engine that is there and pays."""
    if max(old.size, new.size) >= small and by_columns.usable():
        found = _by_columns(old, new, both)
        if found is not None:
            return found
    return _by_rows(old, new, both)


def _by_rows(old: FocusFile, new: FocusFile, both: Common) -> Iterator[Group]:
    """Count each row's digest in both files, then read again what differs."""
    counts: dict[bytes, dict[bytes, int]] = {}
    for delivery, sign in ((old, 1), (new, -1)):
        for _, texts in _cells(delivery, both):
            said = counts.setdefault(_digest(texts, both.identity), {})
            content = _digest(texts, (*both.content, both.amount))
            left = said.get(content, 0) + sign
            if left:
                said[content] = left
            else:
                del said[content]
    wanted = {identity for identity, said in counts.items() if said}
    found: dict[bytes, Group] = {identity: ([], []) for identity in sorted(wanted)}
    for side, delivery in enumerate((old, new)):
        for number, texts in _cells(delivery, both) if wanted else ():
            identity = _digest(texts, both.identity)
            if identity in wanted:
                found[identity][side].append((number, texts))
    yield from found.values()


def _cells(delivery: FocusFile, both: Common) -> Iterator[Raw]:
    names = _names(both)
    found, rows = by_rows.table_of(delivery, names, needed=(both.amount,))
    places = [(name, found[name]) for name in names]
    for number, row in rows:
        yield number, {
            name: "" if row[place] in cells.NULLS else row[place] for name, place in places
        }


def _digest(texts: dict[str, str], names: Sequence[str]) -> bytes:
    said = _UNIT.join(canonical(name, texts[name]) for name in names)
    return hashlib.blake2b(said.encode(), digest_size=16).digest()


class _Kept:
    """DuckDB with the differing rows of two files, in a folder of its own until it is closed."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="tally-")
        self.engine = arrow.package("duckdb")
        self.connection = by_columns.connected(self.engine)
        for setting in _SETTINGS:
            self.connection.execute(setting)

    def fill(self, deliveries: Sequence[FocusFile], both: Common) -> bool:
        """Find what differs; False where that is for the other engine.

        One file is read at a time: two scans at once keep whole files in memory.
        """
        names = _names(both)
        hashed = f"md5_number({_said(both.identity, names)})"
        content = _said((*both.content, both.amount), names)
        try:
            sides = []
            for side, delivery in enumerate(deliveries):
                source = by_columns.source_of(
                    self.connection, delivery, names, needed=(both.amount,)
                )
                if source is None:
                    return False
                sides.append(_side(side, delivery, source[0], [source[1][name] for name in names]))
            place = str(Path(self.folder.name) / "kept.db").replace("'", "''")
            self.connection.execute(f"ATTACH '{place}' AS kept")
            self._fill("hashes", [
                f"SELECT {hashed} AS i, md5_number({content}) AS c, side FROM ({rows})"
                for rows in sides
            ])  # fmt: skip
            uneven = "GROUP BY i, c HAVING count_if(side = 0) <> count_if(side = 1)"
            self._fill("differs", [
                f"SELECT DISTINCT i FROM (SELECT i FROM kept.hashes {uneven})"
            ])  # fmt: skip
            self._fill("found", [
                f"SELECT * FROM (SELECT {hashed} AS i, * FROM ({rows})) "
                "WHERE i IN (SELECT i FROM kept.differs)" for rows in sides
            ])  # fmt: skip
        except self.engine.Error:
            return False
        return True

    def _fill(self, table: str, queries: Sequence[str]) -> None:
        first, *others = queries
        self.connection.execute(f"CREATE TABLE kept.{table} AS {first}")
        for query in others:
            self.connection.execute(f"INSERT INTO kept.{table} {query}")

    def groups(self, names: Sequence[str]) -> Iterator[Group]:
        """Yield the groups, and close the engine after the last."""
        try:
            answer = self.connection.execute("SELECT * FROM kept.found ORDER BY i, side, n")
            for _, rows in groupby(_fetched(answer), key=lambda row: row[0]):
                group: Group = ([], [])
                for row in rows:
                    texts = ("" if cell is None else cell for cell in row[3:])
                    group[row[1]].append((row[2], dict(zip(names, texts, strict=True))))
                yield group
        finally:
            self.close()

    def close(self) -> None:
        """Close the engine and its folder."""
        self.connection.close()
        self.folder.cleanup()


def _by_columns(old: FocusFile, new: FocusFile, both: Common) -> Iterator[Group] | None:
    kept = _Kept()
    if kept.fill((old, new), both):
        return kept.groups(_names(both))
    kept.close()
    return None


def _names(both: Common) -> tuple[str, ...]:
    return (*both.identity, *both.content, both.amount)


def _side(side: int, delivery: FocusFile, source: str, columns: Sequence[str]) -> str:
    number = "file_row_number + 1" if delivery.form == PARQUET else "row_number() OVER () + 1"
    chosen = ", ".join(f"{column} AS k{n}" for n, column in enumerate(columns))
    return f"SELECT {side}::TINYINT AS side, {number} AS n, {chosen} FROM {source}"


def _said(chosen: Sequence[str], names: Sequence[str]) -> str:
    """Write what columns say as one text; only Python knows all spellings of a number."""
    texts = []
    for name in chosen:
        cell = f"trim(k{names.index(name)})"
        if is_instant(name):
            moment = f"CASE WHEN regexp_full_match({cell}, '{cells.UTC}') THEN {cell} END"
            said = f"coalesce(strftime(try_cast({moment} AS TIMESTAMP), '%xT%XZ'), {cell})"
            # As nearly all are, and written as the others will be.
            usual = f"length({cell}) = 20 AND {cell}[11] = 'T' AND {cell}[20] = 'Z'"
            cell = f"CASE WHEN {usual} THEN {cell} ELSE {said} END"
        texts.append(f"coalesce({cell}, '')")
    return f"concat_ws(chr(31), {', '.join(texts)})"


def _fetched(answer: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - an extra without types
    while batch := answer.fetchmany(_FETCHED):
        yield from batch
