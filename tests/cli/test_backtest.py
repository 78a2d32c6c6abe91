"""``tally backtest``: its shapes, files, limits and shares, through the program."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from projections.impact import COUNTS, MONEY, SPANS
from tests.cli.program import Json, World, lines, tally, tally_process, valid

if TYPE_CHECKING:
    from pathlib import Path

GRACE = ("--policy", "overdue_grace_legacy=48h")


@pytest.fixture
def story(tmp_path: Path) -> World:
    """One legacy instance that stops, one account in yen that owes nothing, one that renews."""
    world = World(tmp_path / "t.db", start="2025-10-01T00:00:00+08:00")
    at = "2025-10-01T00:00:00+08:00"
    world.run(
        "import", "-",
        stdin=lines(
            {"at": at, "do": "set-price", "sku": "std", "monthly_price": "300"},
            {"at": at, "do": "open-account", "account": "a-1"},
            {"at": at, "do": "open-account", "account": "yen", "currency": "JPY"},
            {"at": at, "do": "open-account", "account": "=cmd"},
            {"at": at, "do": "activate-public", "account": "a-1", "instance": "i-1",
             "kind": "public_legacy"},
            {"at": at, "do": "top-up", "account": "=cmd", "amount": "700", "channel": "c",
             "serial": "s-1"},
            {"at": at, "do": "purchase", "account": "=cmd", "instance": "i-2", "sku": "std",
             "months": 1, "auto_renew": True},
            {"at": "2025-11-02T06:30:00+08:00", "do": "post-bill", "account": "a-1", "bill": "b-1",
             "instance": "i-1", "rated": "20", "cycle_start": "2025-11-01T06:00:00+08:00",
             "cycle_end": "2025-11-02T06:00:00+08:00"},
        ),
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-11-05")
    return world


def answer(world: World, *arguments: object, code: int = 0) -> Json:
    return valid(world.done("backtest", *arguments, "--json", code=code).json)


def test_the_answer_has_the_shape_that_others_build_on(story: World) -> None:
    found = answer(story, *GRACE)
    assert (found["policy"], found["accounts"], found["changed"]) == (
        {"overdue_grace_legacy": "48h"}, 3, 1,
    )  # fmt: skip
    totals = found["totals"]
    assert totals["CNY"]["charged"] == {"before": "620.00", "after": "620.00", "delta": "0.00"}
    assert totals["stopped_seconds"] == {"before": 149400, "after": 63000, "delta": -86400}
    assert totals["JPY"]["charged"]["before"] == "0"
    assert found["distribution"]["CNY"]["charged"] == {"p50": "0.00", "p95": "0.00", "max": "0.00"}
    assert found["distribution"]["stopped_seconds"]["max"] == 86400
    assert [row["account"] for row in found["rows"]] == ["=cmd", "a-1", "yen"]
    assert found["most_changed"] == [
        {"account": "a-1",
         "try": "tally whatif a-1 --policy overdue_grace_legacy=48h"}
    ]  # fmt: skip


def test_rows_add_up_to_the_totals(story: World) -> None:
    found = answer(story, "--prices", _prices(story, "std,650,2025-10-15"))
    for side in ("before", "after", "delta"):
        for name in (*SPANS, *COUNTS):
            rows = sum(row[name][side] for row in found["rows"])
            assert rows == found["totals"][name][side], name
        for name in MONEY:
            cents = sum(
                int(row["CNY"][name][side].replace(".", ""))
                for row in found["rows"] if row["currency"] == "CNY"
            )  # fmt: skip
            assert cents == int(found["totals"]["CNY"][name][side].replace(".", "")), name


def _prices(world: World, *rows: str) -> Path:
    path = world.path.with_name("prices.csv")
    path.write_text("\n".join(("sku,monthly_price,from", *rows)) + "\n", encoding="utf-8")
    return path


def test_dearer_from_a_day_on_the_renewal_fails_unless_the_customer_tops_up(story: World) -> None:
    prices = _prices(story, "std,650.00,2025-10-15")
    plain = answer(story, "--prices", prices)
    assert plain["totals"]["renewals_failed"] == {"before": 0, "after": 9, "delta": 9}
    assert plain["totals"]["CNY"]["charged"]["delta"] == "-300.00"
    kind = answer(story, "--prices", prices, "--customers", "topping-up")
    assert kind["totals"]["renewals_failed"]["after"] == 1
    assert kind["totals"]["CNY"]["charged"]["delta"] == "350.00"
    assert kind["customers"].startswith("topping up: 12h after")
    tried = kind["most_changed"][0]["try"]
    assert '"channel":"backtest"' in tried
    assert '"sku":"std","monthly_price":"650.00"' in tried


def test_the_command_beside_an_account_shows_its_own_history(story: World) -> None:
    prices = _prices(story, "std,650.00,2025-10-15")
    found = answer(story, "--prices", prices, "--customers", "topping-up")
    words = shlex.split(found["most_changed"][0]["try"])
    assert words[:2] == ["tally", "whatif"]
    shown = valid(story.done(*words[1:], "--json").json)
    kinds = [one["type"] for one in shown["derived"]]
    assert "AutoRenewFailed" in kinds
    assert "TopUpReceived" in kinds
    assert "InstanceRenewed" in kinds


def test_rows_come_as_ndjson_and_as_csv_with_plain_cells(story: World) -> None:
    rows = story.done("backtest", *GRACE, "--ndjson").rows
    assert [row["account"] for row in rows] == ["=cmd", "a-1", "yen"]
    header, *cells = story.done("backtest", *GRACE, "--csv").out.splitlines()
    assert header.startswith("account,currency,charged_before,charged_after,charged_delta")
    assert len(cells) == 3


def test_a_total_over_its_limit_is_exit_1_and_named(story: World) -> None:
    arguments = (*GRACE, "--fail-over", "stopped_seconds_delta=86399")
    found = answer(story, *arguments, code=1)
    assert found["exceeded"] == [
        {"measure": "stopped_seconds", "currency": None, "limit": "86399", "delta": "-86400"}
    ]
    assert answer(story, *GRACE, "--fail-over", "stopped_seconds_delta=86400")["exceeded"] == []
    page = story.done("backtest", *arguments, code=1).out
    assert "over the limit: stopped_seconds changes by -86400, allowed 86399" in page


def test_a_cohort_and_a_span_can_be_chosen(story: World) -> None:
    assert [row["account"] for row in answer(story, "yen")["rows"]] == ["yen"]
    later = answer(story, *GRACE, "--from", "2025-11-04")
    assert later["changed"] == 0
    assert answer(story, *GRACE, "--to", "2025-11-02T12:00:00+08:00")["changed"] == 0


def test_what_is_done_is_kept_and_another_question_is_refused(story: World) -> None:
    kept = story.path.with_name("kept.jsonl")
    first = story.done("backtest", *GRACE, "--json", "--keep", kept).out
    written = kept.read_bytes()
    kept.write_bytes(written[:-40])  # the last share was cut off
    assert story.done("backtest", *GRACE, "--json", "--keep", kept).out == first
    assert story.done("backtest", *GRACE, "--json", "--keep", kept).out == first
    refused = story.run("backtest", "--json", "--keep", kept)
    assert (refused.code, "holds another backtest" in refused.out) == (2, True)


def test_the_page_and_the_parquet_file_say_the_same(story: World) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    page, table = (story.path.with_name(name) for name in ("b.html", "b.parquet"))
    story.done("backtest", *GRACE, "--html", "-o", page, "--parquet", table)
    text = page.read_text(encoding="utf-8")
    assert "Customers: as recorded" in text
    assert "tally whatif a-1" in text
    assert "<script" not in text
    rows = parquet.read_table(table).to_pylist()
    assert [row["account"] for row in rows] == ["=cmd", "a-1", "yen"]
    assert str(rows[0]["charged_before"]).startswith("600.00")
    assert rows[1]["stopped_seconds_delta"] == -86400


def test_rules_of_a_file_are_named_in_the_first_line(story: World) -> None:
    rules = story.path.with_name("rules.toml")
    rules.write_text('[[rule]]\non = "auto_renew_failed"\nwithin = "3h"\n', encoding="utf-8")
    page = story.done(
        "backtest", "--prices", _prices(story, "std,650,2025-10-15"), "--customers", rules
    ).out
    assert page.startswith("customers: by 1 rule of ")
    assert "renewals failed" in page


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--policy", "grace=1h"), 2, "is not a policy"),
        (("--policy", "retention"), 2, "key=value"),
        (("--coupon", "c-1"), 2, "does not change a coupon"),
        (("--coupon", "c-1=colour:red"), 2, "cannot be changed"),
        (("--fail-over", "charge_delta=1"), 2, "did you mean charged_delta?"),
        (("--fail-over", "charged_delta=much"), 2, "is not a price"),
        (("--within", "3h"), 2, "--customers topping-up"),
        (("--customers", "topping-up", "--within", "soon"), 2, "is not a value"),
        (("--customers", "absent.toml"), 2, "absent.toml"),
        (("--prices", "absent.csv"), 2, "absent.csv"),
        (("--from", "2025-11-04", "--to", "2025-11-01"), 2, "lies after"),
        (("nobody",), 3, "no account 'nobody'"),
    ],
)
def test_bad_input_is_one_clear_line(
    story: World, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = story.run("backtest", *arguments)
    assert done.code == code
    assert said in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sku,price\nstd,1\n", "has the columns"),
        ("sku,monthly_price,from\n", "names no price"),
        ("sku,monthly_price,from\nstd,1e3,\n", "is not a price"),
        ("sku,monthly_price,from\nstd,1.234,\n", "more than 2 decimals"),
        ("sku,monthly_price,from\n,1,\n", "line 2"),
        ("sku,monthly_price,from\nstd,1,someday\n", "someday"),
        ("\xff\xfe", "not UTF-8"),
    ],
)
def test_a_bad_price_list_is_refused_by_its_line(story: World, text: str, said: str) -> None:
    path = story.path.with_name("bad.csv")
    path.write_bytes(text.encode("latin-1"))
    done = story.run("backtest", "--prices", path)
    assert done.code in (2, 4)
    assert said in done.err


@pytest.mark.parametrize(
    "text",
    [
        "", "rule = 1", "[[rule]]\non = 'x'", "[[rule]]\non = 'overdue'\nwhen = '1h'",
        "[[rule]]\non = 'overdue'\namount = '-1'", "[[rule]]\non = 'overdue'\nwithin = 3",
        "[[rule]]\non = 'overdue'\naccounts = [1]", "a = " + "[" * 3000, "[[rule]", "other = 1",
    ],
)  # fmt: skip
def test_a_bad_file_of_rules_is_one_clear_line(story: World, text: str) -> None:
    path = story.path.with_name("bad.toml")
    path.write_text(text, encoding="utf-8")
    done = tally("backtest", "--customers", path, "--ledger", story.path)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1


@pytest.mark.slow
def test_the_bytes_are_the_same_with_workers(story: World) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    arguments = ("backtest", *GRACE, "--json", "--ledger", story.path)
    alone = tally_process(*arguments)
    assert json.loads(alone.out)["changed"] == 1
    for workers in (1, 2, 4):
        done = tally_process(*arguments, "--workers", workers)
        assert (done.code, done.out) == (0, alone.out)
