"""The register of restatements of a pack's period, as the report of that name shows it (R64)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from projections.evidence.digests import point_of
from projections.history.register import register_of
from projections.history.register_json import close_shown, fact_shown, sums_of

if TYPE_CHECKING:
    from ledger.periods import Period
    from ledger.store import Reader


def restatements(reader: Reader, period: Period, *, until: int, offset: int) -> dict[str, Any]:
    """Return every fact about the period since it was closed, and what it changed."""
    row = reader.row(until)
    at = max(period.last, row.recorded_at if row is not None else 0)
    found = register_of(reader, period, point_of(reader, at=at, position=until), offset)
    return {
        "period": period.name,
        "closes": [close_shown(one, offset).plain() for one in found.closes],
        "facts": [fact_shown(one, offset).plain() for one in found.facts],
        "earlier": [fact_shown(one, offset).plain() for one in found.earlier],
        "by": {
            currency: {name: str(amount) for name, amount in own.items()}
            for currency, own in sums_of(found, offset).items()
        },
    }
