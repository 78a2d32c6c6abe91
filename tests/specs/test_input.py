"""Specs of what is no command at all: exit 2, nothing recorded (R2, R37, INTERFACE section 3)."""

from __future__ import annotations

import pytest

from ledger.commands import parse
from ledger.errors import InvalidInput
from tests.given_when_then import do, given, top_up


def is_no_input(name: str, **fields: object) -> None:
    story = given()
    length = len(story.log)
    with pytest.raises(InvalidInput):
        story.when(do(name, **fields))
    assert len(story.log) == length


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e2", "sNaN"])
def test_an_amount_is_a_plain_decimal_number(amount: str) -> None:
    """R2: an exact decimal string at every edge (section 0)."""
    with pytest.raises(InvalidInput):
        given().when(top_up(amount))


@pytest.mark.parametrize("amount", ["1" + "0" * 30, "9" * 5000, "0." + "0" * 300 + "1"])
def test_an_amount_that_no_ledger_can_hold_is_refused(amount: str) -> None:
    """R2: INVALID_AMOUNT, not an overflow."""
    story = given().when(top_up(amount, serial="s"))
    assert getattr(story.result, "code", None) == "INVALID_AMOUNT"


@pytest.mark.parametrize("field", ["months", "expected_version"])
def test_a_number_that_no_log_can_hold_is_no_input(field: str) -> None:
    """R24: a number beyond 64 bits is bad input, never a traceback."""
    is_no_input("renew", **{"instances": ["e-1"], "months": 1, field: 10**30})


@pytest.mark.parametrize("ends", ["20260210", "2026-W07", "2026-W07-1"])
def test_a_date_that_rfc_3339_does_not_have_is_no_input(ends: str) -> None:
    """R37: `20260210` must not mean the midnight at which `2026-02-10` begins."""
    is_no_input("grant-coupon", coupon="c-1", amount="1", ends=ends)


@pytest.mark.parametrize(
    "line",
    [
        "", "[]", "{}", "null", '{"do":"no"}', '{"do":"cancel"}', "{" * 99999, '"\\ud800"',
        '{"do":"cancel","account":"","instance":"e"}',
        '{"do":"cancel","account":"a","instance":"e","at":5,"x":1}',
        '{"do":"cancel","account":"a\\u0000","instance":"e"}',
        '{"do":"renew","account":"a","instances":"e","months":1}',
        '{"do":"renew","account":"a","instances":["e"],"months":1.5}',
        '{"do":"renew","account":"a","instances":["e"],"months":true}',
        '{"do":"activate-public","account":"a","instance":"e","kind":"enterprise"}',
        '{"do":"set-alert","account":"a"}',
    ],
)  # fmt: skip
def test_a_line_that_is_not_a_command_is_named_as_such(line: str) -> None:
    """R58: not refused by a rule: no input at all."""
    with pytest.raises(InvalidInput):
        parse(line)


@pytest.mark.parametrize("at", ["", "tomorrow", "2025-02-30", "1969-12-31", "9001-01-01", "25"])
def test_an_instant_is_written_like_one(at: str) -> None:
    """R57: RFC 3339, within the years that terms can be computed in."""
    with pytest.raises(InvalidInput):
        given().when(do("grant-coupon", coupon="c-1", amount="1", ends=at))
