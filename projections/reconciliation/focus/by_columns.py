"""The fast engine: DuckDB reads the columns that count and sums them, in bounded memory.

Costs are summed as 128-bit integers, one sum a scale, so nothing is rounded and nothing is a
float. Invariant: where it gives an answer, it is that of ``by_rows``; where it cannot (another
encoding, a damaged file), it gives none and ``by_rows`` says what is wrong.
This module must not know what parts become.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from projections.columns import arrow
from projections.columns.asking import opened
from projections.reconciliation.focus import cells, columns
from projections.reconciliation.focus.columns import SummedRows
from projections.reconciliation.focus.delivery import GZIP, PARQUET, FocusFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MEMORY: Final = "320MB"  # beside Python and the engine itself: 500 MB for any number of rows
_FETCHED: Final = 4096
_DECIMAL_MAX: Final = 38  # digits: a wider decimal would come back as a float
_SETTINGS: Final = (
    f"SET memory_limit = '{MEMORY}'", "SET TimeZone = 'UTC'", "SET threads = 4",
    "SET autoinstall_known_extensions = false", "SET preserve_insertion_order = true",
)  # fmt: skip

# Braces of a pattern are doubled, for the text below is a template.
_PLAIN, _UTC = (text.replace("{", "{{").replace("}", "}}") for text in (cells.PLAIN, cells.UTC))
_SUMS: Final = f"""
WITH cells AS (
    SELECT {{number}} AS n, coalesce({{BillingAccountId}}, {{SubAccountId}}) AS account,
        {{BillingCurrency}} AS currency, {{InvoiceId}} AS invoice, {{BillingPeriodStart}} AS period,
        {{BillingPeriodEnd}} AS period_end, {{ChargeCategory}} AS category,
        {{ChargeClass}} AS charge_class, {{x_RecordId}} AS record,
        trim(coalesce({{BilledCost}}, '')) AS cost, {{BilledCost}} AS written,
        {{ChargePeriodStart}} AS begins, {{ChargePeriodEnd}} AS finishes, {{ResourceId}} AS resource
    FROM {{source}}
), apart AS (
    SELECT *, strpos(lower(cost), 'e') AS e,
        CASE WHEN e > 0 THEN cost[:e - 1] ELSE cost END AS mantissa, strpos(mantissa, '.') AS point,
        regexp_full_match(cost, '{_PLAIN}')
            AND length(mantissa) <= {cells.PLAIN_LONGEST} AS plain,
        CASE WHEN regexp_full_match(begins, '{_UTC}')
            THEN try_cast(begins AS TIMESTAMP) END AS starts,
        CASE WHEN regexp_full_match(finishes, '{_UTC}')
            THEN try_cast(finishes AS TIMESTAMP) END AS ends
    FROM cells
), read AS (
    SELECT *, CASE WHEN plain THEN try_cast(replace(mantissa, '.', '') AS HUGEINT) END AS digits,
        CASE WHEN plain THEN
            CASE WHEN point > 0 THEN length(mantissa) - point ELSE 0 END
            - CASE WHEN e > 0 THEN try_cast(cost[e + 1:] AS INTEGER) ELSE 0 END
        ELSE 0 END AS scale,
        CASE WHEN ends >= starts OR starts IS NULL THEN ends END AS follows
    FROM apart
)
SELECT coalesce(account, ''), coalesce(currency, ''), coalesce(invoice, ''), coalesce(period, ''),
    coalesce(period_end, ''), coalesce(category, ''), coalesce(charge_class, ''),
    coalesce(record, ''), scale, coalesce(digits < 0, false),
    CASE WHEN plain THEN '' ELSE coalesce(written, '{cells.NULL}') END,
    CASE WHEN starts IS NULL THEN coalesce(begins, '{cells.NULL}') ELSE '' END,
    CASE WHEN follows IS NULL THEN coalesce(finishes, '') ELSE '' END,
    coalesce(sum(digits), 0), count(*), min(n), max(n),
    epoch_us(date_trunc('second', min(starts))), epoch_us(date_trunc('second', max(follows))),
    min(coalesce(resource, '')), max(coalesce(resource, ''))
FROM read GROUP BY ALL
"""


def usable() -> bool:
    """Return whether the extra is installed, without importing it."""
    return arrow.available()


def parts_of(
    delivery: FocusFile, *, names: Mapping[str, str] = columns.ALL
) -> Iterator[SummedRows] | None:
    """Sum the rows of each key, or give None where that is for the other engine."""
    engine = arrow.package("duckdb")
    connection = connected(engine)
    try:
        source = source_of(
            connection, delivery, [*names.values()], needed=columns.needed(names)
        )
        if source is None:
            return None
        text, found = source
        number = "file_row_number + 1" if delivery.form == PARQUET else "row_number() OVER () + 1"
        answer = connection.execute(
            _SUMS.format(source=text, number=number, **{
                name: found.get(names.get(name, ""), "NULL::VARCHAR") for name in columns.READ
            })
        )  # fmt: skip
        # Read at once: what is damaged at the end of the file has to be known before.
        parts = []
        while batch := answer.fetchmany(_FETCHED):
            parts += [SummedRows(*row) for row in batch]
    except engine.Error:
        return None
    finally:
        connection.close()
    return iter(parts)


def connected(engine: Any) -> Any:  # noqa: ANN401 - an extra without types
    """Open DuckDB within bounds of its own."""
    connection = opened(engine)
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def source_of(
    connection: Any, delivery: FocusFile, wanted: Sequence[str], *,  # noqa: ANN401 - as above
    needed: Sequence[str] = columns.NEEDED,
) -> tuple[str, dict[str, str]] | None:  # fmt: skip
    """Write a file as SQL, with its columns as text. Raises: BadStatement."""
    path = delivery.path
    if path is None or delivery.encoding not in ("utf-8", "utf-8-sig"):
        return None
    place = "'" + str(path).replace("'", "''") + "'"
    if any(mark in place for mark in "[*?"):
        return None  # a pattern to DuckDB, a name to everybody else
    if delivery.form == PARQUET:
        return _parquet(connection, place, wanted, needed)
    if not delivery.ends_in_a_line():
        return None  # the engine would leave out a last line that is too long for it
    header = delivery.header()
    found = columns.places(header, wanted, needed=needed)
    names = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(len(header)))
    nulls = ", ".join(f"'{text}'" for text in cells.NULLS)
    packed = "gzip" if delivery.form == GZIP else "none"
    text = (
        f"read_csv({place}, auto_detect=false, columns={{{names}}}, header=true, delim=',', "
        f"quote='\"', escape='\"', nullstr=[{nulls}], strict_mode=true, compression='{packed}')"
    )
    return text, {name: f"c{n}" for name, n in found.items()}


def _parquet(
    connection: Any, place: str, wanted: Sequence[str], needed: Sequence[str]  # noqa: ANN401 - as above
) -> tuple[str, dict[str, str]] | None:
    described = connection.execute(
        f"SELECT name, precision FROM parquet_schema({place}) WHERE num_children IS NULL"
    ).fetchall()
    if any((precision or 0) > _DECIMAL_MAX for _, precision in described):
        return None
    shown = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({place})").fetchall()
    names = [row[0] for row in shown]
    found = columns.places(names, wanted, needed=needed)
    nulls = ", ".join(f"'{text}'" for text in cells.NULLS)
    written = {}
    for name, n in found.items():
        quoted = '"' + names[n].replace('"', '""') + '"'
        text = f"CAST({quoted} AS VARCHAR)"
        written[name] = f"CASE WHEN {text} NOT IN ({nulls}) THEN {text} END"
    return f"read_parquet({place}, file_row_number=true)", written
