"""Closed periods: random sequences against the plain model, and the laws of R64.

A sequence runs for months; months are closed as they end, some are reopened, and a quarter of the
facts are late, with and without an override. Invariant: what is asked at the position of a close
never changes; what differs from it is in the register.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from ledger.decisions.closing import close, reopen
from ledger.errors import WrongState
from ledger.periods import DAY, SECOND, format_instant, local_date, parse_instant, read_period
from ledger.rehearsal.rehearsal import Rehearsal
from projections.evidence.closing import Derivation
from projections.history.closes import frame_of, read_closes
from projections.history.diff import figures
from projections.history.register import register_of
from projections.history.restated import anything, by_currency, moved_by
from projections.point import Point
from projections.runner import Views
from tests.differential.sequences import ACCOUNTS, OFFSET, Sequence, first_policy
from tests.differential.test_against_plain import START, _ledger, _ours, _plain
from tests.model.plain import PlainLedger

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.closes import Close
    from projections.history.fields import Cell, Name

ACTORS = ("ops/lin", "ops/wu")
SEEDS = range(60)


class Story:
    """A ledger and its plain twin, month by month."""

    def __init__(self, seed: int) -> None:
        """Choose the readings, and whether late facts are refused."""
        self.chance = random.Random(seed)
        policy = first_policy(self.chance) | {
            "closed_period": self.chance.choice(("warn", "refuse"))
        }
        self.ledger: Ledger = _ledger(policy)
        self.plain = PlainLedger(START, policy)
        self.sequence = Sequence(seed, self.ledger)
        self.together = True  # until a command is none in one of them alone

    def play(self, count: int) -> None:
        """Run commands on both, and compare their outcomes."""
        for _ in range(count):
            command = self._late(self.sequence.next())
            if "effective_at" in command:
                for name, texts in (("actor", ACTORS), ("reason", ("bank file",))):
                    if self.chance.random() < 0.7:
                        command[name] = self.chance.choice(texts)
                if self.chance.random() < 0.5:
                    command["override"] = True
            ours = _ours(self.ledger, command)
            for account in ACCOUNTS:
                self.ledger.load(account)
            if not self.together:
                continue
            plain = _plain(self.plain, command)
            if ours is None or plain is None:
                # No command at all (exit 2); where two things are wrong the order is open.
                assert "effective_at" in command or ours == plain, (command, ours, plain)
                self.together = False
            else:
                assert ours == {field: plain.get(field) for field in ours}, (command, plain)

    def _late(self, command: dict[str, Any]) -> dict[str, Any]:
        """Date most top-ups, coupons and some others back, to any day since the beginning."""
        likely = {"top-up": 0.8, "grant-coupon": 0.8, "credit-note": 0.3, "post-bill": 0.3}
        command = {name: cell for name, cell in command.items() if name != "effective_at"}
        if self.chance.random() < likely.get(command["do"], 0):
            begin, at = (parse_instant(text, OFFSET) for text in (START, command["at"]))
            day = begin + DAY + self.chance.randrange(max(1, (at - begin) // SECOND)) * SECOND
            command["effective_at"] = format_instant(min(day, at), OFFSET)
        return command

    def close_all(self) -> None:
        """Close every month that has ended, in order; now and then reopen the last one."""
        ledger = self.ledger
        now = ledger.now()
        while True:
            closes = read_closes(ledger.store.reader)
            name = closes.next_month or local_date(now - 32 * DAY, OFFSET)[:7]
            month = read_period(name, OFFSET)
            if month.ends > now:
                return
            actor = self.chance.choice(ACTORS)
            views = Views(ledger.store.reader, ledger.store)
            close(ledger, month, Derivation(views, lambda *_: 0), actor=actor, release="1")
            if not self.together:
                continue
            self.plain.close(format_instant(month.ends, OFFSET), actor)
            if self.chance.random() < 0.2:
                reopen(ledger, month, actor=actor, reason="late file")
                self.plain.reopen()
                return


def told(seed: int) -> Story:
    """Play four months, closing as they end."""
    story = Story(seed)
    for _ in range(4):
        story.play(14)
        story.ledger.advance(story.ledger.now() + 20 * DAY)
        if story.together:
            story.plain.advance(format_instant(story.ledger.now(), OFFSET))
        story.close_all()
    story.play(25)
    return story


@pytest.mark.parametrize("block", range(4))
def test_a_late_fact_meets_what_the_plain_model_says(block: int) -> None:
    """R62: accepted with a warning, or refused; overridden by somebody else; never the clock."""
    codes: set[str] = set()
    for seed in SEEDS[block::4]:
        story = told(seed)
        codes |= {str(entry.essentials.get("code")) for entry in story.plain.journal}
    assert "PERIOD_CLOSED" in codes


def at_close(close: Close, at: int) -> Point:
    """Return the end of a period as it was known at its close."""
    return Point(at, close.closed_at, close.position, everything=False)


def every_figure(ledger: Ledger, point: Point) -> dict[tuple[str, Name], Cell]:
    """Return every field of every account at a point."""
    found: dict[tuple[str, Name], Cell] = {}
    for account in ACCOUNTS:
        _, cells = figures(ledger.store.reader, account, point)
        found |= {(account, name): cell for name, cell in cells.items()}
    return found


def now(ledger: Ledger, at: int) -> Point:
    """Return an instant as it is known now."""
    return Point(at, ledger.now(), ledger.store.reader.head().position, everything=False)


@pytest.mark.parametrize("seed", SEEDS[::3])
def test_every_difference_since_a_close_is_in_the_register_and_adds_up(seed: int) -> None:
    """R64: field by field, account by account, for every closed month."""
    story = told(seed)
    ledger, reader = story.ledger, story.ledger.store.reader
    for one in read_closes(reader).in_force():
        end = one.ends - SECOND
        head = now(ledger, end)
        before = every_figure(ledger, at_close(one, end))
        after = every_figure(ledger, head)
        register = register_of(reader, read_period(one.month, OFFSET), head, OFFSET)
        named: dict[tuple[str, Name], list[Any]] = {}
        facts = [*register.facts, *register.earlier]
        for fact in sorted(facts, key=lambda fact: fact.moved.recorded.position):
            for altered in fact.altered:
                named.setdefault((fact.moved.account, altered.name), []).append(altered)
        for key in {*before, *after}:
            name = key[1]
            if before.get(key) == after.get(key) or name.what.by_clock or name.field == "available":
                continue
            assert key in named, (seed, one.month, key)
        for key, changes in named.items():
            assert changes[-1].now == after.get(key), (seed, one.month, key)
            assert all(change.as_closed == before.get(key) for change in changes)
            if key[1].what.sums:
                delta = int(after.get(key) or 0) - int(before.get(key) or 0)
                assert sum(change.delta for change in changes) == delta


@pytest.mark.parametrize("seed", SEEDS[1::6])
def test_what_is_known_at_a_close_never_changes(seed: int) -> None:
    """R64: at (period end, position of the close), whatever is recorded, closed or reopened."""
    story = told(seed)
    reader = story.ledger.store.reader

    def answers() -> str:
        found: list[object] = []
        for entry in read_closes(reader).entries:
            point = at_close(entry, entry.ends - SECOND)
            if entry.position > known:
                continue
            found.append([str(cell) for cell in every_figure(story.ledger, point).items()])
            frame = frame_of(reader, point)
            moved = [] if frame is None else moved_by(reader, frame, point)
            sums = by_currency([one for one in moved if anything(one)], OFFSET)
            found.append([frame and frame.name, len(moved), str(sums)])
        return json.dumps(found)

    known = reader.head().position
    before = answers()
    assert before != "[]"
    story.play(15)
    story.ledger.advance(story.ledger.now() + 40 * DAY)
    if story.together:
        story.plain.advance(format_instant(story.ledger.now(), OFFSET))
    story.close_all()
    assert answers() == before


def test_a_decided_history_with_closes_is_decided_again_the_same() -> None:
    """R62: a rehearsal knows which months were closed when each command was decided."""
    for seed in SEEDS[:8]:
        story = told(seed)
        steps = list(Rehearsal(story.ledger.store.reader).run())
        recorded = [one for step in steps for one in step.recorded]
        derived = [one for step in steps for one in step.derived]
        assert recorded == derived, seed


def test_closing_out_of_order_is_refused_whatever_came_before() -> None:
    """R61: a month that is not the next one."""
    story = told(3)
    closes = read_closes(story.ledger.store.reader)
    month = read_period("2031-07", OFFSET)
    with pytest.raises(WrongState):
        closes.check_close(month, [month])
