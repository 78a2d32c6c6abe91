"""The history decided again, here or in shares, and every difference: ``tally.recheck/1``.

Invariant: what workers find is listed in an order that depends on the log alone.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ledger.certain import certain
from ledger.events import account_of, type_name
from ledger.memory import no_cycles
from ledger.rehearsal.recheck import Recheck, accounts_named
from ledger.releases import Releases
from projections.answers.rehearsing import Counted, DecidedOtherwise, FieldDecided, Rechecked
from projections.history.causes import rule_of
from projections.shares import divide
from projections.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ledger.rehearsal.differences import Pair
    from projections.answers.events import Planned

_SHIFTING = ("position", "version", "cause")  # what a difference moves in all that follows


class RecheckShare(NamedTuple):
    """What a share's recheck came to: events judged, and the differences."""

    events: int
    differences: list[DecidedOtherwise]


class RecheckTask(NamedTuple):
    """Decide one share of accounts again; one share has the ledger's own streams as well."""

    location: str
    accounts: list[str]
    own_streams: bool
    policy: Mapping[str, str]

    def __call__(self) -> RecheckShare:
        """Do it."""
        with LedgerView(self.location) as view, no_cycles():
            run = Recheck(
                view.reader, accounts=self.accounts, own_streams=self.own_streams,
                policy=self.policy,
            )  # fmt: skip
            found = list(_shown(view, run))
            return RecheckShare(run.checked, found)


class Rechecking:
    """A recheck of one account or of all as it goes.

    Attributes:
        checked: events that were recorded, or that should have been, so far.
        count: differences so far.

    """

    def __init__(
        self, view: LedgerView, account: str | None = None, policy: Mapping[str, str] | None = None
    ) -> None:
        """Choose what to decide again, and under which policy instead of the recorded one."""
        self._view = view
        self._account = account
        self._policy = dict(policy or {})
        self._counts: Counter[tuple[int, str, str, str]] = Counter()
        self._first: dict[tuple[int, str, str, str], int] = {}
        self._head = view.reader.head().position
        self.checked = 0

    @property
    def count(self) -> int:
        """How many differences were found."""
        return self._counts.total()

    def here(self, progress: Callable[[int, int], None]) -> Iterator[DecidedOtherwise]:
        """Decide it again in this process, streaming what is found."""
        with no_cycles():
            run = Recheck(
                self._view.reader, policy=self._policy,
                accounts=None if self._account is None else {self._account},
                progress=lambda position: progress(position, self._head),
            )  # fmt: skip
            yield from map(self._take, _shown(self._view, run))
            self.checked = run.checked

    def tasks(self, place: str) -> list[RecheckTask]:
        """Divide it; ``place`` is where a worker finds the ledger."""
        whole = self._account is None
        names = accounts_named(self._view.reader) if self._account is None else {self._account}
        return [
            RecheckTask(place, share, whole and not number, self._policy)
            for number, share in enumerate(divide(names) or [[]])
        ]

    def together(self, shares: Sequence[RecheckShare]) -> Iterator[DecidedOtherwise]:
        """Put together what workers found."""
        self.checked = sum(share.events for share in shares)
        rows = [row for share in shares for row in share.differences]
        yield from map(self._take, sorted(rows, key=_place))

    def _take(self, row: DecidedOtherwise) -> DecidedOtherwise:
        key = int(row.rule.removeprefix("R")), row.rule, row.account or "", row.release or ""
        self._counts[key] += 1
        if row.position is not None:
            self._first.setdefault(key, row.position)
        return row

    def by(self) -> list[Counted]:
        """Return the differences counted by rule, account and release."""
        return [
            Counted(
                rule=key[1], account=key[2] or None, release=key[3] or None, count=count,
                first=self._first.get(key),
            ) for key, count in sorted(self._counts.items())
        ]  # fmt: skip

    def answer(self, differences: Iterable[DecidedOtherwise]) -> Rechecked:
        """Return the whole of it, once everything was found."""
        rows = list(differences)
        return Rechecked(
            ok=not rows, account=self._account, policy=self._policy,
            position=self._head, checked=self.checked, by=self.by(),
            differences=rows,
        )  # fmt: skip


def _place(row: DecidedOtherwise) -> tuple[int, str, str]:
    position = row.position
    text = json.dumps(row.plain())
    return (sys.maxsize if position is None else position, row.account or "", text)


def _shown(view: LedgerView, run: Recheck) -> Iterator[DecidedOtherwise]:
    releases = Releases(view.reader)
    for difference in run.differences():
        yield _difference(view, difference, releases)


def _difference(view: LedgerView, found: Pair, releases: Releases) -> DecidedOtherwise:
    recorded, decided = (
        None if one is None else view.event(one) for one in (found.recorded, found.derived)
    )
    if decided is not None:  # where it would stand, nobody can say
        decided = replace(decided, **{name: getattr(recorded, name, None) for name in _SHIFTING})
    return DecidedOtherwise(
        kind=found.kind, account=account_of(found.event.stream),
        position=None if recorded is None else recorded.position,
        type=type_name(type(found.event.event)),
        effective_at=certain(recorded or decided).effective_at, rule=rule_of(found.event),
        release=releases.of(found.recorded, found.derived), fields=_fields(recorded, decided),
        recorded=recorded, decided=decided,
    )  # fmt: skip


def _fields(recorded: Planned | None, decided: Planned | None) -> list[FieldDecided]:
    if recorded is None or decided is None:
        return []
    one, other = ({**event.plain(), **event.data} for event in (recorded, decided))
    return [
        FieldDecided(field=name, recorded=one.get(name), decided=other.get(name))
        for name in one | other
        if name not in (*_SHIFTING, "data") and one.get(name) != other.get(name)
    ]
