"""R67: which notices a history makes, when, and which it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import Json, World, small, valid
from tests.notices.receivers import acme, told


def notices(world: World, *arguments: object) -> list[Json]:
    """Deliver everything into a new file and read it."""
    path = world.path.with_suffix(f".{len(list(world.path.parent.glob('*.ndjson')))}.ndjson")
    world.done("notify", "--to", f"file://{path}", *arguments)
    return [valid(notice) for notice in told(path)]


def said(world: World, *arguments: object) -> list[tuple[str, str]]:
    """Kind and local instant of each notice, in order."""
    return [(notice["kind"], notice["at"][:16]) for notice in notices(world, *arguments)]


def test_a_term_is_told_of_7_3_and_1_days_ahead_and_at_its_end(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.done("clock", "advance", "--to", "2025-08-01")
    kinds = "expiry_7d,expiry_3d,expiry_1d,expired,release_3d,release_1d,released"
    assert said(world, "--kinds", kinds) == [
        ("expiry_7d", "2025-06-14T00:00"), ("expiry_3d", "2025-06-18T00:00"),
        ("expiry_1d", "2025-06-20T00:00"), ("expired", "2025-06-21T00:00"),
        ("release_3d", "2025-07-03T00:00"), ("release_1d", "2025-07-05T00:00"),
        ("released", "2025-07-06T00:00"),
    ]  # fmt: skip


def test_one_told_ahead_bears_the_position_of_the_event_that_set_the_term(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    [bought] = world.events("acme", "--type", "InstancePurchased")
    world.done("clock", "advance", "--to", "2025-06-15")
    [ahead] = notices(world, "--kinds", "expiry_7d")
    ledger, position, kind = ahead["id"].split(":")
    assert (int(position), kind) == (bought["position"], "expiry_7d")
    assert len(ledger) > 8
    assert ahead["facts"] == {
        "currency": "CNY", "instance": "i-1", "expires_at": "2025-06-21T00:00:00+08:00", "days": 7,
    }  # fmt: skip


def test_a_term_that_was_renewed_by_then_is_not_told_of(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.take({"do": "top-up", "account": "acme", "amount": "500", "channel": "x", "serial": "1",
                "at": "2025-06-17T12:00:00+08:00"})  # fmt: skip
    world.take({"do": "renew", "account": "acme", "instances": ["i-1"], "months": 1})
    world.done("clock", "advance", "--to", "2025-07-17")
    kinds = "expiry_7d,expiry_3d,expiry_1d,expired"
    assert said(world, "--kinds", kinds) == [
        ("expiry_7d", "2025-06-14T00:00"), ("expiry_7d", "2025-07-14T00:00"),
    ]  # fmt: skip


def test_a_renewal_at_the_very_instant_is_by_then(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.take({"do": "top-up", "account": "acme", "amount": "500", "channel": "x", "serial": "1",
                "at": "2025-06-18T00:00:00+08:00"})  # fmt: skip
    world.take({"do": "renew", "account": "acme", "instances": ["i-1"], "months": 1})
    world.done("clock", "advance", "--to", "2025-06-22")
    assert [at for kind, at in said(world) if kind.startswith("expir")] == ["2025-06-14T00:00"]


def test_a_cancelled_instance_is_told_of_once_and_never_ahead(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.take({"do": "cancel", "account": "acme", "instance": "i-1",
                "at": "2025-05-22T09:00:00+08:00"})  # fmt: skip
    world.done("clock", "advance", "--to", "2025-08-01")
    found = [kind for kind, _ in said(world) if not kind.startswith("low")]
    assert found == ["released"]


def test_what_lies_before_the_event_that_set_the_term_is_not_told(tmp_path: Path) -> None:
    """A renewal that is cancelled two days before the old end: only one day ahead is left."""
    world = acme(tmp_path / "t.db")
    world.take({"do": "top-up", "account": "acme", "amount": "500", "channel": "x", "serial": "1"})
    world.take({"do": "renew", "account": "acme", "instances": ["i-1"], "months": 1})
    world.take({"do": "cancel-renewal", "account": "acme", "instance": "i-1",
                "at": "2025-06-19T00:00:00+08:00"})  # fmt: skip
    world.done("clock", "advance", "--to", "2025-06-22")
    assert said(world, "--kinds", "expiry_7d,expiry_3d,expiry_1d,expired") == [
        ("expiry_1d", "2025-06-20T00:00"), ("expired", "2025-06-21T00:00"),
    ]


def test_a_release_moves_with_the_policy(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.take({"do": "set-policy", "key": "retention", "value": "20d",
                "at": "2025-06-25T00:00:00+08:00"})  # fmt: skip
    world.done("clock", "advance", "--to", "2025-07-20")
    assert said(world, "--kinds", "release_3d,release_1d,released") == [
        ("release_3d", "2025-07-08T00:00"), ("release_1d", "2025-07-10T00:00"),
        ("released", "2025-07-11T00:00"),
    ]  # fmt: skip


def test_the_alert_is_told_of_when_raised_and_at_each_reminder(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.done("clock", "advance", "--to", "2025-05-22")
    first, *more = notices(world)
    assert first["kind"] == "low_balance"
    assert first["facts"] == {"currency": "CNY", "threshold": "400.00", "available": "300.00"}
    assert [(one["kind"], one["facts"]["number"]) for one in more] == [
        ("low_balance_reminder", 1), ("low_balance_reminder", 2),
    ]


def test_auto_renewal_is_told_of_when_it_fails_and_when_it_is_done(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.take({"do": "enable-auto-renew", "account": "acme", "instances": ["i-1"], "months": 1})
    world.take({"do": "top-up", "account": "acme", "amount": "300", "channel": "x", "serial": "1",
                "at": "2025-06-13T12:00:00+08:00"})  # fmt: skip
    world.done("clock", "advance", "--to", "2025-06-30")
    failed, again, done = notices(world, "--kinds", "auto_renew_failed,auto_renewed")
    assert (failed["kind"], again["kind"], done["kind"]) == (
        "auto_renew_failed", "auto_renew_failed", "auto_renewed",
    )  # fmt: skip
    assert (failed["facts"]["needed"], failed["facts"]["available"]) == ("500.00", "300.00")
    assert (done["at"], done["facts"]["price"]) == ("2025-06-14T08:00:00+08:00", "500.00")


def test_a_renewal_by_hand_is_no_notice(tmp_path: Path) -> None:
    world = acme(tmp_path / "t.db")
    world.take({"do": "top-up", "account": "acme", "amount": "500", "channel": "x", "serial": "1"})
    world.take({"do": "renew", "account": "acme", "instances": ["i-1"], "months": 1})
    assert "auto_renewed" not in [kind for kind, _ in said(world)]


def test_overdue_stop_and_restored_are_told_of(tmp_path: Path) -> None:
    world = small(tmp_path / "t.db")
    kinds = [kind for kind, _ in said(world)]
    for kind in ("overdue", "overdue_cleared", "service_stopped", "service_restored"):
        assert kind in kinds
    [stop, *_] = notices(world, "--kinds", "service_stopped")
    assert stop["facts"].items() >= {"currency": "CNY", "instance": "p-1"}.items()


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "300"), ("KWD", "300.000")])
def test_amounts_have_the_decimals_of_the_account(
    tmp_path: Path, currency: str, amount: str
) -> None:
    world = World(tmp_path / "t.db", start="2025-05-20")
    world.take(
        {"do": "open-account", "account": "b", "currency": currency},
        {"do": "top-up", "account": "b", "amount": "900", "channel": "x", "serial": "1"},
        {"do": "set-alert", "account": "b", "threshold": "400"},
        {"do": "reverse-top-up", "account": "b", "amount": "600", "channel": "x", "serial": "1"},
    )
    [low] = notices(world)
    assert (low["facts"]["available"], low["facts"]["currency"]) == (amount, currency)
