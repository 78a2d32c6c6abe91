"""The history decided again under other rules: before, after and delta of each account.

Invariant: the rows add up to the totals, exactly. Each account that is named comes with the
``tally whatif`` that shows its own history: it changes what the backtest changed for this account,
top-ups of assumed customers included. A span has no equal there: it changes the whole history.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ledger import codec
from ledger import commands as c
from ledger import events as e
from ledger.events import ACCOUNT_PREFIX, PRICES_STREAM
from ledger.rehearsal.changes import Insertion
from projections.answers.backtesting import (
    PLAIN,
    Backtest,
    Exceeded,
    MonthCharged,
    MostChanged,
    PriceTried,
)
from projections.answers.terms import Exact, Instant, Typed
from projections.impact import COUNTS, MONEY
from projections.rehearsing.backtest_shares import answers_of
from projections.rehearsing.said import command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ledger.store import Reader
    from projections.answers.terms import Json
    from projections.rehearsing.backtest_shares import AccountDelta, Scenario
    from projections.view import LedgerView

    Write = Callable[[int], object]

MOST: Final = 20  # accounts that are named as those that change most
_RANKS: Final = {"p50": 50, "p95": 95, "max": 100}
_WEIGHT: Final = (
    "charged", "stopped_seconds", "overdue_seconds", "collected", "refused", *COUNTS,
)  # fmt: skip


def backtest_of(
    view: LedgerView, question: Scenario, rows: Sequence[AccountDelta], *, customers: str,
    limits: Iterable[tuple[str, Decimal]] = (),
) -> Backtest:  # fmt: skip
    """Put the rows together; ``customers`` says how they are assumed to behave."""
    changes, offset = question.changes, question.offset
    money = Typed(offset=offset, currency=view.config.currency).money
    return Backtest(
        policy=changes.policy,
        prices=[
            PriceTried(sku=price.sku, monthly_price=Exact(money(price.monthly_price)),
                       from_=Instant.at(price.at, offset) if price.at else None)
            for price in changes.prices
        ],
        coupons=dict(sorted(changes.coupons.items())), customers=customers,
        from_=Instant.at(question.starts, offset) if question.starts else None,
        to=Instant.at(question.ends, offset), position=view.reader.head().position,
        accounts=len(rows), changed=sum(row.changed for row in rows),
        totals={**_measured(rows, _sides), "refusal_codes": _codes(rows)},
        distribution=_measured(rows, _ranks) if rows else {},
        months={currency: _months(own, currency) for currency, own in _parts(rows)},
        most_changed=[
            MostChanged(account=row.account, try_=_try(view, row.account, question))
            for row in _most_changed(rows)
        ],
        exceeded=list(_exceeded(rows, limits)),
        rows=[
            {"account": row.account, "currency": row.before.currency, "changed": row.changed,
             **_measured([row], _sides), "refusal_codes": _codes([row])}
            for row in rows
        ],
    )  # fmt: skip


def _parts(rows: Iterable[AccountDelta]) -> list[tuple[str, list[AccountDelta]]]:
    """Divide the rows by their currency, in the order of the codes."""
    found: dict[str, list[AccountDelta]] = {}
    for row in rows:
        found.setdefault(row.before.currency, []).append(row)
    return sorted(found.items())


def _measured(
    rows: Sequence[AccountDelta], cell: Callable[[Sequence[AccountDelta], str, Write], Json]
) -> Json:
    """Return one cell a measure: money below its currency, seconds and counts of all accounts."""
    shown: Json = {}
    for currency, own in _parts(rows):
        money = Typed(offset=0, currency=currency).money
        shown[currency] = {name: cell(own, name, money) for name in MONEY}
    return {**shown, **{name: cell(rows, name, int) for name in PLAIN}}


def _sides(rows: Sequence[AccountDelta], name: str, write: Write) -> Json:
    before = sum(getattr(row.before, name) for row in rows)
    after = sum(getattr(row.after, name) for row in rows)
    return {"before": write(before), "after": write(after), "delta": write(after - before)}


def _ranks(rows: Sequence[AccountDelta], name: str, write: Write) -> Json:
    """Return how much single accounts change, whichever way: nearest rank of the sizes."""
    sizes = sorted(abs(row.delta(name)) for row in rows)
    return {
        rank: write(sizes[(part * len(sizes) + 99) // 100 - 1]) for rank, part in _RANKS.items()
    }


def _codes(rows: Iterable[AccountDelta]) -> Json:
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for row in rows:
        before.update(row.before.codes)
        after.update(row.after.codes)
    return {
        code: {"before": before[code], "after": after[code], "delta": after[code] - before[code]}
        for code in sorted({*before, *after})
    }


def _months(rows: Iterable[AccountDelta], currency: str) -> list[MonthCharged]:
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for row in rows:
        before.update(row.before.months)
        after.update(row.after.months)
    money = Typed(offset=0, currency=currency).money
    return [
        MonthCharged(month=one, before=Exact(money(before[one])), after=Exact(money(after[one])))
        for one in sorted({*before, *after})
    ]


def _most_changed(rows: Iterable[AccountDelta]) -> list[AccountDelta]:
    """Return the accounts that change most: by what is charged, then by lost service, then rest."""

    def weight(row: AccountDelta) -> tuple[object, ...]:
        return (*(-abs(row.delta(name)) for name in _WEIGHT), row.account)

    return sorted((row for row in rows if row.changed), key=weight)[:MOST]


def _exceeded(
    rows: Sequence[AccountDelta], limits: Iterable[tuple[str, Decimal]]
) -> Iterator[Exceeded]:
    """Yield the limits that the totals' differences exceed, whichever way."""
    for name, limit in limits:
        for currency, own in _parts(rows) if name in MONEY else [("", list(rows))]:
            moved = sum(row.delta(name) for row in own)
            delta = Typed(offset=0, currency=currency).money(moved) if currency else Decimal(moved)
            if abs(delta) > limit:
                yield Exceeded(
                    measure=name, currency=currency or None, limit=str(limit), delta=str(delta)
                )


# --- the command that shows one account's own history -------------------------------------------


def _try(view: LedgerView, account: str, question: Scenario) -> str:
    """Write the command for one account."""
    reader, changes = view.reader, question.changes
    words: list[str] = []
    for name, text in changes.policy.items():
        words += ["--policy", f"{name}={text}"]
    for at, command in _inserts(view, account, question):
        shown = command_line(command, at=at, offset=question.offset)
        given = {name: cell for name, cell in shown.items() if cell is not None}
        words += ["--insert", json.dumps(given, ensure_ascii=False, separators=(",", ":"))]
    for position in _replaced_prices(reader, question):
        words += ["--skip", str(position)]
    for position, values in _changed_grants(reader, account, changes.coupons):
        if values is None:
            words += ["--skip", str(position)]
        for name, text in (values or {}).items():
            words += ["--patch", str(position), f"{name}={text}"]
    named = [*words, "--", account] if account.startswith("-") else [account, *words]
    return shlex.join(["tally", "whatif", *named])


def _inserts(view: LedgerView, account: str, question: Scenario) -> Iterator[Insertion]:
    first = view.reader.row(1)
    assert first is not None  # noqa: S101 - a ledger has its first event
    money = Typed(offset=0, currency=view.config.currency).money
    for price in question.changes.prices:
        command = c.SetPrice(sku=price.sku, monthly_price=money(price.monthly_price))
        yield Insertion(max(price.at, first.recorded_at, question.starts), command)
    if question.customers:
        yield from answers_of(view.reader, account, question)


def _replaced_prices(reader: Reader, question: Scenario) -> Iterator[int]:
    """Yield the positions of the recorded prices that the changes override."""
    since = {one.sku: max(one.at, question.starts) for one in reversed(question.changes.prices)}
    for recorded in codec.decode_all(reader.stream_bodies(PRICES_STREAM)):
        event = recorded.event
        if isinstance(event, e.PriceSet) and recorded.recorded_at >= since.get(
            event.sku, recorded.recorded_at + 1
        ):
            yield recorded.position


def _changed_grants(
    reader: Reader, account: str, coupons: Mapping[str, Mapping[str, str] | None]
) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    """Yield the grants of an account that the changes concern."""
    if coupons:
        for recorded in codec.decode_all(reader.stream_bodies(ACCOUNT_PREFIX + account)):
            event = recorded.event
            if isinstance(event, e.CouponGranted) and event.coupon in coupons:
                yield recorded.position, coupons[event.coupon]
