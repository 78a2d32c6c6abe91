"""Amounts in the cells of a column map's file: their sign and currency may stand beside them.

Invariant: a sign is read once: where a word and a minus both say it, they must agree. A currency
that a cell names is that of the row. This module must not know columns.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.currencies import DECIMALS
from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount

if TYPE_CHECKING:
    from collections.abc import Iterable

# What one sign can only mean; $, ¥ and kr are of several currencies and say nothing.
_SYMBOLS: Final = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₴": "UAH",
    "₫": "VND", "฿": "THB", "₪": "ILS", "zł": "PLN", "kč": "CZK", "r$": "BRL", "us$": "USD",
    "hk$": "HKD", "a$": "AUD", "c$": "CAD", "s$": "SGD", "nt$": "TWD", "nz$": "NZD", "mx$": "MXN",
    "元": "CNY", "円": "JPY", "$": "", "¥": "", "￥": "", "kr": "", "fr": "CHF", "rs": "INR",
}  # fmt: skip
_WORD: Final = r"(?:[^\W\d_]{1,12}\$?\.?|[€$£¥￥₹₩₽₺₴₫฿₪])"
_MARKED: Final = re.compile(
    rf"(?P<front>[-+(\u2212\u2010-\u2013]?)\s*(?P<first>{_WORD})?\s*(?P<plain>[^\s\w]*\s*\d.*?)"
    rf"\s*(?P<last>{_WORD})?(?P<end>\)?)", re.DOTALL,
)  # fmt: skip
_MARKS: Final = dict.fromkeys(map(ord, "\u00a0\u202f\u2009"), " ") | {0x2019: "'"}
EMPTY: Final = ("", "-", "--", "\u2013", "\u2014", "n/a")  # how a cell says that it is empty


class Figure(NamedTuple):
    """An amount, and the currency that its cell names, empty for none."""

    amount: int
    currency: str = ""


class Figures:
    """Reads amounts as one file writes them."""

    def __init__(
        self, *, decimal: str, thousands: str, others: str, income: Iterable[str],
        expense: Iterable[str],
    ) -> None:  # fmt: skip
        """Remember the marks, and the words for money that comes in and that goes out.

        ``others`` are marks that part groups of three too, where nobody said that they do not.
        """
        self._decimal, self._thousands = decimal, thousands
        self._others = others
        self._ways = {folded(word): 1 for word in income if word}
        self._ways.update({folded(word): -1 for word in expense if word})

    def way(self, word: str) -> int:
        """Return 1 for a word that means income, -1 for expense, 0 for any other."""
        return self._ways.get(folded(word), 0)

    def read(self, text: str) -> Figure:
        """Read a cell. Raises: InvalidInput."""
        try:
            return Figure(self._number(text))
        except InvalidInput as error:
            found = self._beside(text)
            if found is None:
                raise error from None
            return found

    def _number(self, text: str) -> int:
        if self._others and not text.isalnum():
            plain = text.strip().translate(_MARKS)
            for mark in self._others:
                if mark in plain and self._thousands not in plain:
                    return read_amount(plain, decimal=self._decimal, thousands=mark)
        return read_amount(text, decimal=self._decimal, thousands=self._thousands)

    def _beside(self, text: str) -> Figure | None:
        """Read a number with words beside it, None where one of them is not known."""
        match = _MARKED.fullmatch(text.strip())
        if match is None:
            return None
        way, code = 0, ""
        for word in filter(None, (match["first"], match["last"])):
            sign, named = self.way(word), _code(word)
            if not sign and named is None:
                return None
            if (sign and way not in (0, sign)) or (not sign and code and named != code):
                return None
            way, code = (sign or way), (code if sign else named or code)
        amount = self._number(f"{match['front']}{match['plain']}{match['end']}")
        if amount < 0 < way:
            raise InvalidInput(
                f"{text.strip()[:40]!r} has a minus, and a word that says the opposite",
                hint="the map's [values] say which words mean income and expense",
            )
        return Figure(-abs(amount) if way < 0 else amount, code)


def folded(word: str) -> str:
    """Write a word as all its spellings have it in common: no case, accents or full stop."""
    marks = unicodedata.normalize("NFKD", word.strip().casefold())
    plain = "".join(sign for sign in marks if not unicodedata.combining(sign))
    return plain.removesuffix(".") or plain


def _code(word: str) -> str | None:
    """Return the currency that a word beside an amount names, None where it is not a currency."""
    plain = word.strip().removesuffix(".")
    return plain.upper() if plain.upper() in DECIMALS else _SYMBOLS.get(plain.casefold())
