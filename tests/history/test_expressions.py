"""The expression language: what it means, what it refuses, and that nothing is ever run."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import events as e
from ledger.account import evolve
from ledger.errors import InvalidInput, LedgerError
from ledger.events import RecordedEvent
from ledger.periods import DAY, HOUR
from ledger.policy import Policy
from ledger.state import AccountState
from projections.history.compiling import compile_expression, parse_name
from projections.history.expressions import Expression, write_number
from projections.history.fields import Look, Name

OFFSET = 8 * HOUR
FEB = 1_738_339_200_000_000  # 2025-02-01T00:00:00+08:00


def compiled(text: str, currency: str = "CNY") -> Expression:
    return compile_expression(text, currency=currency, offset=OFFSET)


def happened(state: AccountState, *events: e.AnyEvent) -> None:
    for event in events:
        version = state.version + 1
        evolve(state, RecordedEvent(
            position=version, stream="account:a-1", version=version,
            recorded_at=FEB, effective_at=FEB, event=event,
        ))  # fmt: skip


def account() -> Look:
    """350.10 in cash; coupon c-1 of 300, 120 left; public instance i-1 runs; enterprise i-2."""
    state = AccountState("a-1")
    happened(
        state,
        e.AccountOpened(account="a-1", currency="CNY"),
        e.TopUpReceived(channel="x", serial="1", amount=53010),
        e.CouponGranted(coupon="c-1", amount=30000, starts=FEB, ends=FEB + DAY, granted_at=FEB),
        e.PublicInstanceActivated(instance="i-1", kind="public_new"),
        e.InstancePurchased(
            instance="i-2", sku="std", monthly_price=36000, months=1, price=36000,
            coupon_part=18000, cash_part=18000, starts=FEB, expires_at=FEB + 30 * DAY,
            coupon="c-1",
        ),
    )  # fmt: skip
    return Look(state, Policy(), FEB)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cash == 350.10", True), ("cash == 350.1", True), ("cash < 350.10", False),
        ("350.09 < cash <= 350.10", True), ("cash != 350.11", True),
        ("cash", 35010), ("-cash", -35010), ("cash - 50", 30010), ("2 * cash + 0.05", 70025),
        ("cash * 3 - outstanding", 105030), ("available == cash", True),
        ("not overdue", True), ("overdue or cash > 1", True), ("overdue and cash > 1", False),
        ("overdue_since == null", True), ("overdue_since is None", True),
        ("overdue_since < '2025-03-01'", False), ("overdue_since >= '2025-03-01'", False),
        ("alert.threshold", None), ("alert.threshold + 1", None), ("alert.raised", False),
        ('coupons["c-1"].remaining', 12000), ('coupons["c-1"].remaining == 120', True),
        ('coupons["c-1"].status == "active"', True), ('coupons["c-1"].ends > "2025-02-01"', True),
        ('instances["i-1"].state == "running"', True),
        ("instances['i-1'].state in ('frozen', 'running')", True),
        ("instances['i-1'].kind not in ['trial']", True),
        ('instances["i-1"].expires_at == null', True),
        ('instances["i-2"].expires_at == "2025-03-03"', True),
        ('instances["i-2"].expires_at > instances["i-2"].releases_at', False),
        ('instances["i-2"].auto_renew.months', None), ('instances["i-2"].sku == "std"', True),
        ('instances["i-9"]', None), ('instances["i-9"].state == "running"', False),
        ('instances["i-9"].state == null', True), ('instances["i-9"] == null', True),
        ('instances["i-2"]', True), ('coupons["c-9"].remaining < 5', False),
        ('coupons["c-9"].remaining - 5', None), ("len(instances) == 2", True),
        ("len(unpaid) + 1", 1), ("1 < 2", True), ("1.5 + 2 * 3", Fraction(15, 2)),
        ("true and not false", True), ("null == null", True),
    ],
)  # fmt: skip
def test_what_an_expression_means(text: str, value: object) -> None:
    assert compiled(text).value(account()) == value


def test_before_the_account_exists_everything_is_null() -> None:
    look = Look(AccountState("a-1"), Policy(), 0)
    for text in ("cash == 0", "not overdue", "len(unpaid)", "true"):
        assert compiled(text).value(look) is None


def test_old_changed_and_delta_look_at_the_event_before() -> None:
    look = account()
    expressions = [compiled(text) for text in (
        "old(cash)", "changed(cash)", "delta(cash)", "changed(instances['i-3'])", "old(old(cash))",
    )]  # fmt: skip
    for expression in expressions:
        assert expression.remembers
        expression.remember(look)
    happened(look.state, e.TopUpReceived(channel="x", serial="2", amount=5))
    assert [expression.value(look) for expression in expressions] == [35010, True, 5, False, None]
    for expression in expressions:
        expression.remember(look)
    happened(look.state, e.PublicInstanceActivated(instance="i-3", kind="public_new"))
    assert [expression.value(look) for expression in expressions] == [35015, False, 0, True, 35010]


def test_money_is_exact_in_any_currency() -> None:
    assert compiled("cash == 35010", "JPY").value(account()) is True
    assert compiled("cash == 35.010", "KWD").value(account()) is True
    with pytest.raises(InvalidInput, match="too many decimals"):
        compiled("cash == 0.5", "JPY")
    with pytest.raises(InvalidInput, match="too many decimals"):
        compiled("cash == 0.001")
    assert compiled("cash < 90071992547409.93").value(account()) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("oustanding > 0", "column 1: there is no 'oustanding'; did you mean outstanding?"),
        ('not instances["i-1"].stat', "column 22: there is no 'stat'; did you mean state?"),
        ('instances["i-1"].state == "runing"', "'runing' is not a possible value; did you mean"),
        ("instances[i].state", 'write instances["i"]'), ("instances", "needs an id"),
        ("instance['i']", "did you mean instances"), ("cash = 5", "compare with =="),
        ("cash == '5'", "without quotes"), ("cash / 2", "only + - *"), ("cash // 2", "only + - *"),
        ("cash * cash", "an amount"), ("cash * 1.5", "whole numbers"), ("cash + overdue", "cannot"),
        ("overdue < 3", "cannot compare"), ("overdue < alert.raised", "no order"),
        ("overdue_since > 'soon'", "not an instant"), ("1e3", "not a plain number"),
        ("0x10", "not a plain number"), ("1_000", "not a plain number"),
        ("'a' + 'b'", "does not apply"), ("-overdue", "does not apply"), ("~1", "only unary -"),
        ("old()", "takes one term"), ("len(cash)", "len() counts"), ("sum(cash)", "no 'sum'"),
        ("changd(cash)", "did you mean changed"), ("cash in (outstanding, 1)", "only literals"),
        ("cash in 5", "list the allowed values"), ("", "syntax error"), ("a" * 3000, "longer"),
        ("cash if overdue else 1", "not allowed"), ("[1, 2]", "not allowed"),
        ("'x' 5", "syntax error"), ("cash == 5 5", "syntax error"), ("\0", "syntax error"),
    ],
)  # fmt: skip
def test_a_wrong_expression_is_explained_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compiled(text)
    assert said in f"{caught.value}; {caught.value.hint}"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "().__class__", "(lambda: 1)()", "[x for x in 'a']", "f'{cash}'",
        "cash.__class__", "print(1)", "exec('1')", "x := 1", "*cash", "{}", "b'x'", "...",
        "instances['i'].__init__", "open('x').read()", "yield", "await x", "cash ** 9**9**9",
    ],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        compiled(text)


def test_deep_nesting_is_refused_without_a_traceback() -> None:
    for text in ("(" * 900 + "1" + ")" * 900, "not " * 450 + "cash", "-" * 1900 + "1"):
        try:
            assert isinstance(compiled(text), Expression)
        except InvalidInput as error:
            assert len(str(error)) < 300  # noqa: PT017 - either will do


NAMES = ["cash", "outstanding", "overdue", 'coupons["c-1"].remaining', "1", "2.5", "null", '"x"']


@given(st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "<", "==", "and", "or", "/", "in"]), inner)
        .map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda one: f"not {one}"), inner.map(lambda one: f"old({one})"),
        inner.map(lambda one: f"delta({one})"),
    ),
    max_leaves=8,
))  # fmt: skip
def test_what_compiles_has_a_value(text: str) -> None:
    try:
        expression = compiled(text)
    except LedgerError:
        return
    value: Any = expression.value(account())
    assert value is None or isinstance(value, int | str | Fraction)
    expression.remember(account())


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        compiled(text)
    except LedgerError as error:
        assert str(error)  # noqa: PT017 - most texts are not expressions


@given(st.text(min_size=1, max_size=12))
def test_a_name_with_any_id_is_read_back(member: str) -> None:
    name = Name("state", "instances", member)
    try:
        assert parse_name(str(name)) == name
    except InvalidInput:
        assert "\0" in member or not member.isprintable()


@pytest.mark.parametrize(
    ("number", "text"),
    [(Fraction(3), 3), (Fraction(-5, 2), "-2.5"), (Fraction(1, 100), "0.01")],
)
def test_numbers_are_written_as_decimals(number: Fraction, text: object) -> None:
    assert write_number(number) == text
