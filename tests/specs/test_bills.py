"""Specs of usage, bills and credit notes (R5-R8, R10, R11, R15, R18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.errors import InvalidInput
from tests.given_when_then import World, bill, do, event, given, nothing, refused, silent, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
DAY_2 = "2025-01-02T10:00:00"
DAY_3 = "2025-01-03T10:00:00"
FAR = "2030-01-01"


def usage(name: str, rated: str, at: str | None = None, /, **fields: object) -> AnyCommand:
    """Record usage on ``i-1`` of the cycle [06:00, 07:00) of 2025-01-02."""
    cycle = {"cycle_start": "2025-01-02T06:00:00", "cycle_end": "2025-01-02T07:00:00"}
    usage_of = {"instance": "i-1", "usage": name, "rated": rated, **cycle}
    return do("record-usage", at, **{**usage_of, **fields})


def note(amount: str, at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("credit-note", at, **{"note": "n-1", "bill": "b-1", "amount": amount, **fields})


def grant(name: str, amount: str, /, **fields: object) -> AnyCommand:
    return do("grant-coupon", coupon=name, amount=amount, **{"ends": FAR, **fields})


# --- R5, R6 ------------------------------------------------------------------------------------


def test_recorded_usage_is_billed_four_hours_after_its_cycle() -> None:
    """R5: recorded usage is billed by the ledger at g = e + 4h00m00s (`bill_delay`)."""
    story = given(LEGACY, top_up("9"), usage("u-1", "8", "2025-01-02T07:30:00"))
    story.when_clock("2025-01-02T10:59:59").then(nothing)
    story.when_clock("2025-01-02T11:00:00").then(
        event(
            "BillPosted", bill="u-1", amount="8.00", posted_at="2025-01-02T11:00:00",
            at="2025-01-02T11:00:00", late=False,
        ),
        event("BillSettled", item="u-1", cash_part="8.00"),
    )  # fmt: skip


def test_a_bill_touches_money_only_from_its_posting() -> None:
    """R6: a bill touches money and flags only from g, never from e, never retroactively."""
    story = given(LEGACY, top_up("5"), usage("u-1", "8", "2025-01-02T07:00:00"))
    assert (story.state.cash, story.state.overdue) == (500, False)
    story.when_clock("2025-01-02T12:00:00").then(
        "BillPosted", "BillSettled", event("OverdueStarted", overdue_since="2025-01-02T11:00:00")
    )


def test_usage_recorded_after_its_posting_instant_is_billed_when_recorded() -> None:
    """R5: usage recorded after e + bill_delay is billed when recorded (and is late)."""
    story = given(LEGACY)
    story.when(usage("u-1", "8", DAY_3)).then(
        event("UsageRecorded", usage="u-1"),
        event("BillPosted", posted_at=DAY_3, late=True),
        event("OverdueStarted", overdue_since=DAY_3),
    )


def test_usage_recorded_at_its_posting_instant_is_billed_at_once_in_time() -> None:
    """R5: g <= e + 4 h is what the vendor promises: exactly then is not late."""
    story = given(LEGACY)
    story.when(usage("u-1", "8", "2025-01-02T11:00:00")).then(
        "UsageRecorded", event("BillPosted", late=False), "OverdueStarted"
    )


def test_usage_whose_cycle_has_not_ended_is_accepted_and_billed_at_its_time() -> None:
    """R5: usage whose cycle has not ended yet is accepted and billed at its g."""
    story = given(LEGACY)
    story.when(usage("u-1", "8", "2025-01-01T12:00:00")).then("UsageRecorded")
    story.when_clock(DAY_3).then_includes(event("BillPosted", at="2025-01-02T11:00:00"))


def test_a_bill_before_the_end_of_its_cycle_is_too_early() -> None:
    """R5: a bill recorded directly: g < e is refused BILL_TOO_EARLY."""
    story = given(LEGACY)
    early = bill("b-1", "8", "2025-01-01T06:59:59")
    story.when(early).then(refused("BILL_TOO_EARLY"))
    story.when(bill("b-1", "8", "2025-01-01T07:00:00")).then_includes(event("BillPosted"))


@pytest.mark.parametrize("delay", ["4h", "0", "90min"])
def test_a_bill_after_four_hours_is_flagged_late_whatever_the_delay(delay: str) -> None:
    """R5: g > e + 4 h is accepted and flagged `late`, whatever `bill_delay` is."""
    story = given(LEGACY, policy={"bill_delay": delay})
    story.when(bill("b-1", "8", "2025-01-01T11:00:00")).then_includes(
        event("BillPosted", late=False)
    )
    story.when(bill("b-2", "8", "2025-01-01T11:00:01")).then(event("BillPosted", late=True))
    assert [item["late"] for item in story.shown()["unpaid"]] == [False, True]


def test_the_delay_of_billing_may_be_read_otherwise() -> None:
    """R5: `bill_delay` = 0..4 h (section 4)."""
    story = given(LEGACY, usage("u-1", "8", "2025-01-01T12:00:00"), policy={"bill_delay": "0"})
    story.when_clock(DAY_3).then_includes(event("BillPosted", at="2025-01-02T07:00:00"))


def test_a_shorter_delay_makes_nothing_due_before_its_own_instant() -> None:
    """R5: a change of bill_delay holds from its instant for what is not yet billed (section 4)."""
    story = given(LEGACY, usage("u-1", "8", "2025-01-01T12:00:00"))
    story.given(usage("u-2", "1", cycle_end="2025-01-02T09:00:00"))
    shorter = do("set-policy", "2025-01-02T08:30:00", key="bill_delay", value="1h")
    story.when(shorter).then_includes(event("BillPosted", bill="u-1", at="2025-01-02T08:30:00"))
    story.when_clock(DAY_3).then_includes(
        event("BillPosted", bill="u-2", at="2025-01-02T10:00:00")
    )


def test_a_longer_delay_holds_back_what_is_not_yet_billed() -> None:
    """R5: a change of bill_delay may also postpone (section 4)."""
    story = given(LEGACY, usage("u-1", "8", "2025-01-01T12:00:00"), policy={"bill_delay": "0"})
    story.given(do("set-policy", "2025-01-02T06:30:00", key="bill_delay", value="2h"))
    story.when_clock("2025-01-02T08:59:59").then(nothing)
    story.when_clock("2025-01-02T09:00:00").then("BillPosted", "OverdueStarted")


@pytest.mark.parametrize("end", ["2025-01-01T06:00:00", "2025-01-01T05:59:59"])
def test_a_cycle_starts_before_it_ends(end: str) -> None:
    """R5: cycle_start < cycle_end, else INVALID_PERIOD."""
    story = given(LEGACY)
    story.when(bill("b-1", "8", DAY_2, cycle_end=end)).then(refused("INVALID_PERIOD"))
    wrong = usage("u-1", "8", cycle_start="2025-01-01T06:00:00", cycle_end=end)
    story.when(wrong).then(refused("INVALID_PERIOD"))


def test_the_product_is_that_of_the_instance_when_the_usage_is_recorded() -> None:
    """R5: the product is the one of the instance when the usage is recorded."""
    story = given(
        LEGACY, top_up("100"), usage("u-1", "8", "2025-01-02T07:00:00"),
        grant("c-1", "5", products=["iot_public"]), grant("c-2", "5", products=["iot_enterprise"]),
        do("upgrade", instance="i-1", sku="std", months=1, coupon="none"),
    )  # fmt: skip
    story.given(usage("u-2", "1", cycle_end="2025-01-02T08:00:00"))
    story.when_clock(DAY_3).then_includes(
        event("BillPosted", bill="u-1", product="iot_public"),
        event("BillSettled", coupons=[{"coupon": "c-1", "part": "5.00"}]),
        event("BillPosted", bill="u-2", product="iot_enterprise"),
        event("BillSettled", coupons=[{"coupon": "c-2", "part": "1.00"}]),
    )


def test_usage_and_bills_share_one_name_space() -> None:
    """R5: usage and bills share one name space of ids."""
    story = given(LEGACY, usage("u-1", "0"), bill("b-1", "0", DAY_2))
    story.when(usage("u-1", "0")).then(refused("ALREADY_EXISTS"))
    story.when(bill("u-1", "0", DAY_2)).then(refused("ALREADY_EXISTS"))
    story.when(usage("b-1", "0")).then(refused("ALREADY_EXISTS"))


# --- R7, R8 ------------------------------------------------------------------------------------


def test_a_bill_takes_coupons_then_cash_and_the_rest_is_outstanding() -> None:
    """R7: at g apply eligible coupons, then cash; the rest stays outstanding."""
    story = given(LEGACY, grant("c-1", "3"), top_up("4"))
    story.when(bill("b-1", "10", DAY_2)).then(
        event("BillPosted", amount="10.00"),
        event(
            "BillSettled", coupons=[{"coupon": "c-1", "part": "3.00"}], cash_part="4.00",
            outstanding="3.00",
        ),
        event("OverdueStarted", item="b-1", overdue_since=DAY_2),
    )  # fmt: skip


def test_exactly_enough_is_not_overdue() -> None:
    """R7: exactly enough is not overdue."""
    story = given(LEGACY, grant("c-1", "3"), top_up("4"))
    story.when(bill("b-1", "7", DAY_2)).then("BillPosted", "BillSettled")
    assert not story.state.overdue


def test_rated_amounts_are_rounded_down_and_what_was_cut_is_kept() -> None:
    """R8: bill amount = rated amount rounded DOWN; the cut is the round-down discount."""
    given(LEGACY).when(bill("b-1", "12.3499999999", DAY_2)).then_includes(
        event("BillPosted", amount="12.34", rated="12.3499999999", round_down="0.0099999999")
    )


@pytest.mark.parametrize("rated", ["0", "0.0099999999"])
def test_zero_bills_are_posted_and_closed(rated: str) -> None:
    """R8: zero bills are posted and closed."""
    story = given(LEGACY, top_up("1"), grant("c-1", "3"))
    story.when(bill("b-1", rated, DAY_2)).then(event("BillPosted", amount="0.00"))
    assert not story.state.items


# --- R10 ---------------------------------------------------------------------------------------


def billed() -> World:
    """A bill of 10.00: 3.00 by c-1, 2.00 by c-2 (ends later), 4.00 cash, 1.00 outstanding."""
    return given(
        LEGACY, grant("c-1", "3", ends="2025-06-30"), grant("c-2", "2"), top_up("4"),
        bill("b-1", "10", DAY_2),
    )  # fmt: skip


def test_a_credit_note_first_cancels_what_is_outstanding_and_may_clear_overdue() -> None:
    """R10: first cancels outstanding; it may clear overdue at its own instant."""
    story = billed()
    story.when(note("0.40", DAY_3)).then_includes(
        event("CreditNoteIssued", outstanding_part="0.40", cash_part="0.00")
    )
    story.when(note("0.60", note="n-2")).then_includes(
        event("CreditNoteIssued", outstanding_part="0.60", coupons_restored=[]),
        event("OverdueCleared", at=DAY_3),
    )


def test_then_it_returns_the_cash_paid_on_that_bill_and_never_more() -> None:
    """R10: then returns cash paid on that bill (never more)."""
    story = billed().given(note("1"))
    story.when(note("5", note="n-2")).then(
        event("CreditNoteIssued", outstanding_part="0.00", cash_part="4.00")
    )
    assert story.shown()["cash"] == "4.00"


def test_then_it_restores_coupon_parts_the_newest_applied_first() -> None:
    """R10: then restores coupon parts, newest applied first."""
    story = billed()
    story.when(note("8")).then_includes(
        event(
            "CreditNoteIssued", outstanding_part="1.00", cash_part="4.00",
            coupons_restored=[
                {"coupon": "c-2", "part": "2.00"}, {"coupon": "c-1", "part": "1.00"},
            ],
        )
    )  # fmt: skip
    assert story.coupon("c-1")["remaining"] == "1.00"
    story.when(note("2", note="n-2")).then(
        event("CreditNoteIssued", coupons_restored=[{"coupon": "c-1", "part": "2.00"}])
    )
    assert story.coupon("c-1")["remaining"] == "3.00"


def test_a_part_whose_coupon_has_ended_is_forfeited() -> None:
    """R10: a part whose coupon has ended is added to the coupon's `forfeited`."""
    story = billed()
    story.when(note("10", "2025-07-01T00:00:00")).then_includes(
        event(
            "CreditNoteIssued", coupons_restored=[{"coupon": "c-2", "part": "2.00"}],
            coupons_forfeited=[{"coupon": "c-1", "part": "3.00"}],
        )
    )  # fmt: skip
    assert (story.coupon("c-1")["forfeited"], story.coupon("c-1")["remaining"]) == ("3.00", "0.00")


def test_a_restored_part_is_forfeited_at_the_coupons_end() -> None:
    """R10: a restored part is again the coupon's, until its end (R40)."""
    story = billed().given(note("10"))
    story.when_clock("2025-07-01T00:00:00").then_includes(
        event("CouponExpired", coupon="c-1", forfeited="3.00")
    )


def test_credit_notes_together_stay_within_the_bill() -> None:
    """R10: cumulatively <= bill amount, else OVER_CREDIT."""
    story = billed().given(note("6"))
    story.when(note("4.01", note="n-2")).then(refused("OVER_CREDIT"))
    story.when(note("4", note="n-2")).then("CreditNoteIssued")


def test_returned_cash_settles_other_unpaid_items() -> None:
    """R10: returned cash settles other unpaid items (R2)."""
    story = given(LEGACY, top_up("10"), bill("b-1", "10", DAY_2), bill("b-2", "6", DAY_2))
    story.when(note("7", DAY_3)).then_includes(
        event("CreditNoteIssued", cash_part="7.00"),
        event("BillSettled", item="b-2", cash_part="6.00"),
        event("OverdueCleared"),
    )
    assert story.shown()["cash"] == "1.00"


def test_a_credit_note_never_edits_the_bill() -> None:
    """R10: it never edits the bill."""
    story = billed().given(note("10"))
    assert story.state.bills["b-1"].amount == 1000
    assert [posted["amount"] for posted in story.details("BillPosted")] == ["10.00"]


def test_a_credit_note_names_a_posted_bill_of_the_account_and_has_an_id_of_its_own() -> None:
    """R10: UNKNOWN_BILL, ALREADY_EXISTS."""
    story = billed().given(note("1"), usage("u-1", "3", "2025-01-02T10:30:00"))
    story.when(note("1", note="n-2", bill="b-9")).then(refused("UNKNOWN_BILL"))
    story.when(note("1", note="n-2", bill="u-1")).then(refused("UNKNOWN_BILL"))
    story.when(note("1")).then(refused("ALREADY_EXISTS"))


def test_a_zero_bill_has_nothing_to_credit() -> None:
    """R10: the bill amount bounds the notes, also at zero."""
    given(LEGACY, bill("b-1", "0", DAY_2)).when(note("0.01")).then(refused("OVER_CREDIT"))


# --- R11 ---------------------------------------------------------------------------------------


def test_a_late_fact_keeps_its_value_date_but_settles_when_recorded() -> None:
    """R11: own value date for reporting; settlement and overdue are effective when recorded."""
    story = given(LEGACY)
    story.when(bill("b-1", "8", DAY_3, effective_at=DAY_2)).then(
        event("BillPosted", at=DAY_2, recorded_at=DAY_3, posted_at=DAY_3),
        event("OverdueStarted", at=DAY_3, overdue_since=DAY_3),
    )
    story.when(top_up("8", "2025-01-04T09:00:00", effective_at=DAY_2)).then(
        event("TopUpReceived", at=DAY_2),
        event("BillSettled", at="2025-01-04T09:00:00"),
        event("OverdueCleared", at="2025-01-04T09:00:00"),
    )


def test_a_late_bill_stops_nothing_in_the_past() -> None:
    """R11: nothing is stopped in the past: the 24 h run from the recorded instant."""
    story = given(LEGACY)
    story.given(bill("b-1", "8", "2025-01-05T00:00:00", effective_at=DAY_2))
    story.when_clock("2025-01-06T00:00:00").then(event("ServiceStopped", at="2025-01-06T00:00:00"))


def test_a_late_payment_un_stops_nothing_in_the_past() -> None:
    """R11: nothing is un-stopped in the past: a stop that happened stays."""
    story = given(LEGACY, bill("b-1", "8", DAY_2)).when_clock("2025-01-04T00:00:00")
    story.when(top_up("8", effective_at=DAY_2)).then(
        event("TopUpReceived", at=DAY_2), "BillSettled", "OverdueCleared",
        event("ServiceRestoring", restored_at="2025-01-04T00:30:00"),
    )  # fmt: skip


def test_the_alert_of_a_late_fact_is_raised_when_recorded() -> None:
    """R11: the alert is a consequence: effective when recorded."""
    story = given(LEGACY, top_up("10"), do("set-alert", threshold="5"))
    story.when(bill("b-1", "8", DAY_3, effective_at=DAY_2)).then_includes(
        event("LowBalanceAlertRaised", at=DAY_3)
    )


def test_the_facts_that_may_be_late() -> None:
    """R11: the eight facts that may carry an effective_at."""
    story = given(
        LEGACY, do("activate-public", instance="i-2", kind="public_new"),
        top_up("3", DAY_2, serial="T1", effective_at="2025-01-01T00:00:05"),
        do("reverse-top-up", channel="alipay", serial="T1", amount="1",
           effective_at="2025-01-01T00:00:05"),
        grant("c-1", "1", effective_at="2025-01-01T00:00:00", order_types=["new"]),
        usage("u-1", "1", effective_at="2025-01-01T00:00:00"),
        bill("b-1", "1", DAY_2, effective_at="2025-01-01T00:00:00"),
        note("0.50", effective_at="2025-01-01T00:00:00"),
        do("freeze", instance="i-2", effective_at="2025-01-01T00:00:00"),
        bill("b-2", "9", DAY_2),
        top_up("20", "2025-01-04T00:00:00"),
        do("restore", "2025-01-04T00:10:00", instance="i-1", effective_at="2025-01-04T00:05:00"),
    )  # fmt: skip
    assert story.instance("i-1")["state"] == "running"
    assert [r.effective_at for r in story.log if r.effective_at < r.recorded_at]


@pytest.mark.parametrize("name", ["purchase", "set-alert", "activate-public"])
def test_other_commands_carry_no_effective_at(name: str) -> None:
    """R11: only the facts that are listed may carry one."""
    with pytest.raises(InvalidInput):
        do(name, effective_at=DAY_2)


def test_a_fact_is_effective_between_the_fact_it_names_and_its_recording() -> None:
    """R11: reverse-top-up not before its top-up; nothing after the recorded instant (exit 2)."""
    story = given(LEGACY, top_up("10", DAY_2, serial="T1"), bill("b-1", "1", DAY_2))
    wrong = [
        top_up("1", effective_at="2025-01-02T10:00:01"),
        do("reverse-top-up", channel="alipay", serial="T1", amount="1",
           effective_at="2025-01-02T09:59:59"),
        note("1", effective_at="2025-01-02T09:59:59"),
        usage("u-1", "1", effective_at="2024-12-31T23:59:59"),
        top_up("1", effective_at="2024-12-31T23:59:59"),
    ]  # fmt: skip
    for command in wrong:
        with pytest.raises(InvalidInput):
            story.when(command)


def test_a_repeat_of_a_late_payment_is_silent_all_the_same() -> None:
    """R11: the payment key does not contain the value date (R3)."""
    story = given(top_up("1", DAY_3, serial="T1", effective_at=DAY_2))
    story.when(top_up("1", serial="T1")).then(silent)


# --- R15, R18 ----------------------------------------------------------------------------------


def test_a_new_public_instance_is_never_billed() -> None:
    """R15: never billed; a bill or usage naming one is refused NOT_BILLABLE."""
    story = given(do("activate-public", instance="i-1", kind="public_new"))
    story.when(bill("b-1", "1", DAY_2)).then(refused("NOT_BILLABLE"))
    story.when(usage("u-1", "1")).then(refused("NOT_BILLABLE"))


def test_a_new_public_instance_is_not_affected_by_overdue() -> None:
    """R15: no effect on new public instances."""
    story = given(LEGACY, do("activate-public", instance="i-2", kind="public_new"))
    story.given(bill("b-1", "1", DAY_2)).when_clock("2025-03-01T00:00:00")
    assert story.instance("i-2")["state"] == "running"


def test_an_unknown_instance_is_no_new_public_one() -> None:
    """R15: the instance must exist: UNKNOWN_INSTANCE."""
    story = given()
    story.when(bill("b-1", "1", DAY_2)).then(refused("UNKNOWN_INSTANCE"))
    story.when(usage("u-1", "1")).then(refused("UNKNOWN_INSTANCE"))


def in_cycle(start: str, end: str, name: str = "b-9") -> AnyCommand:
    return bill(name, "1", "2025-01-09T00:00:00", cycle_start=start, cycle_end=end)


def test_no_usage_accrues_from_the_stop_until_the_service_runs_again() -> None:
    """R18: a cycle that starts while stopped or restoring is refused; before it counts."""
    story = given(LEGACY, bill("b-1", "8", DAY_2), top_up("9", "2025-01-05T00:00:00"))
    # Stopped at 01-03 10:00:00, restoring from 01-05 00:00:00, running from 00:30:00.
    story.when_clock("2025-01-09T00:00:00")
    whole = in_cycle("2025-01-03T09:59:59", "2025-01-04T10:00:00", "b-2")
    story.when(whole).then_includes(event("BillPosted", amount="1.00"))
    for start in (DAY_3, "2025-01-04T12:00:00", "2025-01-05T00:00:00", "2025-01-05T00:29:59"):
        story.when(in_cycle(start, "2025-01-06T00:00:00")).then(refused("NOT_BILLABLE"))
        late = usage("u-9", "1", cycle_start=start, cycle_end="2025-01-06T00:00:00")
        story.when(late).then(refused("NOT_BILLABLE"))
    running = in_cycle("2025-01-05T00:30:00", "2025-01-06T00:00:00", "b-3")
    story.when(running).then_includes(event("BillPosted"))


def test_while_it_is_down_the_present_is_judged_too() -> None:
    """R18: refused while stopped and while restoring, accepted for the promised instant on."""
    story = given(LEGACY, bill("b-1", "8", DAY_2)).when_clock("2025-01-04T00:00:00")
    now = {"cycle_start": "2025-01-04T00:00:00", "cycle_end": "2025-01-04T01:00:00"}
    story.when(usage("u-1", "1", **now)).then(refused("NOT_BILLABLE"))
    story.given(top_up("8"))
    story.when(usage("u-1", "1", **now)).then(refused("NOT_BILLABLE"))
    now["cycle_start"] = "2025-01-04T00:30:00"
    story.when(usage("u-1", "1", **now)).then("UsageRecorded")


def test_an_early_restore_fact_ends_the_outage_when_it_says() -> None:
    """R18: restoring ends with the explicit restore fact (R19)."""
    story = given(LEGACY, bill("b-1", "8", DAY_2), top_up("9", "2025-01-04T00:00:00"))
    story.given(do("restore", "2025-01-04T00:20:00", instance="i-1",
                   effective_at="2025-01-04T00:10:00"))  # fmt: skip
    early = in_cycle("2025-01-04T00:10:00", "2025-01-04T01:00:00")
    story.when(in_cycle("2025-01-04T00:09:59", "2025-01-04T01:00:00")).then(refused("NOT_BILLABLE"))
    story.when(early).then_includes(event("BillPosted"))


def test_expired_and_released_instances_are_out_of_service() -> None:
    """R18: stopped and released; a cycle that started before counts, also after the release."""
    story = given(top_up("100"), do("purchase", instance="i-1", sku="std", months=1))
    story.when_clock("2025-03-01T00:00:00")
    assert story.instance()["state"] == "released"
    before = ("2025-02-01T23:59:59", "2025-02-03T00:00:00")
    at_expiry = ("2025-02-02T00:00:00", "2025-02-03T00:00:00")
    released = ("2025-02-20T00:00:00", "2025-02-21T00:00:00")
    for start, end in (at_expiry, released):
        story.when(
            bill("b-9", "1", "2025-03-01T00:00:00", cycle_start=start, cycle_end=end)
        ).then(refused("NOT_BILLABLE"))
    story.when(
        bill("b-9", "1", "2025-03-01T00:00:00", cycle_start=before[0], cycle_end=before[1])
    ).then("BillPosted", "OverdueStarted")


def test_a_frozen_instance_was_in_service_for_the_bills_of_its_enterprise_life() -> None:
    """R18: frozen is none of stopped, restoring, released."""
    story = given(
        top_up("100"), do("activate-public", instance="i-1", kind="public_new"),
        do("freeze", DAY_2, instance="i-1"),
        do("upgrade", DAY_3, instance="i-1", sku="std", months=1),
    )  # fmt: skip
    story.when(in_cycle("2025-01-02T11:00:00", "2025-01-02T12:00:00")).then(
        "BillPosted", "OverdueStarted"
    )


def test_a_cycle_that_starts_before_the_ledger_knew_the_instance_is_billed() -> None:
    """R18: a ledger may be begun from older bills."""
    story = given(do("activate-public", DAY_2, instance="i-1", kind="public_legacy"))
    older = {"cycle_start": "2024-11-01T00:00:00", "cycle_end": "2024-12-01T00:00:00"}
    story.when(bill("b-1", "1", DAY_2, **older)).then("BillPosted", "OverdueStarted")
    story.when(usage("u-1", "1", **older)).then("UsageRecorded", "BillPosted")
