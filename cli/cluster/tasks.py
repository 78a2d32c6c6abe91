"""What a worker does: open the ledger, do one share, give what crosses the wire.

Invariant: a task reads only, so doing one twice (its worker was lost) changes nothing.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.memory import no_cycles
from ledger.store import open_reader
from projections import shares
from projections.point import Point, config_at

if TYPE_CHECKING:
    from projections.shares import Folded


class RefoldTask(NamedTuple):
    """Refold one share of accounts up to a position."""

    location: str
    accounts: list[str]
    until: int
    compare: bool

    def __call__(self) -> Folded:
        """Do it."""
        with closing(open_reader(self.location)) as reader:
            return shares.refold(
                reader, self.accounts, until=self.until, compare=self.compare
            )


class Rechecked(NamedTuple):
    """What a share's recheck came to: events judged, differences as they are written."""

    events: int
    differences: list[dict[str, Any]]


class RecheckTask(NamedTuple):
    """Decide one share of accounts again; one share has the ledger's own streams as well."""

    location: str
    accounts: list[str]
    own_streams: bool
    policy: dict[str, str]

    def __call__(self) -> Rechecked:
        """Do it."""
        from cli.rehearsals.written import Writers, difference_json  # noqa: PLC0415 - the same
        from ledger.rehearsal.recheck import Recheck  # noqa: PLC0415 - loads the write side
        from ledger.releases import Releases  # noqa: PLC0415 - the same

        with closing(open_reader(self.location)) as reader, no_cycles():
            head = reader.head().position
            config = config_at(reader, Point(0, 0, head, everything=True))
            writers = Writers(reader, config)
            recheck = Recheck(
                reader, accounts=self.accounts, own_streams=self.own_streams, policy=self.policy
            )
            releases = Releases(reader)
            found = [difference_json(one, writers, releases) for one in recheck.differences()]
            return Rechecked(recheck.checked, found)
