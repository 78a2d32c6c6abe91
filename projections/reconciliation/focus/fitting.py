"""A FOCUS file and a ledger told in the same words, before they are compared; what it comes to.

One billing account may be billed in several currencies, and an account of the ledger has one. A
ledger may know an invoice as one bill, and several notes may be one credit.
Invariant: amounts are put together, never changed; charged + taxed + credited + rounding = billed,
the sum of BilledCost to the last decimal. This module must not know matching.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from ledger.money import RATED_SCALE
from projections.answers.reconciling import Billed
from projections.reconciliation.amounts import SCALE, exact
from projections.reconciliation.lines import ROUNDING, Line, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from projections.reconciliation.lines import Line, Statement

_PART: Final = "~"
_SERIAL_MAX: Final = 16


def part_name(name: str, count: int) -> str:
    """Name the next part of a credit: the first bears its name."""
    return f"{name}{_PART}{count + 1}" if count else name


def serial_of(account: str, name: str) -> str:
    """Name a credit's top-up; serials are unique in the whole ledger (R3)."""
    return f"{name}{_PART}{hashlib.sha256(account.encode()).hexdigest()[:_SERIAL_MAX]}"


def whole_name(name: str) -> str:
    """Return the name of the credit that a note or a top-up is part of."""
    return name.partition(_PART)[0]


def by_currency(statement: Statement, known: Mapping[str, str]) -> Statement:
    """Return each currency of a billing account an account of its own.

    The first, or the one that the ledger has under that name, keeps the name; another has its
    code after it. ``known`` are the ledger's accounts with their currencies.
    """
    named: dict[tuple[str, str], str] = {}
    taken = dict(known)
    wanted = {(line.account, line.currency) for line in statement.lines}
    for account, code in sorted(wanted, key=lambda one: (one[1] != statement.currency, one)):
        fits = not account or taken.setdefault(account, code) == code
        named[account, code] = account if fits else f"{account}/{code}"
    return _with(statement, (
        line if named[line.account, line.currency] == line.account
        else msgspec.structs.replace(line, account=named[line.account, line.currency])
        for line in statement.lines
    ))  # fmt: skip


def by_invoice(statement: Statement, ours: Iterable[Line]) -> Statement:
    """Put the lines of an invoice together where the ledger has a bill of that name."""
    known = {one for line in ours for one in ((line.account, line.order), ("", line.order))}
    kept: dict[tuple[str, str, str], Line] = {}
    lines: list[Line] = []
    cut: dict[tuple[str, str], int] = {}
    for line in statement.lines:
        whole = line.group and (line.account, line.group) in known
        if line.firm or not whole or (line.account, line.order) in known:
            lines.append(line)
            continue
        same = (line.account, line.group, line.currency)
        exact = msgspec.structs.replace(
            line, key=line.group, order=line.group, group="", amount=line.gross,
            text=line.place,
        )
        there = kept.get(same)
        kept[same] = exact if there is None else _together(there, exact)
        where = (line.account, line.currency)
        cut[where] = cut.get(where, 0) + line.gross - line.amount
    return _with(statement, [*_without(lines, cut), *kept.values()]) if kept else statement


def _without(lines: Iterable[Line], cut: dict[tuple[str, str], int]) -> Iterable[Line]:
    """Remove the lines that are no longer cut."""
    for line in lines:
        where = (line.account, line.currency)
        if line.kind == ROUNDING and cut.get(where):
            line = msgspec.structs.replace(line, amount=line.amount - cut.pop(where))  # noqa: PLW2901 - the rest of it
            if not line.amount:
                continue
        yield line


def _together(one: Line, other: Line) -> Line:
    return msgspec.structs.replace(
        one, amount=one.amount + other.amount, gross=one.gross + other.gross,
        instant=min(one.instant, other.instant), starts=min(one.starts, other.starts),
        ends=max(one.ends, other.ends), place=f"{one.place}, {other.place}",
        text=f"{one.text}, {other.text}",
    )  # fmt: skip


def fitted(
    statement: Statement, accounts: Mapping[str, str], ours: Sequence[Line]
) -> tuple[Statement, tuple[Line, ...]]:
    """Return a file and our lines in the same words; credits are whole in a file of our own too."""
    told = by_invoice(by_currency(statement, accounts), ours)
    return _with(told, credits_together(told.lines)), credits_together(ours)


def credits_together(ours: Iterable[Line]) -> tuple[Line, ...]:
    """Put the parts of a credit together, which the import had to divide among bills."""
    lines = list(ours)
    parted = {
        (line.account, whole_name(line.order)) for line in lines
        if _PART in line.order and line.amount < 0
    }  # fmt: skip
    kept: dict[tuple[str, str], Line] = {}
    others: list[Line] = []
    for line in lines:
        same = (line.account, whole_name(line.order))
        if same not in parted or line.amount >= 0:
            others.append(line)
            continue
        there = kept.get(same)
        name = whole_name(line.order)
        kept[same] = msgspec.structs.replace(
            there or line, key=name, order=name,
            amount=line.amount + (there.amount if there else 0),
        )  # fmt: skip
    return (*others, *kept.values())


def _with(statement: Statement, lines: Iterable[Line]) -> Statement:
    return msgspec.structs.replace(statement, lines=tuple(lines))


_TEN: int = SCALE // 10**RATED_SCALE
_PARTS = ("charged", "taxed", "credited", ROUNDING)


def totals(statement: Statement) -> list[Billed]:
    """Return the totals of a statement, a currency each."""
    sums: dict[str, dict[str, int]] = {}
    for line in statement.lines:
        parts = sums.setdefault(line.currency, dict.fromkeys(_PARTS, 0))
        parts[_part(line)] += line.amount
    return [_written(currency, sums[currency]) for currency in sorted(sums)]


def _part(line: Line) -> str:
    if line.kind == ROUNDING:
        return ROUNDING
    if line.kind == "Tax":
        return "taxed"
    return "credited" if line.amount < 0 else "charged"


def _written(currency: str, parts: dict[str, int]) -> Billed:
    billed = sum(parts.values())
    rest = abs(billed) % _TEN
    rated = billed - rest if billed >= 0 else billed + rest
    return Billed(
        currency=currency, billed=exact(billed, currency),
        to_ten_decimals=exact(rated, currency),
        **{name: exact(amount, currency) for name, amount in parts.items()},
    )  # fmt: skip
