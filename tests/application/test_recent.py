"""A recent point answered from stored rows: every row is that of the fold, on both axes."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ledger.events import POLICY_STREAM
from ledger.periods import HOUR, format_instant
from projections import recent
from projections.opened import FOLD, VIEW
from projections.view import LedgerView
from tests.cli.program import World
from tests.history.histories import at, lived

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated ledger whose stored views are caught up."""
    path = lived(tmp_path_factory.mktemp("lived") / "tally.db", accounts=8, seed=5)
    World.at(path).json("balances")
    return path


def test_stored_rows_and_the_fold_agree_at_recent_points(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "PART", 2)
    dice, found = random.Random(4), 0
    with LedgerView(str(ledger)) as view:
        head = view.reader.head()
        for _ in range(30):
            behind = dice.randint(1, head.position // 3)
            row = view.reader.row(head.position - behind)
            assert row is not None
            known = row.recorded_at
            wanted: dict[str, int] = dice.choice([
                {"position": head.position - behind}, {"at": known}, {"known_at": known},
                {"at": known - dice.randint(0, 10**12), "known_at": known},
            ])  # fmt: skip
            point = at(view.reader, **wanted)
            derivation = view.derivation(point, None)
            found += derivation == VIEW
            for ask in (partial(view.view_rows, "balances"), view.each_instance):
                assert list(ask(point, derivation)) == list(ask(point, FOLD)), point
    assert found > 10


def test_what_is_recorded_before_the_rows_are_read_changes_no_past_point(tmp_path: Path) -> None:
    path = lived(tmp_path / "tally.db", accounts=4, seed=5)
    world = World.at(path)
    world.json("balances")  # catches the views up
    with LedgerView(str(path)) as view:
        head = view.reader.head()
        point = at(view.reader, position=head.position - 3)
        assert view.derivation(point, None) == VIEW
        folded = list(view.view_rows("balances", point, FOLD))
        account = str(folded[0][0])
        world.record(
            "top-up", "--account", account, "--amount", "7.00", "--channel", "bank",
            "--serial", "meanwhile", "--effective-at", format_instant(point.at, 8 * HOUR),
        )  # fmt: skip
        assert list(view.view_rows("balances", point, VIEW)) == folded
        assert list(view.view_rows("balances", at(view.reader), FOLD)) != folded


def test_a_change_of_policy_touches_everybody(ledger: Path) -> None:
    with LedgerView(str(ledger)) as view:
        head = view.reader.head().position
        policy = view.reader.stream_positions(POLICY_STREAM, after=0, until=head, at=1 << 62)[-1]
        touched = recent.touched(view.reader, at(view.reader, position=policy))
        assert touched is not None
        assert touched <= set(view.reader.accounts())
        if policy > 1:
            assert recent.touched(view.reader, at(view.reader, position=policy - 1)) is None
