"""R67 under kills: no notice is lost, none counts twice, and each account keeps its order.

TALLY_KILLS=100 kills that often; the receiver drops repeats by their ids, as it should.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, World, environment
from tests.notices.receivers import SECRET, Receiver, receiver

KILLS = int(os.environ.get("TALLY_KILLS", "12"))
SEED = int(os.environ.get("TALLY_SEED", "67"))
DEADLINE_SECONDS = 3.0


def many(path: Path, accounts: int) -> World:
    """Accounts with an alert, reminders, a term that ends and failing renewals: 22 notices each."""
    world = World(path, start="2025-05-20")
    world.take({"do": "set-price", "sku": "std", "monthly_price": "500"})
    for n in range(accounts):
        name = f"a-{n}"
        world.take(
            {"do": "open-account", "account": name},
            {"do": "set-alert", "account": name, "threshold": "400"},
            {"do": "top-up", "account": name, "amount": "800", "channel": "x", "serial": name},
            {"do": "purchase", "account": name, "instance": "i", "sku": "std", "months": 1,
             "auto_renew": True},
        )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-07-10")
    return world


def killed(world: World, hook: Receiver, draw: random.Random) -> bool:
    """Start a delivery, kill it some time after its first notice; return whether it was killed."""
    begun = len(hook.seen)
    process = subprocess.Popen(
        [*COMMAND, "notify", "--to", hook.url, "--ledger", str(world.path)],
        env={**environment(), "TALLY_WEBHOOK_SECRET": SECRET},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    limit = time.monotonic() + DEADLINE_SECONDS
    while len(hook.seen) == begun and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.001)
    time.sleep(draw.random() * 0.08)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    accounts = 2 + KILLS // 4
    world, draw = many(tmp_path / "t.db", accounts), random.Random(SEED)
    with receiver() as hook:
        hook.pause = 0.004
        kills = sum(killed(world, hook, draw) for _ in range(KILLS))
        hook.pause = 0.0
        os.environ["TALLY_WEBHOOK_SECRET"] = SECRET
        world.done("notify", "--to", hook.url)
    assert kills > 0
    reference = tmp_path / "all.ndjson"
    world.done("notify", "--to", f"file://{reference}")
    wanted = reference.read_text().count("\n")
    assert wanted == 22 * accounts
    assert len(hook.taken) == wanted == len({one["id"] for one in hook.taken})
    assert hook.broken_signatures == 0
    for n in range(accounts):
        mine = [one for one in hook.taken if one["account"] == f"a-{n}"]
        assert [one["at"] for one in mine] == sorted(one["at"] for one in mine)
    sent = [row for row in world.rows("notify", "--list") if row["channel"] == hook.url]
    assert len(sent) == wanted
    print(f"{kills} kills, {wanted} notices, {len(hook.seen) - wanted} repeats dropped")  # noqa: T201 - the counts are the finding
    world.done("verify", "--deep")
