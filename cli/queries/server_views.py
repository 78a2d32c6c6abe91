"""Views for teams that ask a server's ledger without tally: statements for its owner to run.

Invariant: they lie in a schema of their own, so that the ledger's stays as it is verified; a reader
gets no right to write, and none on the ledger itself. This module must not run anything.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from ledger.currencies import DECIMALS
from ledger.errors import InvalidInput
from ledger.money import exponent
from ledger.store import is_server

if TYPE_CHECKING:
    from cli.bootstrap import Session

SCHEMA: Final = "tally"
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_GRANTS: Final = """\

GRANT USAGE ON SCHEMA {views} TO {reader};
GRANT SELECT ON ALL TABLES IN SCHEMA {views} TO {reader};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {views} TO {reader};
ALTER ROLE {reader} SET default_transaction_read_only = on;
"""


def statements(session: Session, *, reader: str | None, views: str = SCHEMA) -> str:
    """Write the statements that make the views, and let a role read them. Raises: InvalidInput."""
    if not is_server(session.location):
        msg = "a ledger in a file has no server whose SQL could show views"
        raise InvalidInput(msg, hint="ask it with: tally sql QUERY, or move it with: tally copy")
    for name in (views, reader or views):
        if not _NAME.fullmatch(name):
            msg = f"{name!r} is not a plain name of PostgreSQL"
            raise InvalidInput(msg, hint="small letters, digits and _, such as auditor")
    (ledger,) = session.reader.connection.execute("SELECT current_schema()").fetchone()
    if ledger == views:
        msg = f"the schema {views!r} is the ledger's own"
        raise InvalidInput(msg, hint="views lie in a schema of their own")
    text = files("cli.queries").joinpath("server_views.sql").read_text(encoding="utf-8")
    for mark, said in (("ledger", _quoted(ledger)), ("views", views), ("digits", _digits())):
        text = text.replace(f"@{mark}@", said)
    return text + ("" if reader is None else _GRANTS.format(views=views, reader=reader))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _digits() -> str:
    odd = {code: exponent(code) for code in sorted(DECIMALS) if exponent(code) != exponent("CNY")}
    return " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in odd.items())
