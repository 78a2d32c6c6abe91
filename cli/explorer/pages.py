"""The pages: which commands each shows, at the point of its address.

Invariant: a page's address and point determine its figures for ever. This module must not know how
a table is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cli.explorer.links import account_link, quoted, sql_link

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
Given = Mapping[str, str]
SOON: Final = timedelta(days=30)
DIGITS: Final = 19  # no position has more
EXAMPLES: Final = {
    "Held and owed, by currency": """\
SELECT currency, sum(cash) AS cash, sum(outstanding) AS outstanding
FROM balances GROUP BY ALL ORDER BY ALL""",
    "Late facts, the latest first": """\
SELECT position, account, type, recorded_at - effective_at AS late FROM events
WHERE recorded_at > effective_at AND cause IS NULL ORDER BY late DESC LIMIT 50""",
    "Received by channel and month": """\
SELECT date_trunc('month', effective_at) AS month, data->>'channel' AS channel, count(*) AS n
FROM events WHERE type = 'TopUpReceived' GROUP BY ALL ORDER BY ALL""",
    "The books, by root": """\
SELECT root, commodity, sum(amount) AS balance FROM postings GROUP BY ALL ORDER BY ALL""",
}


class PagePart(NamedTuple):
    """A part of a page: a command's answer under a title.

    Attributes:
        key: names the part in an address: what it is sorted by, from which row it is shown.
        timed: it takes the page's point.
        shape: how the answer is shown: rows, figures, tree, payload, bridge, drawings, proof.
        rows: the list of the answer that is shown.
        columns: which cells, in their order; all where none is named.
        more: where the rest is, and what that is called.
        first: how many rows are shown at once.
        keep: which rows are shown.

    """

    key: str
    title: str
    name: str
    arguments: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    timed: bool = True
    shape: str = "rows"
    rows: str = "rows"
    columns: tuple[str, ...] = ()
    more: tuple[str, str] | None = None
    first: int = 100
    keep: Callable[[Json], bool] | None = None
    said: str = ""


class Page(NamedTuple):
    """A page: its parts, and the pages beside it that are about the same thing."""

    title: str
    parts: tuple[PagePart, ...]
    beside: tuple[tuple[str, str], ...] = ()
    form: str = ""


MONEY: Final = ("cash", "outstanding", "available", "coupons")


def overview(given: Given) -> Page:
    """Show what holds for the whole ledger."""
    soon = (datetime.fromisoformat(given["seen_at"]) + SOON).isoformat()
    return Page("Overview", (
        PagePart("totals", "In total", "balances", options=(("totals", "1"),),
             columns=("currency", "accounts", *MONEY, "overdue")),
        PagePart("overdue", "Overdue", "balances", first=8, more=("/overdue", "all overdue"),
             columns=("account", "currency", "outstanding", "overdue_since"),
             keep=lambda row: bool(row["overdue"])),
        PagePart("expiring", "Expiring within 30 days", "instances", first=8,
             options=(("state", "running"), ("expiring_before", soon)),
             more=("/instances", "all instances"),
             columns=("account", "instance", "sku", "expires_at", "auto_renew.enabled")),
        PagePart("restated", "Restated periods", "periods", more=("/periods", "all periods"),
             keep=lambda row: bool(row["restatements"] or row["closed_at"]), first=8),
        PagePart("seal", "Last seal and last check", "status", timed=False, shape="standing",
             more=("/check", "verify the whole ledger now")),
    ))  # fmt: skip


def accounts(given: Given) -> Page:
    """Show every account's money; searched, filtered, sorted."""
    find, kind = given.get("find", "").lower(), given.get("show", "")
    options = (("overdue", "1"),) if kind == "overdue" else ()

    def wanted(row: Json) -> bool:
        return find in row["account"].lower() and kind in ("", "overdue", row["currency"])

    return Page("Accounts", (
        PagePart("accounts", "", "balances", options=options, keep=wanted,
             columns=("account", "currency", *MONEY, "overdue", "overdue_since")),
    ), form="accounts")  # fmt: skip


def instances(given: Given) -> Page:
    """Show every instance."""
    state, find = given.get("state", ""), given.get("find", "").lower()
    return Page("Instances", (
        PagePart("instances", "", "instances", options=(("state", state),) if state else (),
             keep=lambda row: find in row["account"].lower() or find in row["instance"].lower(),
             columns=("account", "instance", "kind", "state", "sku", "expires_at", "releases_at",
                      "auto_renew.enabled", "auto_renew.next_attempt_at")),
    ), form="instances")  # fmt: skip


def overdue(_: Given) -> Page:
    """Show who owes."""
    return Page("Overdue", (
        PagePart("overdue", "", "report overdue",
             columns=("account", "currency", "outstanding", "overdue_since", "days")),
    ))  # fmt: skip


def _around(name: str) -> tuple[tuple[str, str], ...]:
    here = account_link(name)
    return (("Account", here), ("Statement", f"{here}/statement"), ("Lots", f"{here}/lots"),
            ("Log", f"{here}/log"), ("Fields", f"{here}/fields"),
            ("Cash", f"/why/{quoted(name)}/cash"))  # fmt: skip


def account(given: Given) -> Page:
    """Show one account, drawn through its time."""
    name = given["name"]
    state = ("state", (name,))
    return Page(name, (
        PagePart("state", "", *state, shape="figures",
             columns=("currency", "cash", "outstanding", "available", "overdue",
                      "overdue_since", "alert.threshold", "alert.raised")),
        PagePart("drawn", "", "report timeline", (name,), shape="drawings"),
        PagePart("instances", "Instances", *state, rows="instances"),
        PagePart("coupons", "Coupons", *state, rows="coupons"),
        PagePart("unpaid", "Unpaid", *state, rows="unpaid"),
        PagePart("late", "What came late", "log", (name,), options=(("late", "1"),), first=10,
             columns=("position", "type", "effective_at", "recorded_at", "instance", "actor",
                      "reason")),
    ), _around(name))  # fmt: skip


def statement(given: Given) -> Page:
    """Show an account's dated lines."""
    name = given["name"]
    return Page(f"Statement of {name}", (
        PagePart("ends", "", "report statement", (name,), shape="figures",
             columns=("currency", "opening.available", "closing.cash", "closing.outstanding",
                      "closing.available", "closing.coupons")),
        PagePart("lines", "Lines", "report statement", (name,), rows="lines",
             columns=("position", "effective_at", "entry", "reference", "change.available",
                      *(f"balance.{one}" for one in MONEY))),
    ), _around(name))  # fmt: skip


def lots(given: Given) -> Page:
    """Show which receipt paid what."""
    name = given["name"]
    return Page(f"Lots of {name}", (
        PagePart("lots", "", "lots", (name,), rows="lots",
             columns=("position", "type", "channel", "serial", "item", "received_at", "amount",
                      "remaining", "spent")),
    ), _around(name))  # fmt: skip


def log(given: Given) -> Page:
    """Show an account's events, the latest first."""
    name = given["name"]
    return Page(f"Log of {name}", (
        PagePart("log", "", "log", (name,), shape="backwards",
             columns=("position", "type", "effective_at", "recorded_at", "instance", "command",
                      "actor", "reason", "cause")),
    ), _around(name))  # fmt: skip


def fields(given: Given) -> Page:
    """Show what last set each field."""
    name = given["name"]
    return Page(f"Fields of {name}", (
        PagePart("fields", "", "blame", (name,),
             columns=("field", "value", "position", "type", "effective_at", "command", "actor",
                      "reason")),
    ), _around(name))  # fmt: skip


def event(given: Given) -> Page:
    """Show one event whole."""
    position = given["number"]
    show = ("show", (position,))
    steps = tuple(
        (f"@{int(position) + step}", f"/event/{int(position) + step}")
        for step in (-1, 1)
        if position.isdecimal() and len(position) < DIGITS and int(position) + step > 0
    )
    return Page(f"Event @{position}", (
        PagePart("event", "", *show, timed=False, shape="figures",
             columns=("type", "account", "effective_at", "recorded_at", "instance", "command",
                      "actor", "reason", "cause", "version", "token")),
        PagePart("data", "Payload", *show, timed=False, shape="payload", rows="data"),
        PagePart("changes", "What it changed", *show, timed=False, shape="changes", rows="changes",
             first=400),
        PagePart("effects", "What followed", *show, timed=False, rows="effects",
             columns=("position", "type", "effective_at", "instance")),
        PagePart("caused", "What caused it", *show, timed=False, shape="cause"),
        PagePart("request", "Asked for", *show, timed=False, shape="payload", rows="request"),
        PagePart("proof", "Proof", "prove", (position,), timed=False, shape="proof"),
    ), steps)  # fmt: skip


def why(given: Given) -> Page:
    """Show the causes of a figure."""
    name, field = given["name"], given["field"]
    return Page(f"Why {name}.{field}", (
        PagePart("value", "", "why", (f"{name}.{field}",), shape="figures",
             columns=("account", "field", "value", "currency", "sum", "adds_up")),
        PagePart("causes", "Causes", "why", (f"{name}.{field}",), shape="tree", first=200),
    ), _around(name))  # fmt: skip


_BOOKS: Final = (
    ("Trial balance", "/books"), ("Roll-forward", "/books/rollforward"),
    ("Deferred", "/books/deferred"), ("Coupons", "/books/coupons"),
)  # fmt: skip


def books(_: Given) -> Page:
    """Show the trial balance."""
    return Page("Trial balance", (
        PagePart("book", "", "report trial-balance",
             columns=("account", "commodity", "debit", "credit", "balance")),
    ), _BOOKS)  # fmt: skip


def rollforward(_: Given) -> Page:
    """Show how each control account moved."""
    return Page("Roll-forward", (
        PagePart("roll", "", "report rollforward", rows="controls",
             columns=("control", "commodity", "opening", "movements", "closing", "adds_up")),
    ), _BOOKS)  # fmt: skip


def deferred(_: Given) -> Page:
    """Show what is paid for and not yet earned."""
    return Page("Deferred revenue", (
        PagePart("deferred", "", "report deferred",
             columns=("account", "instance", "order", "position", "starts", "ends", "currency",
                      "cash", "earned", "deferred", "refunded")),
    ), _BOOKS)  # fmt: skip


def coupons(_: Given) -> Page:
    """Show every coupon."""
    return Page("Coupons", (
        PagePart("coupons", "", "report coupons",
             columns=("account", "coupon", "currency", "amount", "used", "forfeited", "remaining",
                      "status", "starts", "ends")),
    ), _BOOKS)  # fmt: skip


_BREAK: Final = ("break", "class", "currency", "ours", "theirs", "delta", "status", "age_days")


def breaks(_: Given) -> Page:
    """Show reconciliations and their breaks."""
    return Page("Reconciliations", (
        PagePart("runs", "Runs", "report reconciliation", rows="runs",
             columns=("run", "source", "file", "currency", "period.starts", "period.ends",
                      "matched", "breaks", "closing", "ledger_balance", "position",
                      "signed_off_by")),
        PagePart("breaks", "Breaks", "breaks list", columns=(*_BREAK, "key", "source", "by")),
    ))  # fmt: skip


def one_break(given: Given) -> Page:
    """Show a break with both sides."""
    name = given["name"]
    show = ("breaks show", (name,))

    def side(which: str) -> Callable[[Json], bool]:
        return lambda line: bool(line["side"] == which)

    columns = ("place", "at", "amount", "currency", "account", "reference", "text", "status")
    return Page(f"Break {name}", (
        PagePart("break", "", *show, shape="figures", rows="break",
             columns=(*_BREAK, "key", "first_seen", "opened", "changed", "by", "how")),
        PagePart("ours", "Our side", *show, rows="lines", keep=side("ledger"), columns=columns),
        PagePart("theirs", "Their side", *show, rows="lines", keep=side("statement"),
             columns=columns),
        PagePart("near", "What is near", *show, rows="near", columns=("side", *columns)),
        PagePart("history", "History", *show, rows="history"),
    ), (("Reconciliations", "/reconciliations"),))  # fmt: skip


def periods(_: Given) -> Page:
    """Show every period, and whether it is closed."""
    return Page("Periods", (PagePart("periods", "", "periods"),))


def period(given: Given) -> Page:
    """Show what restated one period."""
    name = given["name"]
    show = ("report restatements", (name,))
    return Page(f"Period {name}", (
        PagePart("sums", "", *show, shape="figures"),
        PagePart("closes", "Closes", *show, rows="closes"),
        PagePart("facts", "What restated it", *show, rows="facts", shape="facts"),
    ), (("Periods", "/periods"),))  # fmt: skip


def compare(given: Given) -> Page:
    """Show the difference of two points with its bridge."""
    first, second = given.get("a") or "head~100", given.get("b") or "head"
    who = given.get("account") or ""
    return Page("Compare two points", (
        PagePart("diff", f"{first} with {second}", "diff",
             (first, second, *((who,) if who else ())), (("bridge", "1"),), timed=False,
             shape="bridge"),
    ), form="compare")  # fmt: skip


def sql(given: Given) -> Page:
    """Show the answer to a query."""
    query = given.get("query", "").strip()
    parts = (PagePart("answer", "", "sql", (query,), shape="answer"),) if query else ()
    examples = tuple((said, sql_link(text)) for said, text in EXAMPLES.items())
    return Page("SQL", parts, examples, "sql")


def check(_: Given) -> Page:
    """Verify the whole ledger."""
    return Page("Check", (
        PagePart("verify", "", "verify", timed=False, rows="checks", first=400),
    ))  # fmt: skip
