"""What an engine finds in a file: for each key the exact sum of its rows, and where they stand.

Invariant: a part's rows are equal in every field of its key; what is not plain (an odd cost or
date) is part of the key, so that it is read, or refused with its row, once and exactly.
This module must not know an engine, nor what parts become.
"""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
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
