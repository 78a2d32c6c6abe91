"""A sealed ledger to be tortured, every command that writes, and what may come of it.

``TALLY_TORTURE`` multiplies the rounds: `make test` plays one, `make torture` many.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import LedgerError
from ledger.store import open_reader
from tests.cli.program import Done, World, tally
from tests.proof.worlds import sealed

if TYPE_CHECKING:
    from collections import Counter

ROUNDS = int(os.environ.get("TALLY_TORTURE", "1"))
SEED = int(os.environ.get("TALLY_TORTURE_SEED", "20261129"))
UNCHANGED, SAID = "answers unchanged", "an error that says so"
ERRORS = {1, 2, 3, 5, 6}  # exit codes of an error that is said (INTERFACE section 1)


SYSTEM = "s.db"  # the ledger of the system clock


class Writing(NamedTuple):
    """A command that writes; ``{}`` in an argument is the folder of the ledger."""

    name: str
    arguments: tuple[str, ...]
    ledger: str = "t.db"


_TOP_UP = ("record", "top-up", "--account", "a-1", "--amount", "5", "--channel", "card")
WRITING = (
    Writing("record", (*_TOP_UP, "--serial", "K1")),
    Writing("import", ("import", "{}/more.ndjson")),
    Writing("import in two", ("import", "{}/more.ndjson", "--workers", "2")),
    Writing("clock advance", ("clock", "advance", "400d")),
    Writing("tag", ("tag", "add", "mine")),
    Writing("close", ("close", "2025-02", "--actor", "lin")),
    Writing("close, seal, pack", (
        "close", "2025-02", "--actor", "lin", "--seal", "--pack", "-o", "{}/p.zip",
    )),
    Writing("check --adopt", ("check", "{}/c.toml", "--adopt", "end", "--actor", "lin")),
    Writing("reopen", ("reopen", "2025-01", "--actor", "lin", "--reason", "x")),
    Writing("seal", ("seal", "-o", "{}/new.checkpoint")),
    Writing("keys rotate", ("keys", "rotate")),
    Writing("projections rebuild", ("projections", "rebuild")),
    Writing("columns build", ("columns", "build")),
    Writing("init", ("init", "--ledger", "{}/new.db")),
    Writing("copy", ("copy", "{}/t.db", "{}/copy.db")),
    Writing("backup", ("backup", "{}/backup.db")),
    Writing("pack", ("pack", "--period", "2025-01", "-o", "{}/p.zip")),
    Writing("export", ("export", "--format", "events", "-o", "{}/events.bin")),
    Writing("notify", ("notify", "--to", "file://{}/notices", "--once")),
    Writing("prove", ("prove", "3", "-o", "{}/3.proof")),
    Writing("tiles", ("tiles", "{}/tiles")),
    Writing("report", ("report", "timeline", "a-1", "--html", "-o", "{}/page.html")),
    Writing("reconcile --record", (
        "reconcile", "{}/s.csv", "--source", "alibaba-transactions", "--record", "--actor", "lin",
    )),
    Writing("run", ("run", "--once"), SYSTEM),
    Writing("run --notify", ("run", "--once", "--notify", "file://{}/notices"), SYSTEM),
)  # fmt: skip


# May be there in part: a batch at a time, or recorded before what is written beside it.
BATCHED = {"import", "import in two", "notify", "close, seal, pack", "run --notify"}


def prepare(folder: Path) -> Path:
    """Make the ledger that every torture begins with, and one that follows the machine's clock."""
    until = fall_due(World(folder / SYSTEM, start=None))
    world = sealed(folder)
    world.done("clock", "advance", "--to", "2025-03-02T00:00:00+08:00")
    more = [
        f'{{"do":"top-up","at":"2025-03-02T00:00:00+08:00","account":"a-1","amount":"1",'
        f'"channel":"m","serial":"{n}"}}\n'
        for n in range(400)
    ]
    (folder / "c.toml").write_text('[[check]]\nname = "no debt"\nexpr = "outstanding == 0"\n')
    (folder / "more.ndjson").write_text("".join(more))
    world.done("export", "--format", "alibaba-transactions", "-o", folder / "s.csv")
    while datetime.now(UTC) <= until:
        time.sleep(0.1)
    return folder


def fall_due(world: World) -> datetime:
    """Record what falls due within seconds, and return when: `tally run` will be late for it."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    world.take(*(
        command
        for n in range(40)
        for command in (
            {"do": "open-account", "account": f"s-{n}"},
            {"do": "set-alert", "account": f"s-{n}", "threshold": "1"},
            {"do": "top-up", "account": f"s-{n}", "amount": "1", "channel": "c", "serial": f"s{n}"},
            {"do": "grant-coupon", "account": f"s-{n}", "coupon": "k", "amount": "5",
             "ends": due.isoformat()},
        )
    ))  # fmt: skip
    return due


def copied(base: Path, into: Path) -> Path:
    """Return a fresh copy of the ledger and all beside it."""
    shutil.copytree(base, into)
    return into


def fill(folder: Path, *, left: int) -> Path:
    """Fill the disk but for some kB."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    with filler.open("r+b") as file:
        file.truncate(max(0, filler.stat().st_size - left * 1024))
    return filler


def arguments(one: Writing, folder: Path) -> list[str]:
    """Write a command for the ledger in a folder."""
    ledger = [] if one.name == "init" else ["--ledger", str(folder / one.ledger)]
    return [word.replace("{}", str(folder)) for word in one.arguments] + ledger


def bodies(folder: Path, name: str = "t.db") -> list[bytes]:
    """Read the stored bytes of a ledger."""
    reader = open_reader(str(folder / name))
    try:
        return list(reader.bodies())
    finally:
        reader.close()


def answers(folder: Path) -> tuple[Done, ...]:
    """Ask what people ask."""
    ledger = ("--ledger", folder / "t.db")
    return (
        tally("balances", "--ndjson", *ledger), tally("state", "a-1", "--json", *ledger),
        tally("log", "--ndjson", *ledger),
    )  # fmt: skip


def whole(folder: Path, name: str = "t.db") -> Done:
    """Verify a ledger thoroughly."""
    return tally("verify", "--ledger", folder / name)


def signs(folder: Path) -> Done:
    """Sign a checkpoint: whatever became of a rotation, the old key or the new one is usable."""
    return tally("seal", "--ledger", folder / "t.db")


def is_said(done: Done) -> bool:
    """Return whether a run that failed told so in its way, without a traceback."""
    return done.code in ERRORS and "Traceback" not in done.err + done.out


def judge(folder: Path, before: tuple[Done, ...]) -> str:
    """Return which of the two things that may be became of a ledger; anything else is a failure."""
    try:
        verified, found = whole(folder), answers(folder)  # before views are caught up
    except LedgerError as error:  # pragma: no cover - the program turns all of them into lines
        raise AssertionError(error) from error
    if verified.code == 0 and all(one.code == 0 for one in found):
        assert found == before, "other answers, and verify is content"
        return UNCHANGED
    for one in (*found, verified):
        assert one.code == 0 or is_said(one), one
    assert verified.code, "an answer fails, and verify is content"
    return SAID


def chance(name: str) -> random.Random:
    """Return the same random numbers for the same torture and seed."""
    return random.Random(f"{SEED} {name}")


def told(name: str, counts: Counter[str]) -> None:
    """Print the counts; pytest shows them with -s, and in a failure."""
    shown = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
    sys.stdout.write(f"torture: {name}: {shown}\n")
