"""All checks of the log itself, in the order in which each rests on the one before."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import MODIFIED
from ledger.proof.nodes import Nodes
from ledger.proof.seals import TABLE as SEALS
from ledger.proof.seals import last_seal
from ledger.proof.tree import EMPTY_ROOT
from ledger.store.errors import StoreError
from ledger.store.schema import EVENTS
from ledger.verification.findings import CheckResult, Fault
from ledger.verification.log import check_log
from ledger.verification.place import check_numbers, check_place, check_settings
from ledger.verification.seal_checks import check_seals, check_since
from ledger.verification.sharing import Ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.proof.trust import TrustPolicy
    from ledger.store import Reader
    from ledger.store.layout import Oddity

READABLE = "the log can be read"


class Verification(NamedTuple):
    """What was found: how many events, the root of their bytes, every check."""

    events: int
    root: bytes
    checks: list[CheckResult]

    @property
    def whole(self) -> bool:
        """Whether the log itself is as it was recorded."""
        return all(check.ok for check in self.checks if not check.derived)


def verify(
    reader: Reader,
    policy: TrustPolicy,
    *,
    oddities: Sequence[Oddity] = (),
    since: str | None = None,
    location: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Verify a ledger's place, its log, tree and seals, and a checkpoint that was handed out.

    ``oddities`` are those of the whole schema; with the ledger's ``location`` a second process
    helps, if the log is large.
    """
    place: list[CheckResult] = []
    try:
        with reader.snapshot():
            # Of a schema that is not ours nothing is believed, nor asked before it is described.
            ranges = Ranges(reader, 0 if oddities else reader.head().position)
            with ranges.helped(location):
                place.extend(check_place(reader, oddities))
                return _log(reader, policy, place, ranges, since=since, progress=progress)
    except (StoreError, sqlite3.Error) as error:
        if all(check.ok for check in place):
            raise  # it is busy, or out of reach
        fault = Fault(MODIFIED, None, f"the log cannot be read: {error}")
        return Verification(0, EMPTY_ROOT, [*place, CheckResult("log", READABLE, 0, fault)])


def _log(
    reader: Reader,
    policy: TrustPolicy,
    place: list[CheckResult],
    ranges: Ranges,
    *,
    since: str | None,
    progress: Callable[[int, int], None] | None,
) -> Verification:
    nodes = Nodes(reader.connection)
    log = check_log(reader, nodes, ranges, progress)
    seal = last_seal(reader.connection)
    last = {EVENTS: reader.head().position, SEALS: seal.number if seal is not None else 0}
    checks = [
        *place, *log.checks, check_numbers(reader.connection, last),
        check_settings(reader.connection),
    ]  # fmt: skip
    checks += check_seals(reader.connection, nodes, policy, events=log.events)
    if since is not None:
        checks.append(
            check_since(reader.connection, nodes, policy, since=since, events=log.events)
        )
    return Verification(log.events, log.root, checks)
