"""Matching over generated statements: what is planted is found, and nothing is invented."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.periods import HOUR
from projections.answers.reconciling import FileRead
from projections.answers.terms import PointShown
from projections.point import Point
from projections.reconciliation.amounts import SCALE
from projections.reconciliation.breaks import Scope
from projections.reconciliation.lines import ENTRY, TRANSACTION, Line, Reference
from projections.reconciliation.matching import _exactly, _Names
from projections.reconciliation.report import (
    Proof,
    ProofDoesNotClose,
    ReconciliationReport,
    answer_of,
    reconcile,
)
from projections.reconciliation.sides import OpenSides
from tests.reconciliation.statements import DAY, ENDS, START, Case, case, statement_of

HERE = PointShown.of(Point(ENDS, ENDS, 1, everything=False), 8 * HOUR)


def told(report: ReconciliationReport) -> str:
    """The answer as a text."""
    file = FileRead(sha256="", lines=0)
    return json.dumps(answer_of(report, HERE, seen_at=ENDS, offset=8 * HOUR, file=file).plain())


def _classes(one: Case) -> dict[str, int]:
    report = reconcile(one.statement, one.ours, one.scope)
    found: dict[str, int] = {}
    for break_ in (*report.breaks, *report.expected):
        found[break_.kind] = found.get(break_.kind, 0) + 1
    return found


def test_over_200_statements_every_planted_class_is_found_and_none_invented() -> None:
    seen: set[str] = set()
    for seed in range(200):
        one = case(seed)
        assert _classes(one) == one.planted, seed
        seen |= set(one.planted)
    assert len(seen) == 12


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_rows_give_the_same_report_byte_for_byte(seed: int) -> None:
    one = case(seed)
    shown = told(reconcile(one.statement, one.ours, one.scope))
    dice = random.Random(seed + 1)
    ours, theirs = list(one.ours), [
        replace(line, place=f"line {n}") for n, line in enumerate(one.statement.lines)
    ]  # fmt: skip
    dice.shuffle(ours)
    dice.shuffle(theirs)
    again = reconcile(statement_of(theirs, one.statement.opening), ours, one.scope)
    assert told(again) == shown


@pytest.mark.parametrize(
    ("opening", "movements", "closing", "balance", "items"),
    [
        (0, 5, 6, 5, (("x", 1),)),  # opening + movements is not the closing
        (0, 5, 5, 4, ()),  # one unit is unexplained
        (0, 5, 5, 4, (("x", 2),)),
    ],
)
def test_a_proof_that_does_not_close_cannot_be_made(
    opening: int, movements: int, closing: int, balance: int, items: tuple[tuple[str, int], ...]
) -> None:
    with pytest.raises(ProofDoesNotClose):
        Proof(opening, movements, closing, balance, items)


def _line(key: str, amount: int, day: int, **fields: object) -> Line:
    line = Line(key, amount * SCALE, "CNY", START + day * DAY, (Reference(key),), place=key)
    return replace(line, **fields)


SCOPE = Scope("CNY", START, ENDS, transit=3 * DAY)


def test_a_payout_of_many_payments_less_its_fee_is_one_match() -> None:
    ours = [_line(f"S{n}", 10 + n, 2, group="P1") for n in range(3)]
    theirs = [_line("bank", 32, 3, group="P1", fee=1 * SCALE)]
    report = reconcile(statement_of(theirs, 0), ours, SCOPE)
    (match,) = report.outcomes
    assert (match.kind, match.rule) == ("matched_tolerance", "group, fee")
    assert match.effect == -SCALE


def test_two_candidates_are_ambiguous_and_never_first_fit() -> None:
    ours = [_line("S1", 10, 2), _line("S2", 10, 3)]
    theirs = [_line("X", 10, 2, references=())]
    report = reconcile(statement_of(theirs, 0), ours, SCOPE)
    assert [outcome.kind for outcome in report.outcomes] == ["ambiguous"]
    assert len(report.outcomes[0].ours) == 2


def test_a_subset_sum_is_suggested_and_not_booked() -> None:
    ours = [_line("S1", 10, 2), _line("S2", 15, 2)]
    theirs = [_line("X", 25, 3)]
    report = reconcile(statement_of(theirs, 0), ours, SCOPE)
    assert sorted(one.kind for one in report.breaks) == [
        "missing_at_provider", "missing_at_provider", "missing_in_ledger",
    ]  # fmt: skip
    (there,) = [one for one in report.breaks if one.theirs]
    assert [[line.key for line in group] for group in there.candidates] == [["S1", "S2"]]


def test_money_on_its_way_at_the_end_of_the_last_period_is_no_break_when_it_arrives() -> None:
    ours = [_line("S1", 10, -1)]
    theirs = [_line("S1", 10, 1)]
    report = reconcile(statement_of(theirs, 0), ours, SCOPE)
    assert not report.breaks
    items = (("brought_forward", -10 * SCALE), ("booked_in_other_period", 10 * SCALE))
    assert report.proof.items == items


@st.composite
def _crowded(draw: st.DrawFn) -> tuple[list[Line], list[Line]]:
    """Lines of few names, amounts and accounts, so that names are shared in every way."""
    names = st.sampled_from(["A", "B", "C"])

    def line(place: str, *, number: str = "") -> Line:
        references = tuple(
            Reference(name, draw(st.sampled_from([TRANSACTION, TRANSACTION, ENTRY])))
            for name in draw(st.lists(names, max_size=2))
        )
        return Line(place, draw(st.sampled_from([1, 2])), "CNY", START, references, number=number,
                    account=draw(st.sampled_from(["x", "y", ""])), place=place)  # fmt: skip

    ours = [line(f"@{n}") for n in range(draw(st.integers(0, 5)))]
    theirs = [
        line(f"line {n}", number=draw(st.sampled_from(["", "A", "D"])))
        for n in range(draw(st.integers(0, 5)))
    ]  # fmt: skip
    return ours, theirs


@given(_crowded())
def test_the_fast_pass_matches_what_the_plain_one_does(both: tuple[list[Line], list[Line]]) -> None:
    ours, theirs = both
    names = _Names(ours, theirs)
    fast, plain = OpenSides(ours, theirs), OpenSides(ours, theirs)
    names.surest(fast)
    plain.unique("reference", names.proven(_exactly), names.proved(_exactly))
    assert sorted(map(repr, fast.matches)) == sorted(map(repr, plain.matches))
    assert (fast.ours, fast.theirs) == (plain.ours, plain.theirs)
