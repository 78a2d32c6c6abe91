"""The balances of a camt statement: which are the account's, where it begins, what days it covers.

Invariant: only a booked balance in the account's currency counts, never one with a credit line in
it; what is not stated is None, for the movements or the page before to say.
This module must not know entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.periods import DAY, local_date
from projections.reconciliation.lines import BOOKED, one_currency
from projections.reconciliation.readers.camt_entries import (
    is_true,
    money,
    text_of,
    way_of,
    when_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from projections.reconciliation.lines import Line
    from projections.reconciliation.readers.camt_entries import When

_OPENINGS: Final = ("OPBD", "PRCD")
_INTERIM: Final = ("ITBD",)
_WEEKEND: Final = 4 * DAY  # from Friday's close to the end of Monday


class Balance(NamedTuple):
    """A booked balance of the account itself."""

    code: str
    amount: int
    currency: str
    day: When | None


def balances_of(element: Element, place: str, offset: int) -> list[Balance]:
    """Return the booked balances of a statement, without those that count a credit line in."""
    found = []
    for one in element.iterfind("Bal"):
        code = text_of(one, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd")
        if code not in (*_OPENINGS, *_INTERIM, "CLBD"):
            continue  # available, expected or for information: not what is booked
        if any(is_true(line, "Incl") for line in one.iterfind("CdtLine")):
            continue
        where = f"{place}, balance {code}"
        size, currency = money(one.find("Amt"), where)
        interim = text_of(one, "Tp/SubTp/Cd", "Tp/SubTp/Prtry") == "INTM"
        found.append(
            Balance(
                "ITBD" if interim and code == "OPBD" else code, size * way_of(one, where),
                currency, when_of(one, "Dt", f"{where} Dt", offset=offset),
            )
        )  # fmt: skip
    return found


def ends_of_page(
    balances: Sequence[Balance], movements: int
) -> tuple[Balance | None, Balance | None]:
    """Return the balances that a statement begins and ends with, None where none is stated.

    An interim balance stands at either end of a page: two of them are told apart by their order,
    or by what adds up; one alone is at the end that has no other.
    """

    def earliest(code: str) -> Balance | None:
        named = [one for one in balances if one.code == code]
        return min(named, key=_starts, default=None)

    first = next((one for code in _OPENINGS if (one := earliest(code)) is not None), None)
    closings = [one for one in balances if one.code == "CLBD"]
    last = max(closings, key=_starts, default=None)
    interim = [one for one in balances if one.code in _INTERIM]
    if first is None and last is None and len(interim) > 1:
        first, last = interim[0], interim[-1]
        if first.amount + movements != last.amount == first.amount - movements:
            first, last = last, first
    elif first is not None and last is None and interim:
        last = interim[-1]
    elif last is not None and first is None and interim:
        first = interim[0]
    elif interim and first is None:
        last = interim[0]
    return first, last


def _starts(balance: Balance) -> int:
    return balance.day.starts if balance.day is not None else 0


def currency_of(stated: str, balances: Sequence[Balance], lines: Sequence[Line]) -> str:
    """Return the account's currency: stated, unless neither balances nor entries are in it."""
    booked = [line for line in lines if line.status == BOOKED] or list(lines)
    used = {line.currency for line in booked}
    held = [one.currency for one in balances]
    if stated and (stated in used or stated in held or not (used or held)):
        return stated
    if held and (not used or used & set(held)):
        return next((one for one in held if not used or one in used), held[0])
    return one_currency(booked, held[0] if held else "")


def days_of(
    first: Balance | None, last: Balance | None, dated: Sequence[int],
    said: tuple[int, int] | None, offset: int,
) -> tuple[int, int]:  # fmt: skip
    """Return the span that the balances speak of, 0 for an end that they do not.

    A previous close ends an earlier day, which is not this statement's. An opening balance,
    too, is often dated so: the last of the month before, before the span that is stated, or
    the day before all that a daily statement books.
    """
    ends = last.day.ends if last is not None and last.day is not None else 0
    if first is None or first.day is None:
        return 0, ends
    starts = first.day.starts
    after = starts + DAY
    if first.code == "PRCD":
        return (min(after, ends - DAY) if ends else after), ends
    if ends > after and all(instant >= after for instant in dated):
        if said is not None and starts < said[0] < ends and said[0] <= min(dated, default=ends):
            return said[0], ends
        if local_date(starts, offset)[:7] != local_date(after, offset)[:7]:
            return after, ends
        daily = dated and min(dated) >= ends - DAY and ends - starts <= _WEEKEND
        if daily:
            return ends - DAY, ends
    return starts, ends
