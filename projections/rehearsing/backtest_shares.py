"""A backtest in shares of accounts, here or elsewhere, each kept as soon as it is done.

Invariant: the rows come out by account, whoever did them; a share that a file already holds is
not done again, and a file made for another question is refused. This module must not know what the
rows say.
"""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ledger.errors import InvalidInput
from ledger.events import account_of
from ledger.memory import no_cycles
from ledger.rehearsal.backtest import Backtest
from ledger.store import open_reader
from projections.impact import Impact, Measuring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ledger.rehearsal.changes import Changes, Insertion
    from ledger.rehearsal.customers import Rule
    from ledger.store import Reader


class Scenario(NamedTuple):
    """The question: changes, assumption and range of recorded time, both ends included."""

    changes: Changes
    customers: tuple[Rule, ...]
    starts: int
    ends: int
    offset: int

    def digest(self, root: bytes) -> str:
        """Name the question about a log, for the file that keeps its shares."""
        return sha256(root + repr(self).encode()).hexdigest()


class AccountDelta(NamedTuple):
    """One account, as recorded and as decided again."""

    account: str
    before: Impact
    after: Impact

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return self.before != self.after

    def delta(self, name: str) -> int:
        """Return by how much a measure changes."""
        return int(getattr(self.after, name)) - int(getattr(self.before, name))


class Decided(msgspec.Struct):
    """What a share came to."""

    events: int
    rows: list[AccountDelta]


class BacktestTask(NamedTuple):
    """Decide one share of accounts again."""

    location: str
    accounts: list[str]
    question: Scenario

    def __call__(self) -> Decided:
        """Do it."""
        with closing(open_reader(self.location)) as reader, no_cycles():
            return decide(reader, self.accounts, self.question)


def decide(reader: Reader, accounts: Sequence[str], question: Scenario) -> Decided:
    """Decide some accounts again and measure both sides."""
    backtest = _backtest(reader, accounts, question)
    sides = [
        {
            name: Measuring(starts=question.starts, offset=question.offset) for name in accounts
        }
        for _ in range(2)
    ]  # fmt: skip
    events = 0
    for again, recorded in backtest.sides(until=question.ends):
        account = account_of(recorded.stream)
        if account is not None:
            sides[again][account].see(recorded)
            events += 1
    rows = [
        AccountDelta(name, *(side[name].end(question.ends) for side in sides)) for name in accounts
    ]
    return Decided(events, [row for row in rows if row.before.currency])


def _backtest(reader: Reader, accounts: Sequence[str], question: Scenario) -> Backtest:
    return Backtest(
        reader, accounts=frozenset(accounts), changes=question.changes,
        customers=question.customers, starts=question.starts,
    )  # fmt: skip


def answers_of(reader: Reader, account: str, question: Scenario) -> list[Insertion]:
    """Return the top-ups that the rules on customers make for one account."""
    backtest = _backtest(reader, [account], question)
    for _ in backtest.sides(until=question.ends):
        pass
    return backtest.answers


class FinishedShares:
    """A file of finished shares, one per line; its first line says for which question."""

    def __init__(self, path: Path | None, digest: str) -> None:
        """Read what is there. Raises: InvalidInput, OSError."""
        self._path = path
        self.done: dict[str, Decided] = {}
        if self._path is None:
            return
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        if lines and lines[0].decode(errors="replace") != digest:
            msg = f"{str(path)!r} holds another backtest, or the ledger has grown since"
            raise InvalidInput(msg, hint="name another file, or remove it to begin again")
        for line in lines[1:]:
            try:
                name, decided = msgspec.json.decode(line, type=tuple[str, Decided])
            except msgspec.DecodeError:
                continue  # a line that was cut off: its share is done again
            self.done[name] = decided
        if not lines:
            self._write(digest.encode() + b"\n", "wb")
        elif not self._path.read_bytes().endswith(b"\n"):
            self._write(b"\n", "ab")

    def keep(self, name: str, decided: Decided) -> None:
        """Add a share."""
        if self._path is not None:
            self._write(msgspec.json.encode((name, decided)) + b"\n", "ab")

    def _write(self, body: bytes, mode: str) -> None:
        assert self._path is not None  # noqa: S101 - only called where there is a file
        with self._path.open(mode) as file:
            file.write(body)


def rows_of(
    tasks: Sequence[BacktestTask], kept: FinishedShares,
    run: Callable[[list[BacktestTask]], Iterable[Decided]],
) -> list[AccountDelta]:  # fmt: skip
    """Do the shares that are not done and return every row, by account."""
    firsts = {task.accounts[0] for task in tasks}
    done = {name: decided for name, decided in kept.done.items() if name in firsts}
    for decided in run([task for task in tasks if task.accounts[0] not in done]):
        name = decided.rows[0].account if decided.rows else ""
        done[name] = decided
        kept.keep(name, decided)
    return sorted((row for decided in done.values() for row in decided.rows),
                  key=lambda row: row.account)  # fmt: skip
