"""``verify --deep`` judges a batch by sums that it keeps, and searches where these do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger import events as e
from ledger.account import evolve
from ledger.codec import decode_all
from ledger.state import AccountState, Item
from ledger.store import open_reader
from projections.evidence import invariants
from projections.evidence.watched import Watched
from tests.cli.program import World

if TYPE_CHECKING:
    from pathlib import Path

BILLS = 30


@pytest.fixture(scope="module")
def unpaid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record an account with many unpaid bills, and a little money that settles the first."""
    world = World(tmp_path_factory.mktemp("unpaid") / "t.db")
    world.done("clock", "advance", "--to", "2025-01-31")
    lines = [
        '{"do":"open-account","account":"a-1"}',
        '{"do":"activate-public","account":"a-1","instance":"p","kind":"public_legacy"}',
        *(f'{{"do":"post-bill","account":"a-1","bill":"b-{n}","instance":"p","rated":"5",'
        f'"cycle_start":"2025-01-{n // 24 + 1:02d}T{n % 24:02d}:00:00",'
        f'"cycle_end":"2025-01-{n // 24 + 1:02d}T{n % 24:02d}:30:00"}}' for n in range(BILLS)),
        '{"do":"top-up","account":"a-1","amount":"7","channel":"c","serial":"1"}',
    ]
    world.done("import", "-", stdin="\n".join(lines))
    return world.path


class Seen(dict[str, Item]):
    """Unpaid items that note when all of them are looked through."""

    searches = 0

    def __getattribute__(self, name: str) -> object:
        """Note it."""
        if name == "values":
            self.searches += 1
        return super().__getattribute__(name)


def test_no_batch_looks_through_everything_that_is_open(unpaid: Path) -> None:
    """Once at the end is enough: after each batch it would be quadratic."""
    state = AccountState("a-1")
    state.items = seen = Seen()
    watched = Watched(state)
    for recorded in decode_all(open_reader(str(unpaid)).stream_bodies("account:a-1")):
        evolve(state, recorded)
        watched.take([recorded])
        if recorded.cause is None:
            [watched.holds(one) for one in invariants.OF_A_STATE]
    assert len(seen) > BILLS // 2
    assert not seen.searches
    assert watched.agrees()
    assert seen.searches


@pytest.mark.parametrize("also", [True, False], ids=["named by an event", "named by none"])
def test_a_fold_that_goes_wrong_is_named_at_its_first_batch(
    unpaid: Path, monkeypatch: pytest.MonkeyPatch, *, also: bool
) -> None:
    """Whether the sums that are kept see it at once, or only the search at the end does."""
    reader = open_reader(str(unpaid))
    wrong: list[int] = []

    def folded(state: AccountState, recorded: e.RecordedEvent) -> None:
        evolve(state, recorded)
        event = recorded.event
        if isinstance(event, e.BillPosted) and event.bill == f"b-{BILLS // 2}":
            wrong.append(recorded.position)
            state.items[event.bill if also else "b-1"].outstanding += 1

    monkeypatch.setattr(invariants, "evolve", folded)
    held = {one.name: one.first_bad for one in invariants.check_invariants(reader)}
    first = held.pop("outstanding_is_the_sum_of_items")
    assert first is not None
    assert wrong[0] <= first <= wrong[0] + 3, "the end of the batch"
    assert len(wrong) == 2, "the second time with a search after every batch"
