"""Names of months and of days of the week, as statements of several languages write them.

Invariant: a short name counts only where every month that begins so is the same one.
This module must not know a form of dates.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_LEAST: Final = 3  # letters of a short name
_NAMES: Final = (
    "january januar janvier enero gennaio janeiro januari stycznia январь января",
    "february februar fevrier febrero febbraio fevereiro februari lutego февраль февраля",
    "march marz mars marzo marco maart marts mrz maerz mrt marca март марта",
    "april avril abril aprile kwietnia апрель апреля",
    "may mai mayo maggio maio mei maj maja май мая",
    "june juni juin junio giugno junho czerwca июнь июня",
    "july juli juillet julio luglio julho lipca июль июля",
    "august aout agosto augustus augusti sierpnia август августа",
    "september septembre septiembre setiembre settembre setembro wrzesnia сентябрь сентября",
    "october oktober octobre octubre ottobre outubro pazdziernika октябрь октября",
    "november novembre noviembre novembro listopada ноябрь ноября",
    "december dezember decembre diciembre dicembre dezembro desember grudnia декабрь декабря",
)  # fmt: skip
_DAYS: Final = tuple(
    day for days in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag mo di mi do fr sa so",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lunes martes miercoles jueves viernes sabado domingo",
    ) for day in days.split()
)  # fmt: skip
_DAY: Final = re.compile(r"([^\W\d_]{2,10})\.?,? +(?=\S)")


def _plain(name: str) -> str:
    marks = unicodedata.normalize("NFD", name.casefold())
    return "".join(sign for sign in marks if not unicodedata.combining(sign))


_MONTHS: Final = {
    _plain(name): number for number, names in enumerate(_NAMES, 1) for name in names.split()
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
    known = any(day.startswith(plain) for day in _DAYS if len(plain) >= _LEAST or day == plain)
    return text[match.end() :] if known else text
