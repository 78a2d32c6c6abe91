"""Where things lead: every figure to its why, every why to its event, every event to its proof.

Invariant: a link within the explorer keeps the page's point. This module must not know a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
POINT: Final = ("at", "known_at", "position", "as_of")
_FIELDS: Final = ("cash", "outstanding", "available")
_EVENTS: Final = ("position", "cause", "opened", "changed", "closed_by")
# Cells that one event made: the row names it.
_OF_EVENT: Final = (
    "amount", "remaining", "spent", "change.available", "deferred", "earned", "refunded", "value",
    "as_closed", "now", "delta",
)  # fmt: skip
_OF_THING: Final[dict[str, dict[str, str]]] = {
    "instance": {"state": "state", "expires_at": "expires_at"},
    "coupon": {name: name if name == "forfeited" else "remaining"
               for name in ("amount", "used", "forfeited", "remaining")},
}  # fmt: skip
# Books that are an account's own, and the field that each is.
_OWN_BOOKS: Final = (("Liabilities:Wallet:", "cash"), ("Assets:Receivable:", "outstanding"))
_BOOKED: Final = ("debit", "credit", "balance", "opening", "movements", "closing")


def address(path: str, point: Mapping[str, str], **more: str) -> str:
    """Write a link that keeps the point."""
    given = {**{key: point[key] for key in POINT if point.get(key)}, **more}
    path, hash_, part = path.partition("#")
    joint = "&" if "?" in path else "?"
    return f"{path}{joint}{urlencode(given)}{hash_}{part}" if given else f"{path}{hash_}{part}"


def quoted(name: str) -> str:
    """Write a name as one part of a path."""
    return quote(name, safe="")


def account_link(name: str) -> str:
    """Write the path of an account's page."""
    return f"/account/{quoted(name)}"


def why_link(name: str, field: str) -> str:
    """Write the path of a figure's causes."""
    return f"/why/{quoted(name)}/{quoted(field)}"


def sql_link(query: str) -> str:
    """Write the path of a query's answer."""
    return f"/sql?{urlencode({'query': query})}"


def link_of(column: str, row: Json, cell: object) -> str | None:
    """Return where a cell leads; None if nowhere."""
    if cell is None or (isinstance(cell, bool) and column != "overdue"):
        return None
    for rule in (_of_itself, _of_books, _of_account, _of_event):
        found = rule(column, row, cell)
        if found is not None:
            return found
    return None


def _of_itself(column: str, row: Json, cell: object) -> str | None:
    """Lead to the event, period or break that a cell names."""
    if column in _EVENTS and isinstance(cell, int):
        return f"/event/{cell}"
    period, broken, place = row.get("period"), row.get("break"), str(row.get("place", ""))
    if isinstance(period, str) and (column in ("period", "restatements") or column[:3] == "by."):
        return f"/period/{quoted(period)}"
    if column in ("place", "amount") and place[:1] == "@" and place[1:].isdecimal():
        return f"/event/{place[1:]}"
    if isinstance(broken, str) and column in ("break", "ours", "theirs", "delta", "age_days"):
        return f"/break/{quoted(broken)}"
    return None


def _of_books(column: str, row: Json, _: object) -> str | None:
    """Lead from a sum to its parts: a book's postings, a currency's accounts."""
    if "control" in row:
        booked = column in ("control", *_BOOKED)
        return _postings(str(row["control"]), row, inside=True) if booked else None
    if "accounts" in row:
        return _of_currency(column, row)
    if "debit" in row and column in ("account", *_BOOKED):
        book = str(row["account"])
        for begins, field in _OWN_BOOKS:
            if book.startswith(begins) and column != "account":
                return why_link(book.removeprefix(begins), field)
        return _postings(book, row, inside=False)
    return None


def _of_currency(column: str, row: Json) -> str | None:
    """Lead from a sum to the accounts that it sums, the largest first."""
    currency = quoted(str(row["currency"]))
    if column == "overdue":
        return "/overdue"
    if column in ("currency", "accounts"):
        return f"/accounts?show={currency}"
    return f"/accounts?show={currency}&sort.accounts=-{column}"


def _of_account(column: str, row: Json, _: object) -> str | None:
    """Lead to an account, or to the why of one of its fields."""
    account = row.get("account")
    if not isinstance(account, str) or "debit" in row:
        return None
    if column == "account":
        return account_link(account)
    if column in ("coupons", "closing.coupons"):
        return f"{account_link(account)}#coupons"
    if "deferred" in row or "data" in row:  # its figures are of one order, or of one event
        return None
    field = _field(column, row)
    return None if field is None else why_link(account, field)


def _field(column: str, row: Json) -> str | None:
    """Return the name of the account's field that a cell shows, or None."""
    bare = column.removeprefix("closing.")
    if bare in _FIELDS:
        return bare
    if column in ("overdue", "overdue_since", "days"):
        return "overdue"
    if column == "field":
        return str(row["field"])
    for kind, things in (("instance", "instances"), ("coupon", "coupons")):
        if column in _OF_THING[kind] and isinstance(row.get(kind), str):
            return f'{things}["{row[kind]}"].{_OF_THING[kind][column]}'
    return "outstanding" if column == "amount" and "item" in row and "kind" in row else None


def _of_event(column: str, row: Json, _: object) -> str | None:
    """Lead from what one event made to that event."""
    position = row.get("position")
    made = column in _OF_EVENT or column.startswith("balance.") or (
        column == "cash" and "deferred" in row
    ) or ("run" in row and column in ("matched", "breaks", "closing", "ledger_balance"))
    return f"/event/{position}" if made and isinstance(position, int) else None


def _postings(book: str, row: Json, *, inside: bool) -> str:
    named = book.replace("'", "''")
    where = f"book = '{named}'" if not inside else f"(book = '{named}' OR book LIKE '{named}:%')"
    commodity = str(row.get("commodity", "")).replace("'", "''")
    return sql_link(
        f"SELECT position, effective_at, account, type, book, amount\nFROM postings WHERE {where}"
        f" AND commodity = '{commodity}'\nORDER BY position"
    )
