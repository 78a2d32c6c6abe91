"""The grammar of points: every form, its bounds, and the error for a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput, LedgerError, NoSuchThing
from ledger.periods import DAY, HOUR, SECOND, format_instant, parse_instant
from projections.history.points import Here, parse_at, parse_known, parse_point
from projections.history.tags import Tag
from projections.point import Asked

OFFSET = 8 * HOUR
CLOCK = parse_instant("2025-03-10T12:30:00+08:00", OFFSET)
CLOSED = parse_instant("2025-02-28T23:59:59+08:00", OFFSET)
TAG = Tag("close-2025-02", CLOSED, CLOSED + DAY, 17, sealed=True, added=18,
          recorded_at=CLOSED + DAY, actor=None)  # fmt: skip
HERE = Here(CLOCK, OFFSET, 40, {TAG.name: TAG})


def instant(text: str) -> int:
    return parse_instant(text, OFFSET)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-02-10T08:00:00+08:00", "2025-02-10T08:00:00+08:00"),
        ("2025-02-10T00:00:00Z", "2025-02-10T08:00:00+08:00"),
        ("2025-02-10T08:00", "2025-02-10T08:00:00+08:00"),
        ("2025-02-10", "2025-02-10T23:59:59+08:00"),
        ("2025-02", "2025-02-28T23:59:59+08:00"),
        ("2024-02", "2024-02-29T23:59:59+08:00"),
        ("2024-12", "2024-12-31T23:59:59+08:00"),
        ("today", "2025-03-10T12:30:00+08:00"),
        ("yesterday", "2025-03-09T23:59:59+08:00"),
        ("-7d", "2025-03-03T12:30:00+08:00"),
        ("today-36h", "2025-03-09T00:30:00+08:00"),
        ("-2w", "2025-02-24T12:30:00+08:00"),
        ("-30min", "2025-03-10T12:00:00+08:00"),
        ("-1s", "2025-03-10T12:29:59+08:00"),
    ],
)
def test_an_instant_bounds_effective_time_alone(text: str, at: str) -> None:
    assert parse_point(text, HERE) == Asked(at=instant(at))
    assert format_instant(parse_at(text, HERE), OFFSET) == at


@pytest.mark.parametrize(
    ("text", "position"), [("@17", 17), ("head", 40), ("head~3", 37), ("head~0", 40)]
)
def test_a_position_bounds_what_was_known_alone(text: str, position: int) -> None:
    assert parse_point(text, HERE) == Asked(position=position)
    assert parse_known(text, HERE) == Asked(position=position)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("2025-02::2025-03-05", Asked(at=CLOSED, known_at=instant("2025-03-05T23:59:59"))),
        ("2025-02::head", Asked(at=CLOSED, position=40)),
        ("-1d::@12", Asked(at=CLOCK - DAY, position=12)),
        ("tag:close-2025-02::head~1", Asked(at=CLOSED, position=39)),
        ("today::tag:close-2025-02", Asked(at=CLOCK, position=17)),
        ("tag:close-2025-02", Asked(at=CLOSED, known_at=CLOSED + DAY, position=17)),
    ],
)
def test_a_pair_or_a_tag_bounds_both(text: str, asked: Asked) -> None:
    assert parse_point(text, HERE) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a point"), ("soon", "not a point"), ("tody", "did you mean today"),
        ("2025-13", "not a month"), ("2025-02-30", "not a point"), ("@", "not a point"),
        ("@-1", "not a point"), ("head~x", "not a point"), ("@17::head", "write AT::@17"),
        ("2025-02::", "not a point"), ("::head", "not a point"), ("2025-02::a::b", "not a point"),
        ("-7y", "not a point"), ("1", "not a point"),
    ],
)  # fmt: skip
def test_a_wrong_point_is_explained(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_point(text, HERE)
    assert said in f"{caught.value}; {caught.value.hint}"


def test_a_tag_that_does_not_exist_is_no_such_thing() -> None:
    with pytest.raises(NoSuchThing) as caught:
        parse_point("tag:close-2025-03", HERE)
    assert caught.value.hint == "did you mean close-2025-02?"
    with pytest.raises(NoSuchThing):
        parse_point("tag:x", Here(CLOCK, OFFSET, 40, {}))


@given(st.text(max_size=30))
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    try:
        parse_point(text, HERE)
    except LedgerError as error:
        assert str(error)  # noqa: PT017 - most texts are not points


@given(st.integers(0, 20_000), st.integers(0, 86_399))
def test_a_written_instant_is_read_back(day: int, second: int) -> None:
    at = day * DAY + second * SECOND
    assert parse_at(format_instant(at, OFFSET), HERE) == at


@pytest.mark.parametrize("text", ["2025-03-10T23:59:60", "2025-03-10 23:59:60.5+08:00"])
def test_a_leap_second_is_the_last_of_its_minute(text: str) -> None:
    assert parse_instant(text, 8 * HOUR) == parse_instant("2025-03-10T23:59:59+08:00", 0)
    for wrong in ("2025-03-10T23:60", "2025-03-10T23:59:61", "2025-03-10T24:00:00"):
        with pytest.raises(InvalidInput):
            parse_instant(wrong, 0)
