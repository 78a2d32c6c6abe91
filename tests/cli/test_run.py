"""``tally run`` keeps a system-clock ledger caught up: a process to be stopped and killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

from tests.cli.program import COMMAND, Json, World, environment, lines, valid


def soon(seconds: float) -> datetime:
    """An instant on a whole second from now on."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def with_a_coupon(path: Path, *, ends: datetime) -> World:
    """A system ledger on which nothing but the end of a coupon is due."""
    world = World(path, start=None)
    world.take(
        {"do": "open-account", "account": "a"},
        {"do": "grant-coupon", "account": "a", "coupon": "k", "amount": "5",
         "ends": ends.isoformat()},
    )  # fmt: skip
    return world


@contextmanager
def running(world: World) -> Iterator[subprocess.Popen[str]]:
    """`tally run` as a process, which is killed if a test waits in vain."""
    with subprocess.Popen(
        [*COMMAND, "run", "--ndjson", "--ledger", str(world.path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True,
    ) as process:  # fmt: skip
        watchdog = Timer(30, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def same_instant(event: Json, instant: datetime) -> bool:
    """Return whether the event is effective at the instant."""
    return datetime.fromisoformat(event["effective_at"]) == instant


def test_run_records_what_falls_due_and_stops_on_sigterm(tmp_path: Path) -> None:
    ends = soon(4)
    world = with_a_coupon(tmp_path / "t.db", ends=ends)
    with running(world) as process:
        assert process.stdout is not None
        event = valid(json.loads(process.stdout.readline()))
        assert datetime.now(UTC) >= ends
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
    assert (event["type"], event["account"]) == ("CouponExpired", "a")
    assert same_instant(event, ends)
    assert world.json("log", "-n", "1")["rows"] == [event]
    assert world.json("run", "--once")["events"] == []


def test_run_survives_a_kill_and_records_late_at_the_due_instant(tmp_path: Path) -> None:
    ends = soon(3)
    world = with_a_coupon(tmp_path / "t.db", ends=ends)
    with running(world) as process:
        process.kill()
    while datetime.now(UTC) < ends + timedelta(seconds=2):
        time.sleep(0.2)
    for look in ("state a", "balances", "instances", "log", "status"):
        told = world.run(*look.split(), "--json")
        assert told.err == (
            "note: 1 account has transitions due that are not recorded yet; "
            "tally run records them\n"
        ), look
        assert valid(told.json)
    assert world.state("a")["coupons"][0]["remaining"] == "5.00"
    [event] = world.json("run", "--once")["events"]
    assert event["type"] == "CouponExpired"
    assert same_instant(event, ends)
    assert event["recorded_at"] > event["effective_at"]
    assert world.run("balances").err == ""
    assert [e["type"] for e in world.events("--late")] == ["CouponExpired"]


def test_what_is_due_is_recorded_before_a_command(tmp_path: Path) -> None:
    world = with_a_coupon(tmp_path / "t.db", ends=soon(2))
    time.sleep(2.5)
    world.record("top-up", "--account", "a", "--amount", "1", "--channel", "c", "--serial", "s")
    assert [e["type"] for e in world.events("a")] == [
        "AccountOpened", "CouponGranted", "CouponExpired", "TopUpReceived",
    ]  # fmt: skip


def test_run_once_says_that_nothing_is_due(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start=None)
    assert world.done("run", "--once").out == "caught up; nothing is due\n"
    assert world.rows("run", "--once") == []
    assert world.json("run", "--until", "2025-01-01")["events"] == []


def test_run_is_for_a_system_clock(looked_at: World) -> None:
    error = looked_at.json("run", "--once", code=2)
    assert error["code"] == "WRONG_CLOCK"


def test_ctrl_c_ends_it_with_130(tmp_path: Path) -> None:
    world = with_a_coupon(tmp_path / "t.db", ends=soon(2))
    with running(world) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_bills_without_a_delay(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start=None, policy={"bill_delay": "0", "restore_delay": "0"})
    world.take(
        {"do": "open-account", "account": "a"},
        {"do": "activate-public", "account": "a", "instance": "p", "kind": "public_legacy"},
    )
    end = soon(2)
    world.done(
        "import",
        "-",
        stdin=lines(
            {
                "do": "record-usage",
                "account": "a",
                "usage": "u",
                "instance": "p",
                "rated": "3",
                "cycle_start": soon(0).isoformat(),
                "cycle_end": end.isoformat(),
            }
        ),
    )
    assert world.state("a")["outstanding"] == "0.00"
    with running(world) as process:
        assert process.stdout is not None
        events = [valid(json.loads(process.stdout.readline())) for _ in range(2)]
        process.terminate()
        assert process.wait(20) == 0
    assert [e["type"] for e in events] == ["BillPosted", "OverdueStarted"]
    assert all(same_instant(event, end) for event in events)
    assert world.state("a")["outstanding"] == "3.00"
