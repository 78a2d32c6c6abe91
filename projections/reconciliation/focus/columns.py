"""The columns of FOCUS, and what an engine finds in a file: the rows of each key, summed.

Invariant: names are the standard's own (1.0 to 1.3); a file may write them in any case and order,
with underscores or spaces, and have columns of its own. A part's rows are equal in every field of
its key; what is not plain (an odd cost or date) is part of the key, so that it is read, or refused
with its row, once and exactly. This module must not know an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NEEDED: Final = ("BilledCost", "ChargeCategory", "ChargePeriodStart")
READ: Final = (
    *NEEDED, "BillingCurrency", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd",
    "BillingAccountId", "SubAccountId", "ChargeClass", "InvoiceId", "ResourceId", "x_RecordId",
)  # fmt: skip
ALL: Final = {name: name for name in READ}
CATEGORIES: Final = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
CORRECTION: Final = "Correction"


def plain(name: str) -> str:
    """Write a column's name as all spellings of it have it in common."""
    return name.strip().casefold().replace("_", "").replace(" ", "")


def needed(names: Mapping[str, str]) -> list[str]:
    """Return the columns that have to be there, of those asked for under the standard's names."""
    return [names[name] for name in NEEDED if name in names]


def places(header: Sequence[str], wanted: Sequence[str], *, needed: Sequence[str] = NEEDED,
           what: str = "FOCUS") -> dict[str, int]:  # fmt: skip
    """Return the place of each wanted column that is there. Raises: BadStatement.

    A needed column that is absent, or a wanted one that is there twice, is refused.
    """
    found: dict[str, int] = {}
    known = {plain(name): name for name in wanted}
    seen: set[str] = set()
    for place, written in enumerate(header):
        name = known.get(plain(written))
        if (written.strip() and written in seen) or name in found:
            msg = f"column {written!r} is there twice"
            raise BadStatement(msg, hint="remove the wrong one")
        seen.add(written)
        if name is not None:
            found[name] = place
    absent = [name for name in needed if name not in found]
    if absent:
        msg = f"the file has no column {', '.join(absent)}, so it is not a {what} file"
        raise BadStatement(msg, hint=_advice(header))
    return found


def _advice(header: Sequence[str]) -> str:
    if len(header) == 1:
        for mark, name in ((";", "';'"), ("\t", "a tab"), ("|", "'|'")):
            if mark in header[0]:
                return f"its cells seem to be separated by {name}; FOCUS has commas"
    return f"it has: {', '.join(header)[:200]}"


class SummedRows(NamedTuple):
    """Rows of one key, summed.

    Attributes:
        scale: decimals of the cost's text, less its exponent; the sum is ``digits`` x 10**-scale.
        odd_cost, odd_start, odd_end: texts that are not plain, empty where they are; an end before
            its start is not.
        first, last: row numbers as a spreadsheet has them (the header is row 1).
        starts, ends: the earliest and the latest plain instant, UTC microseconds, else None.
        resource, resource_last: the least and the greatest ResourceId: one where they are equal.

    """

    account: str
    currency: str
    invoice: str
    period: str
    period_end: str
    category: str
    charge_class: str
    record: str
    scale: int
    negative: bool
    odd_cost: str
    odd_start: str
    odd_end: str
    digits: int
    rows: int
    first: int
    last: int
    starts: int | None
    ends: int | None
    resource: str
    resource_last: str
