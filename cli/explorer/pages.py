"""The pages: which commands each shows, at the point of its address.

Invariant: a page's address and point determine its figures for ever. This module must not know how
a table is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]
POINT: Final = ("at", "known_at", "position", "as_of")
FIELDS: Final = ("cash", "outstanding", "available")


class Part(NamedTuple):
    """A part of a page: a command's answer under a title."""

    title: str
    name: str
    arguments: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    timed: bool = True  # it takes the page's point


class Page(NamedTuple):
    """A page."""

    title: str
    parts: tuple[Part, ...]


def overview() -> Page:
    """Show what holds for the whole ledger."""
    return Page("Overview", (
        Part("Ledger", "status", timed=False),
        Part("Overdue", "report overdue"),
        Part("Periods", "periods"),
        Part("Reconciliations", "report reconciliation"),
    ))  # fmt: skip


def accounts() -> Page:
    """Show every account's money."""
    return Page("Accounts", (Part("Balances", "balances"),))


def account(name: str) -> Page:
    """Show one account."""
    return Page(name, (
        Part("State", "state", (name,)),
        Part("Lots", "lots", (name,)),
        Part("What last set each field", "blame", (name,)),
        Part("Statement", "report statement", (name,)),
    ))  # fmt: skip


def event(position: str) -> Page:
    """Show one event whole."""
    return Page(f"Event @{position}", (Part("", "show", (position,), timed=False),))


def why(name: str, field: str) -> Page:
    """Show the causes of a figure."""
    return Page(f"Why {name}.{field}", (Part("", "why", (f"{name}.{field}",)),))


def instances() -> Page:
    """Show every instance."""
    return Page("Instances", (Part("Instances", "instances"),))


def books() -> Page:
    """Show the books."""
    return Page("Books", (
        Part("Trial balance", "report trial-balance"),
        Part("Deferred", "report deferred"),
        Part("Coupons", "report coupons"),
    ))  # fmt: skip


def breaks() -> Page:
    """Show reconciliations and their breaks."""
    return Page("Reconciliations", (
        Part("Runs and open breaks", "report reconciliation"),
        Part("Breaks", "breaks list"),
    ))  # fmt: skip


def periods() -> Page:
    """Show closed periods."""
    return Page("Periods", (Part("Periods", "periods"),))


def period(name: str) -> Page:
    """Show what restated one period."""
    return Page(f"Period {name}", (Part("Restatements", "report restatements", (name,)),))


def compare(first: str, second: str) -> Page:
    """Show the difference of two points with its bridge."""
    return Page(
        f"Compare {first} with {second}",
        (Part("", "diff", (first, second), (("bridge", "1"),), timed=False),),
    )


def sql(query: str) -> Page:
    """Show the answer to a query."""
    return Page("SQL", (Part("", "sql", (query,)),) if query else ())


def address(path: str, point: Mapping[str, str], **more: str) -> str:
    """Write a link that keeps the point."""
    given = {**{key: point[key] for key in POINT if point.get(key)}, **more}
    return f"{path}?{urlencode(given)}" if given else path


def account_link(name: str) -> str:
    """Write the path of an account's page."""
    return f"/account/{quote(name, safe='')}"


def why_link(name: str, field: str) -> str:
    """Write the path of a figure's causes."""
    return f"/why/{quote(name, safe='')}/{quote(field, safe='')}"


def link_of(column: str, row: Json, cell: object) -> str | None:
    """Return where a cell leads: an account, an event, the causes of a figure; None if nowhere."""
    account = row.get("account")
    if column == "account" and isinstance(cell, str) and ":" not in cell:
        return account_link(cell)
    if column in ("position", "cause", "opened", "changed") and isinstance(cell, int):
        return f"/event/{cell}"
    if column in FIELDS and isinstance(account, str) and ":" not in account:
        return why_link(account, column)
    if column == "period" and isinstance(cell, str):
        return f"/period/{quote(cell, safe='')}"
    if column == "break" and isinstance(cell, str):
        return f"/break/{quote(cell, safe='')}"
    return None


def tables_of(answer: Json) -> tuple[list[tuple[str, object]], list[tuple[str, list[Json]]]]:
    """Part an answer into plain figures and tables; what is nested is flattened with dots."""
    plain: list[tuple[str, object]] = []
    tables: list[tuple[str, list[Json]]] = []
    for key, cell in answer.items():
        if key in ("schema", "point"):
            continue
        if isinstance(cell, list) and cell and all(isinstance(one, dict) for one in cell):
            tables.append((key, [flat(one) for one in cell]))
        elif isinstance(cell, dict):
            plain += [(f"{key}.{inner}", one) for inner, one in flat(cell).items()]
        else:
            plain.append((key, cell))
    return plain, tables


def flat(row: Json, before: str = "") -> Json:
    """Flatten nested objects; lists of objects become how many there are."""
    found: Json = {}
    for key, cell in row.items():
        name = f"{before}{key}"
        if isinstance(cell, dict):
            found |= flat(cell, f"{name}.")
        elif isinstance(cell, list) and any(isinstance(one, dict) for one in cell):
            found[name] = f"{len(cell)}"
        else:
            found[name] = cell
    return found


def columns_of(rows: Sequence[Json]) -> list[str]:
    """Return every column of some rows, in the order in which they appear."""
    return list(dict.fromkeys(key for row in rows for key in row if key != "schema"))
