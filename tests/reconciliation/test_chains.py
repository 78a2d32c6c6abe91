"""Chains of balances: whole ones in any order, and the first link that does not follow."""

from __future__ import annotations

import random
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.reconciliation.chains import BalanceStep, ends_of
from projections.reconciliation.lines import ControlTotalWrong, Ends


def _ends(links: list[BalanceStep]) -> Ends:
    return ends_of(links, what="balance before", currency="CNY")


def _links(steps: list[int], opening: int = 0) -> list[BalanceStep]:
    return [
        BalanceStep(b - a, b, 0, f"line {n}")
        for n, (a, b) in enumerate(pairwise(accumulate(steps, initial=opening)), 2)
    ]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 99), st.randoms())
def test_any_order_of_a_whole_chain_has_its_two_ends(
    steps: list[int], opening: int, dice: random.Random
) -> None:
    links = _links(steps, opening)
    dice.shuffle(links)
    assert _ends(links) == (opening, opening + sum(steps))


@given(st.lists(st.integers(1, 50), min_size=3, max_size=12), st.data())
def test_a_chain_without_an_inner_link_is_refused(steps: list[int], data: st.DataObject) -> None:
    links = _links(steps)
    del links[data.draw(st.integers(1, len(links) - 2))]
    with pytest.raises(ControlTotalWrong, match="of line"):
        _ends(links)


def test_money_may_come_back_to_where_it_was() -> None:
    assert _ends(_links([10, -10])) == (0, 0)
    assert _ends(_links([10, -10, 10, 5, -15])) == (0, 0)
    assert _ends(_links([10, -10, 7])[::-1]) == (0, 7)


def test_the_link_that_does_not_follow_is_named() -> None:
    links = [
        BalanceStep(10, 10, 0, "line 2"), BalanceStep(20, 999, 0, "line 3"),
        BalanceStep(1, 1000, 0, "line 4"),
    ]  # fmt: skip
    for order in (links, links[::-1]):
        with pytest.raises(ControlTotalWrong, match=r"of line [32], balance before"):
            _ends(order)
