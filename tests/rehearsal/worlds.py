"""Ledgers to rehearse: the generated year, random sequences, small stories in memory."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import TYPE_CHECKING, Any

from ledger import codec
from ledger import commands as c
from ledger.application import Ledger
from ledger.errors import InvalidInput
from ledger.founding import create
from ledger.importer import import_lines
from ledger.periods import DAY, HOUR, parse_instant
from ledger.store import open_store
from projections.point import Asked, Point, resolve
from projections.runner import Views
from tests.application.test_kill import YEAR
from tests.differential.sequences import Sequence, first_policy

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader

OFFSET = 8 * HOUR
START = "2024-12-31T00:00:00+08:00"


def new_ledger(*, clock: str = "simulated", policy: dict[str, str] | None = None) -> Ledger:
    """Make a ledger in memory."""
    store = open_store(":memory:")
    create(
        store, clock=clock, start=parse_instant(START, OFFSET), currency="CNY",
        policy=policy or {}, ledger="rehearsed",
    )  # fmt: skip
    return Ledger(store, Views(store.reader, store))


@cache
def year() -> Ledger:
    """Return the generated year, recorded once; nobody may record more into it."""
    ledger = new_ledger()
    with YEAR.open("rb") as source:
        for _ in import_lines(ledger, source):
            pass
    return ledger


def random_ledger(seed: int, *, commands: int = 28) -> Ledger:
    """Record a random sequence: late facts, refusals, repeats, tokens, prices, policy."""
    chance = random.Random(seed)
    ledger = new_ledger(policy=first_policy(chance))
    sequence = Sequence(seed, ledger)
    for _ in range(commands):
        do(ledger, **sequence.next())
    if chance.random() < 0.7:
        ledger.advance(ledger.now() + chance.randrange(1, 60) * DAY)
    return ledger


def do(ledger: Ledger, **command: Any) -> bool | None:
    """Record one command: accepted, refused (False) or no command at all (None)."""
    try:
        outcomes, failure = ledger.execute([c.parse(json.dumps(command))])
    except InvalidInput:
        return None
    return None if failure is not None else outcomes[0].ok


def instant(text: str) -> int:
    """Read an instant of a story."""
    return parse_instant(text, OFFSET)


def now(ledger: Ledger) -> Point:
    """Return the point that selects everything."""
    return resolve(ledger.store.reader, Asked(), clock=ledger.now(), offset=OFFSET)


def events(reader: Reader) -> list[RecordedEvent]:
    """Read the whole log."""
    return list(codec.decode_all(reader.bodies()))


def find(reader: Reader, kind: str, number: int = 0) -> RecordedEvent:
    """Find an event of a type."""
    return [event for event in events(reader) if type(event.event).__name__ == kind][number]


def overdue_story() -> Ledger:
    """A legacy instance, 8.00 in cash, a bill of 20.00 (section 6), then stop and payment."""
    ledger = new_ledger()
    at = "2025-10-01T00:00:00+08:00"
    do(ledger, do="open-account", account="a-1", at=at)
    do(ledger, do="activate-public", account="a-1", instance="i-1", kind="public_legacy", at=at)
    do(ledger, do="top-up", account="a-1", amount="8", channel="alipay", serial="T1", at=at)
    do(
        ledger, do="post-bill", account="a-1", bill="b-1", instance="i-1", rated="20",
        cycle_start="2025-11-01T06:00:00+08:00", cycle_end="2025-11-02T06:00:00+08:00",
        at="2025-11-02T06:30:00+08:00",
    )  # fmt: skip
    ledger.advance(instant("2025-11-05T00:00:00+08:00"))
    return ledger


def renewal_story() -> Ledger:
    """A month bought with auto-renewal ticked and too little left to renew: it expires."""
    ledger = new_ledger()
    at = "2025-05-20T09:15:00+08:00"
    do(ledger, do="open-account", account="a-1", at=at)
    do(ledger, do="set-price", sku="std", monthly_price="300", at=at)
    do(ledger, do="top-up", account="a-1", amount="450", channel="alipay", serial="T1", at=at)
    do(
        ledger, do="purchase", account="a-1", instance="i-1", sku="std", months=1,
        auto_renew=True, at=at,
    )  # fmt: skip
    ledger.advance(instant("2025-06-22T00:00:00+08:00"))
    return ledger
