"""The ledger as an application: barrier, idempotency over processes, ticks, views, imports."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from ledger import codec
from ledger.errors import BadLine
from ledger.importer import import_lines
from ledger.memory import WEIGHT, let_go
from ledger.periods import DAY, HOUR, SECOND, format_instant, parse_instant
from ledger.proof.nodes import Nodes
from ledger.state import AccountState
from ledger.store.errors import DiskFull
from projections.runner import Views
from projections.stored import PROJECTIONS
from tests.application.test_kill import YEAR
from tests.application.worlds import bodies, new_ledger, record, reopen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ledger.application import Ledger
    from ledger.store.rows import Row
    from ledger.store.writing import Writer


def line(do: str, at: str | None = None, **fields: Any) -> bytes:
    """Write one command line."""
    return json.dumps({"do": do, **({"at": at} if at else {}), **fields}).encode() + b"\n"


def year(count: int) -> list[bytes]:
    """Return the first lines of the committed year."""
    with YEAR.open("rb") as source:
        return list(islice(source, count))


def types(ledger: Ledger) -> list[str]:
    """Name the recorded events in order."""
    return [type(codec.decode(body).event).__name__ for body in ledger.store.reader.bodies()]


OPEN = line("open-account", "2025-01-01T00:00:00+08:00", account="a")


def test_one_long_jump_records_the_same_bytes_as_many_ticks(tmp_path: Path) -> None:
    """R57, for all accounts together."""
    jump, ticks = new_ledger(tmp_path / "jump.db"), new_ledger(tmp_path / "ticks.db")
    for ledger in (jump, ticks):
        record(ledger, year(1500))
    begin = jump.now()
    jump.advance(begin + 90 * DAY)
    for day in range(1, 361):
        ticks.advance(begin + day * 6 * HOUR)
    assert list(jump.store.reader.bodies()) == list(ticks.store.reader.bodies())


def test_batches_of_any_size_record_the_same_bytes(tmp_path: Path) -> None:
    """A transaction's boundary is not part of history (R55)."""
    found = []
    for size in (1, 7, 500):
        ledger = new_ledger(tmp_path / f"{size}.db")
        record(ledger, year(400), batch_lines=size)
        found.append(list(ledger.store.reader.bodies()))
    assert found[0] == found[1] == found[2]


def test_a_payment_key_holds_across_accounts_and_processes(tmp_path: Path) -> None:
    """R3: the same key with the same content is silent, with another content refused."""
    path = tmp_path / "keys.db"
    first = new_ledger(path)
    pay = {"amount": "5.00", "channel": "bank", "serial": "s-1"}
    record(first, [OPEN, line("open-account", account="b"), line("top-up", account="a", **pay)])
    first.store.close()
    second = reopen(path)
    before = len(bodies(path))
    again, other, conflict = record(
        second,
        [
            line("top-up", account="a", **pay),
            line("top-up", account="a", **{**pay, "amount": "6"}),
            line("top-up", account="b", **pay),
        ],
    )
    assert (again.ok, again.duplicate, list(again.positions)) == (True, True, [before])
    assert (other.code, conflict.code) == ("PAYMENT_CONFLICT", "PAYMENT_CONFLICT")


def test_a_token_returns_the_first_result_with_its_warnings(tmp_path: Path) -> None:
    """R28 and R32: the warning belongs to the result, so the repeat gives it again."""
    ledger = new_ledger(tmp_path / "token.db")
    record(ledger, [
        OPEN,
        line("set-price", sku="std", monthly_price="100"),
        line("top-up", account="a", amount="100", channel="x", serial="1"),
        line("purchase", "2025-01-10T12:00:00+08:00", account="a", instance="i", sku="std",
             months=1),
    ])  # fmt: skip
    ask = line("enable-auto-renew", "2025-02-10T09:00:00+08:00", account="a", instances=["i"],
               months=1, token="t")  # fmt: skip
    (first,) = record(ledger, [ask])
    (second,) = record(ledger, [ask])
    assert first.warnings
    assert second.duplicate
    assert (second.positions[0], list(second.warnings)) == (
        first.positions[0], list(first.warnings),
    )  # fmt: skip


def test_a_bad_line_is_named_and_nothing_of_it_is_recorded(tmp_path: Path) -> None:
    """INTERFACE section 3: what came before it stays, the clock too."""
    path = tmp_path / "bad.db"
    ledger = new_ledger(path)
    late = line("top-up", "2025-03-01", account="a", amount="1", channel="c", serial="1",
                effective_at="2024-01-01")  # fmt: skip
    with pytest.raises(BadLine, match="line 3: effective_at") as caught:
        record(ledger, [OPEN, b"\n", late, OPEN])
    assert caught.value.line == 3
    assert types(reopen(path)) == ["PolicyAdopted", "AccountOpened"]
    assert reopen(path).now() == parse_instant("2025-01-01", 8 * HOUR)


def test_an_unreadable_line_stops_the_import_after_what_precedes_it(tmp_path: Path) -> None:
    path = tmp_path / "unreadable.db"
    with pytest.raises(BadLine, match="line 2"):
        record(new_ledger(path), [OPEN, b'{"do": "nonsense"}\n', OPEN])
    assert types(reopen(path)) == ["PolicyAdopted", "AccountOpened"]


def test_two_writers_take_turns_and_see_each_other(tmp_path: Path) -> None:
    """R58: each decides on what the other has recorded; positions and versions have no gap."""
    path = tmp_path / "two.db"
    one = new_ledger(path)
    record(one, [OPEN])
    two = reopen(path)
    for i in range(6):
        ledger = (one, two)[i % 2]
        (outcome,) = record(
            ledger, [line("top-up", account="a", amount="1", channel="c", serial=f"{i}")]
        )
        assert outcome.ok
    stale, fresh = record(
        two,
        [
            line("set-alert", account="a", threshold="1", expected_version=6),
            line("set-alert", account="a", threshold="1", expected_version=7),
        ],
    )
    assert (stale.code, fresh.ok) == ("CONCURRENT_MODIFICATION", True)
    versions = [codec.decode(body).version for body in bodies(path)][1:]
    assert versions == list(range(1, 10))


def test_stop_on_refusal_leaves_the_rest_unread(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path / "stop.db")
    results = list(import_lines(ledger, [OPEN, OPEN, OPEN], stop_on_refusal=True))
    assert [result.outcome.ok for result in results] == [True, False]


def test_views_caught_up_in_any_steps_equal_a_refold(tmp_path: Path) -> None:
    """R56: catch up, rebuild and refold agree, whatever the steps."""
    ledger = new_ledger(tmp_path / "views.db")
    views = Views(ledger.store.reader, ledger.store)
    for begin in range(0, 1200, 300):
        record(ledger, year(1200)[begin : begin + 300])
        views.catch_up()
    compared, difference = views.compare()
    assert compared > 100
    assert difference is None
    assert views.rebuild() is None
    assert views.compare() == (compared, None)


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)
def test_a_changed_row_of_any_view_is_found(tmp_path: Path, projection: Any) -> None:
    ledger = new_ledger(tmp_path / "drift.db")
    record(ledger, year(1200))
    views = Views(ledger.store.reader, ledger.store)
    views.catch_up()
    column = projection.columns[-1][0]
    with ledger.store.writing() as writer:
        table = f"view_{projection.name}"
        key = writer.connection.execute(f"SELECT account FROM {table} LIMIT 1").fetchone()
        if key is None:
            pytest.skip(f"no row in {projection.name} at this point of the year")
        writer.connection.execute(
            f"UPDATE {table} SET {column} = 7 WHERE account = ?", key
        )
    difference = views.compare()[1]
    assert difference is not None
    assert (difference.view, difference.account) == (projection.name, key[0])


def test_a_checkpoint_of_another_log_is_noticed_and_never_used(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path / "foreign.db")
    record(ledger, year(300))
    views = Views(ledger.store.reader, ledger.store)
    views.catch_up()
    with ledger.store.writing() as writer:
        writer.connection.execute("UPDATE checkpoints SET body_sha256 = x'00'")
    assert {view.state for view in views.status()} == {"foreign"}
    assert len(views.catch_up()) == len(PROJECTIONS)
    assert views.compare()[1] is None


def test_a_rebuild_resumes_where_it_was_interrupted(tmp_path: Path, monkeypatch: Any) -> None:
    """The live view serves meanwhile; the second run does only what was left."""
    monkeypatch.setattr("projections.runner.REBUILD_BATCH", 5)
    ledger = new_ledger(tmp_path / "rebuild.db")
    record(ledger, year(2000))
    views = Views(ledger.store.reader, ledger.store)
    views.catch_up()
    seen: list[int] = []

    def interrupt(done: int, _total: int) -> None:
        seen.append(done)
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        views.rebuild(progress=interrupt)
    assert views.compare()[1] is None
    record(ledger, year(2400)[2000:])
    seen.clear()
    assert views.rebuild(progress=lambda done, _: seen.append(done)) is None
    assert min(seen) > 10
    assert views.compare()[1] is None


def test_a_repeat_on_the_machines_clock_runs_nothing_that_is_due(tmp_path: Path) -> None:
    """R28: nothing moves, not even the clock."""
    path = tmp_path / "system.db"
    ledger = new_ledger(path, clock="system", start="2025-01-01T00:00:00+08:00")
    pay = line("top-up", None, account="a", amount="1", channel="c", serial="1")
    record(ledger, [line("open-account", None, account="a"), pay])
    soon = format_instant(ledger.now() + SECOND, 8 * HOUR)
    record(ledger, [line("grant-coupon", None, account="a", coupon="k", amount="1", starts=soon,
                         ends="2100-01-01")])  # fmt: skip
    time.sleep(2.1)
    before = len(bodies(path))
    (again,) = record(ledger, [pay])
    assert (again.duplicate, len(bodies(path))) == (True, before)
    record(ledger, [line("top-up", None, account="a", amount="1", channel="c", serial="2")])
    assert types(reopen(path))[before:] == ["CouponStarted", "TopUpReceived"]


def test_appending_in_steps_and_letting_accounts_go_changes_no_byte(tmp_path: Path) -> None:
    """R57: whatever is held in memory; one jump over all that a year makes due."""
    found = []
    for step, held in ((2000, 400_000), (1, 400_000), (3, 1), (7, 50)):
        ledger = new_ledger(tmp_path / f"{step}-{held}.db")
        ledger.step, ledger.held_max = step, held
        outcomes = record(ledger, year(400), batch_lines=150)
        ledger.advance(ledger.now() + 400 * DAY)
        assert Views(ledger.store.reader, ledger.store).catch_up() == []
        told = [tuple(outcome.positions) for outcome in outcomes]
        found.append((list(ledger.store.reader.bodies()), told))
        ledger.store.close()
    assert all(one == found[0] for one in found)


def test_accounts_asked_for_lately_are_the_last_to_be_let_go() -> None:
    states: dict[str, AccountState | None] = dict.fromkeys("abcd", AccountState("x"))
    recent = {"b", "d"}
    assert let_go(states, recent, most=3 * WEIGHT) == 3 * WEIGHT
    assert (list(states), recent) == (["b", "c", "d"], set())
    assert let_go(states, {"b", "d"}, most=WEIGHT) == WEIGHT
    assert list(states) == ["d"]


def test_an_import_beyond_what_memory_holds_does_not_fold_every_account_each_time(
    tmp_path: Path,
) -> None:
    """Two accounts at work, eight that only fill the memory."""
    ledger = new_ledger(tmp_path / "tally.db")
    names = [f"a-{number}" for number in range(10)]
    day = "2025-01-01T"
    record(ledger, [line("open-account", f"{day}00:00:00+08:00", account=name) for name in names])
    pays = [
        line("top-up", f"{day}00:00:00+08:00", account=one, amount="1", channel="c",
             serial=f"{number}-{one}")
        for number in range(60) for one in names[: 2 if number > 4 else 10]
    ]  # fmt: skip
    ledger.held_max, loads = 10 * 20 + 40, list[str]()
    load = ledger.load

    def counted(account: str) -> AccountState | None:
        if account not in ledger.states:
            loads.append(account)
        return load(account)

    ledger.load = counted  # type: ignore[method-assign]
    record(ledger, pays, batch_lines=10)
    assert len(loads) <= 4, loads
    ledger.store.close()


@pytest.mark.parametrize("step", [1, 2, 2000])
def test_what_a_bad_line_made_due_is_taken_back_however_much_it_is(
    tmp_path: Path, step: int
) -> None:
    """INTERFACE section 3: nothing on that line is recorded, what was before it stays."""
    path = tmp_path / "bad.db"
    ledger = new_ledger(path)
    ledger.step = step
    good = [
        OPEN, line("set-price", sku="std", monthly_price="1"),
        line("top-up", account="a", amount="99", channel="c", serial="1"),
        line("purchase", account="a", instance="i", sku="std", months=1, auto_renew=True),
    ]  # fmt: skip
    late = line("top-up", "2026-01-01", account="a", amount="1", channel="c", serial="2",
                effective_at="2020-01-01")  # fmt: skip
    with pytest.raises(BadLine, match="line 5"):
        record(ledger, [*good, late])
    there = types(reopen(path))
    assert there[-1] == "AutoRenewEnabled"
    record(ledger, [line("set-alert", "2026-01-01", account="a", threshold="1")])
    assert types(reopen(path))[: len(there)] == there
    assert types(reopen(path)).count("InstanceRenewed") == 12
    assert reopen(path).store.reader.head().position == len(bodies(path))
    assert Nodes(ledger.store.reader.connection).size() == len(bodies(path))


def test_a_long_jump_is_appended_in_steps_and_recorded_whole_or_not_at_all(tmp_path: Path) -> None:
    """R57: what one jump makes due is never held in memory as a whole."""
    path = tmp_path / "steps.db"
    ledger = new_ledger(path)
    record(ledger, year(400))
    before = len(bodies(path))
    ledger.step = 8
    sizes: list[int] = []

    def full(writer: Writer, rows: Sequence[Row]) -> None:
        sizes.append(len(rows))
        if writer.head.position > before + 60:
            raise DiskFull(str(path))

    ledger.store.after_append.append(full)
    with pytest.raises(DiskFull):
        ledger.advance(ledger.now() + 400 * DAY)
    assert len(bodies(path)) == before
    ledger.store.after_append.pop()
    made = ledger.advance(ledger.now() + 400 * DAY)
    assert len(bodies(path)) == before + len(made) > before + 60
    assert len(sizes) > 5
    assert max(sizes) < 2 * ledger.step
