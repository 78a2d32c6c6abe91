"""The rows of a view, ours or another's: ``tally.view/1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta

from projections.answers.terms import Answer, Id, PointShown, Position


class ViewRows(Answer, frozen=True, kw_only=True, tag="tally.view/1"):
    """The rows of a view at a point, folded from events."""

    view: Id
    version: Position
    point: PointShown
    columns: Sequence[Id]
    rows: Annotated[
        Sequence[Mapping[str, int | str | None]],
        Meta(description="Amounts in minor units, instants in microseconds since 1970, UTC."),
    ]
