"""What if: a history with changes, seen at a point, as ``tally.whatif/1``.

It brings the two sides together that may not know each other: ledger/rehearsal decides again,
projections read and format. This module must not know click or the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cli.rehearsals.written import (
    Writers,
    command_json,
    diff_rows,
    error_json,
    fields_of,
)
from ledger import commands as c
from ledger.errors import InvalidInput, NoSuchThing
from ledger.events import account_of
from ledger.rehearsal import whatif_facts as refolding
from ledger.rehearsal.whatif import Bounds, Rehearsed, accounts_touched, visible, whatif
from projections.answers.state import state_of
from projections.answers.terms import PointShown
from projections.point import account_at, config_at

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ledger.events import RecordedEvent
    from ledger.policy import Policy
    from ledger.rehearsal.changes import Changes
    from ledger.state import AccountState
    from ledger.store import Reader
    from projections.point import Point

Json = dict[str, Any]


class Compared(NamedTuple):
    """An account before and after, as states and as rows of what differs."""

    account: str
    before: Json | None
    after: Json | None
    rows: list[Json]


class WhatIf:
    """One question: a history with changes, seen at a point."""

    def __init__(self, reader: Reader, changes: Changes, *, point: Point) -> None:
        """Ask it."""
        self.reader = reader
        self.changes = changes
        self.point = point
        self.bounds = Bounds(point.at, point.known_at, point.position)
        self.config = config_at(reader, point)
        self.writers = Writers(reader, self.config)
        self.offset = self.config.policy.calendar_offset

    def decided(self, *, account: str | None = None, until: int | None = None) -> Json:
        """Decide again from the facts and the clock: ``--mode decide``."""
        touched: Collection[str] | None = accounts_touched(self.reader, self.changes)
        if account is not None and touched is None:
            touched = {account}
        keep = None
        if touched is None:  # the whole ledger: first find what changes, then keep only that
            first = whatif(self.reader, self.changes, accounts=None, keep=(), until=until)
            keep = {f"account:{name}" for name in first.accounts} | {"policy", "prices"}
        found = whatif(self.reader, self.changes, accounts=touched, keep=keep, until=until)
        shown = sorted(touched) if touched is not None else found.accounts
        after = found.config(self.bounds).policy
        compared = [
            self._compared(name, found.state(name, self.bounds), after) for name in shown
        ]
        return {
            **self._head("decide", compared),
            **self._dropped(found.dropped),
            "derived": [
                self.writers.event(one).plain()
                for one in found.derived if visible(one, self.bounds)
            ],
            **self._verdicts(found),
            **self._states(compared),
        }

    def _dropped(self, dropped: list[RecordedEvent]) -> Json:
        seen = [one for one in dropped if self._seen(one)]
        return {
            "dropped": [one.position for one in seen],
            "dropped_events": [self.writers.event(one).plain() for one in seen],
        }

    def _seen(self, recorded: RecordedEvent) -> bool:
        return visible(recorded, self.bounds) and recorded.position <= self.bounds.position

    def _verdicts(self, found: Rehearsed) -> Json:
        lists: dict[str, list[Json]] = {"refused": [], "accepted": [], "duplicates": []}
        names = {"refused": "refused", "accepted": "accepted", "duplicate": "duplicates"}
        for verdict in found.verdicts:
            if verdict.inserted is not None and verdict.after == "accepted":
                continue
            account = getattr(verdict.command, "account", None)
            shown: Json = {
                "position": verdict.position,
                "inserted": verdict.inserted is not None,
                "before": verdict.before,
                "command": command_json(verdict.command, at=None, offset=self.offset),
            }
            if verdict.error is not None:
                shown.update(error_json(verdict.error, self.writers.of(account)))
            lists[names[verdict.after]].append(shown)
        return dict(lists)

    def folded(self, patches: Mapping[int, Mapping[str, Any]]) -> Json:
        """Fold the recorded events with the changes, no rule: ``--mode facts``."""
        accounts = self._fact_accounts(patches)
        compared: list[Compared] = []
        dropped: list[RecordedEvent] = []
        derived: list[Json] = []
        refused: list[Json] = []
        violations: list[Json] = []
        for account in sorted(accounts):
            found = refolding.refold(
                self.reader, account,
                inserts=[one for one in self.changes.inserts if _account(one.command) == account],
                skips=self.changes.skips, patches=patches,
            )  # fmt: skip
            dropped += found.dropped
            derived += [self.writers.event(one).plain() for one in found.added]
            violations += [
                {"account": account, **one._asdict()} for one in found.violations
            ]
            refused += [
                {
                    "position": None, "inserted": True, "before": None,
                    "command": command_json(one.command, at=one.at, offset=self.offset),
                    **error_json(error, self.writers.of(account)),
                }
                for one, error in found.refused
            ]  # fmt: skip
            state = refolding.folded(account, found, self.bounds)
            compared.append(self._compared(account, state, self.config.policy))
        return {
            **self._head("facts", compared),
            "possible": not violations,
            "violations": violations,
            **self._dropped(dropped),
            "derived": derived,
            "refused": refused,
            **self._states(compared),
        }

    def _fact_accounts(self, patches: Mapping[int, Mapping[str, Any]]) -> set[str]:
        found: set[str] = set()
        for position in {*self.changes.skips, *patches}:
            row = self.reader.row(position)
            if row is None:
                msg = f"there is no event @{position}"
                raise NoSuchThing(msg, hint="see: tally log")
            found.add(account_of(row.stream) or "")
        found |= {_account(one.command) or "" for one in self.changes.inserts}
        if "" in found or self.changes.policy:
            msg = "--mode facts folds accounts: prices and policy only matter to the rules"
            raise InvalidInput(msg, hint="decide again instead: --mode decide")
        return found

    # --- before and after ----------------------------------------------------------------

    def _head(self, mode: str, compared: list[Compared]) -> Json:
        return {
            "schema": "tally.whatif/1",
            "mode": mode,
            "point": PointShown.of(self.point, self.offset).plain(),
            "accounts": [one.account for one in compared],
        }

    def _compared(
        self, account: str, after: AccountState | None, policy: Policy
    ) -> Compared:
        before = account_at(self.reader, account, self.point)
        write = self.writers.of(account)
        rows = diff_rows(
            account,
            fields_of(before, self.config.policy, self.point.seen_at),
            fields_of(after, policy, self.point.seen_at),
            write,
        )
        return Compared(
            account,
            state_of(before, self.config.policy, self.point).plain() if before else None,
            state_of(after, policy, self.point).plain() if after else None,
            rows,
        )

    def _states(self, compared: list[Compared]) -> Json:
        """Return before, after and diff: of the one account, or of each."""
        rows = [row for one in compared for row in one.rows]
        if len(compared) == 1:
            return {"before": compared[0].before, "after": compared[0].after, "diff": rows}
        states = [{"account": one.account, "before": one.before, "after": one.after}
                  for one in compared if one.rows]  # fmt: skip
        return {"before": None, "after": None, "states": states, "diff": rows}


def _account(command: c.AnyCommand) -> str | None:
    return command.account if isinstance(command, c.AccountCommand) else None
