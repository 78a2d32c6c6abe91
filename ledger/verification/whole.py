"""All checks of the log itself, in the order in which each rests on the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.nodes import Nodes
from ledger.verification.log import check_log
from ledger.verification.seals import check_seals, check_since

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.store import Reader
    from ledger.trust import TrustPolicy
    from ledger.verification.findings import Check


class Verified(NamedTuple):
    """What was found: how many events, the root of their bytes, every check."""

    events: int
    root: bytes
    checks: list[Check]

    @property
    def whole(self) -> bool:
        """Whether the log itself is as it was recorded."""
        return all(check.ok for check in self.checks if not check.derived)


def verify(
    reader: Reader,
    policy: TrustPolicy,
    *,
    since: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Verify a log against its tree, its seals and a checkpoint that was handed out."""
    nodes = Nodes(reader.connection)
    log = check_log(reader, nodes, progress)
    checks = list(log.checks)
    checks += check_seals(reader.connection, nodes, policy, events=log.events)
    if since is not None:
        checks.append(
            check_since(reader.connection, nodes, policy, since=since, events=log.events)
        )
    return Verified(log.events, log.root, checks)
