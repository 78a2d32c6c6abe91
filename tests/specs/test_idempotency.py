"""Specs of tokens, versions and refusals (R3, R28, R58) and the order of checks (section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger import codec
from ledger.errors import REFUSALS
from ledger.events import CommandRefused
from tests.given_when_then import (
    World,
    bill,
    do,
    event,
    given,
    nothing,
    refused,
    silent,
    top_up,
)

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

BUY = do("purchase", instance="e-1", sku="std", months=1)
LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
DAY_2 = "2025-01-02T10:00:00"


# --- R28 ---------------------------------------------------------------------------------------


def renew(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("renew", at, **{"instances": ["e-1"], "months": 1, **fields})


def test_the_same_token_returns_the_first_result_and_appends_nothing() -> None:
    """R28: on purchase, renewal, refund; `at`, `actor`, `reason` aside."""
    story = given(top_up("900"), do("purchase", instance="e-1", sku="std", months=1, token="p"))
    again = do("purchase", DAY_2, instance="e-1", sku="std", months=1, token="p", actor="x",
               reason="retry")  # fmt: skip
    length = len(story.log)
    story.when(again).then(silent)
    story.given(renew(token="r")).when(renew(token="r")).then(silent)
    story.given(do("cancel", instance="e-1", token="c"))
    story.when(do("cancel", instance="e-1", token="c")).then(silent)
    assert len(story.log) == length + 3


@pytest.mark.parametrize(
    "again",
    [top_up("900", "2025-01-01T12:00:00", serial="s"), renew("2025-01-01T12:00:00", token="r")],
)
def test_a_repeat_is_recognised_before_the_clock_is_moved(again: AnyCommand) -> None:
    """R28, R3: the first result, whether `at` lies before or after the clock; nothing moves."""
    story = given(top_up("900", serial="s"), BUY, renew(DAY_2, token="r"))
    length, clock = len(story.log), story.clock
    story.when(again).then(silent)
    again.at = "2030-01-01T00:00:00"  # type: ignore[assignment]  # after the release of e-1
    story.when(again).then(silent)
    assert (len(story.log), story.clock) == (length, clock)


def test_what_is_no_true_repeat_moves_the_clock() -> None:
    """R28: another amount under a payment's key, other fields under a token."""
    story = given(top_up("900", serial="s"), BUY, renew(token="r"))
    story.when(top_up("901", DAY_2, serial="s")).then(refused("PAYMENT_CONFLICT"))
    story.when(renew("2025-01-03T00:00:00", token="r", months=2)).then(refused("TOKEN_REUSED"))
    assert story.written(story.clock) == "2025-01-03T00:00:00"


def test_without_tokens_two_renewals_are_two_renewals() -> None:
    """R28: without tokens two renewals are two renewals."""
    story = given(top_up("900"), BUY, renew(), renew())
    assert story.shown()["cash"] == "600.00"


@pytest.mark.parametrize(
    "other",
    [renew(token="t", months=2), renew(token="t", coupon="none"), top_up("5", token="t"),
     renew(token="t", expected_version=4)],
)  # fmt: skip
def test_a_token_with_another_command_or_other_fields_is_reused(other: AnyCommand) -> None:
    """R28: the same token with another command or other fields is TOKEN_REUSED."""
    given(top_up("900"), BUY, renew(token="t")).when(other).then(refused("TOKEN_REUSED"))


def test_the_same_amount_written_otherwise_is_the_same_field() -> None:
    """R28: 10 and 10.00 are one amount."""
    story = given(do("top-up", amount="10", channel="c", serial="s", token="t"))
    story.when(do("top-up", amount="10.00", channel="c", serial="s", token="t")).then(silent)


def test_a_token_belongs_to_one_account() -> None:
    """R28: a token belongs to one account."""
    story = given(do("open-account", account="a-2"), top_up("5", token="t"))
    story.when(top_up("5", account="a-2", token="t", serial="x")).then("TopUpReceived")


def test_a_refusal_does_not_use_up_a_token() -> None:
    """R28: used up by the first ACCEPTED command; R58: a refusal does not use up a token."""
    story = given(top_up("100"), BUY)
    story.when(renew(token="t")).then(refused("INSUFFICIENT_BALANCE"))
    story.given(top_up("200"))
    story.when(renew(token="t", months=2)).then("InstanceRenewed")
    story.when(renew(token="t", months=2)).then(silent)


def test_a_command_that_changes_nothing_uses_its_token_up() -> None:
    """R28: accepted, though it changes nothing."""
    story = given(top_up("100"), BUY)
    off = do("disable-auto-renew", instances=["e-1"], token="t")
    story.when(off).then("CommandAccepted")
    story.when(off).then(silent)
    story.when(renew(token="t")).then(refused("TOKEN_REUSED"))


def test_a_token_survives_what_has_happened_since() -> None:
    """R28: the original result applies, whatever is true now."""
    story = given(LEGACY, top_up("200"), BUY, renew(token="t"), bill("b-1", "9", DAY_2))
    story.when(renew("2025-09-01T00:00:00", token="t")).then(silent)


# --- R58 ---------------------------------------------------------------------------------------


def test_a_command_may_carry_the_version_it_expects() -> None:
    """R58: compared with the version of the account's last event that is not a CommandRefused."""
    story = given(top_up("5"))  # AccountOpened is 1, TopUpReceived is 2
    assert story.shown()["version"] == 2
    story.when(top_up("6", expected_version=1)).then(refused("CONCURRENT_MODIFICATION"))
    story.when(top_up("6", expected_version=3)).then(refused("CONCURRENT_MODIFICATION"))
    assert story.stream()[-1].version == 4
    story.when(top_up("6", expected_version=2)).then("TopUpReceived")
    assert story.shown()["version"] == 5


def test_what_fell_due_moves_the_version_too() -> None:
    """R58: the catch-up comes first (R57)."""
    story = given(top_up("100"), BUY)
    story.when(top_up("1", "2025-03-01T00:00:00", expected_version=3)).then(
        refused("CONCURRENT_MODIFICATION")
    )


def test_a_repeat_needs_no_version() -> None:
    """R58: the version is checked after token, amounts and account."""
    story = given(top_up("5", serial="s", token="t", expected_version=1))
    story.when(top_up("5", serial="s", token="t", expected_version=1)).then(silent)
    story.when(top_up("5", serial="s", expected_version=1)).then(silent)


def test_a_refusal_is_an_audit_event_of_the_account() -> None:
    """R58: who asked, what, when, the code; it moves nothing."""
    story = given(top_up("5"))
    story.when(do("purchase", DAY_2, instance="e-1", sku="std", months=1, actor="eve",
                  reason="why not", token="t"))  # fmt: skip
    story.then(refused("INSUFFICIENT_BALANCE"))
    last = story.log[-1]
    assert isinstance(last.event, CommandRefused)
    assert (last.stream, last.command, last.actor, last.reason) == (
        "account:a-1", "purchase", "eve", "why not"
    )  # fmt: skip
    assert (last.event.code, last.event.needed, last.event.available) == (
        "INSUFFICIENT_BALANCE", 10000, 500
    )  # fmt: skip
    assert last.token is None
    assert story.written(last.recorded_at) == DAY_2
    assert b"purchase" in bytes(last.request)
    assert codec.decode(codec.encode(last)) == last


def test_where_there_is_no_such_account_the_ledgers_log_has_it() -> None:
    """R58: where there is no such account, to the ledger's."""
    story = given().when(top_up("5", account="a-9")).then(refused("UNKNOWN_ACCOUNT"))
    assert (story.log[-1].stream, story.log[-1].version) == ("ledger", 1)
    story.when(do("cancel", account="a-9", instance="e-1")).then(refused("UNKNOWN_ACCOUNT"))
    assert story.log[-1].version == 2


def test_duplicates_append_nothing() -> None:
    """R58: duplicates (R3, R28) append nothing."""
    story = given(top_up("5", serial="s"))
    length = len(story.log)
    story.when(top_up("5", serial="s")).then(silent)
    assert len(story.log) == length


def test_an_account_is_opened_once() -> None:
    """R58: the stream of an account begins once (ALREADY_EXISTS)."""
    given().when(do("open-account")).then(refused("ALREADY_EXISTS"))


def test_the_ledgers_own_streams_have_versions_too() -> None:
    """R58: prices and policy."""
    story = given()  # three prices
    story.when(do("set-price", sku="x", monthly_price="1", expected_version=2)).then(
        refused("CONCURRENT_MODIFICATION")
    )
    story.when(do("set-price", sku="x", monthly_price="1", expected_version=3)).then("PriceSet")
    story.when(do("set-price", sku="x", monthly_price="-1")).then(refused("INVALID_AMOUNT"))
    story.when(do("set-policy", key="retention", value="1d", expected_version=1, token="t")).then(
        "PolicyAdopted"
    )
    story.when(do("set-policy", key="retention", value="1d", expected_version=1, token="t")).then(
        silent
    )
    story.when(do("set-price", sku="x", monthly_price="1", token="t")).then(
        refused("TOKEN_REUSED")
    )


# --- the order of checks (section 5) -----------------------------------------------------------


def crowded() -> World:
    """Overdue by 5.00, cash 0: e-1 runs, e-2 has expired, i-1 is stopped, c-1 pays renewals only.

    The token ``t`` is used, bill b-1 is posted and unpaid, payment alipay/T1 is 200.00.
    """
    return given(
        LEGACY, top_up("200", serial="T1", token="t"),
        do("purchase", instance="e-2", sku="std", months=1),
        do("purchase", "2025-01-20T00:00:00", instance="e-1", sku="std", months=1),
        do("grant-coupon", coupon="c-1", amount="5", ends="2030-01-01", order_types=["renew"]),
        bill("b-1", "5", "2025-01-30T00:00:00"),
    ).when_clock("2025-02-10T00:00:00")  # fmt: skip


EARLY_CYCLE = {"cycle_start": "2025-02-09T00:00:00", "cycle_end": "2025-02-20T00:00:00"}
UPSIDE_DOWN = {"cycle_start": "2025-02-09T00:00:00", "cycle_end": "2025-02-08T00:00:00"}
PAIRS = [
    # token before amounts, account, version
    ("TOKEN_REUSED", top_up("0", token="t")),
    ("TOKEN_REUSED", top_up("1", token="t", expected_version=0)),
    # amounts before account, version, existence, state, period
    ("INVALID_AMOUNT", top_up("0", account="a-9")),
    ("INVALID_AMOUNT", top_up("0", expected_version=0)),
    ("INVALID_AMOUNT", do("credit-note", note="n-1", bill="b-9", amount="0")),
    ("INVALID_AMOUNT", do("grant-coupon", coupon="c-1", amount="0", ends="2024-01-01")),
    ("INVALID_AMOUNT", do("grant-coupon", coupon="c-2", amount="0", ends="2024-01-01")),
    ("INVALID_AMOUNT", bill("b-9", "-1", "2025-02-10T00:00:00", **EARLY_CYCLE)),
    # account before version, version before the rule's own checks
    ("UNKNOWN_ACCOUNT", top_up("1", account="a-9", expected_version=7)),
    ("CONCURRENT_MODIFICATION", do("purchase", instance="e-1", sku="std", months=1,
                                   expected_version=1)),
    ("CONCURRENT_MODIFICATION", top_up("7", serial="T1", expected_version=1)),
    # existence and kind before state
    ("ALREADY_EXISTS", bill("b-1", "1", "2025-02-10T00:00:00", **EARLY_CYCLE)),
    ("UNKNOWN_INSTANCE", bill("b-9", "1", "2025-02-10T00:00:00", instance="i-9", **EARLY_CYCLE)),
    ("UNKNOWN_SKU", do("change-spec", instance="e-2", sku="none")),
    ("UNKNOWN_SKU", do("upgrade", instance="i-1", sku="none", months=1)),
    ("NOT_RENEWABLE", do("enable-auto-renew", instances=["e-2", "i-1"], months=1)),
    # existence before period
    ("ALREADY_EXISTS", do("purchase", instance="e-1", sku="std", months=0)),
    ("UNKNOWN_SKU", do("purchase", instance="e-3", sku="none", months=0)),
    ("ALREADY_EXISTS", do("grant-coupon", coupon="c-1", amount="1", ends="2024-01-01")),
    ("NOT_RENEWABLE", do("renew", instances=["i-1"], months=0)),
    ("WRONG_STATE", do("upgrade", instance="e-1", sku="std", months=0)),
    # state before period
    ("EXPIRED", do("enable-auto-renew", instances=["e-2"], months=5)),
    ("NOT_BILLABLE", bill("b-9", "1", "2025-02-10T00:00:00", **UPSIDE_DOWN)),
    ("NOT_BILLABLE", bill("b-9", "1", "2025-02-10T00:00:00", **EARLY_CYCLE)),
    ("EXPIRED", do("change-spec", instance="e-2", sku="free")),
    # existence before limits
    ("UNKNOWN_BILL", do("credit-note", note="n-1", bill="b-9", amount="9999")),
    ("UNKNOWN_PAYMENT", do("reverse-top-up", channel="x", serial="y", amount="9999")),
    # period and limits before overdue
    ("INVALID_PERIOD", do("purchase", instance="e-3", sku="std", months=0)),
    ("INVALID_PERIOD", do("renew", instances=["e-1"], months=11, coupon="c-9")),
    ("INVALID_PERIOD", do("upgrade", instance="i-1", sku="std", months=10)),
    ("INVALID_AMOUNT", do("change-spec", instance="e-1", sku="free")),
    ("OVER_CREDIT", do("credit-note", note="n-1", bill="b-1", amount="5.01")),
    ("OVER_REVERSAL", do("reverse-top-up", channel="alipay", serial="T1", amount="200.01")),
    # overdue before coupon and funds
    ("ACCOUNT_OVERDUE", do("purchase", instance="e-3", sku="std", months=1, coupon="c-9")),
    ("ACCOUNT_OVERDUE", do("renew", instances=["e-2"], months=1, coupon="c-9")),
    ("ACCOUNT_OVERDUE", do("change-spec", instance="e-1", sku="pro", coupon="c-1")),
    ("ACCOUNT_OVERDUE", do("upgrade", instance="i-1", sku="std", months=1, coupon="c-1")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "command"), PAIRS, ids=range(len(PAIRS)))
def test_the_first_check_that_fails_names_the_code(code: str, command: AnyCommand) -> None:
    """R58: checks in the order of section 5; the first that fails names the code."""
    crowded().when(command).then(refused(code))


def test_the_coupon_is_checked_before_the_funds() -> None:
    """R26: coupon (COUPON_NOT_ELIGIBLE) before funds (section 5)."""
    story = given(do("grant-coupon", coupon="c-1", amount="5", ends="2030-01-01",
                     order_types=["renew"]))  # fmt: skip
    poor = do("purchase", instance="e-1", sku="std", months=1, coupon="c-1")
    story.when(poor).then(refused("COUPON_NOT_ELIGIBLE"))
    story.when(do("purchase", instance="e-1", sku="std", months=1)).then(
        refused("INSUFFICIENT_BALANCE")
    )


CODES = """
    ACCOUNT_OVERDUE INSUFFICIENT_BALANCE NOT_RENEWABLE NOT_CANCELLABLE NOT_FROZEN EXPIRED
    PAYMENT_CONFLICT OVER_REVERSAL OVER_CREDIT UNKNOWN_PAYMENT UNKNOWN_BILL UNKNOWN_ACCOUNT
    UNKNOWN_INSTANCE UNKNOWN_SKU ALREADY_EXISTS INVALID_PERIOD INVALID_AMOUNT NOT_BILLABLE
    BILL_TOO_EARLY COUPON_NOT_ELIGIBLE CONCURRENT_MODIFICATION TOKEN_REUSED WRONG_STATE
    PERIOD_CLOSED CHECKLIST_OPEN
"""


def test_there_is_a_class_for_each_code_of_the_vocabulary() -> None:
    """R58: the refusal codes of section 5, and no others."""
    assert {error.code for error in REFUSALS} == set(CODES.split())


def test_nothing_is_said_of_what_changes_nothing() -> None:
    """R58: a command that changes nothing is accepted and appends nothing."""
    given().when(do("set-alert", threshold=None)).then(nothing)


def test_a_conflict_of_payments_moves_nothing() -> None:
    """R3: PAYMENT_CONFLICT comes before the suspicion of a duplicate."""
    story = given(top_up("5", serial="s"))
    story.when(top_up("6", serial="s")).then(refused("PAYMENT_CONFLICT"))
    story.when(top_up("6", serial="s2")).then(event("TopUpReceived", suspected_duplicate_of=None))
