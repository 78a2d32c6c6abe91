"""The books from SQL: what is hard about terms, refunds and rounding, at every position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.periods import HOUR, parse_instant
from ledger.store import open_reader
from projections.columns.asking import Asking
from projections.columns.books import trial_balance
from projections.journal import reports
from tests.cli.program import Json, World, small
from tests.history.histories import at

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

DAY = "2025-{:02d}-{:02d}T10:00:00+08:00"


def _on(month: int, day: int, do: str, **fields: object) -> Json:
    return {"at": DAY.format(month, day), "do": do, "account": "a-1", **fields}


def _terms() -> list[Json]:
    """Refunds of every kind, over terms of every kind; what R48 keeps falls on odd days."""
    commands: list[Json] = [
        {"at": DAY.format(1, 1), "do": "set-price", "sku": sku, "monthly_price": price}
        for sku, price in (("std", "100.01"), ("big", "377.77"))
    ]
    commands += [
        _on(1, 1, "open-account"),
        _on(1, 2, "top-up", amount="90000", channel="bank", serial="1"),
        _on(1, 2, "grant-coupon", coupon="c-1", amount="55.55", ends="2025-12-31"),
    ]
    for number in range(8):
        name = f"i-{number}"
        one = {"instance": name}
        commands.append(_on(1, 3, "purchase", **one, sku="std", months=2,
                            coupon="c-1" if number == 0 else "none"))  # fmt: skip
    for number in (1, 2, 3, 4, 5, 7):
        commands.append(_on(1, 5, "renew", instances=[f"i-{number}"], months=3, coupon="none"))
    for number in (2, 3, 4, 6, 7):
        commands.append(_on(1, 9, "change-spec", instance=f"i-{number}", sku="big", coupon="none"))
    for number in (3, 4, 4, 5):
        commands.append(_on(1, 11, "cancel-renewal", instance=f"i-{number}"))
        commands.append(_on(1, 11, "renew", instances=[f"i-{number}"], months=1, coupon="none"))
    commands += [
        _on(1, 12, "cancel-renewal", instance="i-5"),
        # Released in March, when the fee for the larger sku would run on to June (R23).
        _on(1, 12, "cancel-renewal", instance="i-7"),
        _on(1, 13, "activate-public", instance="p-1", kind="public_legacy"),
        _on(1, 14, "post-bill", bill="b-1", instance="p-1", rated="12.3456789",
            cycle_start="2025-01-13T12:00:00+08:00", cycle_end="2025-01-14T05:00:00+08:00"),
        _on(1, 15, "credit-note", note="n-1", bill="b-1", amount="3.21"),
        _on(1, 17, "reverse-top-up", channel="bank", serial="1", amount="89000",
            effective_at="2025-01-03T10:00:00+08:00"),
        _on(1, 18, "top-up", amount="89000", channel="card", serial="2"),
        _on(2, 1, "cancel", instance="i-2"),
        _on(2, 3, "cancel", instance="i-3"),
        _on(3, 20, "cancel", instance="i-4"),
        _on(3, 20, "cancel", instance="i-6"),
        _on(3, 20, "cancel", instance="i-1"),
        _on(5, 1, "top-up", amount="1", channel="card", serial="3"),
    ]  # fmt: skip
    return commands


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("terms") / "tally.db")
    refused = [one for one in world.take(*_terms(), code=4) if not one["ok"]]
    # The refund of i-6: its terms were over and it was released before.
    assert [one["code"] for one in refused] == ["NOT_CANCELLABLE"], refused
    return world


def test_terms_and_refunds_at_every_position(world: World) -> None:
    reader = open_reader(str(world.path))
    head = reader.head().position
    reasons = {event["data"]["reason"] for event in world.events("--type", "RefundIssued")}
    assert reasons >= {"renewal", "unused"}
    asking = Asking(reader, until=head, built=False)
    for position in range(1, head + 1):
        point = at(reader, position=position)
        assert trial_balance(asking, point) == reports.trial_balance(reader, point), position
    asking.close()


def test_terms_and_refunds_at_every_effective_instant(world: World) -> None:
    reader = open_reader(str(world.path))
    head = reader.head().position
    asking = Asking(reader, until=head, built=False)
    instants = {row.effective_at for row in reader.rows()}
    for instant in sorted({one + more for one in instants for more in (-1, 0, 86_399_000_000)}):
        if instant <= reader.head().recorded_at:
            point = at(reader, at=instant)
            assert trial_balance(asking, point) == reports.trial_balance(reader, point), instant
    asking.close()


def test_the_largest_amounts_are_summed_and_shared_to_the_last_minor_unit(tmp_path: Path) -> None:
    """Sums over accounts exceed 64 bits, and a term's share more digits than a float has."""
    world = World(tmp_path / "tally.db")
    most = "9999999999999.97"
    commands: list[Json] = [{"do": "set-price", "sku": "std", "monthly_price": most}]
    for account in ("a-1", "a-2"):
        top_up = {"do": "top-up", "account": account, "amount": most, "channel": account}
        commands += [
            {"do": "open-account", "account": account},
            *({**top_up, "serial": str(number)} for number in range(40)),
            {"do": "purchase", "account": account, "instance": "i", "sku": "std", "months": 36},
        ]
    commands.append({"do": "open-account", "account": "z", "at": "2025-03-05T12:34:56+08:00"})
    world.take(*commands)
    head = open_reader(str(world.path))
    asking = Asking(head, until=head.head().position, built=False)
    for instant in ("2025-01-02", "2025-02-28T01:02:03", "2025-03-05T12:34:56"):
        point = at(head, at=parse_instant(instant, 8 * HOUR))
        lines = trial_balance(asking, point)
        assert lines == reports.trial_balance(head, point)
        assert sum(line.amount for line in lines) == 0
    asking.close()
    rows = world.rows("balances", "--engine", "sql")
    assert rows == world.rows("balances")


def test_the_report_is_the_same_to_the_byte(tmp_path: Path) -> None:
    world = small(tmp_path / "tally.db")
    report = ("report", "trial-balance", "--as-of", "2025-02-01")
    folded = world.done(*report, "--csv")
    assert world.json(*report)["derivation"] == "fold"
    world.json("columns", "build")
    assert world.json(*report)["derivation"] == "sql"
    assert world.json("report", "trial-balance")["derivation"] == "sql"
    assert world.json(*report, "--engine", "fold")["derivation"] == "fold"
    assert world.json("report", "trial-balance", "a-1")["derivation"] == "fold"
    assert world.done(*report, "--csv") == folded
    error = world.json("report", "trial-balance", "a-1", "--engine", "sql", code=2)
    assert "--engine" in error["hint"]
