"""A close while others write: nobody waits for it, and nothing slips in unseen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ledger import codec
from ledger.decisions.closing import TRIES, close
from ledger.errors import ChecklistOpen, ConcurrentModification, WrongState
from ledger.events import CommandRefused, PeriodClosed
from ledger.periods import HOUR, Period, read_period
from projections.evidence.closing import Derivation
from projections.evidence.digests import derive, point_of
from projections.runner import Views
from tests.application.worlds import new_ledger, record, reopen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger.application import Ledger
    from ledger.decisions.checklist import Figures
    from ledger.store import Reader

MARCH = read_period("2025-03", 8 * HOUR)
APRIL = "2025-04-02T10:00:00"


class Meanwhile(Derivation):
    """Derives, and lets something happen before the close is decided."""

    def __init__(self, ledger: Ledger, happens: Callable[[int], object]) -> None:
        """``happens`` is told how often it was derived."""
        super().__init__(Views(ledger.store.reader, ledger.store), lambda *_: 0)
        self.happens, self.times = happens, 0

    def figures(self, reader: Reader, period: Period) -> Figures:
        """Derive, then let it happen."""
        found = super().figures(reader, period)
        self.times += 1
        self.happens(self.times)
        return found


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """March is over, and a-1 has 100.00."""
    ledger = new_ledger(tmp_path / "t.db")
    take(ledger, do="open-account", at="2025-01-02T10:00:00")
    pay(ledger, "1", at="2025-03-02T10:00:00")
    ledger.advance(MARCH.ends + HOUR)
    return ledger


def take(ledger: Ledger, **command: object) -> None:
    """Record one command of a-1."""
    line = json.dumps({"account": "a-1", **command}).encode()
    assert all(one.ok for one in record(ledger, [line]))


def pay(ledger: Ledger, serial: str, **more: object) -> None:
    """Pay 100.00 in."""
    take(ledger, do="top-up", amount="100", channel="x", serial=serial, **more)


def closes(ledger: Ledger) -> list[PeriodClosed]:
    """Return every close; each is what its position gives again."""
    reader, found = ledger.store.reader, []
    for recorded in codec.decode_all(reader.bodies_of(codec.tag(PeriodClosed), until=2**60)):
        event = recorded.event
        assert isinstance(event, PeriodClosed)
        again = derive(reader, point_of(reader, at=event.at, position=event.known_position))
        assert again.digests.balances == event.balances
        assert again.digests.trial_balance == event.trial_balance
        found.append(event)
    return found


def test_others_write_while_a_close_is_derived(ledger: Ledger, tmp_path: Path) -> None:
    """R61: what is effective after the period changes none of its figures: derived once."""
    other = reopen(tmp_path / "t.db")
    deriving = Meanwhile(ledger, lambda _: pay(other, "2", at=APRIL))
    before = ledger.store.reader.head().position
    closed = close(ledger, MARCH, deriving, actor="lin", release="1")
    assert (deriving.times, closed.events[0].position) == (1, before + 2)
    assert [one.known_position for one in closes(ledger)] == [before]


def test_a_fact_of_the_period_meanwhile_is_in_what_is_closed(
    ledger: Ledger, tmp_path: Path
) -> None:
    """R61: derived again, so it is not a restatement that nobody was told of."""
    other = reopen(tmp_path / "t.db")

    def once(times: int) -> None:
        if times == 1:
            pay(other, "late", at=APRIL, effective_at="2025-03-20T10:00:00")

    deriving = Meanwhile(ledger, once)
    close(ledger, MARCH, deriving, actor="lin", release="1")
    assert deriving.times == 2
    head = ledger.store.reader.head().position
    assert [one.known_position for one in closes(ledger)] == [head - 1]


def test_a_policy_meanwhile_counts(ledger: Ledger, tmp_path: Path) -> None:
    """R65: what a close requires is what is in force when it is recorded."""
    other = reopen(tmp_path / "t.db")
    line = {"do": "set-policy", "key": "close_requires", "value": "camt053"}

    def require(times: int) -> None:
        if times == 1:
            record(other, [json.dumps(line).encode()])

    with pytest.raises(ChecklistOpen, match="camt053"):
        close(ledger, MARCH, Meanwhile(ledger, require), actor="lin", release="1")


def test_another_close_meanwhile_wins(ledger: Ledger, tmp_path: Path) -> None:
    """R61: the second one is refused, and that is recorded."""
    other = reopen(tmp_path / "t.db")
    quick = Derivation(Views(other.store.reader, other.store), lambda *_: 0)

    def theirs(_: int) -> None:
        close(other, MARCH, quick, actor="wu", release="1")

    with pytest.raises(WrongState, match="was closed at"):
        close(ledger, MARCH, Meanwhile(ledger, theirs), actor="lin", release="1")
    assert len(closes(ledger)) == 1


def test_facts_of_the_period_without_end_refuse_the_close(ledger: Ledger, tmp_path: Path) -> None:
    """R58: it gives up with a refusal, and the writers never waited."""
    other = reopen(tmp_path / "t.db")
    late = {"at": APRIL, "effective_at": "2025-03-20T10:00:00"}
    deriving = Meanwhile(ledger, lambda times: pay(other, f"l{times}", **late))
    with pytest.raises(ConcurrentModification):
        close(ledger, MARCH, deriving, actor="lin", release="1")
    assert deriving.times == TRIES
    head = ledger.store.reader.head().position
    row = ledger.store.reader.row(head)
    assert row is not None
    assert row.type == codec.tag(CommandRefused)
