"""Looks that choose: rows of balances in an order, events from the end or of a span."""

from __future__ import annotations

import pytest

from ledger.periods import DAY
from ledger.store import open_reader
from projections.point import Asked, resolve
from projections.selecting import Wanted
from tests.cli.program import Json, World

OTHERS = {
    "b-1": ("700", None), "b-2": ("20", None), "b-3": ("20", "30"), "b-4": ("0.50", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Accounts with different money, and a log of some thousand events over a year."""
    world = World(tmp_path_factory.mktemp("shop") / "t.db")
    commands: list[Json] = []
    for name, (amount, _) in OTHERS.items():
        commands += [
            {"do": "open-account", "account": name},
            {"do": "top-up", "account": name, "amount": amount, "channel": "c", "serial": name},
        ]
    commands += [{"do": "activate-public", "account": "b-3", "instance": "p", "kind": "public_new"}]
    commands += [
        {"do": "set-alert", "account": f"b-{1 + number % 4}", "threshold": str(number + 1),
         "at": f"2025-{1 + number // 250:02}-02T{number % 250 // 60:02}:{number % 250 % 60:02}"}
        for number in range(2900)
    ]  # fmt: skip
    world.take(*commands)
    return world


def names(world: World, *arguments: str) -> list[str]:
    return [row["account"] for row in world.rows("balances", *arguments)]


def test_balances_are_sorted_cut_and_chosen(shop: World) -> None:
    assert names(shop) == ["b-1", "b-2", "b-3", "b-4"]
    assert names(shop, "--sort", "cash") == ["b-1", "b-2", "b-3", "b-4"]
    assert names(shop, "--sort", "cash", "--reverse") == ["b-4", "b-2", "b-3", "b-1"]
    assert names(shop, "--sort", "cash", "--top", "2") == ["b-1", "b-2"]
    assert names(shop, "--sort", "account", "--reverse", "--top", "1") == ["b-4"]
    assert names(shop, "--top", "0") == []
    assert names(shop, "b-4", "b-2") == ["b-2", "b-4"]
    assert names(shop, "b-4", "b-2", "--below", "1") == ["b-4"]
    answer = shop.json("balances", "b-3")
    assert answer["derivation"] == "fold"
    assert answer["rows"] == shop.json("balances")["rows"][2:3]
    page = shop.done("balances", "--sort", "available", "--top", "1").out
    assert "b-1" in page
    assert "b-2" not in page
    assert "did you mean b-4?" in shop.done("balances", "b4", code=3).err
    assert "there" not in shop.done("balances", "--sort", "cahs", code=2).out
    assert shop.done("balances", "--totals", "b-1", code=2).err


def test_overdue_since_sorts_the_longest_first(world: World) -> None:
    rows = world.rows("balances", "--sort", "overdue_since")
    assert [row["overdue"] for row in rows] == [True, False]


def steps(world: World, wanted: Wanted, last: int | None = None) -> tuple[int, list[int]]:
    """How many steps the database takes for a look, and the positions of what it finds."""
    reader = open_reader(str(world.path))
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    point = resolve(reader, Asked(), clock=10**17, offset=0)
    reader.connection.set_progress_handler(tick, 1)  # type: ignore[attr-defined]
    found = [event.position for event in wanted.events(reader, point, last=last)]
    reader.connection.close()
    return count, found


YEAR = 20_089 * DAY  # 2025-01-01


@pytest.mark.parametrize(
    ("wanted", "last"),
    [
        (Wanted(), 5),
        (Wanted("b-2"), 5),
        (Wanted(starts=YEAR + 300 * DAY, ends=YEAR + 330 * DAY), None),
        (Wanted("b-2", starts=YEAR + 300 * DAY), 3),
        (Wanted(starts=YEAR + 300 * DAY), 3),
    ],
)
def test_the_log_reads_only_what_it_shows(
    shop: World, wanted: Wanted, last: int | None
) -> None:
    _, every = steps(shop, Wanted())
    _, spanned = steps(shop, wanted)
    cost, found = steps(shop, wanted, last)
    assert found == (spanned if last is None else spanned[-last:])
    assert 0 < len(found) < len(every) // 8
    # A span is found by its index: its positions are read, and the rows that are shown.
    read = len(spanned) if wanted.starts is not None and wanted.account is None else len(found)
    assert cost < 20 * (read + 10)


def test_a_span_and_the_last_of_it_on_the_command_line(shop: World) -> None:
    span = ("--from", "2025-11-01", "--to", "2025-12-01")
    every = [event["position"] for event in shop.events(*span)]
    assert every == [
        event["position"] for event in shop.events()
        if "2025-11" <= event["effective_at"] < "2025-12"
    ]  # fmt: skip
    assert [event["position"] for event in shop.events(*span, "-n", "4")] == every[-4:]
    assert shop.events(*span, "-n", "0") == []
    both = [event["position"] for event in shop.events("b-2", *span, "-n", "2")]
    assert both == [event["position"] for event in shop.events("b-2", *span)][-2:]
