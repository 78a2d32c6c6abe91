"""The command that shows one account's own history under a backtest's changes: a ``tally whatif``.

Invariant: the command changes what the backtest changed for this account, top-ups of assumed
customers included. A span has no equal there: the command changes the whole history.
This module must not decide anything besides those top-ups.
"""

from __future__ import annotations

import json
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING

from cli.backtests.shares import answers_of
from ledger import codec
from ledger import commands as c
from ledger import events as e
from ledger.events import ACCOUNT_PREFIX, PRICES_STREAM
from ledger.money import format_minor
from ledger.rehearsal.changes import Insertion
from projections.rehearsing.said import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.backtests.shares import Question
    from cli.bootstrap import Session
    from ledger.store import Reader


def try_command(session: Session, account: str, question: Question) -> str:
    """Write the command for one account."""
    reader, changes, offset = session.reader, question.changes, session.offset
    words = ["tally", "whatif"]
    for name, text in changes.policy.items():
        words += ["--policy", f"{name}={text}"]
    begins = _begins(reader)
    inserts = [
        Insertion(max(one.at, begins, question.starts), c.SetPrice(
            sku=one.sku,
            monthly_price=Decimal(format_minor(one.monthly_price, session.config.currency)),
        ))
        for one in changes.prices
    ]  # fmt: skip
    if question.customers:
        inserts += answers_of(reader, account, question)
    for at, command in inserts:
        shown = command_line(command, at=at, offset=offset)
        given = {name: cell for name, cell in shown.items() if cell is not None}
        words += ["--insert", json.dumps(given, ensure_ascii=False, separators=(",", ":"))]
    for position in _replaced_prices(reader, question):
        words += ["--skip", str(position)]
    for position, values in _changed_grants(reader, account, changes.coupons):
        if values is None:
            words += ["--skip", str(position)]
        for name, text in (values or {}).items():
            words += ["--patch", str(position), f"{name}={text}"]
    first = [account] if not account.startswith("-") else []
    return shlex.join([*words[:2], *first, *words[2:], *([] if first else ["--", account])])


def _begins(reader: Reader) -> int:
    first = reader.row(1)
    assert first is not None  # noqa: S101 - a ledger has its first event
    return first.recorded_at


def _replaced_prices(reader: Reader, question: Question) -> Iterator[int]:
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
