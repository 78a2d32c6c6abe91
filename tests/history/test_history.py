"""Diff, blame, last, trace and bisect against a slow, obvious look at generated histories."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ledger.store import open_reader
from projections.answers.terms import Formatter
from projections.history.bisect import bisect
from projections.history.blame import blame, last
from projections.history.compiling import compile_expression, parse_name
from projections.history.diff import PARTS, FieldDiff, candidates, diff_account, difference
from projections.history.fields import Look, Name, read_all, written
from projections.history.trace import trace
from projections.history.walk import EFFECTIVE, KNOWN, Axis, Walk
from projections.point import Point, account_at, config_at
from tests.history.histories import OFFSET, Naive, at, clock, lived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ledger.store import Reader

WRITE = Formatter(offset=OFFSET, currency="CNY")
Told = tuple["Reader", Naive]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    reader = open_reader(str(lived(tmp_path_factory.mktemp("history") / "lived.db")))
    yield reader, Naive(reader)
    reader.close()


def accounts(reader: Reader) -> list[str]:
    return [stream.removeprefix("account:") for stream in reader.streams()]


def points(reader: Reader, naive: Naive, every: int) -> list[Point]:
    """Points of every kind: positions, instants, pairs before and after one another."""
    head, now = len(naive.log), clock(reader)
    found = [at(reader), at(reader, at=now, known_at=now)]
    for position in range(every, head, every):
        recorded = naive.log[position - 1]
        found.append(at(reader, position=position))
        found.append(at(reader, at=recorded.effective_at))
        found.append(at(reader, at=recorded.effective_at, known_at=recorded.recorded_at))
        other = naive.log[(position * 7) % head]
        found.append(at(reader, at=recorded.recorded_at, position=other.position))
    return found


def test_the_history_has_late_facts_and_corrections(told: Told) -> None:
    _, naive = told
    assert sum(one.effective_at < one.recorded_at for one in naive.log) > 10
    kinds = {type(one.event).__name__ for one in naive.log}
    assert {"CreditNoteIssued", "TopUpReversed", "RefundIssued"} <= kinds


def test_reading_every_field_gives_the_naive_state(told: Told) -> None:
    reader, naive = told
    for point in points(reader, naive, 97):
        for account in accounts(reader):
            state = account_at(reader, account, point)
            if state is None:
                assert naive.flat(account, point) == {}
                continue
            look = Look(state, config_at(reader, point).policy, point.seen_at)
            shown = {str(name): written(name, cell, WRITE) for name, cell in read_all(look)}
            assert shown == naive.flat(account, point)


@pytest.mark.parametrize("axis", [EFFECTIVE, KNOWN])
def test_what_events_changed_makes_the_state(told: Told, axis: Axis) -> None:
    """Every change is noticed: no event moves a field that the walk does not look at (R56)."""
    reader, naive = told
    middle = naive.log[len(naive.log) * 3 // 4].recorded_at
    for point in (at(reader), at(reader, at=middle)):
        for account in accounts(reader):
            walk = Walk(reader, account, point, axis=axis)
            kept: dict[Name, Any] = {}
            for _, changes in walk.changes():
                for name, before, after in changes:
                    assert kept.get(name) == before
                    kept[name] = after
                there = {
                    name: cell for name, cell in read_all(walk.look)
                    if cell is not None and not name.what.by_clock
                }  # fmt: skip
                assert there == {
                    name: cell for name, cell in kept.items()
                    if cell is not None and not name.what.by_clock
                }  # fmt: skip
            walk.look.seen_at = point.seen_at
            shown = {str(name): written(name, cell, WRITE) for name, cell in read_all(walk.look)}
            assert shown == naive.flat(account, point)


def differing(reader: Reader, a: Point, b: Point) -> list[FieldDiff]:
    return [
        row for name in candidates(reader, a, b) for row in diff_account(reader, name, a, b)
    ]


def test_a_diff_has_exactly_the_differing_fields_and_every_bridge_adds_up(told: Told) -> None:
    reader, naive = told
    chosen = points(reader, naive, 211)
    pairs = list(zip(chosen, chosen[3:] + chosen[:3], strict=True))
    for late in [one for one in naive.log if one.effective_at < one.recorded_at][::7]:
        then = late.effective_at
        pairs.append((at(reader, at=then, known_at=then), at(reader, at=then)))
    parts_seen = set()
    for a, b in pairs:
        found = {account: naive.flat(account, a) for account in accounts(reader)}
        other = {account: naive.flat(account, b) for account in accounts(reader)}
        expected = {
            (account, name)
            for account in found
            for name in {**found[account], **other[account]}
            if found[account].get(name) != other[account].get(name)
        }
        rows = [difference(row, OFFSET).plain() for row in differing(reader, a, b)]
        assert {(row["account"], row["field"]) for row in rows} == expected
        assert len(rows) == len(expected)
        for row in rows:
            assert row["a"] == found[row["account"]].get(row["field"])
            assert row["b"] == other[row["account"]].get(row["field"])
            if "bridge" in row:
                assert tuple(row["bridge"]) == PARTS
                delta = Decimal(row["b"] or 0) - Decimal(row["a"] or 0)
                assert sum(map(Decimal, row["bridge"].values())) == delta == Decimal(row["delta"])
                parts_seen |= set(row["events"])
    assert parts_seen == {"activity", "late", "corrections"}


def test_a_diff_of_one_account_is_its_part_of_the_whole(told: Told) -> None:
    reader, naive = told
    a, b = at(reader, position=len(naive.log) // 2), at(reader)
    whole = differing(reader, a, b)
    assert whole
    for account in accounts(reader):
        assert diff_account(reader, account, a, b) == [r for r in whole if r.account == account]


def test_blame_names_the_last_event_that_set_each_field(told: Told) -> None:
    reader, naive = told
    for point in points(reader, naive, 499):
        for account in accounts(reader)[:4]:
            _, blamed = blame(reader, account, point)
            assert {str(one.name) for one in blamed} == set(naive.flat(account, point))
            events = naive.selected(f"account:{account}", point)
            for one in blamed:
                assert written(one.name, one.cell, WRITE) == naive.flat(account, point)[
                    str(one.name)
                ]
                if one.recorded.stream == "policy" or one.name.what.by_clock:
                    continue
                # From that event on the field held what it holds; right before it, it did not.
                place = events.index(one.recorded)
                _, changes = last(reader, account, point, one.name)
                if changes:
                    assert changes[0].recorded == one.recorded
                    assert changes[0].after == one.cell
                    assert changes[0].before != one.cell
                else:
                    assert one.cell is None
                assert place >= 0


def test_last_goes_back_change_by_change(told: Told) -> None:
    reader, naive = told
    point = at(reader)
    for account in accounts(reader):
        _, changes = last(reader, account, point, Name("cash"), count=10_000)
        cash, slow = None, []
        for position, value in _values(naive, account, point, EFFECTIVE, lambda s: s["cash"]):
            if value != cash:
                slow.append((position, cash, value))
                cash = value
        fast = [
            (one.recorded.position, WRITE.money(one.before), WRITE.money(one.after))  # type: ignore[arg-type]
            for one in reversed(changes)
        ]
        assert fast == slow


def _values(
    naive: Naive, account: str, point: Point, axis: Axis, read: Callable[[Any], Any]
) -> Iterator[tuple[int, Any]]:
    """Evaluate after every event, each time from nothing; None before the account exists."""
    events = naive.selected(f"account:{account}", point)
    if axis == KNOWN:
        events.sort(key=lambda one: one.position)
    for number, one in enumerate(events, 1):
        state = naive_state(naive, account, events[:number], one, point, axis)
        yield one.position, None if state is None else read(state)


def naive_state(
    naive: Naive, account: str, events: list[Any], one: Any, point: Point, axis: Axis
) -> dict[str, Any] | None:
    if axis == KNOWN:
        return naive.state(
            account, Point(point.at, one.recorded_at, one.position, everything=False)
        )
    asked = (account, point, one.position)
    if asked not in naive.before:
        policy = (event for event in naive.log if event.stream == "policy")
        naive.before[asked] = Naive(log=[*events, *policy])
    return naive.before[asked].state(
        account, Point(one.effective_at, point.known_at, point.position, everything=False)
    )


def _money(state: Any, field: str) -> Decimal:
    return Decimal(state[field])


def _of_instance(
    name: str, read: Callable[[Any], Any], *, missing: bool
) -> Callable[[Any], bool]:
    def whether(state: Any) -> bool:
        found = (instance for instance in state["instances"] if instance["instance"] == name)
        return next((bool(read(one)) for one in found), missing)

    return whether


EXPRESSIONS: list[tuple[str, Callable[[Any], Any]]] = [
    ("overdue", lambda s: s["overdue"]),
    ("cash < 350.10", lambda s: _money(s, "cash") < Decimal("350.10")),
    ("outstanding > 0 and not overdue",
     lambda s: _money(s, "outstanding") > 0 and not s["overdue"]),
    ("available * 2 - 100 >= cash",
     lambda s: _money(s, "available") * 2 - 100 >= _money(s, "cash")),
    ("0 <= available < 1000", lambda s: 0 <= _money(s, "available") < 1000),
    ("alert.raised or overdue_since != null",
     lambda s: s["alert"]["raised"] or s["overdue_since"] is not None),
    ("len(unpaid) == 1 or len(coupons) > 1",
     lambda s: len(s["unpaid"]) == 1 or len(s["coupons"]) > 1),
    ('overdue_since < "2025-04-01"',
     lambda s: s["overdue_since"] is not None and s["overdue_since"] < "2025-04-01"),
]  # fmt: skip


@pytest.mark.parametrize("axis", [EFFECTIVE, KNOWN])
@pytest.mark.parametrize(("text", "read"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_bisect_finds_every_flip(
    told: Told, text: str, read: Callable[[Any], Any], axis: Axis
) -> None:
    reader, naive = told
    middle = naive.log[len(naive.log) * 2 // 3].effective_at
    expression = compile_expression(text, currency="CNY", offset=OFFSET)
    flipped = 0
    for point in (at(reader), at(reader, at=middle)):
        for account in accounts(reader)[:4]:
            found = bisect(reader, account, expression, point, axis=axis)
            slow: list[tuple[int, bool]] = []
            held: bool | None = None
            for position, value in _values(naive, account, point, axis, read):
                if value is None:
                    continue
                if held is not None and bool(value) != held:
                    slow.append((position, bool(value)))
                held = bool(value)
            assert [(flip.recorded.position, flip.after) for flip in found.flips] == slow
            flipped += len(slow)
    assert flipped or "2025" in text


@pytest.mark.parametrize("axis", [EFFECTIVE, KNOWN])
def test_bisect_finds_every_flip_of_members_and_of_what_policy_moves(
    told: Told, axis: Axis
) -> None:
    reader, naive = told
    point = at(reader)
    seen = 0
    for account in accounts(reader):
        state = naive.state(account, point)
        assert state is not None
        for member in state["instances"]:
            name = member["instance"]
            for text, read in (
                ("state == 'running'", lambda one: one["state"] == "running"),
                ("auto_renew.enabled", lambda one: one["auto_renew"]["enabled"]),
                ("releases_at > '2025-06-01'",
                 lambda one: (one["releases_at"] or "") > "2025-06-01"),
                ("auto_renew.next_attempt_at == null",
                 lambda one: one["auto_renew"]["next_attempt_at"] is None),
            ):  # fmt: skip
                full = f'instances["{name}"].{text}'
                expression = compile_expression(full, currency="CNY", offset=OFFSET)
                found = bisect(reader, account, expression, point, axis=axis)
                slow = []
                held = None
                missing = text.endswith("null")
                whether = _of_instance(name, read, missing=missing)
                for position, value in _values(naive, account, point, axis, whether):
                    if held is not None and value != held:
                        slow.append((position, value))
                    held = value
                flips = [
                    (flip.recorded.position, flip.after) for flip in found.flips
                    if flip.recorded.stream != "policy"
                ]  # fmt: skip
                assert flips == slow, full
                seen += len(slow)
    assert seen > 10


def test_trace_follows_the_naive_value(told: Told) -> None:
    reader, naive = told
    point = at(reader)
    expression = compile_expression("available", currency="CNY", offset=OFFSET)
    for account in accounts(reader)[:3]:
        rows = [
            (sample.recorded.position if sample.recorded else 0, WRITE.money(sample.value))  # type: ignore[arg-type]
            for sample in trace(reader, account, expression, point)
        ]
        slow = []
        held = None
        for position, value in _values(naive, account, point, EFFECTIVE, lambda s: s["available"]):
            if value != held:
                slow.append((position, value))
                held = value
        assert rows == slow


@pytest.mark.parametrize("every", ["day", "month"])
def test_a_trace_by_day_or_month_gives_the_state_at_each_end(told: Told, every: Any) -> None:
    reader, naive = told
    point = at(reader)
    expression = compile_expression("cash + 0.50", currency="CNY", offset=OFFSET)
    for account in accounts(reader)[:2]:
        samples = list(trace(reader, account, expression, point, every=every, offset=OFFSET))
        assert samples[-1].at == point.at
        for sample in samples:
            there = naive.state(account, at(reader, at=sample.at))
            assert there is not None
            assert WRITE.money(sample.value) == str(Decimal(there["cash"]) + Decimal("0.50"))  # type: ignore[arg-type]


def test_names_are_spelled_and_read_back(told: Told) -> None:
    reader, _ = told
    for account in accounts(reader):
        _, blamed = blame(reader, account, at(reader))
        for one in blamed:
            assert parse_name(str(one.name)) == one.name


def test_an_answer_for_a_past_known_at_never_changes(tmp_path: Path) -> None:
    """R56: later records change nothing of what was known."""
    import json  # noqa: PLC0415 - for this test alone

    from tests.application.worlds import new_ledger, record, reopen  # noqa: PLC0415 - as above
    from tests.history.histories import lines  # noqa: PLC0415 - as above

    made = lines(4, 5, 11)
    path = tmp_path / "growing.db"
    half = len(made) // 2
    ledger = new_ledger(path, start="2025-01-01T00:00:00+08:00")
    record(ledger, made[:half])
    ledger.store.close()
    reader = open_reader(str(path))
    now, head = clock(reader), reader.head().position
    while json.loads(made[half])["at"][:19] <= WRITE.instant(now)[:19]:  # type: ignore[index]
        half += 1  # what is recorded at the same second is known at that second
    expression = compile_expression("available < 200", currency="CNY", offset=OFFSET)

    def answers() -> list[Any]:
        a = at(reader, at=now - 20 * 86_400 * 10**6, known_at=now - 10**6)
        b = at(reader, position=head)
        return [
            [difference(row, OFFSET).plain() for row in differing(reader, a, b)],
            [blame(reader, account, b) for account in accounts(reader) if account in known],
            [bisect(reader, account, expression, b, axis=KNOWN) for account in known],
        ]

    known = accounts(reader)
    before = answers()
    ledger = reopen(path)
    record(ledger, made[half:])
    ledger.store.close()
    assert reader.head().position > head
    assert answers() == before
    reader.close()
