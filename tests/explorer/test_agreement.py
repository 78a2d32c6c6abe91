"""Four faces, one answer: ``sql``, the API, the pages and the commands at 300 random points."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("duckdb", reason="the extra 'columns' is not installed")

from cli.bootstrap import Session
from cli.commands.sql import points_of
from cli.queries.engine import Database
from tests.explorer.generated import generated, instant
from tests.explorer.inside import Inside, Tables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.program import World

Json = dict[str, Any]
Where = tuple[str, str]
POINTS = 100  # on each of the three ledgers
# A relation, the command that prints the same rows, and what tells the rows apart.
RELATIONS = {
    "balances": (("balances",), ("account",)),
    "instances": (("instances",), ("account", "instance")),
    "coupons": (("report", "coupons"), ("account", "coupon")),
    "overdue": (("report", "overdue"), ("account",)),
}  # fmt: skip


def sql_rows(world: World, relation: str, points: list[Where]) -> dict[int, list[Json]]:
    """Ask for a relation at every point in one query."""
    text = "\nUNION ALL ".join(
        f"SELECT {number} AS point, * FROM {relation}_at('{at}', '{known}')"
        for number, (at, known) in enumerate(points)
    )
    found: dict[int, list[Json]] = {number: [] for number in range(len(points))}
    with Session(str(world.path)) as session:
        engine = Database(session, memory="512MB", seconds=60)
        try:
            for row in engine.ask(text, session.at(), points_of(session, text)).rows():
                found[row.pop("point")].append(row)
        finally:
            engine.close()
    return found


def plain(cell: Any) -> Any:
    """Write an amount without the zeros that a column of several currencies adds."""
    if isinstance(cell, dict):
        return {name: plain(inner) for name, inner in cell.items() if name != "schema"}
    if isinstance(cell, list):
        return [plain(inner) for inner in cell]
    if isinstance(cell, str) and cell.lstrip("-").replace(".", "", 1).isdecimal():
        return Decimal(cell).normalize()
    return cell


def shown(cell: Any) -> str:
    """Write a cell as the explorer does."""
    return {None: "", True: "yes", False: "no"}.get(cell, str(cell))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sql_the_api_the_pages_and_the_commands_agree_at_a_hundred_points(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = generated(tmp_path_factory.mktemp("agree") / f"{seed}.db", seed)
    chance = random.Random(seed)
    points = [(instant(chance), instant(chance)) for _ in range(POINTS)]
    asked_once = {name: sql_rows(world, name, points) for name in RELATIONS}
    accounts = [row["account"] for row in world.rows("balances")]
    seen = 0
    with Inside(world) as site:
        for number, (at, known) in enumerate(points):
            where = ("--at", at, "--known-at", known)
            for relation, (command, key) in RELATIONS.items():
                said = world.run(*command, *where, "--json")
                told = site.get(f"/api/{'/'.join(command)}", at=at, known_at=known)
                assert told.text == said.out, (relation, where)
                rows = sorted(said.json["rows"], key=lambda row: [row[name] for name in key])
                ours = asked_once[relation][number]
                ours.sort(key=lambda row: [row[name] for name in key])
                assert plain(ours) == plain(rows), (relation, where)
                seen += len(rows)
                if relation == "balances":
                    page = site.get("/accounts", at=at, known_at=known)
                    _held(next(iter(Tables(page.text).tables), []), said.json["rows"])
            account = chance.choice(accounts)
            state = world.run("state", account, *where, "--json")
            assert site.get(f"/api/state/{account}", at=at, known_at=known).text == state.out
            page = site.get(f"/account/{account}", at=at, known_at=known)
            assert page.status_code == {0: 200, 3: 404}[state.code]
            if state.code == 0:
                _held_plain(Tables(page.text).plain, state.json)
    assert seen > 15 * POINTS


def _held(cells: list[dict[str, str]], rows: list[Json]) -> None:
    assert [row["account"] for row in cells] == [row["account"] for row in rows]
    for row, said in zip(cells, rows, strict=True):
        for name, cell in said.items():
            assert row.get(name, "") == shown(cell), (name, row, said)


def _held_plain(cells: dict[str, str], state: Json) -> None:
    for name in ("currency", "cash", "outstanding", "available", "overdue_since"):
        if state[name] is not None:
            assert cells[name] == shown(state[name]), name


def test_totals_are_the_sums_of_the_rows_by_currency(tmp_path: Path) -> None:
    world = generated(tmp_path / "t.db", 4)
    for where in ((), ("--as-of", "2025-02-10"), ("--at", "2025-01-31::2025-03-01")):
        rows = world.json("balances", *where)["rows"]
        totals = world.json("balances", "--totals", *where)["rows"]
        assert [one["currency"] for one in totals] == ["CNY", "JPY", "KWD"]
        for total in totals:
            own = [row for row in rows if row["currency"] == total["currency"]]
            assert total["accounts"] == len(own)
            assert total["overdue"] == sum(row["overdue"] for row in own)
            for name in ("cash", "outstanding", "available", "coupons"):
                assert Decimal(total[name]) == sum(Decimal(row[name]) for row in own)
    assert "-" not in world.done("balances", "--totals", "--csv").out.splitlines()[0]
    assert world.run("balances", "--totals", "--overdue").code == 2


@pytest.mark.parametrize("seed", [5, 6])
def test_instances_of_the_stored_view_are_those_of_the_fold(seed: int, tmp_path: Path) -> None:
    world = generated(tmp_path / "v.db", seed)
    for policy in (None, ("retention", "3d"), ("auto_renew_time", "20:30:15")):
        if policy is not None:
            world.record("set-policy", "--key", policy[0], "--value", policy[1])
        for more in ((), ("--state", "running"), ("--expiring-before", "2025-05-01")):
            stored = world.json("instances", *more)
            folded = world.json("instances", *more, "--engine", "fold")
            assert (stored["derivation"], folded["derivation"]) == ("view", "fold")
            assert stored["rows"] == folded["rows"]
