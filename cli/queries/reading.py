"""Which relations a query names, and at which points: found in its tokens, before it is run.

Invariant: what stands in a text, a comment or a quoted name is not a relation; a point is written
out, so that its rows can be made before the query runs. This module must not know a relation's
rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection

_TOKEN: Final = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[A-Za-z_]\w*|\s+|.", re.DOTALL
)
FIRST_WORDS: Final = ("SELECT", "WITH", "VALUES", "FROM")


class Call(NamedTuple):
    """A relation at a point of its own, as the query writes it."""

    relation: str
    at: str
    known_at: str


class Read(NamedTuple):
    """A query: what it names, and its text with the calls replaced by tables."""

    text: str
    relations: frozenset[str]
    calls: tuple[Call, ...]

    def table_of(self, call: Call) -> str:
        """Name the table that stands for a call."""
        return f"point_{self.calls.index(call)}_{call.relation}"


def read_query(text: str, relations: Collection[str]) -> Read:
    """Find the relations and the calls in a query. Raises: InvalidInput."""
    tokens = [match[0] for match in _TOKEN.finditer(text)]
    words = [place for place, token in enumerate(tokens) if not _silent(token)]
    _check_first(tokens, words)
    named: set[str] = set()
    calls: list[Call] = []
    kin = {f"{name}_at": name for name in relations}
    for number, place in enumerate(words):
        word = tokens[place].lower().strip('"')
        if word in relations:
            named.add(word)
        elif word in kin and _next(tokens, words, number + 1) == "(":
            call = _call(kin[word], tokens, words[number + 1 :])
            if call not in calls:
                calls.append(call)
            table = f"point_{calls.index(call)}_{call.relation}"
            last = words[number + 5]
            tokens[place] = table
            for spent in range(place + 1, last + 1):
                tokens[spent] = ""
    return Read("".join(tokens), frozenset(named), tuple(calls))


def _silent(token: str) -> bool:
    return token.isspace() or token.startswith(("--", "/*"))


def _next(tokens: list[str], words: list[int], number: int) -> str:
    return tokens[words[number]] if number < len(words) else ""


def _check_first(tokens: list[str], words: list[int]) -> None:
    first = next((tokens[place] for place in words if tokens[place] != "("), "")
    if first.upper() not in FIRST_WORDS:
        msg = f"a query begins with SELECT, WITH, VALUES or FROM, not with {first[:40]!r}"
        raise InvalidInput(msg, hint="one SELECT is allowed; nothing can be changed or fetched")


def _call(relation: str, tokens: list[str], words: list[int]) -> Call:
    """Read ``('T', 'K')`` after the name of a relation's function. Raises: InvalidInput."""
    given = [tokens[place] for place in words[:5]]
    shape = ("(", "'", ",", "'", ")")
    if len(given) < len(shape) or any(
        not token.startswith(want) for token, want in zip(given, shape, strict=False)
    ):
        msg = f"{relation}_at takes two instants as text literals"
        raise InvalidInput(msg, hint=f"{relation}_at('2025-03-31', '2025-04-02')")
    return Call(relation, _unquoted(given[1]), _unquoted(given[3]))


def _unquoted(token: str) -> str:
    return token[1:-1].replace("''", "'")

