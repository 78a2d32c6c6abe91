"""Laws over small histories that Hypothesis makes up: late facts, corrections, any two points."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.periods import DAY, HOUR, SECOND, format_instant, parse_instant
from projections.history.bisect import bisect
from projections.history.blame import blame
from projections.history.compiling import compile_expression
from projections.history.diff import candidates, diff_account, difference
from projections.history.fields import written
from projections.history.timeline import AccountTimeline
from projections.history.walk import EFFECTIVE, KNOWN
from projections.point import Point
from tests.application.worlds import new_ledger, record
from tests.history.histories import OFFSET, Naive, at, clock
from tests.history.test_history import WRITE, naive_state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.application import Ledger

START = parse_instant("2025-01-01T00:00:00+08:00", 8 * HOUR)
KINDS = (
    "top-up", "late-top-up", "post-bill", "late-bill", "credit-note", "reverse-top-up", "grant",
)  # fmt: skip
Step = tuple[str, int, int, int]  # what, hours since the last, amount, hours that it is late

steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 500), st.integers(0, 60)
    ),
    max_size=14,
)


def _command(number: int, step: Step, now: int) -> dict[str, Any] | None:
    what, _, amount, late = step
    fields: dict[str, Any] = {"at": format_instant(now, OFFSET), "account": "a-1"}
    earlier = format_instant(max(now - late * HOUR, START + HOUR), OFFSET)
    money = f"{amount}.{number:02d}"
    if what.endswith("top-up") and what != "reverse-top-up":
        fields |= {"do": "top-up", "amount": money, "channel": "x", "serial": str(number)}
        if what == "late-top-up":
            fields["effective_at"] = earlier
    elif what.endswith("bill"):
        fields |= {
            "do": "post-bill", "bill": f"b-{number}", "instance": "i-1", "rated": money,
            "cycle_start": format_instant(START + HOUR, OFFSET),
            "cycle_end": format_instant(START + HOUR + SECOND, OFFSET),
        }  # fmt: skip
        if what == "late-bill":
            fields["effective_at"] = earlier
    elif what == "credit-note":
        fields |= {
            "do": "credit-note", "note": f"n-{number}", "bill": f"b-{amount % max(number, 1)}",
            "amount": str(amount % 50 + 1),
        }  # fmt: skip
    elif what == "reverse-top-up":
        fields |= {
            "do": "reverse-top-up", "channel": "x", "serial": str(amount % max(number, 1)),
            "amount": str(amount % 90 + 1),
        }  # fmt: skip
    else:
        fields |= {
            "do": "grant-coupon", "coupon": f"c-{number}", "amount": money,
            "ends": format_instant(now + (late + 1) * HOUR, OFFSET),
        }  # fmt: skip
    return fields


def told(drawn: Sequence[Step]) -> Ledger:
    """Record a small history in memory; what a rule refuses is a history, too."""
    opened = format_instant(START + HOUR, OFFSET)
    commands: list[dict[str, Any]] = [
        {"at": opened, "do": "open-account", "account": "a-1"},
        {"at": opened, "do": "activate-public", "account": "a-1", "instance": "i-1",
         "kind": "public_legacy"},
    ]  # fmt: skip
    now = START + 2 * HOUR
    for number, step in enumerate(drawn):
        now += step[1] * HOUR
        command = _command(number, step, now)
        if command is not None:
            commands.append(command)
    ledger = new_ledger(":memory:", start="2025-01-01T00:00:00+08:00")
    record(ledger, [json.dumps(command).encode() for command in commands])
    return ledger


def _points(ledger: Ledger, naive: Naive, picks: Sequence[tuple[int, int]]) -> list[Point]:
    reader = ledger.store.reader
    found = []
    for one, other in picks:
        first, second = (naive.log[pick % len(naive.log)] for pick in (one, other))
        found.append(at(reader, at=first.effective_at, position=second.position))
    return [*found, at(reader), at(reader, position=len(naive.log) // 2 + 1)]


@given(steps, st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=4))
def test_a_bridge_between_any_two_points_adds_up(
    drawn: list[Step], picks: list[tuple[int, int]]
) -> None:
    ledger = told(drawn)
    reader = ledger.store.reader
    naive = Naive(reader)
    points = _points(ledger, naive, picks)
    for a in points:
        for b in points:
            before, after = naive.flat("a-1", a), naive.flat("a-1", b)
            rows = [
                difference(row, OFFSET).plain()
                for name in candidates(reader, a, b) for row in diff_account(reader, name, a, b)
            ]  # fmt: skip
            assert {row["field"] for row in rows} == {
                name for name in {**before, **after} if before.get(name) != after.get(name)
            }
            for row in rows:
                if "bridge" in row:
                    parts = sum(map(Decimal, row["bridge"].values()))
                    assert parts == Decimal(row["b"] or 0) - Decimal(row["a"] or 0)
    ledger.store.close()


@given(steps, st.sampled_from(["outstanding > 0", "overdue", "cash < 120.50", "len(coupons) == 1"]))
def test_every_flip_on_both_axes_is_found(drawn: list[Step], text: str) -> None:
    ledger = told(drawn)
    reader = ledger.store.reader
    naive = Naive(reader)
    reads: dict[str, Callable[[Any], Any]] = {
        "outstanding > 0": lambda s: Decimal(s["outstanding"]) > 0,
        "overdue": lambda s: s["overdue"],
        "cash < 120.50": lambda s: Decimal(s["cash"]) < Decimal("120.50"),
        "len(coupons) == 1": lambda s: len(s["coupons"]) == 1,
    }
    expression = compile_expression(text, currency="CNY", offset=OFFSET)
    middle = naive.log[len(naive.log) // 2].effective_at
    for point in (at(reader), at(reader, at=middle)):
        for axis in (EFFECTIVE, KNOWN):
            events = naive.selected("account:a-1", point)
            if axis == KNOWN:
                events.sort(key=lambda one: one.position)
            slow, held = [], None
            for number, one in enumerate(events, 1):
                state = naive_state(naive, "a-1", events[:number], one, point, axis)
                if state is None:
                    continue
                now = bool(reads[text](state))
                if held is not None and now != held:
                    slow.append((one.position, now))
                held = now
            found = bisect(reader, "a-1", expression, point, axis=axis)
            assert [(flip.recorded.position, flip.after) for flip in found.flips] == slow
    ledger.store.close()


@given(steps)
def test_blame_ends_in_what_is_there_and_every_place_can_be_stood_at(drawn: list[Step]) -> None:
    ledger = told(drawn)
    reader = ledger.store.reader
    naive = Naive(reader)
    _, blamed = blame(reader, "a-1", at(reader))
    shown = {str(one.name): written(one.name, one.cell, WRITE) for one in blamed}
    assert shown == naive.flat("a-1", at(reader))
    timeline = AccountTimeline(reader, "a-1", until=reader.head().position)
    timeline.spacing = 3
    there = [timeline.seek(place).state.cash for place in range(len(timeline) + 1)]
    back = [timeline.seek(place).state.cash for place in reversed(range(len(timeline) + 1))]
    assert there == list(reversed(back))
    assert clock(reader) >= START + 2 * HOUR - DAY
    ledger.store.close()
