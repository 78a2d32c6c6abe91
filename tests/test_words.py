"""Plain English as a test: phrases that native readers stumbled over stay out.

Each phrase has its plain form (docs/GLOSSARY.md has the terms). Reads code, pages and golden
answers; the pages that are normative elsewhere and the history of changes are left alone.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from tests.test_tidy import ROOT, _texts

if TYPE_CHECKING:
    from collections.abc import Iterator

THIS: Final = "tests/test_words.py"
LEFT_ALONE: Final = ("docs/RULEBOOK.md", "docs/INTERFACE.md", "CHANGELOG.md", "LICENSE", THIS)

# What is not said -> what is said instead.
PLAIN: Final = {
    r"\banew\b(?! = )": "again",
    r"\blet go of\b": "close, release",
    r"\bun(?:asked|bidden)\b": "by default, automatically",
    r"\bunless told\b": "default: ...",
    r"\bheld against\b": "compared with",
    r"\b(?:is|are|was) another(?: one)?[.,;:]": "differs, has changed",
    r"\bfares\b|\bfalls? out otherwise\b": "has a different outcome",
    r"\bleaves? with \d": "exits with status",
    r"\bone a (?:line|word|file)\b|\ba line each\b": "one per line",
    r"\bspelled exactly\b": "use one of these values",
    r"\bsince ever\b|\bfrom ever\b": "from the beginning",
    r"\bin its one spelling\b": "in canonical form",
    r"\b(?:said|says) nothing about\b": "applies only to",
    r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b)\w+": "is not a",
    r"\bmade to fit\b": "recomputed to match",
    r"\bhow manieth\b": "the place among its equals",
    r"\bwhose is another\b": "which one differs",
    r"\blost is lost\b": "it cannot be recovered",
    r"\b(?:of ours|of theirs)\b": "our, their",
    r"\bin all(?= for\b| \(|[.,;:)\"])": "in total",
    r"\b(?:called|decided?|drawn|fares?|gives?|read|remembered|spelled|told|written) otherwise\b":
        "differently",
    r"\bonce more\b": "again",
    r"\bdoes not go with\b": "cannot be combined with",
    r"\bis closed since\b|\bexists since\b": "was closed at, exists",
    r"\bprograms? of others\b": "an external program",
    r"\bbehind (?:it|them|those|both|the last|each row|each event|a position|a dot|whose)\b":
        "after",
    r"\bso many\b|\bfor so long\b": "N, this many; until the time is over",
    r"\basked of\b": "asked; the question",
    r"\bwhat (?:is|are|was|were) (?:said|told)\b": "the message, the note, the remark",
    r"\bfor want of\b|\bnot to be had\b": "because it is missing; cannot be installed",
    r"\band its kin\b|'s kin\b": "and similar words",
}  # fmt: skip
# A docstring begins with what a function does.
OPENINGS: Final = {"Give": "Return, Yield", "Gives": "Return, Yield", "Say": "Return, Print"}


@cache
def _pages() -> tuple[tuple[str, str], ...]:
    return tuple(
        (path, text)
        for path, text in _texts()
        if path not in LEFT_ALONE and not path.endswith((".svg", ".json"))
    )


def _found(pages: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for phrase, plain in PLAIN.items():
        pattern = re.compile(phrase, re.IGNORECASE)
        for path, text in pages:
            if not pattern.search(text):
                continue
            for number, line in enumerate(text.splitlines(), 1):
                if hit := pattern.search(line):
                    yield f"{path}:{number}: {hit[0]!r}, in plain English: {plain}"


def _openings(path: str, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or "").split(" ")[0]
            if first in OPENINGS:
                yield f"{path}:{node.lineno}: {first}: begin with {OPENINGS[first]}"


def test_the_words_are_plain() -> None:
    assert not list(_found(_pages()))


def test_a_docstring_says_what_a_function_does() -> None:
    code = [(path, text) for path, text in _pages() if path.endswith(".py")]
    assert len(code) > 100
    assert not [opening for path, text in code for opening in _openings(path, text)]


def test_a_phrase_that_is_not_plain_is_found() -> None:
    bad = "Built anew.\nHeld against it.\nIt is no file.\nThere is no file.\nIt is another.\n"
    assert [one.split(": ")[0] for one in _found((("page.md", bad),))] == [
        "page.md:1", "page.md:2", "page.md:5", "page.md:3",
    ]  # fmt: skip
    assert list(_openings("a.py", 'def f():\n    """Give it."""\n'))
    assert (ROOT / THIS).is_file()
