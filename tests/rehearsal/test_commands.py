"""The commands that decide again, as a person and a program meet them."""

from __future__ import annotations

import hashlib
import shlex
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.program import ROOT, Json, World

if TYPE_CHECKING:
    from tests.conftest import Golden

GOLDEN = ROOT / "tests" / "golden" / "rehearsal"
STATE = 'a-1.instances["i-1"].state'
TOP_UP = (
    '{"do":"top-up","account":"a-1","at":"2025-11-02T06:29:59+08:00","amount":"12",'
    '"channel":"alipay","serial":"T9"}'
)


def _story() -> list[Json]:
    """Tell of three accounts.

    a-1: section 6's overdue instance. a-2: a month that could not be renewed, and one refusal.
    a-3: a month that will be renewed once.
    """
    first = "2025-05-20T09:15:00+08:00"
    return [
        {"do": "set-price", "sku": "std", "monthly_price": "300", "at": first},
        {"do": "open-account", "account": "a-2", "at": first},
        {"do": "top-up", "account": "a-2", "amount": "450", "channel": "alipay", "serial": "T2",
         "at": first, "actor": "lin"},
        {"do": "purchase", "account": "a-2", "instance": "i-2", "sku": "std", "months": 1,
         "auto_renew": True, "at": first},
        {"do": "renew", "account": "a-2", "instances": ["i-2"], "months": 1,
         "at": "2025-06-19T10:00:00+08:00"},
        {"do": "open-account", "account": "a-1", "at": "2025-10-01"},
        {"do": "activate-public", "account": "a-1", "instance": "i-1", "kind": "public_legacy",
         "at": "2025-10-01"},
        {"do": "top-up", "account": "a-1", "amount": "8", "channel": "alipay", "serial": "T1",
         "at": "2025-10-01"},
        {"do": "record-usage", "account": "a-1", "usage": "u-1", "instance": "i-1", "rated": "20",
         "cycle_start": "2025-11-01T02:30:00", "cycle_end": "2025-11-02T02:30:00",
         "at": "2025-11-02T03:00:00"},
        {"do": "top-up", "account": "a-1", "amount": "5", "channel": "alipay", "serial": "T3",
         "at": "2025-11-03T06:30:00"},
        {"do": "open-account", "account": "a-3", "at": "2025-11-04"},
        {"do": "top-up", "account": "a-3", "amount": "700", "channel": "alipay", "serial": "T4",
         "at": "2025-11-04"},
        {"do": "purchase", "account": "a-3", "instance": "i-3", "sku": "std", "months": 1,
         "auto_renew": True, "at": "2025-11-04"},
    ]  # fmt: skip


@cache
def world() -> World:
    """Return the story's ledger, made once; the commands here write nothing into it."""
    made = World(Path(mkdtemp()) / "story.db")
    made.take(*_story(), code=4)
    made.done("clock", "advance", "--to", "2025-11-05")
    return made


def file_hash() -> str:
    return hashlib.sha256(world().path.read_bytes()).hexdigest()


PAGES = {
    "recheck": (("recheck",), 0),
    "recheck-policy": (("recheck", "a-1", "--policy", "overdue_grace_legacy=30h"), 1),
    "why-sum": (("why", "a-1.cash"), 0),
    "why-state": (("why", STATE), 0),
    "why-flip": (("why", STATE, "--flip"), 0),
    "why-expired": (("why", 'a-2.instances["i-2"].state', "--flip", "--at", "2025-06-30"), 0),
    "why-not": (("why-not", "a-1", "purchase", "--instance", "i-9", "--sku", "std",
                 "--months", "1"), 1),
    "why-not-past": (("why-not", "a-2", "@15"), 1),
    "whatif": (("whatif", "--insert", TOP_UP), 0),
    "whatif-skip": (("whatif", "--skip", "4"), 0),
    "whatif-facts": (("whatif", "--insert", TOP_UP, "--mode", "facts"), 0),
    "forecast": (("forecast", "--to", "2025-12-31"), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_committed_one(name: str, golden: Golden) -> None:
    arguments, code = PAGES[name]
    before = file_hash()
    done = world().done(*arguments, code=code)
    assert done.err == ""
    assert file_hash() == before
    shown = shlex.join(map(str, ("tally", *arguments)))
    golden(GOLDEN / f"{name}.txt", f"$ {shown}\n{done.out}")


@pytest.mark.parametrize("name", PAGES)
def test_the_answer_fits_its_schema(name: str) -> None:
    arguments, code = PAGES[name]
    assert world().json(*arguments, code=code)


def test_pages_fit_eighty_columns_but_for_commands_to_copy() -> None:
    for page in GOLDEN.glob("*.txt"):
        for line in page.read_text(encoding="utf-8").splitlines()[1:]:
            assert len(line) <= 80 or line.strip().startswith("tally whatif"), (page.name, line)


def test_the_flip_can_be_copied_into_the_shell() -> None:
    answer = world().json("why", STATE, "--flip")
    assert [flip["kind"] for flip in answer["flips"]] == ["top-up", "coupon"]
    for flip in answer["flips"]:
        words = shlex.split(flip["try"])
        assert words[0] == "tally"
        tried = world().json(*words[1:])
        stops = [event for event in tried["dropped_events"] if event["type"] == "ServiceStopped"]
        assert [stop["position"] for stop in stops] == [answer["causes"][0]["position"]]
        assert "ServiceStopped" not in [event["type"] for event in tried["derived"]]


def test_what_if_shows_the_account_as_it_would_have_been() -> None:
    answer = world().json("whatif", "--insert", TOP_UP)
    assert answer["before"]["instances"][0]["state"] == "stopped_overdue"
    assert answer["after"]["instances"][0]["state"] == "running"
    assert answer["after"]["cash"] == "5.00"
    assert {row["field"]: row.get("delta") for row in answer["diff"]}["available"] == "12.00"


def test_rows_can_be_had_one_a_line() -> None:
    rows = world().rows("recheck", "a-1", "--policy", "overdue_grace_legacy=30h", code=1)
    assert [row["kind"] for row in rows] == ["missing", "extra"]
    events = world().rows("forecast", "a-3", "--to", "2025-12-31")
    assert [event["type"] for event in events][:2] == ["InstanceRenewed", "AutoRenewFailed"]


BAD: list[tuple[tuple[Any, ...], int]] = [
    (("why", "a-1"), 2),
    (("why", "a-1.cahs"), 2),
    (("why", 'a-1.instances["i-1"]'), 2),
    (("why", "a-9.cash"), 3),
    (("why", 'a-1.instances["i-9"].state'), 3),
    (("why", "a-1.cash", "--at", "2030-01-01"), 3),
    (("why-not", "a-1", "fly"), 2),
    (("why-not", "a-1", "purchase"), 2),
    (("why-not", "a-1", "set-price", "--sku", "x", "--monthly-price", "1"), 2),
    (("why-not", "a-1", "@15"), 3),
    (("why-not", "a-2", "@4"), 3),
    (("why-not", "a-2", "@15", "renew"), 2),
    (("why-not", "a-2", "renew", "--instances", "i-2", "--months", "1", "--at", "2025-01-01"), 2),
    (("whatif", "--insert", "{"), 2),
    (("whatif", "--insert", TOP_UP.replace("2025-11-02", "2026-11-02")), 2),
    (("whatif", "--insert", '{"do":"set-policy","key":"retention","value":"1d"}'), 2),
    (("whatif", "--skip", "99"), 3),
    (("whatif", "--skip", "x"), 2),
    (("whatif", "--patch", "4", "amount"), 2),
    (("whatif", "--patch", "4", "amuont=3"), 2),
    (("whatif", "--patch", "4", "amount=x"), 2),
    (("whatif", "--patch", "4", "amount=x", "--mode", "facts"), 2),
    (("whatif", "--policy", "retntion=3d"), 2),
    (("whatif", "--policy", "retention=3d", "--mode", "facts"), 2),
    (("recheck", "a-9"), 3),
    (("recheck", "--policy", "retention"), 2),
    (("forecast", "--to", "2025-01-01"), 2),
    (("forecast",), 2),
]


@pytest.mark.parametrize(("arguments", "code"), BAD, ids=lambda one: str(one)[:60])
def test_bad_input_is_one_clear_error(arguments: tuple[Any, ...], code: int) -> None:
    done = world().done(*arguments, code=code)
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    answer = world().json(*arguments, code=code)
    assert (answer["schema"], answer["exit"]) == ("tally.error/1", code)
