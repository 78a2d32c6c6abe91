"""A change of policy moves a release without an event of the account; it is noticed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ledger.certain import certain
from projections.history.bisect import bisect
from projections.history.blame import blame, last
from projections.history.compiling import compile_expression, parse_name
from projections.history.debugger import Debugger
from projections.history.points import here
from projections.history.trace import trace
from projections.history.walk import EFFECTIVE, KNOWN
from projections.history.words import DebugWords
from tests.application.worlds import new_ledger, record
from tests.history.histories import OFFSET, Naive, at, clock

if TYPE_CHECKING:
    from ledger.application import Ledger

RELEASES = 'instances["i-1"].releases_at'


@pytest.fixture
def ledger() -> Ledger:
    """A month bought on 1 February; on 5 February the retention becomes 20 days (section 4)."""
    made = new_ledger(":memory:", start="2025-01-01T00:00:00+08:00")
    day = "2025-02-0{}T10:00:00+08:00".format
    record(made, [json.dumps(command).encode() for command in (
        {"at": day(1), "do": "set-price", "sku": "std", "monthly_price": "10"},
        {"at": day(1), "do": "open-account", "account": "a-1"},
        {"at": day(1), "do": "top-up", "account": "a-1", "amount": "90", "channel": "x",
         "serial": "1"},
        {"at": day(1), "do": "purchase", "account": "a-1", "instance": "i-1", "sku": "std",
         "months": 1},
        {"at": day(5), "do": "set-policy", "key": "retention", "value": "20d"},
        {"at": day(6), "do": "top-up", "account": "a-1", "amount": "5", "channel": "x",
         "serial": "2"},
    )])  # fmt: skip
    return made


@pytest.mark.parametrize("axis", [EFFECTIVE, KNOWN])
def test_a_flip_by_policy_is_at_the_policy_event(ledger: Ledger, axis: str) -> None:
    reader = ledger.store.reader
    text = f'{RELEASES} > "2025-03-20"'
    expression = compile_expression(text, currency="CNY", offset=OFFSET)
    assert expression.by_policy
    found = bisect(reader, "a-1", expression, at(reader), axis=axis)  # type: ignore[arg-type]
    (flip,) = found.flips
    assert type(flip.recorded.event).__name__ == "PolicyAdopted"
    assert (found.first, flip.after) == (False, True)
    naive = Naive(reader)
    for position, there in ((flip.recorded.position - 1, "2025-03-17"),
                            (flip.recorded.position, "2025-03-22")):  # fmt: skip
        shown = naive.flat("a-1", at(reader, position=position))
        assert shown[RELEASES] == f"{there}T00:00:00+08:00"


def test_blame_last_and_trace_name_the_policy_event(ledger: Ledger) -> None:
    reader = ledger.store.reader
    name = parse_name(RELEASES)
    _, (one,) = blame(reader, "a-1", at(reader), name)
    assert type(one.recorded.event).__name__ == "PolicyAdopted"
    _, changes = last(reader, "a-1", at(reader), name, count=5)
    assert [type(change.recorded.event).__name__ for change in changes] == [
        "PolicyAdopted", "InstancePurchased",
    ]  # fmt: skip
    expression = compile_expression(RELEASES, currency="CNY", offset=OFFSET)
    assert len(list(trace(reader, "a-1", expression, at(reader)))) == 3


def test_the_debugger_stops_at_the_policy_event_both_ways(ledger: Ledger) -> None:
    reader = ledger.store.reader
    around = here(reader, clock=clock(reader), offset=OFFSET)
    words = DebugWords(Debugger(reader, "a-1", here=around, currency="CNY"))
    words.run(f"n {RELEASES}")
    forward = certain(words.run("n")).plain()
    assert forward["type"] == "PolicyAdopted"
    assert [change["field"] for change in forward["changes"]] == [RELEASES]
    words.run("g head")
    back = certain(words.run("n-")).plain()
    assert {**back, "word": ""} == {**forward, "word": ""}
    assert certain(words.run("s-")).type == "InstancePurchased"
    value = certain(words.run(f"p {RELEASES}")).value
    assert value == "2025-03-17T00:00:00+08:00"
