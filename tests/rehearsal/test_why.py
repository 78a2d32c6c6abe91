"""Why: every money field adds up from the events themselves; every state has its chain."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import codec
from projections.answers.terms import Formatter
from projections.answers.why import Cause, Explained
from projections.history.causes import Causes, is_fact, rule_of
from projections.history.compiling import parse_name
from projections.history.fields import Look, Name, read_all
from projections.history.why import FieldCauses, told, why
from projections.point import Asked, Point, account_at, config_at, resolve
from tests.rehearsal.worlds import (
    OFFSET,
    events,
    instant,
    now,
    overdue_story,
    random_ledger,
    renewal_story,
    year,
)

WRITE = Formatter(offset=OFFSET, currency="CNY")

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pytest

    from ledger.application import Ledger
    from ledger.events import RecordedEvent
    from ledger.store import Reader


def ask(ledger: Ledger, field: str, *, at: str | None = None) -> FieldCauses:
    asked = Asked(at=instant(at) if at else None)
    point = resolve(ledger.store.reader, asked, clock=ledger.now(), offset=OFFSET)
    found = why(ledger.store.reader, "a-1", parse_name(field), point, WRITE)
    assert found is not None
    return found


def types(nodes: Sequence[Cause]) -> list[object]:
    """Return a tree as nested lists of type names."""
    found: list[object] = []
    for node in nodes:
        found.append(node.type)
        if node.causes:
            found.append(types(node.causes))
    return found


def everything_adds_up(
    reader: Reader, account: str, point: Point, *, states: bool = True
) -> int:
    """Compare every field with the fold, and every sum with its parts."""
    state = account_at(reader, account, point)
    assert state is not None
    look = Look(state, config_at(reader, point).policy, point.seen_at)
    sums = 0
    for name, content in read_all(look):
        if not (states or name.what.sums):
            continue
        found = why(reader, account, name, point, WRITE)
        assert found is not None
        assert found.value == content, (account, str(name))
        if name.what.sums:
            sums += 1
            assert found.adds_up, (account, str(name))
            for node in found.causes:
                flows(node)
    return sums


def flows(node: Cause) -> None:
    """See that the parts of the causes add up to the part of what they caused."""
    if node.causes:
        assert sum(cause.delta or 0 for cause in node.causes) == node.delta
    for cause in node.causes:
        assert cause.position < node.position
        flows(cause)


def test_every_money_field_of_every_account_of_the_year_adds_up() -> None:
    ledger = year()
    reader = ledger.store.reader
    point = now(ledger)
    checked = sum(
        everything_adds_up(reader, stream.removeprefix("account:"), point, states=not i % 8)
        for i, stream in enumerate(reader.streams())
    )
    assert checked > 400


@settings(max_examples=20)
@given(seed=st.integers(min_value=0, max_value=2**32), back=st.integers(0, 40))
def test_random_histories_add_up_at_any_point(seed: int, back: int) -> None:
    ledger = random_ledger(seed)
    try:
        reader = ledger.store.reader
        position = max(3, reader.head().position - back)
        for asked in (Asked(), Asked(position=position)):
            point = resolve(reader, asked, clock=ledger.now(), offset=OFFSET)
            everything_adds_up(reader, "a", point)
    finally:
        ledger.store.close()


def test_a_stop_goes_back_to_the_bill_that_was_not_paid() -> None:
    found = ask(overdue_story(), 'instances["i-1"].state')
    assert found.value == "stopped_overdue"
    assert types(found.causes) == ["ServiceStopped", ["OverdueStarted", ["BillPosted"]]]
    stopped = found.causes[0]
    started = stopped.causes[0]
    assert (stopped.rule, started.rule) == ("R16", "R9")
    assert (started.needed, started.available) == (Decimal("20.00"), Decimal("8.00"))
    assert started.cash
    assert started.cash.value == Decimal("8.00")
    assert [part.type for part in started.cash.parts] == ["TopUpReceived"]


def test_an_expiry_goes_back_to_the_failed_slot_and_what_was_there() -> None:
    found = ask(renewal_story(), 'instances["i-1"].state')
    expired = found.causes[0]
    failed = expired.causes[0]
    assert (expired.rule, failed.rule) == ("R22", "R33")
    assert (failed.needed, failed.available) == (Decimal(300), Decimal(150))
    assert failed.cash
    assert [part.delta for part in failed.cash.parts] == [450, -300]


def test_a_field_that_nothing_set_has_no_cause() -> None:
    found = ask(overdue_story(), "alert.threshold")
    assert (found.value, found.causes, found.adds_up) == (None, (), None)


def test_the_answer_has_the_shape_of_the_interface() -> None:
    ledger = overdue_story()
    answer = Explained(**told(ask(ledger, "cash"), WRITE)).plain()
    assert (answer["field"], answer["value"]) == ("cash", "0.00")
    assert (answer["sum"], answer["adds_up"]) == ("0.00", True)
    received, settled = answer["causes"]
    assert (received["type"], received["delta"], received["causes"]) == (
        "TopUpReceived", "8.00", []
    )  # fmt: skip
    assert [cause["type"] for cause in settled["causes"]] == ["BillPosted"]
    assert settled["causes"][0]["delta"] == settled["delta"] == "-8.00"


def test_every_event_has_a_rule_and_its_causes_lie_before_it() -> None:
    reader = year().store.reader
    recorded = events(reader)
    assert all(rule_of(one).startswith(("R", "section")) for one in recorded)
    causes = Causes([one for one in recorded if one.stream == "account:a-003"])
    for position, parents in causes.parents.items():
        assert all(parent < position for parent in parents)
        if is_fact(causes.events[position]):
            assert parents == ()


def test_an_explanation_reads_the_events_of_one_account_and_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The largest account of the year; what other accounts did is never read."""
    ledger = year()
    reader = ledger.store.reader
    largest = max(reader.streams(), key=lambda stream: len(reader.stream_bodies(stream)))
    count, read = len(reader.stream_bodies(largest)), Counter[str]()
    decode_all, decode, decode_array = codec.decode_all, codec.decode, codec.decode_array

    def counted(bodies: Iterable[bytes]) -> Iterator[RecordedEvent]:
        for recorded in decode_all(bodies):
            read[recorded.stream] += 1
            yield recorded

    def counted_one(body: bytes) -> RecordedEvent:
        recorded = decode(body)
        read[recorded.stream] += 1
        return recorded

    def counted_array(bodies: bytes) -> list[RecordedEvent]:
        array = decode_array(bodies)
        read.update(recorded.stream for recorded in array)
        return array

    monkeypatch.setattr(codec, "decode_array", counted_array)
    monkeypatch.setattr(codec, "decode_all", counted)
    monkeypatch.setattr(codec, "decode", counted_one)
    why(reader, largest.removeprefix("account:"), Name("cash"), now(ledger), WRITE)
    assert {stream for stream in read if stream.startswith("account:")} == {largest}
    assert count <= read[largest] <= 4 * count
