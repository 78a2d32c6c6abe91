"""Forecast: what is foretold is what an advance of the clock then records."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import codec
from ledger.periods import DAY
from ledger.rehearsal.forecast import forecast
from projections.answers import state_json
from projections.point import Asked, account_at, catalog_at, resolve
from tests.rehearsal.worlds import OFFSET, random_ledger, renewal_story


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
        ahead = {name: forecast(reader, to, account=name) for name in ("a", "b")}
        made = ledger.advance(to)
        assert [codec.encode(one) for one in found.events] == [codec.encode(one) for one in made]
        point = resolve(reader, Asked(), clock=ledger.now(), offset=OFFSET)
        policy = catalog_at(reader, point).policy
        for name, alone in ahead.items():
            state = account_at(reader, name, point)
            assert [one.event for one in alone.events] == [
                one.event for one in made if one.stream == f"account:{name}"
            ]
            if state is not None:
                foretold = alone.states[name]
                assert state_json(foretold, policy, point) == state_json(state, policy, point)
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
