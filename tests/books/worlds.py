"""A small ledger with hard names: the commands that make it."""

from __future__ import annotations

import json

DAY = "2025-01-{:02d}T00:00:00+08:00"
HARD = ("a-1", "a--1", "A-1", 'b中"q', "b:x 1\\", "u; x: y, z", "-2D")


def hard_lines() -> str:
    """Accounts whose names no other program takes, and one event of each hard kind."""
    made: list[dict[str, object]] = []

    def add(day: int, do: str, **fields: object) -> None:
        made.append({"at": DAY.format(day), "do": do, **fields})

    add(1, "set-price", sku="std", monthly_price="500.00")
    add(1, "set-price", sku="pro", monthly_price="1200.00")
    for name in HARD:
        add(2, "open-account", account=name)
    for name in HARD:
        add(3, "top-up", account=name, amount="9.00", channel=f"c {name}", serial=name)
    for name, currency, amount in (("yen", "JPY", "7"), ("dinar", "KWD", "1.234")):
        add(3, "open-account", account=name, currency=currency)
        add(3, "top-up", account=name, amount=amount, channel="alipay", serial=name)
    odd = HARD[3]
    add(4, "grant-coupon", account=odd, coupon="c-1", amount="1.50", ends="2025-01-20")
    add(5, "activate-public", account=odd, instance="i-1", kind="public_legacy")
    add(6, "post-bill", account=odd, bill="b-1", instance="i-1", cycle_start=DAY.format(5),
        cycle_end=DAY.format(6), rated="3.1234567891")  # fmt: skip
    add(6, "post-bill", account=odd, bill="b-2", instance="i-1", cycle_start=DAY.format(5),
        cycle_end=DAY.format(6), rated="5")  # fmt: skip
    add(7, "credit-note", account=odd, note="n-1", bill="b-1", amount="2.00",
        effective_at=DAY.format(6))  # fmt: skip
    add(8, "reverse-top-up", account=odd, amount="9.00", channel=f"c {odd}", serial=odd,
        effective_at="2025-01-06T12:00:00+08:00")  # fmt: skip
    add(9, "top-up", account="a-1", amount="6000", channel="alipay", serial="T9")
    add(10, "purchase", account="a-1", instance="e-1", sku="std", months=1)
    add(10, "purchase", account="a-1", instance="e-2", sku="std", months=1)
    add(10, "purchase", account="a-1", instance="e-3", sku="std", months=1)
    add(10, "renew", account="a-1", instances=["e-3"], months=1)
    add(12, "change-spec", account="a-1", instance="e-1", sku="pro")
    add(12, "change-spec", account="a-1", instance="e-3", sku="pro")
    add(13, "cancel-renewal", account="a-1", instance="e-3")
    add(13, "cancel", account="a-1", instance="e-2")
    return "".join(json.dumps(one) + "\n" for one in made)
