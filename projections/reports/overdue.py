"""When accounts were overdue: each span with its beginning, its end and the most that was owed.

A span goes from the event that made the account overdue to the one that cleared it; while an older
item is paid and a younger is not, it is one span, though ``overdue_since`` moves (R9). Invariant:
spans of an account do not overlap; the last may be open. This module must not know how spans are
drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.account import evolve
from ledger.events import ACCOUNT_PREFIX
from ledger.state import AccountState
from ledger.stream_tiles import Tiles
from projections.point import history

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.store import Reader
    from projections.point import Point


class OverdueSpan(NamedTuple):
    """Overdue on [since, until); None while it is; ``amount`` is the most that was outstanding."""

    since: int
    until: int | None
    amount: int


class AccountSpans(NamedTuple):
    """An account that was overdue at least once."""

    account: str
    currency: str
    outstanding: int
    spans: tuple[OverdueSpan, ...]


def overdue_spans(
    reader: Reader, point: Point, accounts: Iterable[str]
) -> Iterator[AccountSpans]:
    """Yield every account of those named that was ever overdue up to the point."""
    tiles = Tiles(reader)
    for account in accounts:
        state, spans = AccountState(account), list[OverdueSpan]()
        since, most = None, 0
        for recorded in history(reader, ACCOUNT_PREFIX + account, point, tiles):
            evolve(state, recorded)
            most = max(most, state.outstanding)
            if isinstance(recorded.event, e.OverdueStarted):
                since, most = recorded.event.overdue_since, state.outstanding
            elif isinstance(recorded.event, e.OverdueCleared) and since is not None:
                spans.append(OverdueSpan(since, recorded.effective_at, most))
                since = None
        if since is not None:
            spans.append(OverdueSpan(since, None, most))
        if spans:
            yield AccountSpans(account, state.currency, state.outstanding, tuple(spans))
