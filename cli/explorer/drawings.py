"""The drawings of an account's page: those of the HTML report, at the page's point.

Invariant: a report draws everything here in the same way. This module must not know a
page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.bootstrap import Session
from cli.points import asked
from projections.html.balance import balance
from projections.html.lanes import lanes
from projections.html.river import river
from projections.html.svg import joined
from projections.reports.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.html.svg import Markup


def drawn(location: str, account: str, point: Mapping[str, str]) -> Markup:
    """Draw an account up to a point. Raises: LedgerError."""
    with Session(location) as session:
        found = timeline(session.reader, account, asked(session, **point))
        offset = session.offset
        pieces = [balance(found, offset)]
        if found.instances:
            pieces.append(lanes(found, offset))
        return joined((*pieces, river(found, offset, listed=False)))
