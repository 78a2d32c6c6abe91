"""Generated statements with planted breaks: two sides made by plain arithmetic from a seed.

Each plant changes one thing that nothing else in the statement can explain, so the classes that
a reconciliation must find are known beforehand.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from projections.reconciliation.amounts import SCALE
from projections.reconciliation.breaks import Scope
from projections.reconciliation.lines import BOOKED, FAILED, PENDING, Line, Reference, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400_000_000
START = 1_740_758_400_000_000
DAYS = 31
ENDS = START + DAYS * DAY
PLANTS = (
    "in_transit_ours", "in_transit_theirs", "missing_in_ledger", "missing_at_provider", "amount",
    "currency", "direction", "status", "duplicate_ours", "duplicate_theirs", "cut_off",
    "ambiguous",
)  # fmt: skip


class Case(NamedTuple):
    """Both sides, and what has been planted."""

    ours: list[Line]
    statement: Statement
    planted: dict[str, int]
    scope: Scope


def statement_of(lines: list[Line], opening: int) -> Statement:
    """Make a statement whose totals hold."""
    rough = Statement("csv", "payments", "CNY", (), opening, opening, START, ENDS)
    closing = opening + sum(rough.effect(line) for line in lines)
    return Statement(
        "csv", "payments", "CNY", tuple(lines), opening, closing, START, ENDS, balances=True
    )


def case(
    seed: int, *, size: int = 60, plants: int = 12, kinds: Sequence[str] = PLANTS
) -> Case:
    """Make a case: ``size`` payments, of which ``plants`` are tampered with."""
    dice = random.Random(seed)
    ours, theirs, planted = [], [], dict[str, int]()
    tampered = dice.sample(range(size), plants)
    for n in range(size):
        amount = (10_000 + n * 137 + seed % 89) * SCALE // 100  # no two alike
        when = START + dice.randrange(1, 26) * DAY + dice.randrange(20) * 3_600_000_000
        mine = Line(f"S{n}", amount, "CNY", when, _named(f"S{n}"), kind="Payment",
                    account="a-1", place=f"@{n}", channel="bank")  # fmt: skip
        other = Line(f"S{n}", amount, "CNY", when, _named(f"S{n}", f"B{n}"),
                     status=BOOKED, place=f"line {n}")  # fmt: skip
        if n not in tampered:
            ours.append(mine)
            theirs.append(other)
            continue
        kind = dice.choice(kinds)
        planted[kind] = planted.get(kind, 0) + 1
        a, b = _tampered(kind, mine, other)
        ours += a
        theirs += b
    dice.shuffle(ours)
    dice.shuffle(theirs)
    opening = sum(line.amount for line in ours if line.instant < START)
    scope = Scope("CNY", START, ENDS, transit=3 * DAY)
    return Case(ours, statement_of(theirs, opening), planted, scope)


def _named(*texts: str) -> tuple[Reference, ...]:
    return tuple(map(Reference, texts))


def _tampered(kind: str, mine: Line, other: Line) -> tuple[list[Line], list[Line]]:
    cases: dict[str, tuple[list[Line], list[Line]]] = {
        "in_transit_ours": ([replace(mine, instant=ENDS - DAY)], []),
        "in_transit_theirs": ([], [replace(other, status=PENDING)]),
        "missing_in_ledger": ([], [other]),
        "missing_at_provider": ([mine], []),
        "amount": ([mine], [replace(other, amount=other.amount + SCALE)]),
        "currency": ([mine], [replace(other, currency="USD")]),
        "direction": ([mine], [replace(other, amount=-other.amount)]),
        "status": ([mine], [replace(other, status=FAILED)]),
        "duplicate_ours": (
            [mine, replace(mine, key=f"D{mine.key}", references=_named(f"D{mine.key}"),
                           twin=f"bank/{mine.key}", place=f"{mine.place}0")], [other],
        ),
        "duplicate_theirs": ([mine], [other, replace(other, place=f"{other.place}0")]),
        "cut_off": ([replace(mine, instant=ENDS + DAY)], [other]),
        # Two of our lines and two of their lines, alike in everything that both sides say.
        "ambiguous": (
            [replace(mine, references=(), key=f"{mine.key}{n}") for n in "ab"],
            [replace(other, references=(), key=f"{other.key}{n}") for n in "xy"],
        ),
    }  # fmt: skip
    return cases[kind]
