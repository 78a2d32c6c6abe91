"""Who owes since when: ``tally.overdue/1``; and every span in which an account was overdue.

A span goes from the event that made the account overdue to the one that cleared it; while an older
item is paid and a younger is not, it is one span, though ``overdue_since`` moves (R9). Invariant:
spans of an account do not overlap; the last may be open. This module must not know how spans are
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias, cast

from msgspec import UNSET, Meta, UnsetType

from ledger import events as e
from ledger.account import evolve
from ledger.events import ACCOUNT_PREFIX
from ledger.kept.stream_tiles import Tiles
from ledger.periods import DAY
from ledger.quoting import plural
from ledger.state import AccountState
from projections.ages import NAMES, age_of
from projections.answers.books import OfSpan
from projections.answers.state import ItemKind
from projections.answers.terms import (
    Count,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    Position,
    Restated,
    Typed,
)
from projections.pages import Page, Sheet
from projections.point import history
from projections.reports import Flat, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from ledger.store import Reader
    from projections.answers.terms import Json
    from projections.html.page import Source
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView


Ages: TypeAlias = Annotated[
    Mapping[str, Money],
    Meta(
        description="By age in days since an item was posted.",
        extra_json_schema={"required": list(NAMES)},
    ),
]


class OwedItem(Part, frozen=True, kw_only=True):
    """A bill or a chargeback that is not paid."""

    item: Id
    kind: ItemKind
    outstanding: Money
    posted_at: Instant
    days: Count


class Owing(Part, frozen=True, kw_only=True):
    """What an account owes, item by item and by age."""

    account: Id
    currency: Currency
    outstanding: Money
    overdue_since: Instant | None
    days: Count
    items: Sequence[OwedItem]
    ages: Ages


class OwingTotal(Part, frozen=True, kw_only=True):
    """What all owe in one currency."""

    currency: Currency
    accounts: Position
    outstanding: Money
    ages: Ages


class OverdueReport(OfSpan, frozen=True, kw_only=True, tag="tally.overdue/1"):
    """Who owes since when, by age in days since an item was posted."""

    rows: Sequence[Owing]
    totals: Sequence[OwingTotal]
    restated: Restated | UnsetType = UNSET


def figures(view: LedgerView, question: Question) -> OverdueReport:
    """Return who owes since when, item by item and by age."""
    point, account = question.point, question.account
    states = view.owing(point) if account is None else [view.state(account, point)]
    owing = [state for state in states if state.items]
    sums: dict[str, list[AccountState]] = {}
    for state in owing:
        sums.setdefault(state.currency, []).append(state)
    return OverdueReport(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        rows=[row_of(state, point.seen_at, view.offset) for state in owing],
        totals=[
            OwingTotal(
                currency=currency, accounts=len(own),
                outstanding=Typed(offset=0, currency=currency).money(
                    sum(one.outstanding for one in own)
                ),
                ages=_ages(own, point.seen_at, currency),
            )
            for currency, own in sorted(sums.items())
        ],
        restated=view.restated("overdue", point, account),
    )  # fmt: skip


def row_of(state: AccountState, at: int, offset: int) -> Owing:
    """Return what an account owes."""
    write = Typed(offset=offset, currency=state.currency)
    items = sorted(state.items.values(), key=lambda item: (item.posted_at, item.item))
    since = state.overdue_since
    return Owing(
        account=state.account, currency=state.currency,
        outstanding=write.money(state.outstanding), overdue_since=write.maybe(since),
        days=0 if since is None else max(0, at - since) // DAY,
        items=[
            OwedItem(
                item=item.item, kind=cast("ItemKind", item.kind),
                outstanding=write.money(item.outstanding),
                posted_at=write.instant(item.posted_at),
                days=max(0, at - item.posted_at) // DAY,
            )
            for item in items
        ],
        ages=_ages([state], at, state.currency),
    )  # fmt: skip


def _ages(states: Sequence[AccountState], at: int, currency: str) -> dict[str, Decimal]:
    sums = dict.fromkeys(NAMES, 0)
    for item in (item for state in states for item in state.items.values()):
        sums[age_of((at - item.posted_at) // DAY)] += item.outstanding
    write = Typed(offset=0, currency=currency)
    return {name: write.money(amount) for name, amount in sums.items()}


class OverdueSpan(NamedTuple):
    """Overdue on [since, until); None while it is; ``amount`` is the most that was outstanding."""

    since: int
    until: int | None
    amount: int


class AccountSpans(NamedTuple):
    """An account that was overdue at least once."""

    account: str
    currency: str
    outstanding: int
    spans: tuple[OverdueSpan, ...]


def overdue_spans(
    reader: Reader, point: Point, accounts: Iterable[str]
) -> Iterator[AccountSpans]:
    """Yield every account of those named that was ever overdue up to the point."""
    tiles = Tiles(reader)
    for account in accounts:
        state, spans = AccountState(account), list[OverdueSpan]()
        since, most = None, 0
        for recorded in history(reader, ACCOUNT_PREFIX + account, point, tiles):
            evolve(state, recorded)
            most = max(most, state.outstanding)
            if isinstance(recorded.event, e.OverdueStarted):
                since, most = recorded.event.overdue_since, state.outstanding
            elif isinstance(recorded.event, e.OverdueCleared) and since is not None:
                spans.append(OverdueSpan(since, recorded.effective_at, most))
                since = None
        if since is not None:
            spans.append(OverdueSpan(since, None, most))
        if spans:
            yield AccountSpans(account, state.currency, state.outstanding, tuple(spans))


def page(found: OverdueReport) -> Page:
    """Show who owes, then the sums by age."""
    if not found.rows:
        return ["nobody is overdue"]
    parts: list[Sheet | str] = [
        Sheet(
            ("account", "since", "days", "items", "outstanding", ""),
            [(row.account, row.overdue_since and row.overdue_since.date(), row.days,
              len(row.items), row.outstanding, row.currency) for row in found.rows],
        )
    ]  # fmt: skip
    for total in found.totals:
        owing = f"{plural(total.accounts, 'account')} owe {total.outstanding} {total.currency}"
        ages = [total.ages[name] for name in NAMES]
        parts.append(Sheet(NAMES, [ages], f"{owing}, by days since posted:"))
    return parts


def _flat(view: LedgerView, question: Question) -> Iterator[Json]:
    """Yield a plain cell for each age, and how many items."""
    for row in figures(view, question).rows:
        shown = row.plain()
        ages = shown.pop("ages")
        yield {**shown, "items": len(row.items), **ages}


def _drawn(view: LedgerView, question: Question, source: Source) -> str:
    from projections.html.overdue import overdue_page  # noqa: PLC0415 - for --html alone

    point, account = question.point, question.account
    streams = view.reader.streams(ACCOUNT_PREFIX)
    names = [one.removeprefix(ACCOUNT_PREFIX) for one in streams] if account is None else [account]
    found = list(overdue_spans(view.reader, point, names))
    return overdue_page(found, source, ends=point.seen_at, offset=view.offset)


REPORT = Report(
    """Show every account that is overdue: since when, how much, and how old its items are.

    An item's age is counted from when it was posted (R9), in whole days.
    """,
    OverdueReport, figures, page,
    examples=(
        "tally report overdue", "tally report overdue --at 2025-03-31 --csv -o overdue.csv",
        "tally report overdue --html -o overdue.html",
    ),
    span=False, drawn=_drawn,
    flat=Flat(_flat, columns=(
        "account", "currency", "outstanding", "overdue_since", "days", "items", *NAMES
    )),
)  # fmt: skip
