"""What a backtest changes, read from options and files: policy, prices, coupons, customers.

Invariant: everything is checked before anything is decided again. This module must not know what
comes of it.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli.commands.init import read_policy
from ledger.errors import InvalidInput
from ledger.money import to_minor
from ledger.policy import did_you_mean, parse_duration
from ledger.rehearsal.changes import Changes, PriceChange, check_policy
from ledger.rehearsal.customers import Rule, read_rules, topping_up
from projections.history.points import read_start
from projections.impact import COUNTS, MONEY, SPANS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECORDED, TOPPING_UP = "recorded", "topping-up"
WITHDRAWN = "withdrawn"
DEFAULT_WITHIN = "12h"  # before the next daily slot
PRICE_COLUMNS = ("sku", "monthly_price", "from")
_BYTES_MAX = 16 << 20
_COUPON_FIELDS = ("amount", "starts", "ends", "minimum_spend")


class Customers(NamedTuple):
    """The assumption about customers, and how the report names it."""

    rules: tuple[Rule, ...]
    said: str


def read_changes(
    policy: tuple[str, ...], prices: str | None, coupons: tuple[str, ...], *,
    currency: str, offset: int,
) -> Changes:  # fmt: skip
    """Read what is changed. Raises: InvalidInput, OSError."""
    values = read_policy(policy)
    check_policy(values)
    return Changes(
        policy=values,
        prices=() if prices is None else read_prices(prices, currency=currency, offset=offset),
        coupons=read_coupons(coupons),
    )


def read_text(path: str) -> str:
    """Read a small text file. Raises: InvalidInput, OSError."""
    with Path(path).open("rb") as file:
        body = file.read(_BYTES_MAX + 1)
    if len(body) > _BYTES_MAX:
        msg = f"{path!r} is larger than {_BYTES_MAX >> 20} MiB"
        raise InvalidInput(msg, hint="this is not a file that a person wrote")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = f"{path!r} is not UTF-8 text"
        raise InvalidInput(msg, hint="save it as UTF-8") from None


def read_prices(path: str, *, currency: str, offset: int) -> tuple[PriceChange, ...]:
    """Read a price list: CSV with sku, monthly_price and from; an empty ``from`` is the beginning.

    Raises: InvalidInput, OSError.
    """
    rows = csv.DictReader(read_text(path).splitlines())
    header = tuple(name.strip() for name in rows.fieldnames or ())
    if set(header) != set(PRICE_COLUMNS):
        msg = f"{path!r} has the columns {', '.join(header) or '(none)'}"
        raise InvalidInput(msg, hint=f"a price list has the columns {','.join(PRICE_COLUMNS)}")
    rows.fieldnames = list(header)
    found = []
    for row in rows:
        where = f"{path} line {rows.line_num}"
        sku, price, since = ((row[name] or "").strip() for name in PRICE_COLUMNS)
        if not sku or None in row:
            msg = f"{where} is not sku,monthly_price,from"
            raise InvalidInput(msg, hint="write it like: std,550.00,2025-07-01")
        minor = to_minor(_decimal(price, where), currency, least=0, what="monthly_price")
        found.append(PriceChange(read_start(since, offset) if since else 0, sku, minor))
    if not found:
        msg = f"{path!r} names no price"
        raise InvalidInput(msg, hint="write one line per price: std,550.00,2025-07-01")
    return tuple(sorted(found))


def _decimal(text: str, where: str) -> Decimal:
    whole, point, part = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (part.isdigit() or not point)):
        msg = f"{where}: {text!r} is not a price"
        raise InvalidInput(msg, hint='write it like "550.00"')
    return Decimal(text)


def read_coupons(given: Iterable[str]) -> Mapping[str, Mapping[str, str] | None]:
    """Read ``c-1=withdrawn`` or ``c-1=amount:50.00``, repeated. Raises: InvalidInput."""
    found: dict[str, dict[str, str] | None] = {}
    for text in given:
        coupon, equals, change = text.rpartition("=")
        name, colon, value = change.partition(":")
        if not equals or not coupon or (change != WITHDRAWN and not (colon and value)):
            msg = f"{text!r} does not change a coupon"
            raise InvalidInput(msg, hint="write c-1=withdrawn, or c-1=amount:50.00")
        if change == WITHDRAWN:
            found[coupon] = None
            continue
        if name not in _COUPON_FIELDS:
            hint = did_you_mean(name, list(_COUPON_FIELDS)) or ", ".join(_COUPON_FIELDS)
            msg = f"{name!r} of a coupon cannot be changed"
            raise InvalidInput(msg, hint=hint)
        fields = found.setdefault(coupon, {})
        if fields is not None:
            fields[name] = value
    return found


def read_customers(text: str, within: str | None) -> Customers:
    """Read the assumption about customers. Raises: InvalidInput, OSError."""
    if within is not None and text != TOPPING_UP:
        msg = "--within says how soon customers top up"
        raise InvalidInput(msg, hint=f"use it with: --customers {TOPPING_UP}")
    if text == RECORDED:
        return Customers((), "as recorded: every top-up as it was, none besides")
    if text == TOPPING_UP:
        after = within or DEFAULT_WITHIN
        return Customers(
            topping_up(parse_duration(after)),
            f"topping up: {after} after an automatic renewal that failed only here, what is short",
        )
    import tomllib  # noqa: PLC0415 - for a file of rules alone

    try:
        document = tomllib.loads(read_text(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        msg = f"{text!r} is not valid TOML: {error}"
        raise InvalidInput(msg, hint=f"or use {RECORDED} or {TOPPING_UP}") from None
    rules = read_rules(document)
    count = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    return Customers(rules, f"by {count} of {text}, besides every top-up as it was")


def read_limits(given: Iterable[str]) -> list[tuple[str, Decimal]]:
    """Read ``charged_delta=1000``: a measure, and how much it may change. Raises: InvalidInput."""
    known = [f"{name}_delta" for name in (*MONEY, *SPANS, *COUNTS)]
    found = []
    for text in given:
        name, _, limit = text.partition("=")
        if name not in known:
            hint = did_you_mean(name, known) or f"use one of: {', '.join(known)}"
            msg = f"{name!r} is not a difference that a backtest computes"
            raise InvalidInput(msg, hint=hint)
        found.append((name.removesuffix("_delta"), _decimal(limit, name)))
    return found
