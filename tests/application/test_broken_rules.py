"""R1, R9: a rule that would break an account records nothing, whichever way its batch comes.

Each rule is broken on purpose and the program is run on a real file: it must say what is wrong
(exit 5), the log must be as it was, and the mended rule must go on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import commands as c
from ledger import decider
from ledger import events as e
from ledger.rules import overdue
from ledger.rules.batch import Batch
from ledger.store import open_reader
from tests.cli.program import World, lines

NOW = "2025-01-10T00:00:00+08:00"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accounts with cash and without, each with a bill to come in February."""
    made = World(tmp_path_factory.mktemp("base") / "t.db", start=NOW)
    for account in ("able", "broke"):
        own = {"at": NOW, "account": account}
        made.take(
            {"do": "open-account", **own},
            {"do": "activate-public", "instance": "p", "kind": "public_legacy", **own},
            {"do": "record-usage", "usage": "u", "instance": "p", "rated": "5", **own,
             "cycle_start": "2025-01-31", "cycle_end": "2025-02-01"},
        )  # fmt: skip
    made.take({"do": "top-up", "at": NOW, "account": "able", "amount": "100", "channel": "c",
               "serial": "s"})  # fmt: skip
    return made.path


def spends_too_much(batch: Batch, *_: object, **__: object) -> None:
    batch.emit(e.RefundIssued(instance="p", reason="unused", amount=-batch.state.cash - 1))


def owes(batch: Batch, *_: object, **__: object) -> None:
    batch.emit(e.DebtRecorded(item="d", kind="reversal", amount=1, posted_at=batch.now))


def owes_nothing_to_nobody(batch: Batch, *_: object, **__: object) -> None:
    batch.state.outstanding += 3
    batch.emit(e.AlertConfigured(threshold=None))


def forgets(*_: object, **__: object) -> None:
    """Do nothing where something has to be done."""


class Breaking:
    """A broken rule: the decision of set-alert and all transitions, or what follows them."""

    def __init__(
        self, said: str, account: str, rule: Callable[..., None], *, after: str = ""
    ) -> None:
        self.said, self.account, self.rule, self.after = said, account, rule, after

    def __enter__(self) -> None:
        """Break it."""
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(decider, "_DECISIONS", {c.SetAlert: self.rule})
        if self.after == "mark":
            self.patched.setattr(overdue, self.after, forgets)
            return
        broken = dict.fromkeys(decider._DUE, self.rule)
        self.patched.setattr(decider, "_DUE", broken)
        if self.after:
            self.patched.setattr(decider, self.after, forgets)

    def __exit__(self, *_: object) -> None:
        """Mend it."""
        self.patched.undo()


BROKEN = (
    Breaking("cash is below zero (R1)", "able", spends_too_much),
    Breaking("there is cash although something is unpaid (R1)", "able", owes,
             after="draw_consequences"),
    Breaking("outstanding differs from the sum of the items (R9)", "broke", owes_nothing_to_nobody),
    Breaking("overdue contradicts its oldest unpaid item (R9)", "broke", owes,
             after="mark"),
)  # fmt: skip


def stored(path: Path) -> list[bytes]:
    reader = open_reader(str(path))
    try:
        return list(reader.bodies())
    finally:
        reader.close()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.said)
def test_a_broken_rule_records_nothing(broken: Breaking, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    path.write_bytes(base.read_bytes())
    world = World.at(path)
    before = stored(path)
    alert = {"do": "set-alert", "at": NOW, "account": broken.account, "threshold": "1"}
    new = {"do": "open-account", "at": NOW, "account": "new"}
    ways: tuple[tuple[tuple[str, ...], str], ...] = (
        (("record", "set-alert", "--account", broken.account, "--threshold", "1"), ""),
        (("clock", "advance", "--to", "2025-02-02"), ""),
        (("import", "-", "--ndjson"), lines(new, alert, {**new, "account": "never"})),
    )
    for words, given in ways:
        with broken:
            done = world.run(*words, stdin=given)
        assert done.code == 5, (words, done)
        assert broken.said in done.err
        assert (done.out, "Traceback" in done.err) == ("", False)  # no line was told to be recorded
        assert stored(path) == before, words
    world.done("verify", "--deep")
    world.done("record", "set-alert", "--account", broken.account, "--threshold", "1")
    world.done("clock", "advance", "--to", "2025-02-02")
    world.done("verify", "--deep")
