"""Specs of what is not a command: exit 2, nothing recorded (R2, R37, INTERFACE section 3)."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest
from msgspec import inspect

from ledger import codec
from ledger import commands as c
from ledger.commands import from_fields, parse
from ledger.errors import InvalidInput
from ledger.requests import from_request
from tests.given_when_then import do, given, refused, top_up


def is_no_input(name: str, **fields: object) -> None:
    story = given()
    length = len(story.log)
    with pytest.raises(InvalidInput):
        story.when(do(name, **fields))
    assert len(story.log) == length


def test_each_amount_of_a_command_declares_its_least() -> None:
    """R2: what is a decimal in a command reaches its rule as an integer, checked."""
    for command in c.COMMAND_TYPES:
        decimals = [
            field.name
            for field in inspect.type_info(command).fields  # type: ignore[attr-defined]
            if inspect.DecimalType in map(type, getattr(field.type, "types", (field.type,)))
        ]
        assert sorted(c.AMOUNT_FIELDS[command]) == sorted(decimals), command


TOP_UP = '{"do":"top-up","account":"a-1","channel":"c","serial":"s","amount":%s}'


@pytest.mark.parametrize(
    "amount",
    ["NaN", "Infinity", "-Infinity", "1e2", "1E2", "sNaN", ".5", "5.", "+5", "1_000", " 5", "5 ",
     "5\\n", "", "-", ".", "1.2.3", "1,000", "\u0661\u0660", "\uff11\uff10", "0x10", "\u00b2"],
)  # fmt: skip
def test_an_amount_is_ascii_digits_with_at_most_one_point(amount: str) -> None:
    """R2: any other form is not an amount (section 0)."""
    with pytest.raises(InvalidInput, match=r"amount|not a command|decimal"):
        parse(TOP_UP % f'"{amount}"')


@pytest.mark.parametrize("amount", ["1e2", "1E2", "true", "null", "[1]", "{}", "1.0e0"])
def test_an_amount_in_json_is_text_or_a_plain_number(amount: str) -> None:
    """R2: `350`, `350.0`, `350.00` are taken (INTERFACE section 1), an exponent is not."""
    with pytest.raises(InvalidInput):
        parse(TOP_UP % amount)


@pytest.mark.parametrize("amount", ["350", "350.0", "350.00", '"350"', '"0350.00"', '"\\u0033"'])
def test_an_amount_that_interface_names_is_taken(amount: str) -> None:
    """R2: also where its digits are escaped, as JSON allows."""
    parse(TOP_UP % amount)


@pytest.mark.parametrize("amount", ["-5", "-0.01", "0", "-0", "1000000000000000.01"])
def test_an_amount_in_the_right_form_is_judged_by_the_rules(amount: str) -> None:
    """R2: not > 0, or over 10^15 minor units: INVALID_AMOUNT."""
    given().when(top_up(amount)).then(refused("INVALID_AMOUNT"))


@pytest.mark.parametrize("whole", ["10000000000000.00", "10000000000000.01"])
def test_ten_to_the_fifteenth_minor_units_is_the_most(whole: str) -> None:
    """R2: what exceeds 10^15 minor units is INVALID_AMOUNT."""
    story = given().when(top_up(whole, serial="s"))
    assert getattr(story.result, "code", None) == (None if whole[-1] == "0" else "INVALID_AMOUNT")


HOSTILE = [
    "", " a", "a ", "a\n", "\ta", "a\u0000", "a\u200b", "\u202ea", "a\u2028", "a\u2029b", "a\u00ad",
    "\u00a0a", "a\u3000", "e\u0301", "\u212b", "x" * 129, "\ufeffa", "a\x85",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["account", "channel", "serial"])
def test_an_id_is_one_spelling_of_a_name(name: str, field: str) -> None:
    """R37: 1-128 characters, NFC, no Cc, Cf, Zl, Zp, no outer white space (section 0)."""
    fields = {"account": "a", "channel": "c", "serial": "s", "amount": "1", field: name}
    with pytest.raises(InvalidInput, match=field):
        from_fields({"do": "top-up", **fields})


@pytest.mark.parametrize("name", HOSTILE)
def test_an_id_in_a_list_is_one_too(name: str) -> None:
    """R27: anything else is exit 2 wherever an id stands, in lists too (section 0)."""
    fields = {"account": "a", "instances": ["e-1", name], "months": 1}
    with pytest.raises(InvalidInput, match="instances"):
        from_fields({"do": "renew", **fields})


@pytest.mark.parametrize(
    "name",
    ["x" * 128, "\u5f20\u4e09", "\U0010ffff", "\ufdd0", "\ue000", "\u0378", "a b", "\u00e9",
     "a'b", "%"],
)  # fmt: skip
def test_every_other_id_is_taken(name: str) -> None:
    """R37: private, unassigned and noncharacters are not among what is refused (section 0)."""
    story = given().when(from_fields({"do": "open-account", "account": name}))
    story.then("AccountOpened")


@pytest.mark.parametrize("name", ["auto", "none"])
def test_a_coupon_is_not_called_like_a_word_of_the_rules(name: str) -> None:
    """R37, R39: `auto` and `none` cannot name a coupon."""
    with pytest.raises(InvalidInput, match=name):
        from_fields({"do": "grant-coupon", "account": "a", "coupon": name, "amount": "1",
                     "ends": "2030-01-01"})  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '{"do":"cancel","account":"a","instance":"e","account":"b"}',
        '{"do" :"cancel","account":"a","instance":"e","account" : "a"}',
        '{"do":"cancel","do":"cancel","account":"a","instance":"e"}',
        '{"do":"cancel","account":"a","instance":"e","\\u0061ccount":"b"}',
        '{"do":"cancel","account":"a","instance":"e","reason":"\\":","account":"a"}',
    ],
)
def test_a_key_that_stands_twice_is_named(line: str) -> None:
    """R58: which of the two was meant, nobody can say."""
    with pytest.raises(InvalidInput, match="twice") as caught:
        parse(line)
    assert "account" in str(caught.value) or "do" in str(caught.value)


def test_a_quote_and_a_colon_in_a_text_are_no_key() -> None:
    """R58: escaped quotes, and white space around the colons."""
    parse('{ "do" : "cancel" , "account" : "a" , "instance" : "e" , "reason" : "say \\":\\": x" }')


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk", "latin-1"]
)
def test_another_encoding_is_named_plainly(encoding: str) -> None:
    """R58: said as what it is, not as JSON that is malformed at byte 0."""
    line = '{"do":"cancel","account":"a","instance":"e","reason":"caf\u00e9"}'.encode(encoding)
    with pytest.raises(InvalidInput, match=r"not UTF-8|UTF-16"):
        parse(line)


def test_a_byte_order_mark_is_no_part_of_a_line() -> None:
    """R58: an editor's mark; the same command."""
    line = b'{"do":"cancel","account":"a","instance":"e"}'
    assert parse(b"\xef\xbb\xbf" + line) == parse(line)


def test_a_refusal_keeps_a_bounded_copy_that_is_refused_again() -> None:
    """R27, R58: a hundred thousand digits, a million instances."""
    story = given()
    names = ",".join(f'"i-{n}"' for n in range(200_000))
    for line, code in (
        (TOP_UP % ('"' + "9" * 100_000 + '"'), "INVALID_AMOUNT"),
        (TOP_UP % ('"1.' + "0" * 100_000 + '"'), "INVALID_AMOUNT"),
        (f'{{"do":"renew","account":"a-1","months":1,"instances":[{names}]}}', "NOT_RENEWABLE"),
    ):  # fmt: skip
        story.when(parse(line)).then(refused(code))
        assert len(codec.encode(story.log[-1])) < 2000
        again = from_request(story.log[-1].request)
        story.when(again).then(refused(code))


def test_a_message_cuts_what_it_quotes() -> None:
    """R58: a message stays short however long the input was."""
    long = "x" * 100_000
    for line in (
        f'{{"do":"{long}"}}', f'{{"do":"cancel","{long}":1}}', TOP_UP % f'"{long}"',
        f'{{"do":"open-account","account":"{long}"}}', TOP_UP % f'"1","effective_at":"{long}"',
        f'{{"do":"set-policy","key":"{long}","value":"1"}}',
        f'{{"do":"set-policy","key":"retention","value":"{"1" * 100_000}"}}',
        f'{{"do":"set-policy","key":"alert_reminders","value":"{"1" * 100_000}"}}',
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as caught:
            given().when(parse(line))
        assert len(str(caught.value)) + len(str(caught.value.hint)) < 700


def test_a_line_has_a_limit() -> None:
    """R58: a line of ten million bytes is not a command."""
    with pytest.raises(InvalidInput, match="8 MiB"):
        parse(b'{"do":"cancel","account":"a","instance":"e","reason":"' + b"x" * 10**7 + b'"}')


@pytest.mark.parametrize(
    "currency", ["XXX", "XAU", "XDR", "ABC", "cny", "CN", "CNYY", "", "CNY\n", "\uff23NY", "123"]
)
def test_a_currency_is_one_of_iso_4217_with_minor_units(currency: str) -> None:
    """R2: one without minor units cannot be counted (section 0)."""
    with pytest.raises(InvalidInput, match=r"currency|minor units"):
        given().when(from_fields(
            {"do": "open-account", "account": "x", "currency": currency}
        ))  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("JPY", 0), ("ISK", 0), ("UGX", 0), ("XAF", 0), ("XOF", 0), ("PYG", 0), ("RWF", 0),
     ("KWD", 3), ("BHD", 3), ("JOD", 3), ("IQD", 3), ("LYD", 3), ("OMR", 3), ("TND", 3),
     ("CNY", 2), ("CLF", 4), ("UYW", 4)],
)  # fmt: skip
def test_a_currency_has_the_decimals_of_the_standard(currency: str, decimals: int) -> None:
    """R2: more decimals than the currency has are INVALID_AMOUNT (section 0)."""
    opened = from_fields({"do": "open-account", "account": "x", "currency": currency})
    paid = "1." + "0" * (decimals - 1) + "1" if decimals else "1"
    story = given().given(opened).given(top_up(paid, account="x", serial="1"))
    assert story.shown("x")["cash"] == paid
    finer = paid + "1" if decimals else "1.1"
    story.when(top_up(finer, account="x", serial="2")).then(refused("INVALID_AMOUNT"))


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


def test_a_token_has_an_end() -> None:
    """R28: it tells one request from another; anything may be in it, but not anything much."""
    line = '{"do":"open-account","account":"a-1","token":%s}'
    for token in ("k" * 255, "x\0y"):
        assert parse(line % json.dumps(token)).token == token
    for token in ('""', f'"{"k" * 256}"'):
        with pytest.raises(InvalidInput, match="token"):
            parse(line % token)


ODD: tuple[object, ...] = (
    7, 1.5, "x", "", [], ["x"], [7], {}, True, None, 10**30, "1,000", "x" * 2000,
)  # fmt: skip


@pytest.mark.parametrize("name", c.COMMANDS)
def test_a_wrong_value_is_told_in_our_words(name: str) -> None:
    """R58: the field, its form and its choices; nothing of the parser's own words."""
    fields = c.COMMANDS[name].__struct_fields__
    whole: dict[str, object] = dict.fromkeys(fields, "1") | {
        field: good
        for field, good in {
            "months": 1, "instances": ["i-1"], "products": None, "order_types": None,
            "auto_renew": True, "override": False, "expected_version": 1,
        }.items()
        if field in fields
    }  # fmt: skip
    if name == "activate-public":
        whole["kind"] = "public_new"
    for field, odd in product(fields, ODD):
        try:
            c.from_fields({"do": name, **whole, field: odd})
        except InvalidInput as error:
            said = f"{error} {error.hint}"
            assert field in said
            assert not re.search(r"[`$]|Expected|Invalid|msgspec", said)


def test_a_wrong_choice_gets_the_nearest_one() -> None:
    fields: dict[str, object] = {
        "do": "activate-public", "account": "a-1", "instance": "p-1", "kind": "publc_new",
    }  # fmt: skip
    with pytest.raises(InvalidInput) as raised:
        c.from_fields(fields)
    assert str(raised.value) == (
        "activate-public: kind cannot be 'publc_new': it is one of public_legacy, public_new"
    )
    assert raised.value.hint == "did you mean public_new?"
    with pytest.raises(InvalidInput, match="needs amount, channel, serial"):
        c.from_fields({"do": "top-up", "account": "a-1"})
