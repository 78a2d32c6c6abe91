"""Three generated ledgers to ask at random points: late records, 0, 2 and 3 digits, closes.

A ledger is a function of its seed. Every account has one of three currencies; a third of the facts
came late, some of them into a period that was closed by then.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tests.cli.program import World
from tests.cli.program import lines as written_lines

if TYPE_CHECKING:
    from pathlib import Path

ZONE = timezone(timedelta(hours=8))
BEGIN = datetime(2025, 1, 1, tzinfo=ZONE)
DAYS = 100
CURRENCIES = ("CNY", "JPY", "KWD", "CNY", "JPY", "KWD")
CLOSED = (("2025-01", 36), ("2025-02", 64))  # period, and the day on which it is closed
_UNITS = {"CNY": ("120.50", "9.99", "300.00"), "JPY": ("12000", "7", "400"),
          "KWD": ("40.125", "0.005", "99.000")}  # fmt: skip


def written(at: datetime) -> str:
    """Write an instant as commands do."""
    return at.isoformat(timespec="seconds")


def instant(chance: random.Random) -> str:
    """Choose an instant of a generated ledger's life, often a midnight."""
    day = BEGIN + timedelta(days=chance.randrange(1, DAYS))
    return written(day + timedelta(seconds=chance.choice((0, 0, chance.randrange(86400)))))


def generated(path: Path, seed: int) -> World:
    """Make a ledger."""
    world, chance = World(path), random.Random(seed)
    lines: list[dict[str, Any]] = [
        {"do": "set-price", "sku": f"sku-{name}", "monthly_price": "40"}
        for name in _UNITS
    ]
    lines += [
        {"do": "open-account", "account": f"{currency.lower()}-{number}", "currency": currency}
        for number, currency in enumerate(CURRENCIES)
    ]
    lines += [
        {"do": "activate-public", "account": line["account"], "instance": "pub",
         "kind": "public_legacy"}
        for line in lines if line["do"] == "open-account"
    ]  # fmt: skip
    for line in lines:
        line["at"] = written(BEGIN)
    waiting = list(CLOSED)
    for day in sorted(chance.randrange(1, DAYS) for _ in range(110)):
        while waiting and day >= waiting[0][1]:
            world.run("import", "-", stdin=written_lines(*lines))
            lines = []
            period, closes = waiting.pop(0)
            world.done("clock", "advance", "--to", written(BEGIN + timedelta(days=closes)))
            world.done("close", period, "--override", "--actor", "ops/lin", "--reason", "test")
        lines += _some(chance, BEGIN + timedelta(days=day, seconds=len(lines)), day)
    world.run("import", "-", stdin=written_lines(*lines))
    world.done("clock", "advance", "--to", written(BEGIN + timedelta(days=DAYS)))
    world.done("projections", "list")
    return world


def _some(chance: random.Random, at: datetime, day: int) -> list[dict[str, Any]]:
    number = chance.randrange(len(CURRENCIES))
    currency = CURRENCIES[number]
    account, name = f"{currency.lower()}-{number}", f"n{day}-{chance.randrange(10**6)}"
    amount = chance.choice(_UNITS[currency])
    back = min(day - 1, chance.choice((0, 0, 0, 1, 5, 40)))
    late = {} if not back else {"effective_at": written(at - timedelta(days=back))}
    what = chance.choice(("top-up", "top-up", "coupon", "bill", "bill", "purchase"))
    base = {"at": written(at), "account": account}
    if what == "top-up":
        return [{**base, "do": "top-up", "amount": amount, "channel": "c", "serial": name, **late}]
    if what == "coupon":
        ends = written(at + timedelta(days=chance.choice((3, 30))))
        return [{**base, "do": "grant-coupon", "coupon": name, "amount": amount, "ends": ends}]
    if what == "bill":
        ends_at = at - timedelta(hours=1)
        return [{**base, "do": "post-bill", "bill": name, "instance": "pub", "rated": amount,
                 "cycle_start": written(ends_at - timedelta(days=1)),
                 "cycle_end": written(ends_at)}]  # fmt: skip
    return [{**base, "do": "purchase", "instance": f"i-{name}", "sku": f"sku-{currency}",
             "months": 1, "auto_renew": chance.random() < 0.5}]  # fmt: skip
