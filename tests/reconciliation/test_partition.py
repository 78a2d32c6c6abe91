"""The result of matching is a partition of both sides, whatever the order of rows or references."""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.reconciliation import collecting
from projections.reconciliation.amounts import SCALE
from projections.reconciliation.breaks import Scope
from projections.reconciliation.lines import (
    BATCH,
    BOOKED,
    ENTRY,
    FAILED,
    INSTRUCTION,
    MANDATE,
    PENDING,
    TRANSACTION,
    Line,
    Reference,
    name_of,
    numbered,
    order_of,
    serial_of,
)
from projections.reconciliation.matching import WINDOW, match
from projections.reconciliation.report import reconcile
from projections.reconciliation.sides import CANDIDATES_MAX, Candidates, OpenSides, knots, subsets
from tests.reconciliation.statements import DAY, ENDS, START, statement_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.reconciliation.sides import Match

NAMES = ("r1", "r2", "r3")
references = st.lists(
    st.builds(Reference, st.sampled_from(NAMES), st.integers(TRANSACTION, MANDATE)),
    max_size=3, unique=True,
).map(tuple)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn, *, ours: bool) -> Line:
    """Draw a line out of so few words that nearly everything collides."""
    amount = draw(st.sampled_from((1, 2, 3, 5, -1, -2))) * SCALE
    name = draw(st.sampled_from(NAMES))
    made = Line(
        key=name, amount=amount, currency=draw(st.sampled_from(("CNY", "CNY", "CNY", "USD"))),
        instant=START + draw(st.integers(-4, 33)) * DAY,
        order=draw(st.sampled_from(("", "", "o1", "o2"))),
        group=draw(st.sampled_from(("", "", "g1"))),
        account=draw(st.sampled_from(("a-1", "a-2"))),
        channel=draw(st.sampled_from(("bank", "bank", "card"))),
    )
    if ours:
        twin = draw(st.sampled_from(("", "", "bank/r1")))
        place = f"@{draw(st.integers(1, 10**6))}"
        return replace(made, references=(Reference(name),), place=place, twin=twin)
    return replace(
        made, references=draw(references), firm=draw(st.booleans()),
        account=draw(st.sampled_from(("", "a-1"))),
        status=draw(st.sampled_from((BOOKED, BOOKED, PENDING, FAILED, ""))),
        reversal=draw(st.sampled_from((False, False, True))),
        text=draw(st.sampled_from(("", "a-1", "from a-2"))),
        number=draw(st.sampled_from(("", "n1"))),
        fee=draw(st.sampled_from((0, 0, SCALE))), kind=draw(st.sampled_from(("", "charge"))),
    )  # fmt: skip


SIDES = (
    st.lists(lines(ours=True), max_size=9),
    st.lists(lines(ours=False), max_size=9).map(numbered),
)
SCOPES = st.sampled_from((
    Scope("CNY", START, ENDS, transit=3 * DAY),
    Scope("CNY", START + 5 * DAY, START + 20 * DAY, narrowed=True),
    Scope("CNY", START, ENDS, transit=5 * DAY, tolerance=SCALE),
))  # fmt: skip


def _said(found: Sequence[Line]) -> list[tuple[object, ...]]:
    return sorted((order_of(line) for line in found), key=repr)


def _groups(found: Sequence[Match]) -> list[object]:
    return sorted(((one.rule, _said(one.ours), _said(one.theirs)) for one in found), key=repr)


@given(*SIDES)
def test_every_line_is_in_exactly_one_match_tie_or_rest(
    ours: list[Line], theirs: tuple[Line, ...]
) -> None:
    found = match(ours, theirs)
    groups = (*found.matches, *found.ties)
    mine = [*(line for group in groups for line in group.ours), *found.ours]
    others = [*(line for group in groups for line in group.theirs), *found.theirs, *found.replaced]
    assert sorted(map(id, mine)) == sorted(map(id, ours))
    assert sorted(map(id, others)) == sorted(map(id, theirs))


@given(*SIDES, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_references_changes_nothing(
    ours: list[Line], theirs: tuple[Line, ...], dice: random.Random
) -> None:
    found = match(ours, theirs)
    mine = dice.sample(ours, len(ours))
    others = [
        replace(line, references=tuple(dice.sample(line.references, len(line.references))))
        for line in dice.sample(theirs, len(theirs))
    ]
    assert [serial_of(other) for other in sorted(others, key=order_of)] == [
        serial_of(their) for their in sorted(theirs, key=order_of)
    ]
    again = match(mine, others)
    assert _groups(again.matches) == _groups(found.matches)
    assert _groups(again.ties) == _groups(found.ties)
    assert (_said(again.ours), _said(again.theirs)) == (_said(found.ours), _said(found.theirs))


@given(*SIDES, SCOPES)
def test_the_proof_closes_whatever_the_sides_say(
    ours: list[Line], theirs: tuple[Line, ...], scope: Scope
) -> None:
    report = reconcile(statement_of(list(theirs), 7 * SCALE), ours, scope)
    assert report.proof.unexplained == 0
    broken = [*report.breaks, *report.expected]
    names = [name for name, _ in report.named(broken)]
    assert len(set(names)) == len(names), "each break has an id of its own"


@given(st.lists(lines(ours=False), max_size=9), st.randoms(use_true_random=False))
def test_names_of_the_nameless_are_those_of_every_reading(
    drawn: list[Line], dice: random.Random
) -> None:
    one = numbered(drawn)
    other = numbered(dice.sample(drawn, len(drawn)))
    assert sorted(map(name_of, one)) == sorted(map(name_of, other))
    given_names = [line.name for line in one if line.name]
    assert len(set(given_names)) == len(given_names)


@given(st.lists(st.integers(-6, 9), max_size=9), st.integers(-10, 25))
def test_subsets_are_those_that_trying_everything_finds(amounts: list[int], total: int) -> None:
    tried = [
        places for size in range(2, len(amounts) + 1)
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == total
    ]  # fmt: skip
    found = subsets(amounts, total)
    assert found == sorted(tried) or len(found) > 64


def test_too_many_candidates_give_no_cover_rather_than_a_doubtful_one() -> None:
    amounts = [2**n for n in range(CANDIDATES_MAX + 1)]
    assert subsets(amounts, 3) == []
    assert subsets(amounts[:-1], 3) == [(0, 1)]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5),
       st.lists(st.integers(1, 9), min_size=1, max_size=3))  # fmt: skip
def test_sums_are_taken_only_where_a_brute_force_solver_finds_one_cover(
    mine: list[int], others: list[int]
) -> None:
    """Nameless payments of one payer on one day: every cover of every line, by trying all."""
    ours = [
        Line(f"S{n}", size * SCALE, "CNY", START, (Reference(f"S{n}"),), account="a-1",
             place=f"@{n}") for n, size in enumerate(mine)
    ]  # fmt: skip
    theirs = [
        Line(f"T{n}", size * SCALE, "CNY", START, text="a-1", place=f"line {n}")
        for n, size in enumerate(others)
    ]
    covers = [
        (places, (at,)) for at, size in enumerate(others) for places in _tried(mine, size)
    ] + [((at,), places) for at, size in enumerate(mine) for places in _tried(others, size)]
    alone = {
        cover for cover in covers
        if not any(cover != other and _share(cover, other) for other in covers)
    }  # fmt: skip
    sides = OpenSides(ours, theirs)
    collecting.add_up(sides, lambda line: line.account or line.text, WINDOW)
    taken = {
        (tuple(ours.index(line) for line in one.ours), tuple(theirs.index(x) for x in one.theirs))
        for one in sides.matches
    }
    assert taken == alone
    tied = {id(line) for tie in sides.ties for line in (*tie.ours, *tie.theirs)}
    assert tied == {
        id(line) for cover in covers if cover not in alone
        for line in (*(ours[at] for at in cover[0]), *(theirs[at] for at in cover[1]))
    }  # fmt: skip


def _tried(amounts: list[int], total: int) -> list[tuple[int, ...]]:
    return [
        places for size in range(2, len(amounts) + 1)
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == total
    ]  # fmt: skip


Cover = tuple[tuple[int, ...], tuple[int, ...]]


def _share(one: Cover, other: Cover) -> bool:
    return any(set(a) & set(b) for a, b in zip(one, other, strict=True))


def test_groups_that_share_a_line_are_one_knot_and_others_are_not() -> None:
    groups = [
        Candidates((0, 1), (0,)), Candidates((1, 2), (1,)), Candidates((3,), (2, 3)),
        Candidates((), (5, 6)),
    ]  # fmt: skip
    assert [len(knot) for knot in knots(groups)] == [2, 1, 1]


# What identifies: their scope -> is it matched three weeks apart, and within the window?
@pytest.mark.parametrize(
    ("scope", "apart", "near"),
    [(TRANSACTION, True, True), (ENTRY, False, True), (INSTRUCTION, False, True),
     (BATCH, False, False), (MANDATE, False, False)],
)  # fmt: skip
@pytest.mark.parametrize("text", ["RENT-ANN", "20250301", "N-7/99"])
def test_a_reference_identifies_as_far_as_its_scope(
    scope: int, apart: bool, near: bool, text: str
) -> None:
    mine = Line(text, 9 * SCALE, "CNY", START, (Reference(text),), place="@1", channel="bank")
    other = Line("x", 9 * SCALE, "CNY", START + DAY, (Reference(text, scope), Reference("Z9")),
                 place="line 1")  # fmt: skip
    assert bool(match([mine], [other]).matches) == near
    late = replace(other, instant=START + 21 * DAY)
    assert bool(match([mine], [late]).matches) == apart


def test_one_serial_in_two_channels_is_two_payments() -> None:
    ours = [
        Line("7", 5 * SCALE, "CNY", START, (Reference("7"),), place=f"@{n}", channel=channel)
        for n, channel in enumerate(("card", "bank"))
    ]
    (theirs,) = [Line("7", 5 * SCALE, "CNY", START, (Reference("7"),), channel="bank", place="l1")]
    found = match(ours, [theirs])
    assert [one.ours[0].channel for one in found.matches] == ["bank"]
    assert [line.channel for line in found.ours] == ["card"]
    unsaid = match(ours, [replace(theirs, channel="")])
    assert (unsaid.matches, len(unsaid.ties)) == ([], 1)


def test_two_explicit_and_different_references_are_never_one_payment() -> None:
    mine = Line("S1", 5 * SCALE, "CNY", START, (Reference("S1"),), place="@1")
    for others in ((Reference("S2"),), (Reference("S2"), Reference("E1", INSTRUCTION))):
        found = match([mine], [Line("S2", 5 * SCALE, "CNY", START, others, place="l1")])
        assert (found.matches, found.ties) == ([], [])
    unnamed = Line("x", 5 * SCALE, "CNY", START, (Reference("E1", INSTRUCTION),), place="l1")
    assert [one.rule for one in match([mine], [unnamed]).matches] == ["amount_and_date"]
    firm = Line("x", 5 * SCALE, "CNY", START, firm=True, place="l1")
    assert match([mine], [firm]).matches == []


def _credit(amount: int, day: int, *names: Reference, **more: object) -> Line:
    line = Line("c", amount * SCALE, "CNY", START + day * DAY, names, place=f"line {day}",
                status=BOOKED)  # fmt: skip
    return replace(line, **more)


E1, T1 = Reference("E1", INSTRUCTION), Reference("T1")


@pytest.mark.parametrize(
    ("pending", "booked", "one"),
    [
        (_credit(5, 1, T1), _credit(5, 9, T1), True),
        (_credit(5, 1, T1), _credit(6, 2, T1), True),  # it was only reserved
        (_credit(5, 1, E1), _credit(5, 2, E1), True),
        (_credit(5, 1, E1), _credit(5, 20, E1), False),  # the next month's
        (_credit(5, 1, text="ann"), _credit(5, 2, text="ann"), True),
        (_credit(5, 1, text="ann"), _credit(5, 2, text="bob"), False),
        (_credit(5, 2, text="ann"), _credit(5, 1, text="ann"), False),  # yesterday's was another
        (_credit(5, 2, text="ann"), _credit(5, 2, text="ann"), True),
        (_credit(5, 1, T1), _credit(5, 2, Reference("T2")), False),
    ],
)
def test_pending_and_booked_of_one_payment_are_one_payment(
    pending: Line, booked: Line, one: bool
) -> None:
    found = match([], [booked, replace(pending, status=PENDING)])
    assert len(found.replaced) == one
    assert len(found.theirs) == (1 if one else 2)


@pytest.mark.parametrize(
    ("lines", "paired"),
    [
        ([_credit(-6, 1, E1), _credit(6, 3, E1, reversal=True)], True),  # a debit taken back
        ([_credit(6, 1, E1), _credit(-6, 3, E1, reversal=True)], True),  # a credit taken back
        ([_credit(-6, 1, T1), _credit(6, 29, T1, reversal=True)], True),
        ([_credit(-6, 1), _credit(6, 2, reversal=True)], True),
        ([_credit(-6, 1, E1), _credit(6, 3, Reference("E2", INSTRUCTION), reversal=True)], False),
        ([_credit(-6, 1), _credit(-6, 2), _credit(6, 2, reversal=True)], False),  # of which?
        ([_credit(-6, 1, E1), _credit(6, 3, E1)], False),  # no reversal
    ],
)
def test_a_reversal_takes_back_the_line_that_it_names(lines: list[Line], *, paired: bool) -> None:
    found = match([], lines)
    assert [one.rule for one in found.matches] == (["reversal"] if paired else [])


def _ours(serial: str, amount: int, day: int, account: str = "a-1") -> Line:
    return Line(serial, amount * SCALE, "CNY", START + day * DAY, (Reference(serial),),
                account=account, place=f"@{serial}", channel="bank")  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        # instalments of one payer
        ([_ours("S1", 100, 2)], [_credit(60, 1, text="a-1"), _credit(40, 3, text="a-1")],
         ["matched"]),
        ([_ours("S1", 100, 2)], [_credit(60, 1, text="a-1"), _credit(40, 9, text="a-1")],
         ["missing_at_provider", "missing_in_ledger", "missing_in_ledger"]),
        # a refund netted by the payer
        ([_ours("S1", 100, 2), _ours("S2", -20, 2)], [_credit(80, 3, text="a-1")], ["matched"]),
        # a payout less its fee
        ([_ours("S1", 50, 2), _ours("S2", 60, 2, "a-2")], [_credit(107, 3, fee=3 * SCALE)],
         ["matched_tolerance"]),
        # two ways: neither is booked
        ([_ours("S1", 50, 2), _ours("S2", 50, 2), _ours("S3", 30, 2)],
         [_credit(80, 3, text="a-1")], ["ambiguous"]),
        # nothing but the amounts speaks for it
        ([_ours("S1", 50, 2), _ours("S2", 60, 2, "a-2")], [_credit(110, 3)],
         ["missing_at_provider", "missing_at_provider", "missing_in_ledger"]),
    ],
)  # fmt: skip
def test_several_lines_are_one_only_where_that_is_the_only_cover(
    ours: list[Line], theirs: list[Line], kinds: list[str]
) -> None:
    report = reconcile(statement_of(theirs, 0), ours, Scope("CNY", START, ENDS))
    assert sorted(outcome.kind for outcome in report.outcomes) == kinds


def test_a_tolerance_lets_pass_its_own_difference_and_no_other_amount() -> None:
    mine = _ours("S1", 100, -1)  # on its way when the period began
    theirs = _credit(99, 1, Reference("S1"))
    scope = Scope("CNY", START, ENDS, transit=3 * DAY, tolerance=SCALE)
    report = reconcile(statement_of([theirs], 0), [mine], scope)
    assert [outcome.kind for outcome in report.outcomes] == ["matched_tolerance"]
    assert dict(report.proof.items) == {
        "brought_forward": -100 * SCALE, "booked_in_other_period": 100 * SCALE,
        "matched_tolerance": -SCALE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "size", "kinds"),
    [(100, 9, {"amount"}), (3, 9, {"matched_tolerance"}), (5, 9, {"matched_tolerance"}),
     (40, 4, {"amount"}), (40, 0, {"matched"})],
)  # fmt: skip
def test_rounding_is_capped_in_sum(count: int, size: int, kinds: set[str]) -> None:
    ours = [_ours(f"S{n}", 1, 2) for n in range(count)]
    theirs = [
        replace(_credit(1, 2, Reference(f"S{n}")), amount=SCALE + size * SCALE // 1000)
        for n in range(count)
    ]
    report = reconcile(statement_of(theirs, 0), ours, Scope("CNY", START, ENDS))
    assert {outcome.kind for outcome in report.outcomes} == kinds
