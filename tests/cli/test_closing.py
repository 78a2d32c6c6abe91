"""``tally close``, ``reopen``, ``periods`` and what every answer says of a closed period."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import COMMAND, World, environment, tally, valid

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.program import Json

MARCH = "2025-03-15T10:00:00+08:00"
END = "2025-03-31T23:59:59+08:00"
APRIL = "2025-04-02T10:00:00+08:00"
EVERY_REPORT = (
    "statement a-1", "overdue", "trial-balance", "rollforward", "deferred", "coupons",
    "timeline a-1",
)  # fmt: skip


def top_up(amount: str, serial: str, at: str, **more: object) -> Json:
    """Pay into the wallet of a-1."""
    return {"do": "top-up", "at": at, "account": "a-1", "amount": amount, "channel": "alipay",
            "serial": serial, **more}  # fmt: skip


def story(path: Path, **policy: str) -> World:
    """a-1 tops up 800.00, buys, and is billed 30.00 of a legacy instance; it is 1 April."""
    world = World(path / "t.db", policy=policy)
    world.take(
        {"do": "open-account", "at": "2025-01-05T10:00:00+08:00", "account": "a-1"},
        {"do": "open-account", "at": "2025-01-05T10:00:00+08:00", "account": "a-2"},
        {"do": "set-price", "at": "2025-01-05T10:00:00+08:00", "sku": "std",
         "monthly_price": "100"},
        top_up("800", "A1", "2025-02-05T10:00:00+08:00"),
        {"do": "activate-public", "at": "2025-02-05T10:00:00+08:00", "account": "a-1",
         "instance": "p-1", "kind": "public_legacy"},
        {"do": "purchase", "at": "2025-02-06T10:00:00+08:00", "account": "a-1",
         "instance": "i-1", "sku": "std", "months": 3},
        {"do": "post-bill", "at": "2025-03-03T10:00:00+08:00", "account": "a-1", "bill": "b-1",
         "instance": "p-1", "cycle_start": "2025-03-01", "cycle_end": "2025-03-02",
         "rated": "30"},
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-04-01")
    return world


@pytest.fixture
def march(tmp_path: Path) -> World:
    """March is closed by ops/lin at the first instant of April."""
    world = story(tmp_path)
    world.done("close", "2025-03", "--actor", "ops/lin")
    return world


def late(world: World, amount: str = "15", serial: str = "L1", **more: object) -> Json:
    """Record a top-up of March in April."""
    (result,) = world.take(top_up(amount, serial, APRIL, effective_at=MARCH, **more))
    return result


# --- closing (R61) ---------------------------------------------------------------------------


def test_a_close_records_who_why_and_the_digests(tmp_path: Path) -> None:
    """R61: of trial balance, balances and instance states; the replay gives them again."""
    world = story(tmp_path)
    answer = world.json("close", "2025-03", "--actor", "ops/lin", "--reason", "month end")
    event = world.events("--type", "PeriodClosed")[-1]
    assert (event["actor"], event["reason"], event["command"]) == ("ops/lin", "month end", "close")
    data = event["data"]
    assert (data["period"], data["at"], data["known_position"]) == (
        "2025-03", END, event["position"] - 1
    )  # fmt: skip
    digests = [data[name] for name in ("trial_balance", "balances", "instance_states")]
    assert len(set(digests)) == 3
    assert digests == [answer[n] for n in ("trial_balance", "balances", "instance_states")]
    late(world)
    world.done("verify", "--deep")


def test_a_close_too_early_is_a_point_in_the_future(tmp_path: Path) -> None:
    """R61: exit 3, and nothing is recorded; one second later it is not too early."""
    world = World(tmp_path / "t.db", start="2025-03-01")
    world.done("clock", "advance", "--to", END)
    early = world.run("close", "2025-03", "--actor", "x", "--json")
    assert (early.code, early.json["code"]) == (3, "POINT_IN_THE_FUTURE")
    assert world.run("close", "2025-03", "--check").code == 3
    assert [event["type"] for event in world.events()] == ["PolicyAdopted"]
    world.done("clock", "advance", "--to", "2025-04-01")
    world.done("close", "2025-03", "--actor", "x")


def test_a_close_out_of_order_is_refused_and_remembered(march: World) -> None:
    """R61: closed, before the first, with a gap: WRONG_STATE, and a CommandRefused each."""
    march.done("clock", "advance", "--to", "2025-07-01")
    for period in ("2025-03", "2025-02", "2025-05", "2025-Q1"):
        refused = march.run("close", period, "--actor", "ops/wu", "--json")
        assert (refused.code, refused.json["code"]) == (4, "WRONG_STATE"), period
        event = march.events()[-1]
        assert (event["type"], event["account"], event["actor"], event["command"]) == (
            "CommandRefused", None, "ops/wu", "close",
        )  # fmt: skip
        shown = march.json("show", event["position"])
        assert shown["request"] == {"do": "close", "period": period}
    march.done("close", "2025-Q2", "--actor", "ops/wu")
    march.done("verify", "--deep")
    march.done("recheck")


def test_a_quarter_closes_its_months_in_one_batch(tmp_path: Path) -> None:
    """R61: one PeriodClosed a month, each with its own digests."""
    world = story(tmp_path)
    answer = world.json("close", "2025-Q1", "--actor", "ops/lin")
    events = world.events("--type", "PeriodClosed")
    assert [event["data"]["period"] for event in events] == ["2025-01", "2025-02", "2025-03"]
    first = events[0]["position"]
    assert [event["cause"] for event in events] == [None, first, first]
    assert [month["position"] for month in answer["months"]] == [first, first + 1, first + 2]
    assert len({event["data"]["balances"] for event in events}) == 3
    assert [row["state"] for row in world.rows("periods")] == ["closed"] * 3 + ["open"]


def test_a_close_and_a_reopening_say_who_and_why(march: World) -> None:
    """R63: `close` needs an actor, `reopen` an actor and a reason: exit 2."""
    before = march.events()
    for arguments in (
        ("close", "2025-04"), ("reopen", "2025-03"), ("reopen", "2025-03", "--actor", "x"),
        ("reopen", "2025-03", "--reason", "x"), ("close", "x", "--actor", "x"),
        ("close", "2025-04", "--actor", "x", "-o", "pack.zip"),
    ):  # fmt: skip
        assert march.run(*arguments, "--json").code == 2, arguments
    assert march.events() == before


# --- a late fact (R62) -----------------------------------------------------------------------


def test_a_late_fact_says_at_once_which_period_it_restates(march: World) -> None:
    """R62: in the row of an import, in the answer of record, and for a person."""
    assert "2025-03" in late(march)["warnings"][0]
    again = late(march)
    assert again["duplicate"]
    assert "2025-03" in again["warnings"][0]
    arguments = ("top-up", "--account", "a-1", "--amount", "1", "--channel", "alipay",
                 "--serial", "L2", "--effective-at", MARCH)  # fmt: skip
    assert "warning: 2025-03 was closed" in march.done("record", *arguments).out


def test_refuse_lets_only_somebody_else_override(tmp_path: Path) -> None:
    """R62: PERIOD_CLOSED, exit 4; `override` with actor and reason of another."""
    world = story(tmp_path, closed_period="refuse")
    world.done("close", "2025-03", "--actor", "ops/lin")
    arguments = ("top-up", "--account", "a-1", "--amount", "1", "--channel", "alipay",
                 "--serial", "L2", "--effective-at", MARCH)  # fmt: skip
    assert world.record(*arguments, code=4)["code"] == "PERIOD_CLOSED"
    own = ("--override", "--reason", "bank file", "--actor", "ops/lin")
    assert world.record(*arguments, *own, code=4)["code"] == "PERIOD_CLOSED"
    other = world.record(*arguments, *own[:-1], "ops/wu")
    assert "2025-03" in other["warnings"][0]
    world.done("verify", "--deep")
    world.done("recheck")


# --- reopening (R63) -------------------------------------------------------------------------


def test_closing_again_names_every_restatement_since(march: World) -> None:
    """R63: those before and those while it was reopened; the second close is in force."""
    first = late(march)["positions"][0]
    march.done("reopen", "2025-03", "--actor", "ops/wu", "--reason", "bank file")
    second = late(march, "1", "L2")
    assert second["warnings"] == []
    answer = march.json("close", "2025-03", "--actor", "ops/wu")
    assert answer["restatements"] == [first, second["positions"][0]]
    assert march.json("report", "restatements", "2025-03")["facts"] == []
    third = late(march, "2", "L3")["positions"][0]
    register = march.json("report", "restatements", "2025-03")
    assert [fact["position"] for fact in register["facts"]] == [third]
    assert [close["reopened_at"] is None for close in register["closes"]] == [False, True]
    assert register["closes"][1]["restatements"] == answer["restatements"]
    march.done("verify", "--deep")


def test_reopening_out_of_order_is_refused(march: World) -> None:
    """R63: the latest closed first."""
    march.done("clock", "advance", "--to", "2025-05-01")
    march.done("close", "2025-04", "--actor", "ops/lin")
    who = ("--actor", "x", "--reason", "y")
    for period in ("2025-03", "2025-05", "2025-02"):
        assert march.run("reopen", period, *who, "--json").json["code"] == "WRONG_STATE"
        assert march.events()[-1]["command"] == "reopen"
    march.done("reopen", "2025-04", *who)
    march.done("reopen", "2025-03", *who)
    states = [row["state"] for row in march.rows("periods")]
    assert states == ["reopened", "reopened", "reopened", "reopened", "open"]


def test_the_periods(march: World) -> None:
    """R61: `periods --ndjson` rows as the interface says."""
    late(march)
    rows = march.rows("periods")
    assert rows[2] == {
        "period": "2025-03", "state": "closed", "closed_at": "2025-04-01T00:00:00+08:00",
        "actor": "ops/lin", "restatements": 1,
    }  # fmt: skip
    assert rows[3] == {
        "period": "2025-04", "state": "open", "closed_at": None, "actor": None,
        "restatements": 0,
    }  # fmt: skip
    assert march.json("periods")["rows"] == rows


# --- restated (R64) --------------------------------------------------------------------------


def test_inside_a_closed_period_zero_is_said_too(march: World) -> None:
    """R64: everywhere; outside closed periods the key is absent."""
    zero = {"period": "2025-03", "facts": 0, "by": {}}
    for command in ("state a-1", "balances", "instances", *(f"report {n}" for n in EVERY_REPORT)):
        assert march.json(*command.split(), "--at", END)["restated"] == zero, command
        assert "restated" not in march.json(*command.split()), command
        assert "restated" not in march.json(*command.split(), "--as-of", END), command
    assert march.json("diff", "2025-02-28", END)["restated"] == zero
    assert march.json("state", "a-1", "--at", "2025-01-31")["restated"]["period"] == "2025-01"


def test_an_answer_counts_the_facts_that_moved_it(march: World) -> None:
    """R64: those of this very answer, and their sums in total."""
    late(march)
    moved = {"period": "2025-03", "facts": 1, "by": {"CNY": {"cash": "15.00",
             "outstanding": "0.00"}}}  # fmt: skip
    still = {"period": "2025-03", "facts": 0, "by": {}}
    for command in ("state a-1", "balances", "report statement a-1", "report trial-balance",
                    "report rollforward", "report timeline a-1"):  # fmt: skip
        assert march.json(*command.split(), "--at", END)["restated"] == moved, command
    for command in ("state a-2", "instances", "report overdue", "report coupons",
                    "report deferred", "report trial-balance a-2"):  # fmt: skip
        assert march.json(*command.split(), "--at", END)["restated"] == still, command
    before = march.json("state", "a-1", "--at", "2025-03-14")
    assert before["restated"] == still, "the fact is later than this point"
    assert march.json("diff", "2025-02-28", END, "a-1")["restated"] == moved


def test_a_query_says_what_restated_its_point(march: World) -> None:
    """R64: of the point in the options; rows and tables say it beside them."""
    pytest.importorskip("duckdb")
    late(march)
    query = ("sql", "SELECT account, cash FROM balances")
    assert march.json(*query, "--at", END)["restated"]["facts"] == 1
    assert "restated" not in march.json(*query)
    assert "1 fact" in march.done(*query, "--at", END).out
    assert "1 fact" in march.done(*query, "--at", END, "--csv").err


def test_a_bill_of_a_closed_month_moves_what_is_outstanding(march: World) -> None:
    """R64: the bill stands in March, what paid it in April (R11)."""
    bill = {"do": "post-bill", "at": APRIL, "account": "a-1", "bill": "b-2", "instance": "p-1",
            "cycle_start": "2025-03-10", "cycle_end": "2025-03-11", "rated": "7",
            "effective_at": MARCH}  # fmt: skip
    march.take(bill)
    assert march.state("a-1", "--at", END)["restated"]["by"] == {
        "CNY": {"cash": "0.00", "outstanding": "7.00"}
    }
    assert march.json("report", "overdue", "--at", END)["restated"]["facts"] == 1
    fact = march.json("report", "restatements", "2025-03")["facts"][0]
    changes = {change["field"]: change for change in fact["changes"]}
    assert changes["outstanding"] == {
        "field": "outstanding", "as_closed": "0.00", "now": "7.00", "delta": "7.00"
    }
    assert changes['unpaid["b-2"].outstanding']["as_closed"] is None


def test_a_fact_of_an_earlier_month_is_counted_wherever_it_moves(tmp_path: Path) -> None:
    """R64: a restatement of January, counted at every closed point that it moves."""
    world = story(tmp_path)
    world.done("close", "2025-Q1", "--actor", "ops/lin")
    result = world.take(top_up("9", "L1", APRIL, effective_at="2025-01-20"))[0]
    assert "2025-01 was closed" in result["warnings"][0]
    for at, facts in (("2025-01-19", 0), ("2025-01-31", 1), ("2025-02-28", 1), (END, 1)):
        restated = world.state("a-1", "--at", at)["restated"]
        assert (restated["period"], restated["facts"]) == (at[:7], facts)
    january = world.json("report", "restatements", "2025-01")
    march = world.json("report", "restatements", "2025-03")
    assert [len(january["facts"]), len(march["facts"]), len(march["earlier"])] == [1, 0, 1]
    quarter = world.json("report", "restatements", "2025-Q1")
    assert [len(quarter["facts"]), len(quarter["earlier"])] == [1, 0]
    assert january["by"] == march["by"] == quarter["by"] == {"CNY": {"cash": "9.00"}}
    assert [row["restatements"] for row in world.rows("periods")] == [1, 0, 0, 0]


def test_an_explanation_counts_the_facts_that_moved_this_very_field(march: World) -> None:
    """R64: the cash was moved, what is outstanding was not; outside a closed month no key."""
    late(march)
    told = march.json("why", "a-1.cash", "--at", END)
    assert told["restated"] == {
        "period": "2025-03", "facts": 1, "by": {"CNY": {"cash": "15.00", "outstanding": "0.00"}}
    }
    assert march.json("why", "a-1.outstanding", "--at", END)["restated"]["facts"] == 0
    assert "restated" not in march.json("why", "a-1.cash")
    assert "1 fact has restated this since" in march.done("why", "a-1.cash", "--at", END).out


@pytest.mark.parametrize(
    ("asked", "facts"),
    [
        ("blame a-1", 1), ("blame a-1.cash", 1), ("blame a-1.outstanding", 0),
        ("trace a-1 cash", 1), ("trace a-1 outstanding", 0),
        ("bisect a-1 available>0", 1), ("bisect a-1 overdue --axis known", 0),
    ],
)  # fmt: skip
def test_a_look_back_counts_them_too(march: World, asked: str, facts: int) -> None:
    """INTERFACE section 4: every answer inside a closed period has the key."""
    late(march)
    told = valid(march.run(*asked.split(), "--at", END, "--json").json)
    assert (told["restated"]["period"], told["restated"]["facts"]) == ("2025-03", facts)
    assert "restated" not in march.run(*asked.split(), "--json").json
    said = "1 fact has" if facts else "nothing has"
    assert f"{said} restated this" in march.run(*asked.split(), "--at", END).out


def test_the_last_change_before_a_closed_point_counts_them_too(march: World) -> None:
    late(march)
    told = march.json("last", "a-1.cash", "--before", END)
    assert told["restated"]["facts"] == 1
    assert "restated" not in march.json("last", "a-1.cash")


def test_while_a_period_is_reopened_nothing_is_restated(march: World) -> None:
    """R64: the key is absent; at a position of the close it is there as it was."""
    close = march.events("--type", "PeriodClosed")[0]["position"]
    late(march)
    march.done("reopen", "2025-03", "--actor", "ops/wu", "--reason", "bank file")
    assert "restated" not in march.state("a-1", "--at", END)
    assert march.state("a-1", "--at", END, "--position", close)["restated"]["facts"] == 0
    assert march.state("a-1", "--at", END, "--position", close + 1)["restated"]["facts"] == 1


def test_the_register_is_as_the_interface_says(march: World) -> None:
    """R64: each fact with what it changed; the figure at the close, and after this fact."""
    late(march, actor="ops/wu", reason="bank file")
    late(march, "10", "L2")
    register = march.json("report", "restatements", "2025-03")
    assert register["period"] == "2025-03"
    assert register["closes"][0]["actor"] == "ops/lin"
    first, second = register["facts"]
    assert first | {"position": 0} == {
        "position": 0, "type": "TopUpReceived", "account": "a-1", "currency": "CNY",
        "effective_at": MARCH, "recorded_at": APRIL, "actor": "ops/wu", "reason": "bank file",
        "changes": [
            {"field": "cash", "as_closed": "470.00", "now": "485.00", "delta": "15.00"}
        ],
    }  # fmt: skip
    assert second["changes"] == [
        {"field": "cash", "as_closed": "470.00", "now": "495.00", "delta": "10.00"}
    ]
    assert register["by"] == {"CNY": {"cash": "25.00"}}


def test_a_fact_that_moves_no_figure_has_no_changes(march: World) -> None:
    """R64: usage of March that is billed in April."""
    march.take({"do": "record-usage", "at": APRIL, "account": "a-1", "usage": "u-1",
                "instance": "p-1", "cycle_start": "2025-03-10", "cycle_end": "2025-03-11",
                "rated": "7", "effective_at": MARCH})  # fmt: skip
    register = march.json("report", "restatements", "2025-03")
    assert [fact["changes"] for fact in register["facts"]] == [[]]
    assert register["by"] == {}
    assert march.state("a-1", "--at", END)["restated"]["facts"] == 0


def test_every_report_at_the_close_keeps_its_bytes_for_ever(march: World) -> None:
    """R64: JSON, rows and pages, whatever is recorded, reopened and closed later."""
    close = march.events("--type", "PeriodClosed")[0]["position"]
    looks = [
        *(f"{name} --json" for name in ("state a-1", "balances", "instances", "lots a-1")),
        "balances --ndjson", "export --format hledger -o -", "report lots --csv",
        *(f"report {name} {form}" for name in EVERY_REPORT for form in ("--json", "--html")),
    ]  # fmt: skip

    def pages() -> list[str]:
        point = ("--at", END, "--position", close)
        return [march.done(*look.split(), *point).out for look in looks]

    before = pages()
    for number in range(2):
        march.done("record", "top-up", "--account", "a-1", "--amount", "1", "--channel", "x",
                   "--serial", number, "--effective-at", MARCH)  # fmt: skip
        assert pages() == before
        march.done("reopen", "2025-03", "--actor", "x", "--reason", "y")
        march.done("close", "2025-03", "--actor", "x")
    march.done("clock", "advance", "--to", "2025-06-01")
    assert pages() == before


def test_rows_say_it_on_stderr_and_pages_on_a_line(march: World) -> None:
    """R64: stdout stays rows; an HTML page says it at its foot."""
    late(march)
    said = "2025-03 is closed; 1 fact has restated this since:"
    sums = "cash +15.00, outstanding +0.00 CNY"
    assert f"note: {said} {sums}\n" in march.done("balances", "--at", END, "--ndjson").err
    assert f"{said}\n  {sums}\n" in march.done("state", "a-1", "--at", END).out
    for name in EVERY_REPORT:
        arguments = ("report", *name.split(), "--at", END)
        page = march.done(*arguments, "--html").out
        assert "2025-03 is closed" in page, name
        if name != "timeline a-1":
            assert "2025-03 is closed" in march.done(*arguments).out, name
    assert said in march.done("diff", "2025-02-28", END, "a-1").out


# --- older forms, other offsets ----------------------------------------------------------------


def test_a_ledger_closed_before_reads_as_it_did(tmp_path: Path) -> None:
    """R63: a sealed tag, the older form, is still told of; and the ledger can be closed."""
    world = story(tmp_path)
    world.done("tag", "add", "march", "2025-03", "--seal")
    late(world)
    told = world.state("a-1", "--at", END)["restated"]
    assert (told["since"], told["was"]["cash"], told["now"]["cash"]) == (
        "tag:march", "470.00", "485.00",
    )  # fmt: skip
    assert (told["period"], told["facts"]) == ("tag:march", 1)
    world.done("close", "2025-03", "--actor", "ops/lin")
    assert world.state("a-1", "--at", END)["restated"] == {
        "period": "2025-03", "facts": 0, "by": {}
    }


def test_the_months_of_a_quarter_are_those_of_the_ledgers_own_offset(tmp_path: Path) -> None:
    """R61: not of the default one, when a close is the first thing that a program does."""
    world = World(tmp_path / "t.db", policy={"calendar_offset": "-05:00"})
    world.done("clock", "advance", "--to", "2025-04-01")
    closed = world.json("close", "2025-Q1", "--actor", "x")
    assert [month["period"] for month in closed["months"]] == ["2025-01", "2025-02", "2025-03"]
    ends = [event["data"]["at"] for event in world.events("--type", "PeriodClosed")]
    assert ends[0] == "2025-01-31T23:59:59-05:00"


# --- two closers -----------------------------------------------------------------------------

CLOSERS = 4


def race(location: object, folder: Path) -> list[int]:
    """Close March of one ledger in many processes; return exit codes, the winner first."""
    started = [
        subprocess.Popen(
            [*COMMAND, "close", "2025-03", "--actor", f"ops/{number}", "--ledger", str(location)],
            cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for number in range(CLOSERS)
    ]  # fmt: skip
    said = [one.communicate(timeout=120)[1].decode() for one in started]
    odd = [text for one, text in zip(started, said, strict=True) if one.returncode not in (0, 4)]
    assert odd == [], "a closer wins, or is refused"
    return sorted(one.returncode for one in started)


def closed_once(location: object) -> None:
    """One close stands, and every loser left a refusal."""
    log = tally("log", "--ndjson", "--ledger", location)
    late = [row for row in log.rows if row["command"] == "close"]
    kinds = sorted(one["type"] for one in late)
    assert kinds == [*["CommandRefused"] * (CLOSERS - 1), "PeriodClosed"]
    assert tally("verify", "--deep", "--ledger", location).code == 0


def test_of_closers_that_race_one_wins(tmp_path: Path) -> None:
    """R61: under the ledger's write lock; the others are refused WRONG_STATE."""
    world = story(tmp_path)
    assert race(world.path, tmp_path) == [0, *[4] * (CLOSERS - 1)]
    closed_once(world.path)
