"""Bank statements of ISO 20022, any version: camt.053, and camt.052 and camt.054 alike.

Invariant: opening booked + booked entries = closing booked for each statement and along each
account's chain of statements and pages, and stated counts and sums hold. What a file does not
state follows from what it does: an opening is the closing less the movements, or the end of the
page before. Only a booked balance in the account's currency counts, never one with a credit line
in it.
This module must not know which entries the ledger expects.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from ledger.certain import certain
from ledger.periods import DAY, local_date, local_day, midnight
from projections.reconciliation.chains import BalanceStep, ends_of
from projections.reconciliation.lines import (
    BOOKED,
    BadStatement,
    Line,
    Statement,
    check_total,
    one_currency,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.banks import bank_statement, chosen
from projections.reconciliation.readers.camt_entries import (
    is_true,
    lines_of,
    moment,
    money,
    text_of,
    way_of,
    when_of,
)
from projections.reconciliation.readers.xml import EntryTarget, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from projections.reconciliation.lines import Ends
    from projections.reconciliation.readers.camt_entries import When

_TOTALS: Final = {"TtlNtries": (True, False), "TtlCdtNtries": (True,), "TtlDbtNtries": (False,)}
_Entry = tuple[int, bool]  # its total, and whether it is booked
_OPENINGS: Final = ("OPBD", "PRCD")
_INTERIM: Final = ("ITBD",)
_WEEKEND: Final = 4 * DAY  # from Friday's close to the end of Monday
_COPIES: Final = ("DUPL", "CODU", "COPY")
_PAGES: Final = ("StmtPgntn/PgNb", "RptPgntn/PgNb", "NtfctnPgntn/PgNb")


class _Balance(NamedTuple):
    """A booked balance of the account itself."""

    code: str
    amount: int
    currency: str
    day: When | None


def _balances_of(element: Element, place: str, offset: int) -> list[_Balance]:
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
            _Balance(
                "ITBD" if interim and code == "OPBD" else code, size * way_of(one, where),
                currency, when_of(one, "Dt", f"{where} Dt", offset=offset),
            )
        )  # fmt: skip
    return found


def _ends_of_page(
    balances: Sequence[_Balance], movements: int
) -> tuple[_Balance | None, _Balance | None]:
    """Return the balances that a statement begins and ends with, None where none is stated.

    An interim balance stands at either end of a page: two of them are told apart by their order,
    or by what adds up; one alone is at the end that has no other.
    """

    def earliest(code: str) -> _Balance | None:
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


def _starts(balance: _Balance) -> int:
    return balance.day.starts if balance.day is not None else 0


def _currency_of(stated: str, balances: Sequence[_Balance], lines: Sequence[Line]) -> str:
    """Return the account's currency: stated, unless neither balances nor entries are in it."""
    booked = [line for line in lines if line.status == BOOKED] or list(lines)
    used = {line.currency for line in booked}
    held = [one.currency for one in balances]
    if stated and (stated in used or stated in held or not (used or held)):
        return stated
    if held and (not used or used & set(held)):
        return next((one for one in held if not used or one in used), held[0])
    return one_currency(booked, held[0] if held else "")


def _days_of(
    first: _Balance | None, last: _Balance | None, dated: Sequence[int],
    said: cells.DateSpan, offset: int,
) -> cells.DateSpan:  # fmt: skip
    """Return the span that the balances speak of, 0 for an end that they do not.

    A previous close ends an earlier day, which is not this statement's. An opening balance,
    too, is often dated so: the last of the month before, before the span that is stated, or
    the day before all that a daily statement books.
    """
    ends = last.day.ends if last is not None and last.day is not None else 0
    if first is None or first.day is None:
        return cells.DateSpan(0, ends)
    starts = first.day.starts
    after = starts + DAY
    if first.code == "PRCD":
        starts = min(after, ends - DAY) if ends else after
    elif ends > after and all(instant >= after for instant in dated):
        if starts < said.starts < ends and said.starts <= min(dated, default=ends):
            starts = said.starts
        elif local_date(starts, offset)[:7] != local_date(after, offset)[:7]:
            starts = after
        elif dated and min(dated) >= ends - DAY and ends - starts <= _WEEKEND:
            starts = ends - DAY  # of a daily statement
    return cells.DateSpan(starts, ends)


class _Page:
    """One statement, or one page of one."""

    def __init__(
        self, element: Element, lines: list[Line], entries: list[_Entry], *,
        number: int, offset: int,
    ) -> None:  # fmt: skip
        self.account = text_of(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
        self.identity, self.number = text_of(element, "Id"), number
        self.place = f"statement {self.identity or number}"
        self.copy = text_of(element, "CpyDplctInd") in _COPIES
        self.page = _whole(text_of(element, *_PAGES))
        self.sequence = _whole(text_of(element, "ElctrncSeqNb", "LglSeqNb"))
        balances = _balances_of(element, self.place, offset)
        self.currency = _currency_of(text_of(element, "Acct/Ccy"), balances, lines)
        balances = [one for one in balances if one.currency == self.currency]
        booked = [line for line in lines if line.status == BOOKED]
        odd = next((line for line in booked if line.currency != self.currency), None)
        if odd is not None:
            msg = f"{odd.place} is in {odd.currency}, the account in {self.currency}"
            raise BadStatement(msg, hint="ask the bank for the file again")
        self.movements = sum(line.amount for line in booked)
        first, last = _ends_of_page(balances, self.movements)
        self.opening = None if first is None else first.amount
        self.closing = None if last is None else last.amount
        if self.opening is not None and self.closing is not None:
            check_total(
                f"opening + entries = closing of {self.account or self.place}", self.closing,
                self.opening + self.movements, currency=self.currency,
            )  # fmt: skip
        elif self.closing is not None:
            self.opening = self.closing - self.movements
        elif self.opening is not None:
            self.closing = self.opening + self.movements
        self._date(element, lines, (first, last), offset)
        self.entries, self.stated = entries, element.find("TxsSummry")

    def _date(
        self, element: Element, lines: list[Line], ends: tuple[_Balance | None, _Balance | None],
        offset: int,
    ) -> None:  # fmt: skip
        """Date undated entries like the statement, and find the span it covers."""
        first, last = ends
        created = text_of(element, "CreDtTm")
        fallback = (last and last.day) or (
            moment(created, f"{self.place} CreDtTm", offset=offset) if created else None
        )
        if fallback is None and any(not line.instant for line in lines):
            odd = next(line for line in lines if not line.instant)
            raise BadStatement(f"{odd.place} has no booking date (BookgDt)")
        self.lines = [
            line if line.instant or fallback is None else replace(line, instant=fallback.starts)
            for line in lines
        ]
        dated = [line.instant for line in self.lines if line.status == BOOKED]
        said = _said_span(element, self.place, offset)
        if not all(said.starts <= instant < said.ends for instant in dated):
            said = cells.DateSpan(0, 0)  # of another time than the entries: not this statement's
        covered = _days_of(first, last, dated, said, offset)
        self.starts = min(filter(None, (covered.starts or said.starts, *dated)), default=0)
        ended = [covered.ends or said.ends]
        if dated and max(dated) >= covered.ends:
            ended.append(midnight(local_day(max(dated), offset) + 1, offset))
        self.ends = max(ended) or (self.starts and self.starts + DAY)

    def said(self) -> tuple[object, ...]:
        """Return what it says, wherever it stands in the file: a copy says the same."""
        return (
            self.identity, self.page, self.account, self.opening, self.closing,
            [replace(line, place="") for line in self.lines],
        )  # fmt: skip


class _Reader:
    """Collects the statements of a file while it is parsed."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.pages: list[_Page] = []
        self._lines: list[Line] = []
        self._entries: list[_Entry] = []

    def entry(self, element: Element, holder: Element) -> None:
        """Process an entry of the statement that is being read."""
        where = f"entry {len(self._entries) + 1}"
        if self.pages:
            where = f"statement {len(self.pages) + 1}, {where}"
        page = text_of(holder, *_PAGES)
        lines = lines_of(
            element, where, offset=self.offset,
            statement="/".join(filter(None, (text_of(holder, "Id"), page))),
        )  # fmt: skip
        total = sum(line.amount for line in lines)
        self._entries.append((total, lines[0].status == BOOKED))
        self._lines += lines

    def statement(self, element: Element) -> None:
        """Process a statement whose entries have been read."""
        number = len(self.pages) + 1
        self.pages.append(
            _Page(element, self._lines, self._entries, number=number, offset=self.offset)
        )
        self._lines, self._entries = [], []


def read_camt(
    body: bytes, *, source: str, offset: int, currency: str, encoding: str = "", account: str = ""
) -> Statement:
    """Read a file of one of the three messages. Raises: BadStatement, ControlTotalWrong."""
    reader = _Reader(offset)
    target = EntryTarget(f"camt.{source[4:]}", reader.entry, reader.statement)
    parse(body, target, encoding=encoding)
    if not reader.pages:
        raise BadStatement("the file has no statement in it", hint="fetch the file again")
    pages = chosen(_once(reader.pages), account)
    _check_counts(pages)
    code = pages[0].currency or currency
    accounts: dict[str, list[_Page]] = {}
    for page in sorted(pages, key=lambda one: (one.account, one.number)):
        accounts.setdefault(page.account, []).append(page)
    ends = {name: _chain(name, own, code) for name, own in accounts.items()}
    known = {name: one for name, one in ends.items() if one is not None}
    stated = source != "camt054" and len(known) == len(ends)
    return bank_statement(source, pages, known if stated else None, currency=code)


read_camt052 = partial(read_camt, source="camt052")
read_camt053 = partial(read_camt, source="camt053")
read_camt054 = partial(read_camt, source="camt054")


def _once(pages: Sequence[_Page]) -> list[_Page]:
    """Leave out what is marked as a copy of a statement that the file has."""
    kept: list[_Page] = []
    for page in pages:
        twins = [
            one for one in kept if (page.copy or one.copy) and page.said() == one.said()
        ]
        if not twins:
            kept.append(page)
    return kept


def _chain(name: str, pages: list[_Page], currency: str) -> Ends | None:
    """Return the opening and the closing of an account, None where no page states a balance.

    A page without balances begins where the page before it ended, so pages are put in order
    first: by their numbers where each has one, otherwise by their dates.
    """
    if all(page.sequence is not None for page in pages):
        pages.sort(key=lambda one: (certain(one.sequence), one.page or 0, one.starts, one.number))
    else:
        pages.sort(key=lambda one: (one.starts, one.ends, one.page or 0, one.number))
    known = [place for place, page in enumerate(pages) if page.opening is not None]
    if not known:
        return None
    for place in range(known[0] - 1, -1, -1):
        pages[place].closing = pages[place + 1].opening
        pages[place].opening = certain(pages[place].closing) - pages[place].movements
    for place in range(known[0] + 1, len(pages)):
        if pages[place].opening is None:
            pages[place].opening = pages[place - 1].closing
            pages[place].closing = certain(pages[place].opening) + pages[place].movements
    steps = [BalanceStep(page.movements, certain(page.closing), 0, page.place) for page in pages]
    what = f"closing of one statement = opening of the next of {name}"
    return ends_of(steps, what=what, currency=currency)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - 18 digits, as the format allows


def _said_span(element: Element, place: str, offset: int) -> cells.DateSpan:
    """Return the whole days that a statement says it covers; 0 and 0 where it does not."""
    first, last = text_of(element, "FrToDt/FrDtTm"), text_of(element, "FrToDt/ToDtTm")
    if not first or not last:
        return cells.DateSpan(0, 0)
    starts = moment(first, f"{place} FrToDt", offset=offset).starts
    return cells.DateSpan(starts, moment(last, f"{place} FrToDt", offset=offset).ends)


def _check_counts(pages: Sequence[_Page]) -> None:
    """Check the counts and sums that statements state, each of itself or of all its pages.

    Raises: BadStatement (a count), ControlTotalWrong (a sum).
    """
    whole: dict[tuple[str, str], list[_Entry]] = {}
    for page in pages:
        whole.setdefault((page.account, page.identity), []).extend(page.entries)
    for page in pages:
        for path, ways in _TOTALS.items():
            summary = None if page.stated is None else page.stated.find(path)
            if summary is not None:
                parts = [
                    [abs(total) for total, booked in entries
                     if (total >= 0) in ways and (booked or not only_booked)]
                    for entries in (page.entries, whole[page.account, page.identity])
                    for only_booked in (False, True)
                ]  # fmt: skip
                _check_total(summary, path, page, parts)


def _check_total(
    summary: Element, path: str, page: _Page, parts: Sequence[Sequence[int]]
) -> None:
    count, stated = text_of(summary, "NbOfNtries"), text_of(summary, "Sum")
    counts, sums = list(map(len, parts)), list(map(sum, parts))
    if count.isascii() and count.isdigit() and int(count) not in counts:
        msg = f"control total {path}: {count} entries stated, {counts[0]} found"
        difference = int(count) - counts[0]
        raise BadStatement(f"{msg}, difference {difference}", hint="fetch the file again")
    if stated:
        size = cells.amount(stated, 0, f"{page.place} {path} Sum")
        if size not in sums:
            check_total(f"sum of {path}", size, sums[0], currency=page.currency)
