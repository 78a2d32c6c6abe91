"""What holds for the whole ledger, read from its log: at the head, or as it was at a place.

Invariant: the ledger's own streams do not look at each other, so each is folded by itself, in the
order of its versions. This module must not know who asks.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ledger import codec
from ledger.config import STREAMS, fold_config

if TYPE_CHECKING:
    from ledger.config import LedgerConfig
    from ledger.store import Reader


def load_config(
    reader: Reader, *, until_position: int | None = None, known_at: int | None = None,
    at: int | None = None,
) -> LedgerConfig:  # fmt: skip
    """Fold policy, prices, identity and closes, bounded on any axis (inclusive)."""
    bodies = (
        reader.stream_bodies(stream, until_position=until_position, known_at=known_at, at=at)
        for stream in STREAMS
    )
    return fold_config(codec.decode_all(chain.from_iterable(bodies)))
