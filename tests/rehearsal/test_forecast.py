"""Forecast: what is foretold is what an advance of the clock then records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import codec
from ledger.periods import DAY
from ledger.rehearsal.forecast import forecast
from projections.answers.state import state_of
from projections.point import Asked, account_at, config_at, resolve
from tests.cli.program import World, lines, valid
from tests.rehearsal.worlds import OFFSET, random_ledger, renewal_story

if TYPE_CHECKING:
    from pathlib import Path


@settings(max_examples=25)
@given(
    seed=st.integers(min_value=0, max_value=2**32), days=st.integers(min_value=0, max_value=90)
)
def test_the_clock_records_the_forecast_byte_by_byte(seed: int, days: int) -> None:
    ledger = random_ledger(seed)
    try:
        reader = ledger.store.reader
        to = ledger.now() + days * DAY
        found = forecast(reader, to)
        ahead = {name: forecast(reader, to, accounts={name}) for name in ("a", "b")}
        made = list(ledger.recorded(ledger.advance(to)))
        assert [codec.encode(one) for one in found.events] == [codec.encode(one) for one in made]
        point = resolve(reader, Asked(), clock=ledger.now(), offset=OFFSET)
        policy = config_at(reader, point).policy
        for name, alone in ahead.items():
            state = account_at(reader, name, point)
            assert [event.event for event in alone.events] == [
                one.event for one in made if one.stream == f"account:{name}"
            ]
            if state is not None:
                foretold = alone.states[name]
                assert state_of(foretold, policy, point) == state_of(state, policy, point)
    finally:
        ledger.store.close()


def test_a_forecast_writes_nothing_and_needs_nothing_due() -> None:
    ledger = renewal_story()
    reader = ledger.store.reader
    before = list(reader.bodies())
    assert forecast(reader, ledger.now()).events == []
    (released,) = forecast(reader, ledger.now() + 30 * DAY).events
    assert type(released.event).__name__ == "InstanceReleased"
    assert list(reader.bodies()) == before


def test_the_outlook_says_who_stops_and_what_renewals_take_day_by_day(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-05-20T00:00:00+08:00")
    at = "2025-05-20T09:00:00+08:00"
    world.run("import", "-", stdin=lines(
        {"at": at, "do": "set-price", "sku": "std", "monthly_price": "300"},
        {"at": at, "do": "open-account", "account": "rich"},
        {"at": at, "do": "open-account", "account": "idle"},
        {"at": at, "do": "top-up", "account": "rich", "amount": "700", "channel": "c",
         "serial": "1"},
        {"at": at, "do": "purchase", "account": "rich", "instance": "i-1", "sku": "std",
         "months": 1, "auto_renew": True},
    ))  # fmt: skip
    answer = valid(world.done("forecast", "--to", "2025-09-01", "--all", "--json").json)
    assert answer["days"] == [{"date": "2025-06-12", "currency": "CNY", "renewal_cash": "300.00"}]
    (row,) = answer["rows"]
    assert (row["account"], row["expire"], row["release"]) == ("rich", ["i-1"], ["i-1"])
    assert (row["renewals"], row["renewals_failed"], row["renewal_cash"]) == (1, 9, "300.00")
    plain = world.done("forecast", "--to", "2025-09-01", "--json").json
    assert row["events"] == len(plain["events"])
    page = world.path.with_name("o.html")
    ahead = ("forecast", "--to", "2025-09-01", "--all")
    assert "300.00" in world.done(*ahead, "--html", "-o", page).out
    assert world.done(*ahead, "--html").out == page.read_text(encoding="utf-8")
    assert "2025-06-12" in page.read_text(encoding="utf-8")
    header = world.done("forecast", "--to", "2025-09-01", "--all", "--csv").out.splitlines()[0]
    assert header.startswith("account,currency,expire")
    assert world.run("forecast", "--to", "2025-09-01", "--workers", 2).code == 2
