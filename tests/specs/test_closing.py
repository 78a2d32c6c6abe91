"""Specs of closed periods: what closes when, and what a late fact about one meets (R61-R63)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ledger.closes import Closes, check_ended, month_after
from ledger.errors import InvalidInput, PointInTheFuture, WrongState
from ledger.periods import HOUR, format_instant, months_of, read_period
from tests.given_when_then import World, bill, do, event, given, refused, top_up

OFFSET = 8 * HOUR
MARCH = "2025-03-15T10:00:00"
APRIL = "2025-04-02T10:00:00"
REFUSE = {"closed_period": "refuse"}
LATE = {"effective_at": MARCH}
WHO = {"actor": "ops/wu", "reason": "found in the bank statement"}


def march_closed(policy: dict[str, str] | None = None, actor: str | None = "ops/lin") -> World:
    """March is closed; a-1 has had a legacy instance and 100.00 since January."""
    story = given(
        top_up("100", "2025-01-02T10:00:00", serial="T1"),
        do("activate-public", instance="i-1", kind="public_legacy"), policy=policy,
    )  # fmt: skip
    return story.closed("2025-03", actor)


def warned(story: World) -> list[str]:
    """Return what the last result says of closed periods."""
    assert isinstance(story.result, list)
    said = (story.config.closes.warning(one) for one in story.result)
    return [one for one in said if one is not None]


# --- periods (R61) ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "end", "months"),
    [
        ("2025-03", "2025-03-01", "2025-04-01", 1), ("2024-02", "2024-02-01", "2024-03-01", 1),
        ("2025-Q1", "2025-01-01", "2025-04-01", 3), ("2025-Q4", "2025-10-01", "2026-01-01", 3),
        ("2025", "2025-01-01", "2026-01-01", 12), ("2025-12", "2025-12-01", "2026-01-01", 1),
    ],
)  # fmt: skip
def test_a_period_is_a_local_month_quarter_or_year(
    name: str, first: str, end: str, months: int
) -> None:
    """R61: [start, end), in the calendar's fixed offset."""
    period = read_period(name, OFFSET)
    assert format_instant(period.starts, OFFSET) == f"{first}T00:00:00+08:00"
    assert format_instant(period.ends, OFFSET) == f"{end}T00:00:00+08:00"
    parts = months_of(period, OFFSET)
    assert [parts[0].starts, parts[-1].ends, len(parts)] == [period.starts, period.ends, months]
    assert all(one.ends == other.starts for one, other in pairwise(parts))


@pytest.mark.parametrize(
    "text", ["2025-13", "2025-00", "2025-Q5", "2025-Q0", "25", "2025-3", "2025-q1", "", "²025",
             "2025-03-01", "9999"]
)  # fmt: skip
def test_what_is_not_a_period_is_named(text: str) -> None:
    """R61: anything else is a usage error."""
    with pytest.raises(InvalidInput):
        read_period(text, OFFSET)


def test_the_month_after_december_is_january() -> None:
    """R61: months follow each other over the year's end."""
    assert (month_after("2025-11"), month_after("2025-12")) == ("2025-12", "2026-01")


def refuses(closes: Closes, name: str) -> str:
    """Return why a close is out of order, empty where it is not."""
    period = read_period(name, OFFSET)
    try:
        closes.check_close(period, months_of(period, OFFSET))
    except WrongState as error:
        return str(error)
    return ""


def test_any_month_can_be_the_first_and_the_others_follow_in_order() -> None:
    """R61: months close in order, without a gap after the first closed one."""
    closes = march_closed().config.closes
    assert "2025-04 comes before 2025-05" in refuses(closes, "2025-05")
    assert "was closed at @" in refuses(closes, "2025-03")
    assert "closed too" in refuses(closes, "2025-02")
    assert "was closed" in refuses(closes, "2025-Q1"), "a quarter with a closed month is refused"
    assert refuses(closes, "2025-04") == refuses(closes, "2025-Q2") == ""
    assert refuses(given().config.closes, "2027-08") == ""


def test_a_close_is_too_early_until_the_clock_has_reached_the_end() -> None:
    """R61: at 23:59:59 of the last day it is; at 00:00:00 it is not."""
    march = read_period("2025-03", OFFSET)
    check_ended(march, now=march.ends, offset=OFFSET)
    with pytest.raises(PointInTheFuture):
        check_ended(march, now=march.last, offset=OFFSET)


# --- a late fact (R62) -----------------------------------------------------------------------


def test_a_fact_for_a_closed_period_is_accepted_and_says_so() -> None:
    """R62: `warn` names the period in `warnings`."""
    story = march_closed().when(top_up("15", APRIL, **LATE)).then(event("TopUpReceived"))
    (said,) = warned(story)
    assert said.startswith("2025-03 was closed at @")


def test_a_fact_for_an_open_period_says_nothing() -> None:
    """R62: the end of the period does not belong to it."""
    story = march_closed().when(top_up("15", APRIL, effective_at="2025-04-01T00:00:00"))
    assert warned(story) == []
    story.when(top_up("16", APRIL, effective_at="2025-03-31T23:59:59"))
    assert len(warned(story)) == 1


def test_a_month_before_the_first_closed_one_counts_as_closed_with_it() -> None:
    """R62: the fact restates its own month."""
    story = march_closed().when(top_up("15", APRIL, effective_at="2025-01-15T00:00:00"))
    assert "2025-01 was closed with 2025-03" in warned(story)[0]
    late = {"effective_at": "2025-01-15T00:00:00"}
    march_closed(REFUSE).when(top_up("15", APRIL, **late)).then(refused("PERIOD_CLOSED"))


FACTS = [
    top_up("15", APRIL, **LATE),
    do("reverse-top-up", APRIL, channel="alipay", serial="T1", amount="5", **LATE),
    do("grant-coupon", APRIL, coupon="c-1", amount="5", ends="2025-12-31", **LATE),
    do("record-usage", APRIL, usage="u-1", instance="i-1", rated="1",
       cycle_start="2025-03-14", cycle_end="2025-03-15", **LATE),
    bill("b-1", "1", APRIL, **LATE),
]  # fmt: skip


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_refuse_refuses_every_kind_of_fact(fact: object) -> None:
    """R62: PERIOD_CLOSED, and nothing moves."""
    march_closed(REFUSE).when(fact).then(refused("PERIOD_CLOSED"))  # type: ignore[arg-type]


def test_an_override_needs_an_actor_a_reason_and_somebody_else() -> None:
    """R62: the actor being another than the one who closed."""
    late = {**LATE, "override": True}
    story = march_closed(REFUSE)
    for who in ({}, {"actor": "ops/wu"}, {"reason": "why"}, {**WHO, "actor": "ops/lin"}):
        story.when(top_up("15", APRIL, **late, **who)).then(refused("PERIOD_CLOSED"))
    story.when(top_up("15", APRIL, **LATE, **WHO)).then(refused("PERIOD_CLOSED"))
    story.when(top_up("15", APRIL, **late, **WHO)).then(event("TopUpReceived", at=MARCH))
    assert len(warned(story)) == 1


def test_the_one_who_closed_is_the_actor_of_the_close_in_force() -> None:
    """R62: after a reopening and another close, it is who closed last."""
    late = {**LATE, "override": True}
    story = march_closed(REFUSE).reopened("2025-03").closed("2025-03", "ops/wu")
    story.when(top_up("15", APRIL, **late, **WHO)).then(refused("PERIOD_CLOSED"))
    story.when(top_up("15", APRIL, **late, **{**WHO, "actor": "ops/lin"})).then("TopUpReceived")


def test_a_needless_override_is_accepted_and_kept() -> None:
    """R62: it stands in the stored request."""
    story = given().when(top_up("15", override=True)).then("TopUpReceived")
    assert b"override" in bytes(story.log[-1].request)


def test_the_limits_come_before_the_closed_period() -> None:
    """R62: PERIOD_CLOSED is checked after OVER_*, and after what is unknown."""
    story = march_closed(REFUSE)
    reverse = do("reverse-top-up", APRIL, channel="alipay", serial="T1", amount="101", **LATE)
    story.when(reverse).then(refused("OVER_REVERSAL"))
    unknown = do("reverse-top-up", APRIL, channel="alipay", serial="T9", amount="1", **LATE)
    story.when(unknown).then(refused("UNKNOWN_PAYMENT"))


def test_what_the_clock_does_is_never_refused() -> None:
    """R62: usage of March is billed when it is due, whatever is closed by then."""
    story = march_closed(REFUSE)
    usage = do("record-usage", "2025-04-01T00:00:00", usage="u-1", instance="i-1", rated="1",
               cycle_start="2025-03-30", cycle_end="2025-04-01")  # fmt: skip
    story.when(usage).then("UsageRecorded")
    story.when_clock("2025-04-01T04:00:00").then_includes(event("BillPosted"))


def test_a_fact_of_the_present_is_never_a_restatement() -> None:
    """R62: only an `effective_at` in a closed period makes one."""
    march_closed(REFUSE).when(top_up("15", APRIL)).then("TopUpReceived")


# --- reopening (R63) -------------------------------------------------------------------------


def test_the_latest_closed_month_is_reopened_first() -> None:
    """R63: out of order is WRONG_STATE; so is a month that is not closed."""
    closes = march_closed().closed("2025-04").config.closes
    for name, said in (("2025-03", "2025-04, not 2025-03"), ("2025-05", "2025-05 is not closed")):
        period = read_period(name, OFFSET)
        with pytest.raises(WrongState, match=said):
            closes.check_reopen(period, months_of(period, OFFSET))
    april = read_period("2025-04", OFFSET)
    assert [one.month for one in closes.check_reopen(april, [april])] == ["2025-04"]


def test_what_is_recorded_while_it_is_reopened_is_no_restatement() -> None:
    """R63: until it is closed again."""
    story = march_closed(REFUSE).reopened("2025-03")
    story.when(top_up("15", APRIL, **LATE)).then("TopUpReceived")
    assert warned(story) == []
    assert refuses(story.config.closes, "2025-04") != "", "March comes first"
    assert refuses(story.config.closes, "2025-03") == ""


def test_nothing_about_a_close_is_ever_removed() -> None:
    """R63: an earlier point still knows the close that was reopened later."""
    story = march_closed()
    closed = story.config.closes.entries[0].position
    story.reopened("2025-03").closed("2025-03", "ops/wu")
    march = story.instant(MARCH)
    closes = story.config.closes
    assert [one.actor for one in closes.of("2025-03")] == ["ops/lin", "ops/wu"]
    known = [closes.over(march, position) for position in range(closed - 1, closed + 3)]
    assert [one and one.actor for one in known] == [None, "ops/lin", None, "ops/wu"]
