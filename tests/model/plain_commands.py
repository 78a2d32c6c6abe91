"""The shape of the commands of INTERFACE section 3: fields and types, not what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unicodedata import category, normalize

from .plain_calendar import read_day_or_instant, read_instant
from .plain_errors import UsageError
from .plain_money import check_rated, fen, read_decimal
from .plain_policy import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Command = dict[str, Any]

EVERYWHERE = "at:instant do:text actor?:text reason?:text token?:word expected_version?:version"
COMMANDS: Mapping[str, str] = {
    "open-account": "account:id currency?:currency",
    "set-price": "sku:id monthly_price:amount",
    "top-up": "account:id amount:amount channel:id serial:id "
    "effective_at?:instant override?:flag",
    "reverse-top-up": "account:id channel:id serial:id amount:amount "
    "effective_at?:instant override?:flag",
    "grant-coupon": "account:id coupon:coupon_name amount:amount starts?:day ends:day "
    "products?:products order_types?:order_types minimum_spend?:amount "
    "effective_at?:instant override?:flag",
    "record-usage": "account:id usage:id instance:id cycle_start:instant cycle_end:instant "
    "rated:amount effective_at?:instant override?:flag",
    "post-bill": "account:id bill:id instance:id cycle_start:instant cycle_end:instant "
    "rated:amount effective_at?:instant override?:flag",
    "credit-note": "account:id note:id bill:id amount:amount effective_at?:instant override?:flag",
    "activate-public": "account:id instance:id kind:public_kind",
    "start-trial": "account:id instance:id sku:id",
    "purchase": "account:id instance:id sku:id months:whole auto_renew?:flag coupon?:id",
    "renew": "account:id instances:ids months:whole auto_renew?:flag coupon?:id",
    "enable-auto-renew": "account:id instances:ids months:whole",
    "modify-auto-renew": "account:id instances:ids months:whole",
    "disable-auto-renew": "account:id instances:ids",
    "freeze": "account:id instance:id effective_at?:instant override?:flag",
    "continue-trial": "account:id instance:id",
    "upgrade": "account:id instance:id sku:id months:whole coupon?:id",
    "change-spec": "account:id instance:id sku:id coupon?:id",
    "cancel": "account:id instance:id",
    "cancel-renewal": "account:id instance:id",
    "restore": "account:id instance:id effective_at?:instant override?:flag",
    "set-alert": "account:id threshold:threshold",
    "set-policy": "key:id value:policy_value",
}
# What a field not given says; so a repeat that spells the default out is the same command (R28).
UNSAID: Mapping[str, object] = {"currency": "CNY", "auto_renew": False, "coupon": "auto",
                               "override": False}
LONGEST_ID = 128
PRODUCTS = ("iot_enterprise", "iot_public")
ORDER_TYPES = ("new", "renew", "upgrade", "pay_as_you_go")


def read_command(line: object) -> Command:
    """One line with every field read; unknown command or field, wrong type: UsageError."""
    if not isinstance(line, dict) or line.get("do") not in COMMANDS:
        raise UsageError(f"not a command: {line!r}")
    fields = {}
    for word in f"{EVERYWHERE} {COMMANDS[line['do']]}".split():
        name, kind = word.split(":")
        fields[name.removesuffix("?")] = (kind, name.endswith("?"))
    for name in line:
        if name not in fields:
            raise UsageError(f"{line['do']} has no field {name!r}")
    command: Command = {}
    for name, (kind, optional) in fields.items():
        value = line.get(name)
        if value is None and optional:
            value = UNSAID.get(name)
            if value is None:
                continue
        elif name not in line:
            raise UsageError(f"{line['do']} needs {name!r}")
        command[name] = READERS[kind](value)
    if command["do"] == "set-policy":
        read_policy({command["key"]: command["value"]})
    return command


def same_request(first: Command, second: Command) -> bool:
    """R28: the same command with the same fields, `at`, `actor` and `reason` aside."""
    aside = ("at", "actor", "reason")
    return {k: v for k, v in first.items() if k not in aside} == {
        k: v for k, v in second.items() if k not in aside
    }


def with_checked_amounts(command: Command) -> Command:
    """R2: the same command with its amounts in fen (`rated` stays a decimal)."""
    checked = dict(command)
    if "amount" in command:
        checked["amount"] = fen(command["amount"], zero_allowed=False)
    for name in ("monthly_price", "threshold", "minimum_spend"):
        if command.get(name) is not None:
            checked[name] = fen(command[name], zero_allowed=True)
    if "rated" in command:
        checked["rated"] = check_rated(command["rated"])
    return checked


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"not a text: {value!r}")
    return value


def _id(value: object) -> str:
    """Section 0: 1-128 characters, NFC, no Cc, Cf, Zl, Zp, no white space at either end."""
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= LONGEST_ID
        or any(category(character) in ("Cc", "Cf", "Zl", "Zp") for character in value)
        or normalize("NFC", value) != value
        or value.strip() != value
    ):
        raise UsageError(f"not a name: {value!r}")
    return value


def _coupon_name(value: object) -> str:
    """R37: the words of R39 name no coupon."""
    if value in ("auto", "none"):
        raise UsageError(f"not a coupon's name: {value!r}")
    return _id(value)


def _word(value: object) -> str:
    if not _text(value):
        raise UsageError("an empty word")
    return str(value)


def _ids(value: object) -> list[str]:
    if not isinstance(value, list):
        raise UsageError(f"not a list: {value!r}")
    return [_id(one) for one in value]


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"not a whole number: {value!r}")
    return value


def _version(value: object) -> int:
    number = _whole(value)
    if number < 0:
        raise UsageError(f"not a version: {value!r}")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"not true or false: {value!r}")
    return value


def _threshold(value: object) -> object:
    return None if value is None else read_decimal(value)


def _currency(value: object) -> str:
    if value != "CNY":
        raise UsageError(f"not the currency of this ledger: {value!r}")
    return "CNY"


def _public_kind(value: object) -> str:
    if value not in ("public_new", "public_legacy"):
        raise UsageError(f"not a public kind: {value!r}")
    return str(value)


def _policy_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _text(value)


def _some_of(allowed: tuple[str, ...]) -> Callable[[object], list[str] | None]:
    def read(value: object) -> list[str] | None:
        if value == "all":
            return None
        names = _ids(value)
        if not names or any(name not in allowed for name in names):
            raise UsageError(f"not some of {', '.join(allowed)}: {value!r}")
        return sorted(set(names))

    return read


READERS: Mapping[str, Callable[[Any], Any]] = {
    "id": _id,
    "ids": _ids,
    "coupon_name": _coupon_name,
    "text": _text,
    "word": _word,
    "whole": _whole,
    "version": _version,
    "flag": _flag,
    "instant": read_instant,
    "day": read_day_or_instant,
    "amount": read_decimal,
    "threshold": _threshold,
    "currency": _currency,
    "public_kind": _public_kind,
    "policy_value": _policy_value,
    "products": _some_of(PRODUCTS),
    "order_types": _some_of(ORDER_TYPES),
}
