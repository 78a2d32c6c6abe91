"""Bank statements of ISO 20022, any version: camt.053, and camt.052 and camt.054 alike.

Invariant: opening booked + booked entries = closing booked for each statement and along each
account's chain of statements and pages, and stated counts and sums hold. What a file does not
state follows from what it does: an opening is the closing less the movements, or the end of the
page before. A balance in another currency, or with a credit line in it, is not the account's.
This module must not know which entries the ledger expects.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ledger.certain import certain
from ledger.periods import DAY, local_day, midnight
from projections.reconciliation.chains import Link, ends_of
from projections.reconciliation.lines import (
    BOOKED,
    BadStatement,
    Line,
    Statement,
    check_total,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.camt_balances import (
    balances_of,
    currency_of,
    days_of,
    ends_of_page,
)
from projections.reconciliation.readers.camt_entries import lines_of, moment, text_of
from projections.reconciliation.readers.xml import Target, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from projections.reconciliation.readers.camt_balances import Balance

KINDS: Final = {"camt052": "camt.052", "camt053": "camt.053", "camt054": "camt.054"}
_COPIES: Final = ("DUPL", "CODU", "COPY")
_PAGES: Final = ("StmtPgntn/PgNb", "RptPgntn/PgNb", "NtfctnPgntn/PgNb")


class _Tally:
    """Counts entries as they come, all of them and those that are booked."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, bool]] = Counter()
        self.sums: Counter[tuple[str, bool]] = Counter()

    def add(self, total: int, *, booked: bool) -> None:
        """Count an entry under each total that may be stated of it."""
        for name in ("TtlNtries", "TtlCdtNtries" if total >= 0 else "TtlDbtNtries"):
            for only_booked in (False, True) if booked else (False,):
                self.counts[name, only_booked] += 1
                self.sums[name, only_booked] += abs(total)

    def __add__(self, other: _Tally) -> _Tally:
        """Return both together: several pages may state the totals of all of them."""
        both = _Tally()
        both.counts, both.sums = self.counts + other.counts, self.sums + other.sums
        return both


class _Part:
    """One statement, or one page of one."""

    def __init__(
        self, element: Element, lines: list[Line], tally: _Tally, *, number: int, offset: int
    ) -> None:
        self.name = text_of(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
        self.identity, self.number = text_of(element, "Id"), number
        self.place = f"statement {self.identity or number}"
        self.copy = text_of(element, "CpyDplctInd") in _COPIES
        self.page = _whole(text_of(element, *_PAGES))
        self.sequence = _whole(text_of(element, "ElctrncSeqNb", "LglSeqNb"))
        balances = balances_of(element, self.place, offset)
        self.currency = currency_of(text_of(element, "Acct/Ccy"), balances, lines)
        balances = [one for one in balances if one.currency == self.currency]
        booked = [line for line in lines if line.status == BOOKED]
        odd = next((line for line in booked if line.currency != self.currency), None)
        if odd is not None:
            msg = f"{odd.place} is in {odd.currency}, the account in {self.currency}"
            raise BadStatement(msg, hint="ask the bank for the file again")
        self.movements = sum(line.amount for line in booked)
        first, last = ends_of_page(balances, self.movements)
        self.opening = None if first is None else first.amount
        self.closing = None if last is None else last.amount
        if self.opening is not None and self.closing is not None:
            check_total(
                f"opening + entries = closing of {self.name or self.place}", self.closing,
                self.opening + self.movements, currency=self.currency,
            )  # fmt: skip
        elif self.closing is not None:
            self.opening = self.closing - self.movements
        elif self.opening is not None:
            self.closing = self.opening + self.movements
        self._date(element, lines, (first, last), offset)
        self.tally, self.stated = tally, element.find("TxsSummry")

    def _date(
        self, element: Element, lines: list[Line], ends: tuple[Balance | None, Balance | None],
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
        if said is not None and not all(said[0] <= instant < said[1] for instant in dated):
            said = None  # of another time than the entries: not the span of this statement
        starts, ends_at = days_of(first, last, dated, said, offset)
        begun = [starts] if starts else []
        ended = [ends_at] if ends_at else []
        if said is not None and not begun:
            begun = [said[0]]
        if said is not None and not ended:
            ended = [said[1]]
        self.starts = min([*begun, *dated], default=0)
        if dated and max(dated) >= ends_at:
            ended.append(midnight(local_day(max(dated), offset) + 1, offset))
        self.ends = max(ended, default=self.starts and self.starts + DAY)

class _Reader:
    """Collects the statements of a file while it is parsed."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.parts: list[_Part] = []
        self._lines: list[Line] = []
        self._tally, self._count = _Tally(), 0

    def entry(self, element: Element, holder: Element) -> None:
        """Process an entry of the statement that is being read."""
        self._count += 1
        where = f"entry {self._count}"
        if self.parts:
            where = f"statement {len(self.parts) + 1}, {where}"
        page = text_of(holder, *_PAGES)
        lines = lines_of(
            element, where, offset=self.offset,
            statement="/".join(filter(None, (text_of(holder, "Id"), page))),
        )  # fmt: skip
        total = sum(line.amount for line in lines)
        self._tally.add(total, booked=lines[0].status == BOOKED)
        self._lines += lines

    def statement(self, element: Element) -> None:
        """Process a statement whose entries have been read."""
        number = len(self.parts) + 1
        self.parts.append(
            _Part(element, self._lines, self._tally, number=number, offset=self.offset)
        )
        self._lines, self._tally, self._count = [], _Tally(), 0


def read_camt(
    body: bytes, *, source: str, offset: int, currency: str, encoding: str = "", account: str = ""
) -> Statement:
    """Read a file of one of the three messages. Raises: BadStatement, ControlTotalWrong."""
    reader = _Reader(offset)
    parse(body, Target(KINDS[source], reader.entry, reader.statement), encoding=encoding)
    if not reader.parts:
        raise BadStatement("the file has no statement in it", hint="fetch the file again")
    parts = _chosen(_once(reader.parts), account)
    _check_counts(parts)
    return _statement(parts, source=source, fallback=currency)


read_camt052 = partial(read_camt, source="camt052")
read_camt053 = partial(read_camt, source="camt053")
read_camt054 = partial(read_camt, source="camt054")


def _once(parts: Sequence[_Part]) -> list[_Part]:
    """Leave out what is marked as a copy of a statement that the file has."""
    kept: list[_Part] = []
    for part in parts:
        twins = [
            one for one in kept if (part.copy or one.copy) and part.identity == one.identity
            and (part.page, part.name, part.opening, part.closing)
            == (one.page, one.name, one.opening, one.closing) and _said(part) == _said(one)
        ]  # fmt: skip
        if not twins:
            kept.append(part)
    return kept


def _said(part: _Part) -> list[Line]:
    return [replace(line, place="") for line in part.lines]


def _chosen(parts: list[_Part], account: str) -> list[_Part]:
    """Return the statements of one account, and refuse several currencies at once."""
    chosen = [
        part for part in parts
        if not account or account in (part.name, f"{part.name} {part.currency}")
    ]  # fmt: skip
    if not chosen:
        raise BadStatement(
            f"the file has no statement of account {account!r}",
            hint=f"it has: {', '.join(sorted({part.name for part in parts}))[:200]}",
        )
    if len({part.currency for part in chosen}) > 1:
        named = ", ".join(sorted({f"'{part.name} {part.currency}'" for part in chosen}))
        msg = "the file has statements in several currencies"
        raise BadStatement(msg, hint=f"choose one with --account: {named}")
    return chosen


def _statement(parts: Sequence[_Part], *, source: str, fallback: str) -> Statement:
    lines = tuple(line for part in parts for line in part.lines)
    currency = parts[0].currency or fallback
    accounts: dict[str, list[_Part]] = {}
    for part in sorted(parts, key=lambda one: (one.name, one.number)):
        accounts.setdefault(part.name, []).append(part)
    chains = {name: _chain(name, pages, currency) for name, pages in accounts.items()}
    opening, closing, balances = 0, sum(part.movements for part in parts), False
    openings: dict[str, int] = {}
    if source != "camt054" and all(ends is not None for ends in chains.values()):
        openings = {name: ends[0] for name, ends in chains.items() if ends is not None}
        opening = sum(openings.values())
        closing = sum(ends[1] for ends in chains.values() if ends is not None)
        balances = True
    dated = [part for part in parts if part.ends]
    return Statement(
        of=", ".join(sorted(name for name in accounts if name)),
        source=source, subject="payments", currency=currency, lines=lines,
        opening=opening, closing=closing, balances=balances, openings=openings,
        starts=min((part.starts for part in dated), default=0),
        ends=max((part.ends for part in dated), default=0),
    )  # fmt: skip


def _chain(name: str, pages: list[_Part], currency: str) -> tuple[int, int] | None:
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
    links = [Link(certain(page.opening), certain(page.closing), page.place) for page in pages]
    what = f"closing of one statement = opening of the next of {name}"
    return ends_of(links, what=what, currency=currency)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - 18 digits, as the format allows


def _said_span(element: Element, place: str, offset: int) -> tuple[int, int] | None:
    """Return the whole days that a statement says it covers."""
    first, last = text_of(element, "FrToDt/FrDtTm"), text_of(element, "FrToDt/ToDtTm")
    if not first or not last:
        return None
    starts = moment(first, f"{place} FrToDt", offset=offset).starts
    return starts, moment(last, f"{place} FrToDt", offset=offset).ends


def _check_counts(parts: Sequence[_Part]) -> None:
    """Check the counts and sums that statements state, each of itself or of all its pages.

    Raises: BadStatement (a count), ControlTotalWrong (a sum).
    """
    whole: dict[tuple[str, str], _Tally] = {}
    for part in parts:
        named = (part.name, part.identity)
        whole[named] = whole.get(named, _Tally()) + part.tally
    for part in parts:
        tallies = (part.tally, whole[part.name, part.identity])
        for path in ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries"):
            summary = None if part.stated is None else part.stated.find(path)
            if summary is not None:
                _check_total(summary, path, part, tallies)


def _check_total(
    summary: Element, path: str, part: _Part, tallies: tuple[_Tally, _Tally]
) -> None:
    count, stated = text_of(summary, "NbOfNtries"), text_of(summary, "Sum")
    counts = [one.counts[path, only] for one in tallies for only in (False, True)]
    sums = [one.sums[path, only] for one in tallies for only in (False, True)]
    if count.isascii() and count.isdigit() and int(count) not in counts:
        msg = f"control total {path}: {count} entries stated, {counts[0]} found"
        difference = int(count) - counts[0]
        raise BadStatement(f"{msg}, difference {difference}", hint="fetch the file again")
    if stated:
        size = cells.amount(stated, 0, f"{part.place} {path} Sum")
        if size not in sums:
            check_total(f"sum of {path}", size, sums[0], currency=part.currency)
