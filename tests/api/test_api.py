"""The package ``tallystick``: typed answers that say what the command line says, and recording."""

from __future__ import annotations

import inspect
import pydoc
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

import tallystick
from projections.reports import REPORTS
from tallystick import (
    InvalidInput,
    Ledger,
    LedgerError,
    LedgerView,
    NoSuchThing,
    Part,
    Point,
    Refused,
    StoreError,
    open_ledger,
)
from tests.cli.program import ROOT, World, tally, valid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path



@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Make a ledger with one account and some money."""
    with Ledger.create(tmp_path / "l.db", clock="simulated", start="2025-01-01") as made:
        made.record("set-price", sku="std", monthly_price=500)
        made.record("open-account", account="a")
        made.record("top-up", account="a", amount=Decimal("700.50"), channel="c", serial="s")
        yield made


@pytest.mark.parametrize("when", [None, "2025-01-20", "@9", "2025-01-31::@12", "-7d"])
def test_an_answer_is_what_the_command_prints(looked_at: World, when: str | None) -> None:
    """One shape: ``plain()`` equals the object of --json, at any point."""
    at, known = (when or "").partition("::")[::2]
    given = ["--position", at] if at.startswith("@") else [f"--at={at}"] if at else []
    given += ["--position", known] if known else []

    def printed(*words: str) -> object:
        return tally(*words, "--json", "--ledger", looked_at.path).json

    with open_ledger(looked_at.path) as view:
        assert view.account("a-1", when).plain() == printed("state", "a-1", *given)
        assert view.instances(when).plain() == printed("instances", *given)
        balances = view.balances(when).plain()
        assert {**balances, "derivation": ""} == {
            **printed("balances", *given), "derivation": "",  # type: ignore[dict-item]
        }  # fmt: skip
        assert view.log("a-1", when).plain() == printed("log", "a-1", *given)
        assert view.why("a-1", "cash", when).plain() == printed("why", "a-1.cash", *given)
        for name in REPORTS.own.keys() - {"restatements", "trial-balance"}:
            alone = name in ("statement", "timeline")
            found = view.report(name, when, account="a-1" if alone else None)
            assert found.plain() == printed("report", name, *(["a-1"] if alone else []), *given)
        books = view.books(when).plain()
        assert books == printed("report", "trial-balance", *given)


def test_a_report_of_one_customer_or_one_period_says_what_is_missing(looked_at: World) -> None:
    with open_ledger(looked_at.path) as view:
        for name, missing in (("statement", "one customer"), ("timeline", "one customer"),
                              ("restatements", "one period")):  # fmt: skip
            with pytest.raises(InvalidInput, match=missing):
                view.report(name)
        printed = tally("report", "restatements", "2025-01", "--json", "--ledger", looked_at.path)
        assert view.report("restatements", period="2025-01").plain() == printed.json


def test_events_and_differences_are_what_the_commands_print(looked_at: World) -> None:
    with open_ledger(looked_at.path) as view:
        head = view.reader.head().position
        for position in range(1, head + 1):
            shown = tally("show", str(position), "--json", "--ledger", looked_at.path).json
            assert view.show(position).plain() == shown
            if position > head // 4:
                break
        for a, b in (("@5", "head"), ("2025-01-10", "2025-02-10")):
            shown = tally("diff", a, b, "--json", "--ledger", looked_at.path).json
            assert view.diff(a, b).plain() == shown


def test_a_reconciliation_is_what_the_command_prints(looked_at: World) -> None:
    file = ROOT / "fixtures" / "statements" / "bank.xml"
    printed = tally(
        "reconcile", file, "--source", "camt053", "--json", "--ledger", looked_at.path
    ).json
    with open_ledger(looked_at.path) as view:
        found = view.reconcile(str(file), source="camt053")
    assert found.plain() == valid(printed)
    items = sum(item.amount for item in found.reconciling_items)
    assert found.closing == found.ledger_balance + items


def test_money_is_exact_and_instants_are_aware(ledger: Ledger) -> None:
    state = ledger.account("a")
    assert (state.cash, str(state.cash)) == (Decimal("700.5"), "700.50")
    assert state.point.at.utcoffset() is not None
    assert state.point.at == datetime(2024, 12, 31, 16, tzinfo=UTC)


def test_a_point_may_be_given_in_every_way(ledger: Ledger) -> None:
    ledger.advance("2025-01-03T00:00")
    same: list[str | datetime | Point] = [
        "2025-01-02T08:00:00", "2025-01-02T00:00:00Z", datetime(2025, 1, 2, tzinfo=UTC),
        Point(at=datetime(2025, 1, 2, tzinfo=UTC)), Point("2025-01-02T08:00:00"),
    ]  # fmt: skip
    assert len({ledger.account("a", one).point.at for one in same}) == 1
    first = ledger.at(Point(position=3))
    assert ledger.at(Point(position="@3")) == ledger.at(first) == first
    with pytest.raises(InvalidInput, match="no offset"):
        ledger.account("a", datetime(2025, 1, 2))  # noqa: DTZ001 - what is refused
    with pytest.raises(InvalidInput):
        ledger.account("a", Point(at="2025-01-01", as_of="2025-01-01"))
    with pytest.raises(NoSuchThing):
        ledger.account("a", "tag:none")


def test_a_refusal_raises_and_is_in_the_log(ledger: Ledger) -> None:
    with pytest.raises(Refused) as refused:
        ledger.record("purchase", account="a", instance="i", sku="std", months=2)
    assert refused.value.code == "INSUFFICIENT_BALANCE"
    assert refused.value.remedy
    assert ledger.log().rows[-1].type == "CommandRefused"


def test_a_batch_is_one_transaction_and_says_what_was_refused(ledger: Ledger) -> None:
    done = ledger.record_all(
        [
            {"do": "purchase", "account": "a", "instance": "i", "sku": "std", "months": 2},
            {"do": "purchase", "account": "a", "instance": "i", "sku": "std", "months": 1},
        ]
    )
    assert [one.ok for one in done] == [False, True]
    before = ledger.reader.head()
    with pytest.raises(InvalidInput, match="no command"):
        ledger.record_all([{"do": "open-account", "account": "b"}, {"do": "opne"}])
    assert ledger.reader.head() == before


def test_a_float_is_refused_and_a_repeat_is_safe(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="float"):
        ledger.record("top-up", account="a", amount=0.1, channel="c", serial="t")
    fields = {"account": "a", "amount": "1", "channel": "c", "serial": "t", "token": "t"}
    first = ledger.record("top-up", **fields)
    again = ledger.record("top-up", **fields)
    assert (again.duplicate, list(again.positions)) == (True, list(first.positions))


def test_a_view_that_stays_open_sees_what_others_record(ledger: Ledger) -> None:
    with open_ledger(ledger.location) as view:
        assert view.account("a").cash == Decimal("700.50")
        ledger.advance("2025-03-01T00:00")
        ledger.record("set-policy", key="retention", value="30d")
        ledger.record("top-up", account="a", amount="1", channel="c", serial="t")
        seen = view.account("a", "today")
        assert (seen.cash, seen.point.at.month) == (Decimal("701.50"), 3)
        assert view.balances().rows[0].cash == seen.cash
        assert view.config.policy.values["retention"] == "30d"


def test_looking_writes_nothing(ledger: Ledger) -> None:
    with open_ledger(ledger.location) as view:
        assert view.balances().derivation == "fold"
        with pytest.raises(StoreError):
            _ = view.store


def test_a_ledger_is_not_made_twice(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"l\.db"):
        Ledger.create(ledger.location)
    with pytest.raises(InvalidInput, match="simulated"):
        Ledger.create(tmp_path / "n.db", start="2025-01-01")
    with pytest.raises(LedgerError), open_ledger(tmp_path / "none.db") as view:
        view.balances()


def test_the_package_reads_like_a_page() -> None:
    page = pydoc.plain(pydoc.render_doc(tallystick))
    assert "open_ledger" in page
    assert "Record in it" in page
    for name in tallystick.__all__:
        thing = getattr(tallystick, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing) and issubclass(thing, (LedgerView, Part)):
            for member, what in vars(thing).items():
                if inspect.isfunction(what) and not member.startswith("_"):
                    assert inspect.getdoc(what), f"{name}.{member}"
    assert (ROOT / "tallystick" / "py.typed").exists()
