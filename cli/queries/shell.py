"""One query after the other on a terminal: words complete, a query ends with ``;``.

Invariant: each query has an engine of its own, so none sees what another left; an error ends the
query, not the conversation. This module must not know how a query is answered.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cli.commands.sql import points_of
from cli.errors import error_line
from cli.line_history import keep_lines
from cli.queries.relations import RELATIONS
from cli.render import note, write
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bootstrap import Session
    from cli.queries.engine import Database, SqlRows
    from projections.point import Point

_KEYWORDS: Final = (
    "SELECT", "FROM", "WHERE", "GROUP BY ALL", "ORDER BY", "LIMIT", "JOIN", "USING", "WITH",
    "COUNT", "SUM", "HAVING", "DISTINCT",
)  # fmt: skip
HELP: Final = "end a query with ;   .tables lists relations   .columns NAME its columns   .quit"


def completions(text: str) -> list[str]:
    """Return what a word can become: keywords, relations, their functions and columns.

    After a dot only columns can follow: ``b.ca`` becomes ``b.cash``.
    """
    before, dot, begun = text.rpartition(".")
    if dot:
        columns = {column for relation in RELATIONS.values() for column in relation.columns}
        return [f"{before}.{name}" for name in sorted(columns) if name.startswith(begun.lower())]
    known = [*_KEYWORDS, *RELATIONS, *(relation.kin for relation in RELATIONS.values())]
    known += sorted({column for relation in RELATIONS.values() for column in relation.columns})
    return [word for word in known if word.lower().startswith(text.lower())]


def converse(
    session: Session, point: Point, engine: Callable[[], Database], page: Callable[[SqlRows], None]
) -> None:
    """Read queries until the end of the input."""
    _complete_words()
    if sys.stdin.isatty():
        write(HELP)
    pending = ""
    while True:
        try:
            line = input("sql> " if not pending else "...> ") if sys.stdin.isatty() else _line()
        except EOFError:
            return
        except KeyboardInterrupt:
            pending = ""
            write()
            continue
        if not pending and line.strip().startswith("."):
            if not _command(line.split()):
                return
            continue
        pending = f"{pending}{line}\n"
        if pending.rstrip().endswith(";"):
            _ask(session, point, engine, page, pending.rstrip().removesuffix(";"))
            pending = ""


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def _ask(
    session: Session, point: Point, engine: Callable[[], Database], page: Callable[[SqlRows], None],
    text: str,
) -> None:  # fmt: skip
    try:
        opened = engine()
        try:
            page(opened.ask(text, point, points_of(session, text)))
        finally:
            opened.close()
    except LedgerError as error:
        note(error_line(error))
    except KeyboardInterrupt:
        note("interrupted")


def _command(words: list[str]) -> bool:
    """Do what begins with a point; return whether to go on."""
    if words[0] in (".quit", ".exit", ".q"):
        return False
    if words[0] == ".tables":
        write("  ".join(RELATIONS))
    elif words[0] == ".columns" and len(words) > 1 and words[1] in RELATIONS:
        for name, kind in RELATIONS[words[1]].columns.items():
            write(f"{name:<16} {kind}")
    else:
        write(HELP)
    return True


def _complete_words() -> None:
    with suppress(ImportError):  # some builds of Python have none
        import readline  # noqa: PLC0415 - for a terminal alone

        def state(text: str, number: int) -> str | None:
            found = completions(text)
            return found[number] if number < len(found) else None

        readline.set_completer(state)
        apple = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if apple else "tab: complete")
        if sys.stdin.isatty():
            keep_lines("sql")
