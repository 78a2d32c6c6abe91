"""Ten thousand random sequences, judged by a plain model written without our modules.

For each: every result equal (or refused with the same code), every state equal, one jump of the
clock = many ticks, the refold equals what was stored, and the invariants hold at every batch.
Aim: misreadings and boundary errors. A failure prints the seed and the sequence so far.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest

from ledger import codec
from ledger import commands as c
from ledger.account import evolve, fold
from ledger.account.invariants import breaches
from ledger.application import Ledger
from ledger.envelopes import batches
from ledger.errors import InvalidInput
from ledger.events import account_of
from ledger.founding import create
from ledger.periods import DAY, HOUR, SECOND, format_instant, parse_instant
from ledger.state import AccountState
from ledger.store import open_store
from projections.answers.state import state_of
from projections.point import Asked, account_at, config_at, resolve
from projections.runner import Views
from tests.differential.sequences import ACCOUNTS, OFFSET, Sequence, first_policy
from tests.model.plain import PlainLedger, UsageError

START = "2024-12-31T00:00:00+08:00"
SEQUENCES = int(os.environ.get("TALLY_SEQUENCES", "10000"))
COMMANDS = 24
BLOCKS = 40


def _ledger(policy: dict[str, str]) -> Ledger:
    store = open_store(":memory:")
    create(
        store, clock="simulated", start=parse_instant(START, OFFSET), currency="CNY",
        policy=policy, ledger="sequence",
    )  # fmt: skip
    return Ledger(store, Views(store.reader, store))


def _plain(plain: PlainLedger, command: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return plain.do(dict(command))
    except UsageError:
        return None


def _ours(ledger: Ledger, command: dict[str, Any]) -> dict[str, Any] | None:
    try:
        outcomes, failure = ledger.execute([c.parse(json.dumps(command))])
    except InvalidInput:
        return None
    if failure is not None:
        return None
    (outcome,) = outcomes
    if not outcome.ok:
        return {"ok": False, "code": outcome.code}
    return {"ok": True, "duplicate": outcome.duplicate, "warnings": len(outcome.warnings)}


def _state(ledger: Ledger, account: str) -> dict[str, Any] | None:
    """Fold at the head in the order of effective time, as ``tally state`` does."""
    reader = ledger.store.reader
    point = resolve(reader, Asked(), clock=ledger.now(), offset=OFFSET)
    state = account_at(reader, account, point)
    if state is None:
        return None
    return state_of(state, config_at(reader, point).policy, point).plain()


def _same_state(ours: dict[str, Any], plain: dict[str, Any]) -> bool:
    return all(
        ours[field] == plain[field] for field in plain if field not in ("schema", "point")
    )


def _check_invariants(bodies: list[bytes]) -> None:
    """R1 and R9 after every batch, whoever recorded it."""
    states: dict[str, AccountState] = {}
    for batch in batches(map(codec.decode, bodies)):
        account = account_of(batch[0].stream)
        if account is None:
            continue
        state = states.setdefault(account, AccountState(account))
        for recorded in batch:
            evolve(state, recorded)
        assert not [broken.broken for broken in breaches(state)]


def _check_ticks(ledger: Ledger, policy: dict[str, str], played: list[dict[str, Any]]) -> None:
    """R57: the same commands, the time between them ticked through in small steps."""
    ticked = _ledger(policy)
    chance = random.Random(len(played))
    for command in played:
        at = parse_instant(command["at"], OFFSET)
        while ticked.now() < at:
            step = chance.choice((SECOND, HOUR, DAY, 5 * DAY, 40 * DAY))
            ticked.advance(min(at, ticked.now() + step))
        assert _ours(ticked, command) is not None
    end = ledger.now() + 50 * DAY
    ledger.advance(end)
    while ticked.now() < end:
        ticked.advance(min(end, ticked.now() + 3 * DAY))
    assert list(ticked.store.reader.bodies()) == list(ledger.store.reader.bodies())
    ticked.store.close()


def _check_refold(ledger: Ledger) -> None:
    views = Views(ledger.store.reader, ledger.store)
    views.catch_up()
    assert views.compare()[1] is None
    for account in ACCOUNTS:
        bodies = ledger.store.reader.stream_bodies(f"account:{account}")
        refolded, kept = fold(account, codec.decode_all(bodies)), ledger.states.get(account)
        if kept is not None:
            assert (refolded.cash, refolded.version) == (kept.cash, kept.version)


def play(seed: int) -> None:
    """Play one sequence on both, and check what must hold."""
    policy = first_policy(random.Random(seed * 7 + 1))
    try:
        ledger = _ledger(policy)
    except InvalidInput:
        return  # the readings drawn contradict each other
    plain = PlainLedger(START, policy)
    sequence = Sequence(seed, ledger)
    played: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    try:
        for _ in range(COMMANDS):
            command = sequence.next()
            expected, found = _plain(plain, command), _ours(ledger, command)
            if expected is None or found is None:
                # No command at all (exit 2); where two things are wrong the order is open.
                assert found is None or "effective_at" in command, (command, expected, found)
                assert expected is None or "effective_at" in command, (command, expected, found)
                break
            played.append(command)
            if not found.get("duplicate"):
                moved.append(command)  # a repeat moves nothing, not even the clock (R28)
            assert found == {field: expected.get(field) for field in found}, (command, expected)
            for account in ACCOUNTS:
                ledger.load(account)
        for account in ACCOUNTS if len(played) == COMMANDS else ():
            ours = _state(ledger, account)
            if ours is not None:
                assert _same_state(ours, plain.state(account)), (ours, plain.state(account))
        if seed % 4 == 0:
            _check_ticks(ledger, policy, moved)
        _check_refold(ledger)
        _check_invariants(list(ledger.store.reader.bodies()))
    except Exception as error:
        text = "\n".join(json.dumps(command) for command in [*played, command])
        msg = f"seed {seed}, policy {policy}, clock {format_instant(ledger.now(), OFFSET)}\n{text}"
        raise AssertionError(msg) from error
    finally:
        ledger.store.close()


@pytest.mark.parametrize("block", range(BLOCKS))
def test_ten_thousand_random_sequences_agree_with_the_plain_model(block: int) -> None:
    for seed in range(block, SEQUENCES, BLOCKS):
        play(seed)


def test_the_committed_year_agrees_with_the_plain_model() -> None:
    """All 23 refusal codes, all personas: every result and, along the way, every state."""
    from tests.application.test_kill import YEAR  # noqa: PLC0415 - loaded when needed

    ledger, plain = _ledger({}), PlainLedger(START, {})
    with YEAR.open("rb") as year:
        commands = [json.loads(line) for line in year]
    accounts = sorted({command["account"] for command in commands if "account" in command})
    for number, command in enumerate(commands, 1):
        expected, found = _plain(plain, command), _ours(ledger, command)
        assert expected is not None, number
        assert found == {field: expected.get(field) for field in found or ()}, (number, command)
        if number % 1000 == 0 or number == len(commands):
            for account in accounts:
                ours = _state(ledger, account)
                assert ours is None or _same_state(ours, plain.state(account)), (number, account)
