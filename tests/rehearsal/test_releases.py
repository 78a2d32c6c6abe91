"""Which release decided what: kept with seals and closes, told by ``tally recheck``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger.proof.seals import log_key
from ledger.releases import Releases, seal
from ledger.store import open_reader, open_store
from tests.cli.program import World, tally_process

KEY = log_key("test.example/ledger", bytes(32))
STRICTER = ("recheck", "--policy", "overdue_grace_legacy=12h")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """a-1 is stopped in January, by release 1.0, and in February, by 2.0. Nobody writes to it."""
    world = World(tmp_path_factory.mktemp("year") / "t.db", start="2025-01-01")
    world.take(
        {"do": "open-account", "account": "a-1"},
        {"do": "activate-public", "account": "a-1", "instance": "p", "kind": "public_legacy"},
    )
    for month, release in (("01", "1.0"), ("02", "2.0")):
        world.take(
            {"do": "post-bill", "account": "a-1", "bill": f"b-{month}", "instance": "p",
             "rated": "25", "cycle_start": f"2025-{month}-05", "cycle_end": f"2025-{month}-06",
             "at": f"2025-{month}-06"},
            {"do": "top-up", "account": "a-1", "amount": "25", "channel": "x", "serial": month,
             "at": f"2025-{month}-13"},
        )  # fmt: skip
        world.done("clock", "advance", "--to", f"2025-{month}-20")
        sealed(world, release)
    return world


@pytest.fixture
def world(year: World, tmp_path: Path) -> World:
    """A copy of it."""
    year.done("backup", tmp_path / "t.db")
    return World.at(tmp_path / "t.db")


def sealed(world: World, release: str) -> None:
    """Seal as another release of the program would."""
    with closing(open_store(str(world.path))) as store, store.writing() as writer:
        seal(writer, (KEY,), origin=KEY.name, release=release)


def stops(world: World) -> list[int]:
    """Where the service was stopped."""
    return [int(event["position"]) for event in world.events("--type", "ServiceStopped")]


def test_each_difference_says_its_rule_and_the_release_that_decided_it(year: World) -> None:
    answer = year.json(*STRICTER, code=1)
    missing = [one for one in answer["differences"] if one["kind"] == "missing"]
    assert [(one["position"], one["rule"], one["release"]) for one in missing] == [
        (stops(year)[0], "R16", "1.0"), (stops(year)[1], "R16", "2.0")
    ]  # fmt: skip
    extra = [difference for difference in answer["differences"] if difference["kind"] == "extra"]
    assert [one["release"] for one in extra] == ["1.0", "2.0"], "by its recorded instant"
    assert answer["by"] == [
        {"rule": "R16", "account": "a-1", "release": release, "count": 2, "first": first}
        for release, first in zip(("1.0", "2.0"), stops(year), strict=True)
    ]
    assert sum(one["count"] for one in answer["by"]) == len(answer["differences"])


def test_the_list_for_people_is_summed_by_rule_account_and_release(year: World) -> None:
    lines = [line.split() for line in year.done(*STRICTER, code=1).out.splitlines()]
    first, second = stops(year)
    assert ["rule", "account", "decided", "by", "differences", "first"] in lines
    assert ["R16", "a-1", "1.0", "2", f"@{first}"] in lines
    assert ["R16", "a-1", "2.0", "2", f"@{second}"] in lines
    assert "decided by" not in year.done("recheck").out


def test_shares_say_the_same(year: World) -> None:
    """In a process of its own, as the workers need it."""
    alone = year.json(*STRICTER, code=1)
    shared = tally_process(*STRICTER, "--workers", "2", "--json", "--ledger", year.path)
    assert (shared.code, shared.json) == (1, alone)


def test_what_came_after_the_last_seal_is_nobodys_yet(world: World) -> None:
    world.take(
        {"do": "post-bill", "account": "a-1", "bill": "b-3", "instance": "p", "rated": "25",
         "cycle_start": "2025-02-20", "cycle_end": "2025-02-21", "at": "2025-02-21"},
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-03-01")
    assert None in {one["release"] for one in world.json(*STRICTER, code=1)["by"]}
    assert "not sealed yet" in world.done(*STRICTER, code=1).out
    world.done("close", "2025-02", "--actor", "lin")
    closed = world.events("--type", "PeriodClosed")[-1]["data"]["release"]
    assert closed
    assert {one["release"] for one in world.json(*STRICTER, code=1)["by"]} == {"1.0", "2.0", closed}


def test_a_ledger_that_was_sealed_before_says_nothing(world: World, tmp_path: Path) -> None:
    """No seal or close of an older program names a release, and that is not a fault."""
    with closing(open_store(str(world.path))) as store, store.writing() as writer:
        writer.connection.execute("DELETE FROM meta WHERE key LIKE 'release of seal %'")
    with closing(open_reader(str(world.path))) as reader:
        assert Releases(reader).stretches == []
    assert {one["release"] for one in world.json(*STRICTER, code=1)["differences"]} == {None}
    world.done("copy", world.path, tmp_path / "copy.db")


def test_a_copy_keeps_them_and_a_seal_that_says_nothing_new_keeps_the_first(
    world: World, tmp_path: Path
) -> None:
    sealed(world, "9.9")
    world.done("copy", world.path, tmp_path / "copy.db")
    for path in (world.path, tmp_path / "copy.db"):
        with closing(open_reader(str(path))) as reader:
            assert [stretche.release for stretche in Releases(reader).stretches] == ["1.0", "2.0"]
    (tmp_path / "t.key").write_text(f"{KEY}\n")
    world.done("verify", "--deep")
