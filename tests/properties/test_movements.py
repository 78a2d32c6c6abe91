"""What an event does to the cash: fold, movements, books and columns say the same, each by itself.

The table of movements is checked whole: every type of event that moves cash has its line there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ledger import codec
from ledger.account import evolve
from ledger.events import EVENT_TYPES, RecordedEvent
from ledger.state import AccountState
from projections.columns.lines import columns_of, lines_of
from projections.journal.chart import CLEARING, RECEIVABLE, WALLET
from projections.journal.postings import postings
from projections.movements import MOVEMENTS, SPENDING, movement
from tests.strategies import Step, late_lives, lives, play, policies

FROZEN = Path(__file__).resolve().parents[2] / "fixtures" / "events"


def samples() -> list[RecordedEvent]:
    """One event at least of every type there ever was, with every field."""
    return [
        codec.decode(bytes.fromhex(sample["bytes"]))
        for path in sorted(FROZEN.glob("v*/*.json"))
        for sample in json.loads(path.read_text(encoding="utf-8"))["samples"].values()
    ]


def moved(recorded: RecordedEvent) -> tuple[int, int]:
    found = movement(recorded)
    return (found.cash, found.owed) if found is not None else (0, 0)


def posted(recorded: RecordedEvent) -> tuple[int, int]:
    """What the books say: the wallet, and what is owed or soon to be (R4)."""
    sums = dict.fromkeys((WALLET, RECEIVABLE, CLEARING), 0)
    for posting in postings(recorded.event, "a-1", billed="iot_public"):
        if posting.account.root in sums:
            sums[posting.account.root] += posting.minor
    return -sums[WALLET], sums[RECEIVABLE] + sums[CLEARING]


def columned(recorded: RecordedEvent) -> int:
    [(kind, lines)] = lines_of([recorded]).items()
    names = columns_of(kind)
    if "cash" not in names:
        return 0
    return sum(int(str(line[names.index("cash")] or 0)) for line in lines)


@pytest.mark.parametrize("recorded", samples(), ids=lambda one: type(one.event).__name__)
def test_the_books_and_the_columns_agree_with_the_movement_of(recorded: RecordedEvent) -> None:
    assert posted(recorded) == moved(recorded)
    assert columned(recorded) == moved(recorded)[0]


def test_every_type_of_event_has_a_sample_here() -> None:
    assert {type(sample.event) for sample in samples()} == set(EVENT_TYPES)


def test_what_takes_from_the_cash_is_spending_and_nothing_else_is() -> None:
    """R66: of a reversal without cash too, whose own lot is shown."""
    for sample in samples():
        found = movement(sample)
        if found is not None and found.cash:
            assert (found.kind in SPENDING) == (found.cash < 0)


@given(life=lives() | late_lives(), policy=policies())
def test_the_fold_moves_cash_as_the_movements_say(life: list[Step], policy: dict[str, str]) -> None:
    """Event by event; and cash less debts at the end of every batch (R4)."""
    world = play(life, policy).world
    for account in world.states:
        state: Any = AccountState(account)
        available = 0
        for recorded in world.stream(account):
            if recorded.cause is None:
                assert state.available == available
            before = state.cash
            evolve(state, recorded)
            cash, owed = moved(recorded)
            assert state.cash - before == cash, type(recorded.event)
            assert cash == 0 or type(recorded.event) in MOVEMENTS
            available += cash - owed
        assert state.available == available
