"""What bank statements of all formats share: accounts, the words for nothing, the whole of a file.

Invariant: one statement is of one currency; several accounts in it add up.
This module must not know a file format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from projections.reconciliation.lines import BadStatement, statement_of
from projections.reconciliation.readers import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from projections.reconciliation.lines import Ends, Line, Statement

TEXT_MAX, NAME_MAX = 500, 140
# Words for no reference; EREF and similar words say that it stands elsewhere.
_NOTHING: Final = {
    "", "NOTPROVIDED", "NOTAVAILABLE", "NONREF", "NOREF", "NONE", "NA", "EREF", "KREF", "PREF",
    "MARF",
}  # fmt: skip
_NOTHING_MAX: Final = 16


class _Page(Protocol):
    """One statement of one account, or one page of one; ``ends`` is 0 where it is of no time."""

    @property
    def account(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def lines(self) -> Sequence[Line]: ...
    @property
    def starts(self) -> int: ...
    @property
    def ends(self) -> int: ...


P = TypeVar("P", bound=_Page)


def chosen(pages: Sequence[P], account: str) -> list[P]:
    """Return the statements of one account, and refuse several currencies. Raises: BadStatement."""
    found = [
        page for page in pages
        if not account or account in (page.account, f"{page.account} {page.currency}")
    ]  # fmt: skip
    if not found:
        named = ", ".join(sorted({page.account for page in pages}))[:200]
        msg = f"the file has no statement of account {account!r}"
        raise BadStatement(msg, hint=f"it has: {named}")
    if len({page.currency for page in found}) > 1:
        named = ", ".join(sorted({f"'{page.account} {page.currency}'" for page in found}))
        msg = "the file has statements in several currencies"
        raise BadStatement(msg, hint=f"choose one with --account: {named}")
    return found


def bank_statement(
    source: str, pages: Sequence[_Page], ends: Mapping[str, Ends] | None, *, currency: str
) -> Statement:
    """Put the chosen pages together; ``ends`` of each account, None where they are not stated."""
    dated = [page for page in pages if page.ends]
    return statement_of(
        source, FORMATS[source].subject, [line for page in pages for line in page.lines],
        currency=currency, held=ends,
        of=", ".join(sorted({page.account for page in pages if page.account})),
        starts=min((page.starts for page in dated), default=0),
        ends=max((page.ends for page in dated), default=0),
    )  # fmt: skip


def says_nothing(text: str) -> bool:
    """Return whether a text is a word for no reference, however it is spelled."""
    return len(text) <= _NOTHING_MAX and re.sub(r"[^A-Z0-9]", "", text.upper()) in _NOTHING
