"""Specs of the Enterprise term: T, expiry, release (R14, R20-R23)."""

from __future__ import annotations

import pytest

from tests.given_when_then import World, do, event, given, nothing, refused, top_up


def bought(at: str, months: int, **policy: str) -> World:
    story = given(top_up("9000"), policy=policy, start="2019-01-01T00:00:00")
    return story.given(do("purchase", at, instance="e-1", sku="std", months=months))


@pytest.mark.parametrize(
    ("at", "months", "ends"),
    [
        ("2019-08-09T13:00:00", 1, "2019-09-10"),
        ("2025-05-20T09:15:00", 1, "2025-06-21"),
        ("2025-03-31T12:00:00", 1, "2025-05-01"),
        ("2025-03-31T12:00:00", 2, "2025-06-01"),
        ("2025-12-30T12:00:00", 2, "2026-03-01"),
        ("2025-12-30T12:00:00", 3, "2026-03-31"),
        ("2024-01-31T00:00:00", 1, "2024-03-01"),
        ("2024-02-29T23:59:59", 12, "2025-03-01"),
        ("2024-02-29T23:59:59", 36, "2027-03-01"),
        ("2025-01-31T15:59:59Z", 1, "2025-03-01"),
        ("2025-01-31T16:00:00Z", 1, "2025-03-02"),
    ],
)
def test_t_is_the_midnight_after_the_clamped_anniversary(at: str, months: int, ends: str) -> None:
    """R21: E = anchor + total months, clamped; T = 00:00:00 of E+1 (the examples of section 6)."""
    assert bought(at, months).instance("e-1")["expires_at"] == f"{ends}T00:00:00+08:00"


def test_the_31st_comes_back_after_february() -> None:
    """R21: always computed from the anchor, never from the previous E; 1+1 equals 2."""
    story = bought("2025-01-31T12:00:00", 1)
    ends = [story.instance("e-1")["expires_at"][:10]]
    for _ in range(3):
        story.given(do("renew", instances=["e-1"], months=1))
        ends.append(story.instance("e-1")["expires_at"][:10])
    assert ends == ["2025-03-01", "2025-04-01", "2025-05-01", "2025-06-01"]
    twice = bought("2025-03-31T09:00:00", 1).given(do("renew", instances=["e-1"], months=1))
    once = bought("2025-03-31T09:00:00", 2)
    assert twice.instance("e-1")["expires_at"] == once.instance("e-1")["expires_at"]


def test_the_worked_example_of_an_expiry() -> None:
    """R22, R23: bought 2025-05-20 09:15 for 1 month (section 6)."""
    story = bought("2025-05-20T09:15:00", 1)
    story.when_clock("2025-06-20T23:59:59").then(nothing)
    assert story.instance("e-1")["state"] == "running"
    story.when_clock("2025-06-21T00:00:00").then(
        event("InstanceExpired", at="2025-06-21T00:00:00", expires_at="2025-06-21T00:00:00")
    )
    assert story.instance("e-1")["state"] == "stopped_expired"
    story.when_clock("2025-07-05T23:59:59").then(nothing)
    story.when_clock("2025-07-06T00:00:00").then(
        event("InstanceReleased", at="2025-07-06T00:00:00", via="retention")
    )
    shown = story.instance("e-1")
    assert (shown["state"], shown["sku"]) == ("released", "std")
    assert shown["releases_at"] == "2025-07-06T00:00:00+08:00"


def test_it_is_renewable_in_the_last_second_before_its_release() -> None:
    """R23: renewable at any t < R."""
    renew = do("renew", "2025-07-05T23:59:59", instances=["e-1"], months=1)
    bought("2025-05-20T09:15:00", 1).when(renew).then("InstanceRenewed", "ServiceRestoring")


def test_at_exactly_r_it_is_released() -> None:
    """R23: at R: RELEASED, terminal, nothing refunded. Exactly R is released."""
    story = bought("2025-05-20T09:15:00", 1)
    cash = story.state.cash
    story.when(do("renew", "2025-07-06T00:00:00", instances=["e-1"], months=1)).then(
        refused("NOT_RENEWABLE")
    )
    assert story.state.cash == cash
    for name in ("cancel", "cancel-renewal"):
        story.when(do(name, instance="e-1")).then(refused("NOT_CANCELLABLE"))
    story.when(do("change-spec", instance="e-1", sku="pro")).then(refused("WRONG_STATE"))
    story.when(do("upgrade", instance="e-1", sku="std", months=1)).then(refused("WRONG_STATE"))
    story.when(do("purchase", instance="e-1", sku="std", months=1)).then(
        refused("ALREADY_EXISTS")
    )


def test_a_command_at_t_sees_it_expired() -> None:
    """R22: a command recorded at T sees it expired."""
    story = bought("2025-05-20T09:15:00", 1)
    story.when(do("change-spec", "2025-06-21T00:00:00", instance="e-1", sku="pro")).then(
        refused("EXPIRED")
    )


@pytest.mark.parametrize("kind", ["public_new", "public_legacy"])
def test_public_instances_have_no_expiry_and_no_release(kind: str) -> None:
    """R20: legacy and new public instances have no expiry and no release."""
    story = given(do("activate-public", instance="i-1", kind=kind))
    story.when_clock("2045-01-01T00:00:00").then(nothing)
    shown = story.instance()
    assert (shown["state"], shown["expires_at"], shown["releases_at"]) == ("running", None, None)


def test_another_retention() -> None:
    """R23: retention may be anything (section 4); 0 releases at T, after the expiry."""
    story = bought("2025-05-20T09:15:00", 1, retention="3d")
    story.when_clock("2025-06-24T00:00:00").then_includes(
        event("InstanceReleased", at="2025-06-24T00:00:00")
    )
    bought("2025-05-20T09:15:00", 1, retention="0").when_clock("2025-06-21T00:00:00").then(
        "InstanceExpired", "InstanceReleased"
    )


def test_a_change_of_retention_releases_nothing_before_it() -> None:
    """R23: a later change holds from its instant for everything not yet done (section 4)."""
    story = bought("2025-05-20T09:15:00", 1)
    shorter = do("set-policy", "2025-06-30T12:00:00", key="retention", value="3d")
    story.when(shorter).then("PolicyAdopted", event("InstanceReleased", at="2025-06-30T12:00:00"))
    story = bought("2025-05-20T09:15:00", 1)
    story.given(do("set-policy", "2025-06-30T12:00:00", key="retention", value="20d"))
    story.when_clock("2025-07-11T00:00:00").then(
        event("InstanceReleased", at="2025-07-11T00:00:00")
    )


def test_the_reading_of_an_exact_expiry() -> None:
    """R21: expiry = exact (section 4): T keeps the anchor's time of day."""
    story = bought("2025-05-20T09:15:00", 1, expiry="exact")
    assert story.instance("e-1")["expires_at"] == "2025-06-20T09:15:00+08:00"
    story.when_clock("2025-07-05T09:15:00").then(
        event("InstanceExpired", at="2025-06-20T09:15:00"),
        event("InstanceReleased", at="2025-07-05T09:15:00"),
    )


def test_a_change_of_the_reading_of_expiry_leaves_terms_that_were_bought() -> None:
    """R21: what was done stays; the next renewal is computed by the reading in force."""
    story = bought("2025-05-20T09:15:00", 1)
    story.given(do("set-policy", key="expiry", value="exact"))
    assert story.instance("e-1")["expires_at"] == "2025-06-21T00:00:00+08:00"
    story.when(do("renew", instances=["e-1"], months=1)).then(
        event("InstanceRenewed", starts="2025-06-21T00:00:00", expires_at="2025-07-20T09:15:00")
    )


def test_another_calendar_offset() -> None:
    """R21: calendar_offset = any fixed offset (section 4) moves every local midnight."""
    story = bought("2025-05-20T23:30:00Z", 1, calendar_offset="-05:30")
    assert story.instance("e-1")["expires_at"] == "2025-06-21T00:00:00-05:30"


@pytest.mark.parametrize("overdue", [False, True])
def test_overdue_neither_shortens_nor_extends_t_and_r(overdue: bool) -> None:
    """R14: overdue neither shortens nor extends T and R."""
    story = bought("2025-05-20T09:15:00", 1)
    if overdue:
        story.given(
            do("post-bill", "2025-06-01T00:00:00", instance="e-1", bill="b-1", rated="9999",
               cycle_start="2025-05-21T00:00:00", cycle_end="2025-05-22T00:00:00"),
        )  # fmt: skip
    story.when_clock("2025-08-01T00:00:00").then(
        event("InstanceExpired", at="2025-06-21T00:00:00"),
        event("InstanceReleased", at="2025-07-06T00:00:00"),
    )
