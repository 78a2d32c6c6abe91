"""Dates of statements, in the form that a map says or in the one form that fits the whole column.

Invariant: a column has one form. Where two forms read a column differently it is refused with
both readings; a form is never chosen cell by cell. A short name of a month, in any of several
languages, counts only where every month that begins so is the same one.
This module must not know what a date is the date of.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import InvalidInput
from ledger.periods import parse_instant
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST: Final = 3  # letters of a short name
_DAY: Final = re.compile(r"([^\W\d_]{2,10})\.?,? +(?=\S)")


def _plain(name: str) -> str:
    marks = unicodedata.normalize("NFD", name.casefold())
    return "".join(sign for sign in marks if not unicodedata.combining(sign))


_MONTHS: Final = {
    _plain(name): number for number, names in enumerate(WORDS.months, 1) for name in names.split()
}


@lru_cache(maxsize=256)
def month_of(name: str) -> int:
    """Return the number of a month by its name, short or whole; 0 where it is none or two."""
    plain = _plain(name)
    if plain in _MONTHS:
        return _MONTHS[plain]
    if len(plain) < _LEAST:
        return 0
    found = {number for whole, number in _MONTHS.items() if whole.startswith(plain)}
    return found.pop() if len(found) == 1 else 0


def without_day(text: str) -> str:
    """Take a day of the week from the front of a date."""
    match = _DAY.match(text)
    if match is None:
        return text
    plain = _plain(match[1])
    known = any(day.startswith(plain) for day in WORDS.days if len(plain) >= _LEAST or day == plain)
    return text[match.end() :] if known else text


# Year first is the world's own; then days before months and the other way round where a
# separator leaves it open; names of months leave nothing open.
FORMS: Final = (
    "YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "YYYYMMDDHHmmss",
    "YYYY年MM月DD日",
    "DD.MM.YYYY", "DD.MM.YY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "MM-DD-YYYY",
    "YY/MM/DD", "DD/MM/YY", "MM/DD/YY", "YY-MM-DD", "DD-MM-YY", "MM-DD-YY",
    "DD MMM YYYY", "DD-MMM-YYYY", "DD/MMM/YYYY", "DD MMM YY", "DD-MMM-YY", "DD/MMM/YY",
    "DD. MMM YYYY", "DDMMMYYYY", "DDMMMYY", "DD de MMM de YYYY", "YYYY MMM DD", "YYYY-MMM-DD",
    "MMM DD, YYYY", "MMM DD YYYY",
)  # fmt: skip
_TOKENS: Final = {
    "YYYY": r"(?P<year>[0-9]{4})", "YY": r"(?P<short>[0-9]{2})",
    "MMM": r"(?P<name>[^\W\d_]{3,12})\.?",
    "MM": r"(?P<month>[0-9]{1,2})", "DD": r"(?P<day>[0-9]{1,2})", "HH": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})", "ss": r"(?P<second>[0-9]{2})(?:[.,][0-9]+)?",
    "A": r"(?P<half>[AaPp])\.?[Mm]\.?",
}  # fmt: skip
_STRPTIME: Final = {
    "%Y": "YYYY", "%y": "YY", "%m": "MM", "%d": "DD", "%b": "MMM", "%B": "MMM", "%H": "HH",
    "%I": "HH", "%M": "mm", "%S": "ss", "%p": "A", "%-d": "DD", "%-m": "MM", "%e": "DD",
}  # fmt: skip
# A time may follow where the form says none, in any of the shapes that programs write.
_TIME: Final = (
    r"(?:[ T,]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?(?: ?(?P<away>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
)
_CENTURY: Final = 70  # a year of two digits from here on is of the last century
_NOON: Final = 12
_DAY_MAX: Final = 31
_HOUR_MAX: Final = 23
_MINUTE_MAX: Final = 59
_MIDNIGHT: Final = 24  # 24:00:00 ends its day
# Counts of days or seconds, which only a map can tell from other numbers: (since, units a day).
_COUNTS: Final = {
    "serial": (datetime(1899, 12, 30, tzinfo=UTC), 1),
    "unix": (datetime(1970, 1, 1, tzinfo=UTC), 86_400),
    "unix-ms": (datetime(1970, 1, 1, tzinfo=UTC), 86_400_000),
}  # fmt: skip
_COUNT: Final = re.compile(r"([0-9]{1,14})(?:[.,]([0-9]{1,12})0*)?")
_WHOLE: Final = re.compile(r"[0-9]{5}(?:[.,][0-9]+)?|[0-9]{10}|[0-9]{13}")


class Form(NamedTuple):
    """A form of dates, as a person writes it and as it is looked for."""

    name: str
    pattern: re.Pattern[str]

    def read(self, text: str) -> tuple[str, str] | None:
        """Return a local time and the offset that is written with it; None for another form."""
        if self.name in _COUNTS:
            return _counted(self.name, text)
        match = self.pattern.fullmatch(text) or self.pattern.fullmatch(without_day(text))
        if match is None:
            return None
        said = match.groupdict()
        month = int(said.get("month") or month_of(said.get("name") or ""))
        year, day = _year(said), int(said["day"])
        hour, minute, second = (int(said.get(one) or 0) for one in ("hour", "minute", "second"))
        if said.get("half"):
            after = said["half"].lower() == "p"
            if hour > _NOON and not after:
                return None
            hour = hour % _NOON + (_NOON if after else 0)
        if (hour, minute, second) == (_MIDNIGHT, 0, 0):
            hour, minute, second = _HOUR_MAX, _MINUTE_MAX, _MINUTE_MAX
        second = min(second, _MINUTE_MAX) if second == _MINUTE_MAX + 1 else second
        fits = 1 <= month <= _NOON and 1 <= day <= _DAY_MAX
        if not fits or hour > _HOUR_MAX or max(minute, second) > _MINUTE_MAX:
            return None
        away = said.get("away") or ""
        away = "Z" if away in ("UTC", "GMT") else away
        if len(away) == len("+0100"):
            away = f"{away[:3]}:{away[3:]}"
        return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", away


def _counted(name: str, text: str) -> tuple[str, str] | None:
    """Read a count of days (a spreadsheet's, local) or of seconds (UTC)."""
    match = _COUNT.fullmatch(text)
    if match is None:
        return None
    since, units = _COUNTS[name]
    whole, part = int(match[1]), match[2] or ""
    days, rest = divmod(whole * 10 ** len(part) + int(part or 0), units * 10 ** len(part))
    seconds = (rest * 86_400 + (units * 10 ** len(part)) // 2) // (units * 10 ** len(part))
    try:
        when = since + timedelta(days=days, seconds=seconds)
    except OverflowError:
        return None
    return when.isoformat()[:19], "" if units == 1 else "Z"


def _year(said: dict[str, str | None]) -> int:
    if said.get("year"):
        return int(said["year"] or 0)
    short = int(said.get("short") or 0)
    return short + (1900 if short >= _CENTURY else 2000)


@lru_cache(maxsize=256)
def form_of(text: str) -> Form:
    """Return the form that ``DD.MM.YYYY`` or ``%d.%m.%Y`` describes. Raises: InvalidInput."""
    if text in _COUNTS:
        return Form(text, _COUNT)
    plain = re.sub(r"%-?[A-Za-z]", lambda one: _STRPTIME.get(one[0], one[0]), text)
    if "Y" not in plain:  # as spreadsheets write it: dd.mm.yyyy
        plain = plain.replace("y", "Y").replace("d", "D")
        plain = plain if "MM" in plain else plain.replace("mm", "MM", 1)
    parts = re.split(r"(YYYY|YY|MMMM?|MM?|DD?|HH?|hh?|mm|ss|A)", plain)
    known = {"MMMM": "MMM", "M": "MM", "D": "DD", "H": "HH", "h": "HH", "hh": "HH"}
    seen: set[str] = set()
    pattern = ""
    for part in parts:
        token = known.get(part, part)
        pattern += _TOKENS.get(token) or re.escape(part)
        if token in seen and token in _TOKENS:
            raise InvalidInput(f"the date form {text!r} has {token} twice")
        seen.add(token)
    if not (seen & {"YYYY", "YY"} and seen & {"MM", "MMM"} and "DD" in seen):
        msg = f"the date form {text!r} does not say day, month and year"
        raise InvalidInput(msg, hint='write it like "DD.MM.YYYY" or "%d.%m.%Y"')
    if re.search("YYYYMM|MMDD|DDMM", plain):  # nothing parts them, so each has two digits
        pattern = pattern.replace("{1,2}", "{2}")
    tail = "" if "HH" in seen else _TIME
    return Form(text, re.compile(pattern + tail, re.IGNORECASE))


def forms_that_fit(cells: Iterable[str], among: Iterable[str] = FORMS) -> list[Form]:
    """Return the forms that every cell has; of those that read all alike only the first."""
    texts = sorted(set(cells))
    fitting: dict[tuple[tuple[str, str] | None, ...], Form] = {}
    for name in among:
        form = form_of(name)
        read = []
        for text in texts:
            read.append(form.read(text))
            if read[-1] is None:
                break
        else:
            fitting.setdefault(tuple(read), form)
    return list(fitting.values())


def is_date(text: str) -> bool:
    """Return whether a text is a date in any form."""
    plain = text.strip()
    return any(map(str.isdigit, plain)) and bool(forms_that_fit([plain]))


def choose_form(cells: list[tuple[int, str]], column: str, given: tuple[str, ...]) -> list[Form]:
    """Return the forms of a column: those that are given, otherwise the only one that fits.

    Raises: BadStatement, with the cell that no form reads or that two read differently.
    """
    if given or not cells:
        return [form_of(name) for name in given]
    fitting = forms_that_fit(text for _, text in cells)
    if len(fitting) == 1:
        return fitting
    if fitting:
        odd = next(
            (line, text) for line, text in cells if len({form.read(text) for form in fitting}) > 1
        )
        names = " or ".join(form.name for form in fitting)
        raise BadStatement(
            f"line {odd[0]}, {column}: {odd[1]!r} may be {names}",
            hint=f'the map says which, e.g. date_format = "{fitting[0].name}"',
        )
    line, text = next(
        (cell for cell in cells if not forms_that_fit([cell[1]])), _outlier(cells)
    )
    if all(_WHOLE.fullmatch(cell) for _, cell in cells):
        raise BadStatement(
            f"line {line}, {column}: {text[:40]!r} is a count of days or of seconds",
            hint='the map says of which: date_format = "serial" (a spreadsheet), "unix", "unix-ms"',
        )
    raise BadStatement(
        f"line {line}, {column}: {text[:40]!r} is not a date like the others",
        hint='the map may say date_format = "DD.MM.YYYY", or several; skip_after = N leaves out '
        "rows at the end",
    )


def _outlier(cells: list[tuple[int, str]]) -> tuple[int, str]:
    """Return the first cell that most of the forms of the first one do not read."""
    first = forms_that_fit([cells[0][1]])
    return next(
        (cell for cell in cells if not any(form.read(cell[1]) for form in first)), cells[-1]
    )


class Dates:
    """Reads the cells of one column, each distinct one once."""

    def __init__(self, forms: list[Form], column: str, *, zone: str | None, offset: int) -> None:
        """Remember the forms and where the bank is. Raises: InvalidInput for an unknown zone."""
        self._forms, self._column, self._offset = forms, column, offset
        self._zone = None if zone is None else zone_of(zone)
        self._known: dict[str, int] = {}

    def instant(self, text: str, line: int) -> int:
        """Return the instant of a cell. Raises: BadStatement."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self._read(text, line)
        return found

    def _read(self, text: str, line: int) -> int:
        for form in self._forms:
            said = form.read(text)
            if said is None:
                continue
            local, away = said
            try:
                if not away and self._zone is not None:
                    away = self._away(local)
                return parse_instant(local + away, self._offset)
            except (InvalidInput, ValueError):
                break
        names = " or ".join(form.name for form in self._forms)
        msg = f"line {line}, {self._column}: {text[:40]!r} is not a date of the form {names}"
        raise BadStatement(msg, hint="the map's date_format says the form, or several of them")

    def _away(self, local: str) -> str:
        assert self._zone is not None  # noqa: S101 - the caller asked
        shift = datetime.fromisoformat(local).replace(tzinfo=self._zone).utcoffset()
        minutes = (shift or timedelta()) // timedelta(minutes=1)
        hours, rest = divmod(abs(minutes), 60)
        return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name like ``Europe/Berlin`` or ``+01:00``. Raises: InvalidInput."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few maps name a zone

    if re.fullmatch(r"[+-]\d{2}:\d{2}", name, re.ASCII):
        zone = datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo
        assert zone is not None  # noqa: S101 - an offset was given
        return zone
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        msg = f"the time zone {name!r} is not known"
        raise InvalidInput(msg, hint='e.g. "Europe/Berlin" or "+01:00"') from None
