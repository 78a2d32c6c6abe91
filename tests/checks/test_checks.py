"""``tally check``: what must hold, where it fails first, and what a file may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import Json, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two accounts: one is overdue for a week in January, one in yen never is."""
    world = World(tmp_path / "t.db", start="2025-01-01")
    world.take(
        {"do": "open-account", "account": "a-1"},
        {"do": "open-account", "account": "j-1", "currency": "JPY"},
        {"do": "top-up", "account": "a-1", "amount": "10", "channel": "x", "serial": "1"},
        {"do": "top-up", "account": "j-1", "amount": "500", "channel": "x", "serial": "2"},
        {"do": "activate-public", "account": "a-1", "instance": "p", "kind": "public_legacy"},
        {"do": "post-bill", "account": "a-1", "bill": "b-1", "instance": "p", "rated": "25",
         "cycle_start": "2025-01-05", "cycle_end": "2025-01-06", "at": "2025-01-06"},
        {"do": "top-up", "account": "a-1", "amount": "100", "channel": "x", "serial": "3",
         "at": "2025-01-13"},
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-02-02")
    return world


def written(world: World, text: str) -> Path:
    """Write a file of checks."""
    path = world.path.parent / "checks.toml"
    path.write_text(text, encoding="utf-8")
    return path


def one(world: World, text: str, *arguments: object, code: int = 0) -> Json:
    """Judge a file with one check."""
    answer = world.json("check", written(world, f"[[check]]\nname = 'it'\n{text}"), *arguments,
                        code=code)  # fmt: skip
    [found] = answer["checks"]
    assert answer["ok"] == found["ok"] == (code == 0)
    return dict(found)


def position(world: World, kind: str) -> int:
    """Where the first event of a type is."""
    return int(world.events("--type", kind)[0]["position"])


def test_an_expression_holds_at_every_position_of_every_account(world: World) -> None:
    found = one(world, "expr = 'cash >= 0 and outstanding >= 0'")
    assert found["checked"] > 5
    assert found["failing"] == 0


def test_the_first_position_at_which_it_fails_is_named(world: World) -> None:
    found = one(world, "expr = 'not overdue'", code=1)
    assert found["account"] == "a-1"
    assert found["failing"] == 1
    batch = position(world, "OverdueStarted")
    assert found["first_bad"] == batch
    assert found["recorded_at"] == "2025-01-06T00:00:00+08:00"


def test_now_is_judged_at_the_point(world: World) -> None:
    text = "expr = 'not overdue'\nwhen = 'now'"
    one(world, text)
    found = one(world, text, "--as-of", "2025-01-08", code=1)
    assert found["account"] == "a-1"
    assert one(world, "expr = 'not overdue'", "--position", position(world, "BillPosted") - 1)["ok"]


def test_at_each_close_and_at_the_end_of_a_period(world: World) -> None:
    text = "expr = 'cash > 90'\naccounts = ['a-1']\nwhen = 'closes'"
    assert one(world, text)["checked"] == 0
    assert not one(world, text, "--period", "2025-01", code=1)["ok"]
    world.json("close", "2025-01", "--actor", "lin")
    found = one(world, text, code=1)
    assert (found["checked"], found["first_bad"]) == (1, position(world, "PeriodClosed"))
    assert one(world, text.replace("90", "80"))["checked"] == 1


def test_a_currency_keeps_the_amounts_apart(world: World) -> None:
    assert one(world, "expr = 'cash in (0, 500)'\ncurrency = 'JPY'")["checked"] == 2
    one(world, "expr = 'cash in (0, 500)'\ncurrency = 'CNY'", code=1)


def test_inside_a_batch_money_is_on_its_way_and_nothing_is_judged(world: World) -> None:
    """R1: a bill that is posted and paid in one batch is never seen unpaid."""
    world.take({"do": "post-bill", "account": "a-1", "bill": "b-2", "instance": "p", "rated": "5",
                "cycle_start": "2025-01-05", "cycle_end": "2025-01-06"})  # fmt: skip
    one(world, "expr = 'outstanding in (0, 15)'\naccounts = ['a-1']")


@pytest.mark.parametrize("when", ["always", "closes", "now"])
def test_the_books_hold(world: World, when: str) -> None:
    world.json("close", "2025-01", "--actor", "lin")
    assert one(world, f"books = 'all'\nwhen = '{when}'")["checked"] >= 2
    assert one(world, f"books = 'wallet_is_cash'\nwhen = '{when}'")["checked"] >= 2


def test_a_query_names_what_is_wrong_by_its_rows(world: World) -> None:
    pytest.importorskip("duckdb")
    one(world, "sql = 'SELECT account FROM balances WHERE cash < 0'\nwhen = 'now'")
    found = one(world, "sql = 'SELECT account FROM balances WHERE cash > 90'\nwhen = 'now'", code=1)
    assert found["failing"] == 1


def test_a_query_that_stays_wrong_is_bisected(world: World) -> None:
    pytest.importorskip("duckdb")
    query = "SELECT 1 FROM events WHERE type = 'BillPosted'"
    found = one(world, f'sql = "{query}"\nmonotone = true', code=1)
    assert found["first_bad"] == position(world, "BillPosted")
    assert found["checked"] <= 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[[check]]"), ("x = 1", "[[check]]"), ("check = 3", "[[check]]"),
        ("[[check]]", "name"), ("[[check]]\nname = 'a'\nexpr = 'cash'", "true or false"),
        ("[[check]]\nname = 'a'", "one of expr"), ("[[check]]\nname = 3\nexpr = 'cash'", "text"),
        ("[[check]]\nname = 'a'\nexpr = 'cash'\nsql = 'x'", "one of expr"),
        ("[[check]]\nname = 'a'\nexpr = 'cash > 0'\nwen = 'now'", "mean when?"),
        ("[[check]]\nname = 'a'\nexpr = 'cash > 0'\nwhen = 'often'", "always"),
        ("[[check]]\nname = 'a'\nexpr = 'cas > 0'", "check 'a'"),
        ("[[check]]\nname = 'a'\nbooks = 'wallet_is_cas'", "wallet_is_cash"),
        ("[[check]]\nname = 'a'\nsql = 'SELECT 1'", "monotone"),
        ("[[check]]\nname = 'a'\nsql = 'SELECT 1'\nwhen = 'now'\naccounts = ['a']", "itself"),
        ("[[check]]\nname = 'a'\nexpr = 'cash > 0'\naccounts = []", "list of ids"),
        ("[[check]]\nname = 'a'\nexpr = 'cash > 0'\nmonotone = 1", "true or false"),
        ("[[check]]\nname='a'\nexpr='cash>0'\n[[check]]\nname='a'\nexpr='cash>0'", "'a'"),
        ("[[check]", "not valid TOML"), ("a = " + "[" * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_one_clear_line(world: World, text: str, said: str) -> None:
    done = world.done("check", written(world, text), code=2)
    assert said in done.err
    assert done.err.count("\n") == 1


def test_an_account_that_is_not_there_is_said(world: World) -> None:
    path = written(world, "[[check]]\nname = 'a'\nexpr = 'cash >= 0'\naccounts = ['a-11']")
    assert "a-1" in world.done("check", path, code=3).err


def test_a_file_that_is_not_there_or_no_text(world: World) -> None:
    world.done("check", world.path.parent / "none.toml", code=2)
    path = written(world, "")
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in world.done("check", path, code=2).err


def test_a_page_for_people(world: World) -> None:
    two = "[[check]]\nname='a'\nexpr='cash>=0'\n[[check]]\nname='b'\nexpr='overdue'"
    path = written(world, two)
    page = world.done("check", path, code=1).out
    assert "ok  a (always, " in page
    assert "NO  b (always): overdue" in page
    assert "2 checks, 1 failing" in page
    assert [row["name"] for row in world.rows("check", path, code=1)] == ["a", "b"]


# --- checks that a close requires (R65) ------------------------------------------------------

CHECKS = """
[[check]]
name = "cash is never negative"
expr = "cash >= 0"

[[check]]
name = "nobody owes at the end"
expr = "outstanding == 0"
when = "closes"
"""


def checklist(world: World) -> Json:
    """Return the last line of January's checklist."""
    return dict(world.run("close", "2025-01", "--check", "--json").json["checks"][-1])


def adopt(world: World, text: str, name: str = "month-end") -> int:
    """Adopt a file of checks; it is removed at once. Gives its position."""
    path = written(world, text)
    answer = world.json("check", path, "--adopt", name, "--actor", "ops/wu")
    path.unlink()
    return int(answer["position"])


def test_a_close_requires_what_was_adopted_and_needs_no_file(world: World) -> None:
    """R65: the text is in the log; the line names the position at which it was adopted."""
    world.done("record", "set-policy", "--key", "close_requires", "--value", "check:month-end")
    nothing = checklist(world)
    assert (nothing["ok"], "no checks are adopted" in nothing["figure"]) == (False, True)
    refused = world.run("close", "2025-01", "--actor", "lin", "--json")
    assert (refused.code, refused.json["code"]) == (4, "CHECKLIST_OPEN")
    position = adopt(world, CHECKS)
    assert checklist(world) == {
        "name": "check:month-end", "ok": True, "figure": f"2 hold, as adopted at @{position}"
    }
    assert world.json("close", "2025-01", "--actor", "lin")["open_points"] == []
    world.done("verify", "--deep")
    assert world.json("recheck")["differences"] == []


def test_an_adopted_check_that_fails_holds_the_close_up(world: World) -> None:
    """R65: with the first position; an override keeps the line; the last adoption counts."""
    world.done("record", "set-policy", "--key", "close_requires", "--value", "check:month-end")
    adopt(world, CHECKS + "[[check]]\nname = 'never overdue'\nexpr = 'not overdue'\n")
    late = position(world, "OverdueStarted")
    assert checklist(world)["figure"] == f"'never overdue' fails first at @{late} in a-1"
    assert world.run("close", "2025-01", "--actor", "lin").code == 4
    adopt(world, CHECKS.replace("outstanding == 0", "cash == 0"))
    assert "nobody owes at the end" in checklist(world)["figure"]
    why = ("--override", "--reason", "known, and paid on the 13th")
    closed = world.json("close", "2025-01", "--actor", "lin", *why)
    assert closed["open_points"] == ["check:month-end"]
    adopt(world, CHECKS)
    assert world.events("--type", "PeriodClosed")[-1]["data"]["open_points"] == ["check:month-end"]


def test_a_query_can_be_required_too(world: World) -> None:
    """R65: its rows at the end of the month are what is wrong."""
    pytest.importorskip("duckdb")
    world.done("record", "set-policy", "--key", "close_requires", "--value", "check:q")
    query = "[[check]]\nname = 'q'\nwhen = 'closes'\nsql = 'SELECT 1 FROM balances WHERE cash > {}'"
    adopt(world, query.format(90), "q")
    assert "'q' fails first at @" in checklist(world)["figure"]
    adopt(world, query.format(1000), "q")
    assert checklist(world)["ok"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--adopt", "month-end"), "--actor"), (("--adopt", "A B", "--actor", "x"), "not a name"),
        (("--adopt", "x", "--actor", "x", "--period", "2025-01"), "omit the point"),
        (("--adopt", "x", "--actor", "x", "--at", "2025-01-10"), "omit the point"),
    ],
)  # fmt: skip
def test_what_cannot_be_adopted_is_one_line(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    """R65: who adopts it is named; the name is one that a policy can hold; nothing is recorded."""
    before = world.events()[-1]["position"]
    done = world.done("check", written(world, CHECKS), *arguments, code=2)
    assert said in done.err
    long = written(world, CHECKS + "#" * (1 << 16))
    assert "65536" in world.done("check", long, "--adopt", "x", "--actor", "x", code=2).err
    assert world.events()[-1]["position"] == before
