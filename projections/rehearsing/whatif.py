"""What if: a history with changes, seen at a point, as ``tally.whatif/1``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET
from msgspec.structs import asdict

from ledger.errors import InvalidInput
from ledger.events import AMOUNTS, INSTANTS, account_of
from ledger.money import to_minor
from ledger.periods import parse_instant
from ledger.rehearsal import whatif as deciding
from ledger.rehearsal import whatif_facts as folding
from ledger.rehearsal.changes import literal
from projections.answers.rehearsing import (
    BeforeAfter,
    FieldMoved,
    Verdict,
    Violation,
    WhatIfShown,
)
from projections.answers.state import state_of
from projections.answers.terms import PointShown
from projections.currencies import Currencies
from projections.history.fields import MONEY, Look, Name, read_all, written
from projections.point import account_at, config_at
from projections.rehearsing.said import account_of_command, command_line, refusal_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ledger.events import RecordedEvent
    from ledger.policy import Policy
    from ledger.rehearsal.changes import Changes
    from ledger.state import AccountState
    from ledger.store import Reader
    from projections.answers.terms import Formatter
    from projections.point import Point

# Which list of the answer a command stands in that has a different outcome.
_LISTS = {
    deciding.REFUSED: "refused",
    deciding.ACCEPTED: "accepted",
    deciding.DUPLICATE: "duplicates",
}


class WhatIf:
    """One question: a history with changes, seen at a point."""

    def __init__(self, reader: Reader, changes: Changes, *, point: Point) -> None:
        """Ask it."""
        self._reader = reader
        self._changes = changes
        self._point = point
        self._bounds = deciding.Bounds(point.at, point.known_at, point.position)
        config = config_at(reader, point)
        self._policy = config.policy
        self._offset = config.policy.calendar_offset
        self._currencies = Currencies(own=config.currency, offset=self._offset, reader=reader)

    def decided(self, *, account: str | None = None) -> WhatIfShown:
        """Decide again from the facts and the clock: ``--mode decide``."""
        reader, changes = self._reader, self._changes
        touched: Collection[str] | None = deciding.accounts_touched(reader, changes)
        if account is not None and touched is None:
            touched = {account}
        keep = None
        if touched is None:  # the whole ledger: first find what changes, then keep only that
            first = deciding.whatif(reader, changes, accounts=None, keep=())
            keep = {f"account:{name}" for name in first.accounts} | {"policy", "prices"}
        found = deciding.whatif(reader, changes, accounts=touched, keep=keep)
        names = sorted(touched) if touched is not None else found.accounts
        after = found.config(self._bounds).policy
        lists: dict[str, list[Verdict]] = {name: [] for name in _LISTS.values()}
        for verdict in found.verdicts:
            if verdict.inserted is None or verdict.after != deciding.ACCEPTED:
                lists[_LISTS[verdict.after]].append(self._verdict(verdict))
        return self._answer(
            [self._compared(name, found.state(name, self._bounds), after) for name in names],
            found.dropped, self._seen(found.derived), mode="decide", **lists,
        )  # fmt: skip

    def folded(self, patches: Mapping[int, Mapping[str, Any]]) -> WhatIfShown:
        """Fold the recorded events with the changes, no rule: ``--mode facts``."""
        refolded = {
            account: folding.refold(
                self._reader, account, skips=self._changes.skips, patches=patches,
                inserts=[insert for insert in self._changes.inserts
                         if account_of_command(insert.command) == account],
            )
            for account in sorted(self._fact_accounts(patches))
        }  # fmt: skip
        violations = [
            Violation(account=account, **violation._asdict())
            for account, found in refolded.items() for violation in found.violations
        ]  # fmt: skip
        refused = [
            Verdict(
                position=None, inserted=True, before=None,
                command=command_line(one.command, at=one.at, offset=self._offset),
                **asdict(refusal_of(error, self._currencies.of(account))),
            )
            for account, found in refolded.items() for one, error in found.refused
        ]  # fmt: skip
        return self._answer(
            [
                self._compared(
                    account, folding.folded(account, found, self._bounds), self._policy
                )
                for account, found in refolded.items()
            ],
            [one for found in refolded.values() for one in found.dropped],
            [one for found in refolded.values() for one in found.added],
            mode="facts", possible=not violations, violations=violations, refused=refused,
        )  # fmt: skip

    def _fact_accounts(self, patches: Mapping[int, Mapping[str, Any]]) -> set[str]:
        found: set[str] = set()
        for position in {*self._changes.skips, *patches}:
            found.add(account_of(deciding.recorded_event(self._reader, position).stream) or "")
        found |= {account_of_command(insert.command) or "" for insert in self._changes.inserts}
        if "" in found or self._changes.policy:
            msg = "--mode facts folds accounts: prices and policy only matter to the rules"
            raise InvalidInput(msg, hint="decide again instead: --mode decide")
        return found

    # --- what the answer shows -------------------------------------------------------------

    def _seen(self, events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
        return [event for event in events if deciding.visible(event, self._bounds)]

    def _verdict(self, verdict: deciding.Verdict) -> Verdict:
        error, write = verdict.error, self._currencies.of(account_of_command(verdict.command))
        return Verdict(
            position=verdict.position, inserted=verdict.inserted is not None,
            before=verdict.before,
            command=command_line(verdict.command, at=None, offset=self._offset),
            **({} if error is None else asdict(refusal_of(error, write))),
        )  # fmt: skip

    def _compared(
        self, account: str, after: AccountState | None, policy: Policy
    ) -> _Compared:
        before = account_at(self._reader, account, self._point)
        write = self._currencies.of(account)
        sides = ((before, self._policy), (after, policy))
        shown = [None if state is None else state_of(state, held, self._point)
                 for state, held in sides]  # fmt: skip
        one, other = (
            {} if state is None else dict(read_all(Look(state, held, self._point.seen_at)))
            for state, held in sides
        )
        return _Compared(
            BeforeAfter(account=account, before=shown[0], after=shown[1]),
            _moved(account, one, other, write),
        )

    def _answer(
        self, compared: list[_Compared], dropped: list[RecordedEvent],
        derived: list[RecordedEvent], **rest: Any,  # noqa: ANN401 - what one mode has
    ) -> WhatIfShown:  # fmt: skip
        """Put it together; before and after of the one account, or of each that changes."""
        gone = [one for one in self._seen(dropped) if one.position <= self._point.position]
        dropped_events, derived_events = (
            [self._currencies.event(event) for event in events]
            for events in (gone, derived)
        )
        alone = compared[0].sides if len(compared) == 1 else None
        return WhatIfShown(
            point=PointShown.of(self._point, self._offset),
            accounts=[one.sides.account for one in compared],
            dropped=[one.position for one in gone], dropped_events=dropped_events,
            derived=derived_events, before=alone.before if alone else None,
            after=alone.after if alone else None,
            states=UNSET if alone else [one.sides for one in compared if one.rows],
            diff=[row for one in compared for row in one.rows], **rest,
        )  # fmt: skip


class _Compared(NamedTuple):
    """An account before and after, and the fields that differ."""

    sides: BeforeAfter
    rows: list[FieldMoved]


def _moved(
    account: str, before: Mapping[Name, Any], after: Mapping[Name, Any], write: Formatter
) -> list[FieldMoved]:
    """Return a row for each field that differs, like those of ``tally diff``."""
    rows = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        sums = name.what.kind == MONEY and None not in (one, other)
        rows.append(FieldMoved(
            account=account, field=str(name), a=written(name, one, write),
            b=written(name, other, write),
            delta=write.typed.money(int(other or 0) - int(one or 0)) if sums else UNSET,
        ))  # fmt: skip
    return rows


def event_value(name: str, text: str, write: Formatter) -> object:
    """Read a new value for an event's field: money, an instant, or what JSON says.

    Raises: InvalidInput, InvalidAmount.
    """
    if text in ("null", "none"):
        return None
    if name in AMOUNTS:
        try:
            return to_minor(Decimal(text), write.currency, least=0, what=name)
        except InvalidOperation:
            msg = f"{name} {text!r} is not an amount"
            raise InvalidInput(msg, hint='write it like "350.00"') from None
    if name in INSTANTS:
        return parse_instant(text, write.offset)
    return literal(text)
