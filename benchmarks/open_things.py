"""Commands to one account that has 10, 1,000 or 50,000 open things: none may make it slow.

Open things are usages that wait for their bill, unpaid bills, active coupons, instances. The
ledger is in memory and the account is loaded, so that what is timed is the deciding itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, fill, spent
from ledger.application import Ledger
from ledger.founding import create
from ledger.periods import DAY, HOUR, format_instant, parse_instant
from ledger.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OFFSET = 8 * HOUR
START = parse_instant("2025-01-01T00:00:00+08:00", OFFSET)
RATIO_MAX = 1.5
COMMANDS = 2000
RUNS = 3


def _line(**fields: object) -> bytes:
    return json.dumps({"at": format_instant(START, OFFSET), "account": "a", **fields}).encode()


def _cycle(number: int) -> dict[str, str]:
    end = START - DAY - number * HOUR
    return {
        "cycle_start": format_instant(end - HOUR, OFFSET), "cycle_end": format_instant(end, OFFSET),
    }  # fmt: skip


def _usages(count: int) -> Iterator[bytes]:
    ahead = START + 30 * DAY
    for n in range(count):
        yield _line(
            do="record-usage", usage=f"u-{n}", instance="p", rated="1",
            cycle_start=format_instant(ahead, OFFSET),
            cycle_end=format_instant(ahead + (n + 1) * HOUR, OFFSET),
        )  # fmt: skip


def _unpaid(count: int) -> Iterator[bytes]:
    for n in range(count):
        yield _line(do="post-bill", bill=f"b-{n}", instance="p", rated="1000", **_cycle(n))


def _coupons(count: int) -> Iterator[bytes]:
    for n in range(count):
        ends = format_instant(START + (400 + n) * DAY, OFFSET)
        yield _line(do="grant-coupon", coupon=f"c-{n}", amount=str(1 + n % 90), ends=ends)


def _instances(count: int) -> Iterator[bytes]:
    for n in range(count):
        yield _line(do="activate-public", instance=f"i-{n}", kind="public_legacy")


def _work() -> list[bytes]:
    """Pay a little, and be billed: each settles, looks at overdue, coupons and deadlines."""
    lines: list[bytes] = []
    for n in range(COMMANDS // 2):
        lines.append(_line(do="top-up", amount="2", channel="work", serial=f"{n}"))
        lines.append(
            _line(do="post-bill", bill=f"w-{n}", instance="p", rated="1", **_cycle(n))
        )
    return lines


def _seconds(opened: Callable[[int], Iterator[bytes]], count: int) -> float:
    best = float("inf")
    for _ in range(RUNS if count <= 1000 else 2):
        store = open_store(":memory:")
        create(
            store, clock="simulated", start=START, currency="CNY", policy={}, ledger="benchmark"
        )
        ledger = Ledger(store)
        fill(ledger, [
            _line(do="open-account"),
            _line(do="activate-public", instance="p", kind="public_legacy"), *opened(count),
        ])  # fmt: skip
        lines = _work()
        best = min(best, spent(lambda ledger=ledger, lines=lines: fill(ledger, lines)))  # type: ignore[misc]
        store.close()
    return best


def run(sizes: tuple[int, ...]) -> list[Figure]:
    """Time the same commands beside few and beside many open things."""
    least, most = (10, 50_000) if max(sizes) > 1000 else (10, 200)
    kinds = {
        "usages": _usages, "unpaid": _unpaid, "coupons": _coupons, "instances": _instances,
    }  # fmt: skip
    found: list[Figure] = []
    for name, opened in kinds.items():
        few, many = (COMMANDS / _seconds(opened, count) for count in (least, most))
        middle = COMMANDS / _seconds(opened, min(1000, most))
        ratio = max(few / many, few / middle)
        found.append(
            Figure(
                f"commands_beside_{name}", f"{many:,.0f}/s beside {most:,}",
                f"{few:,.0f}/s beside {least}, {middle:,.0f}/s beside {min(1000, most):,}",
                ratio, f"<= {RATIO_MAX}", met=ratio <= RATIO_MAX,
            )
        )  # fmt: skip
    return found
