"""The command vocabulary, declared once: import, ``tally record`` and the docs derive from it.

Invariant: a command is what somebody asked, not yet judged. ``normalise`` turns the instants
given as text into integers, ``minor_units`` the amounts, each as its field declares; the rules
read integers. What is stored of a command keeps its amounts as they were written.
This module must not know what a command leads to.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from ledger.errors import InvalidInput
from ledger.input.ids import ID_MAX, check_id
from ledger.input.lines import bare, check_pairs
from ledger.money import to_minor, to_rated
from ledger.periods import DAY, is_bare_date, parse_instant
from ledger.quoting import quoted

# What an id is, ``parse`` checks (ledger/input/ids.py): logs of older versions hold others too.
Id = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": ID_MAX})]
Ids = list[Id]
Whole = Annotated[int, Meta(ge=-(2**31), le=2**31)]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]
TOKEN_MAX = 255  # checked where a command is read: logs of older versions hold longer ones
Token = Annotated[str, Meta(min_length=1, extra_json_schema={"maxLength": TOKEN_MAX})]


class Least(NamedTuple):
    """The least that an amount may be, in minor units (R2)."""

    least: int
    rated: bool = False  # has up to ten decimals, and is rounded down (R8)


Amount = Annotated[Decimal, Least(1)]
Price = Annotated[Decimal, Least(0)]  # or a threshold: it may be zero
Rated = Annotated[Decimal, Least(0, rated=True)]
if TYPE_CHECKING:
    Instant = int
else:  # written as RFC 3339 text; normalise() puts UTC microseconds in its place
    Instant = str | int
LIST_MAX = 100  # instances that one command may name (R27); one that names more is refused
Products = Annotated[list[Literal["iot_enterprise", "iot_public"]], Meta(max_length=LIST_MAX)]
OrderTypes = Annotated[
    list[Literal["new", "renew", "upgrade", "pay_as_you_go"]], Meta(max_length=LIST_MAX)
]


class Command(
    Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="do"
):
    """What every command may carry besides its own fields (INTERFACE section 3)."""

    at: Instant | None = None
    actor: Text | None = None
    reason: Text | None = None
    token: Token | None = None
    expected_version: Whole | None = None


class AccountCommand(Command, kw_only=True):
    """A command to one account."""

    account: Id


class FactCommand(AccountCommand, kw_only=True):
    """A fact from outside, which may arrive late (R11), even for a closed period (R62)."""

    effective_at: Instant | None = None
    override: bool = False


class OpenAccount(AccountCommand, kw_only=True, tag="open-account"):
    """Open an account."""

    currency: str | None = None


class SetPrice(Command, kw_only=True, tag="set-price"):
    """Set the monthly list price of a sku from now on."""

    sku: Id
    monthly_price: Price


class TopUp(FactCommand, kw_only=True, tag="top-up"):
    """Add cash under the payment key (channel, serial)."""

    amount: Amount
    channel: Id
    serial: Id


class ReverseTopUp(FactCommand, kw_only=True, tag="reverse-top-up"):
    """Take a top-up back, wholly or in part (chargeback)."""

    channel: Id
    serial: Id
    amount: Amount


class GrantCoupon(FactCommand, kw_only=True, tag="grant-coupon"):
    """Grant a coupon that is valid on [starts, ends); a bare ends is the last valid day."""

    coupon: Id
    amount: Amount
    ends: Instant
    starts: Instant | None = None
    products: Products | Literal["all"] | None = None
    order_types: OrderTypes | Literal["all"] | None = None
    minimum_spend: Price | None = None


class RecordUsage(FactCommand, kw_only=True, tag="record-usage"):
    """Record rated usage of one cycle, billed at cycle_end + bill_delay."""

    usage: Id
    instance: Id
    cycle_start: Instant
    cycle_end: Instant
    rated: Rated


class PostBill(FactCommand, kw_only=True, tag="post-bill"):
    """Post a bill that arrives ready made."""

    bill: Id
    instance: Id
    cycle_start: Instant
    cycle_end: Instant
    rated: Rated


class CreditNote(FactCommand, kw_only=True, tag="credit-note"):
    """Take back part of a bill."""

    note: Id
    bill: Id
    amount: Amount


class ActivatePublic(AccountCommand, kw_only=True, tag="activate-public"):
    """Activate a public instance."""

    instance: Id
    kind: Literal["public_new", "public_legacy"]


class StartTrial(AccountCommand, kw_only=True, tag="start-trial"):
    """Start a free Enterprise trial of one month."""

    instance: Id
    sku: Id


class Purchase(AccountCommand, kw_only=True, tag="purchase"):
    """Buy an Enterprise instance."""

    instance: Id
    sku: Id
    months: Whole
    auto_renew: bool = False
    coupon: Id = "auto"


class Renew(AccountCommand, kw_only=True, tag="renew"):
    """Renew one or many Enterprise instances with one payment."""

    instances: Ids
    months: Whole
    auto_renew: bool = False
    coupon: Id = "auto"


class EnableAutoRenew(AccountCommand, kw_only=True, tag="enable-auto-renew"):
    """Switch auto-renewal on."""

    instances: Ids
    months: Whole


class ModifyAutoRenew(AccountCommand, kw_only=True, tag="modify-auto-renew"):
    """Change the period of auto-renewal."""

    instances: Ids
    months: Whole


class DisableAutoRenew(AccountCommand, kw_only=True, tag="disable-auto-renew"):
    """Set instances to manual renewal."""

    instances: Ids


class Freeze(FactCommand, kw_only=True, tag="freeze"):
    """The platform froze an inactive new public instance."""

    instance: Id


class ContinueTrial(AccountCommand, kw_only=True, tag="continue-trial"):
    """Let a frozen public instance run again, free."""

    instance: Id


class Upgrade(AccountCommand, kw_only=True, tag="upgrade"):
    """Upgrade a public instance to Enterprise."""

    instance: Id
    sku: Id
    months: Whole
    coupon: Id = "auto"


class ChangeSpec(AccountCommand, kw_only=True, tag="change-spec"):
    """Move an Enterprise instance to a larger sku for the rest of its term."""

    instance: Id
    sku: Id
    coupon: Id = "auto"


class Cancel(AccountCommand, kw_only=True, tag="cancel"):
    """Cancel an instance: it is released at once, what is unused is refunded."""

    instance: Id


class CancelRenewal(AccountCommand, kw_only=True, tag="cancel-renewal"):
    """Cancel the last renewal, whose term has not begun."""

    instance: Id


class Restore(FactCommand, kw_only=True, tag="restore"):
    """The service came back earlier than promised."""

    instance: Id


class SetAlert(AccountCommand, kw_only=True, tag="set-alert"):
    """Set the low-balance threshold; null switches the alert off."""

    threshold: Price | None


class SetPolicy(Command, kw_only=True, tag="set-policy"):
    """Change a named policy value from now on."""

    key: str
    value: str


AnyCommand = (
    OpenAccount | SetPrice | TopUp | ReverseTopUp | GrantCoupon | RecordUsage | PostBill
    | CreditNote | ActivatePublic | StartTrial | Purchase | Renew | EnableAutoRenew
    | ModifyAutoRenew | DisableAutoRenew | Freeze | ContinueTrial | Upgrade | ChangeSpec
    | Cancel | CancelRenewal | Restore | SetAlert | SetPolicy
)  # fmt: skip
COMMAND_TYPES: tuple[type[Command], ...] = get_args(AnyCommand)
COMMANDS: dict[str, type[Command]] = {
    str(command.__struct_config__.tag): command for command in COMMAND_TYPES
}
NAMES: dict[type[Command], str] = {command: name for name, command in COMMANDS.items()}



def _fields(*wanted: str) -> dict[type[Command], tuple[str, ...]]:
    return {
        command: tuple(field for field in wanted if field in command.__struct_fields__)
        for command in COMMAND_TYPES
    }


def _amounts(command: type[Command]) -> dict[str, Least]:
    """Return the amounts that a command declares, each with the least it may be."""
    amounts: dict[str, Least] = {}
    for base in command.__mro__:
        for field, declared in getattr(base, "__annotations__", {}).items():
            alias = globals().get(declared.partition(" ")[0])
            for least in getattr(alias, "__metadata__", ()):
                if isinstance(least, Least):
                    amounts[field] = least
    return amounts


INSTANTS = ("at", "effective_at", "starts", "ends", "cycle_start", "cycle_end")
_INSTANT_FIELDS = _fields(*INSTANTS)
AMOUNT_FIELDS = {command: _amounts(command) for command in COMMAND_TYPES}
_ID_FIELDS = _fields(
    "account", "instance", "coupon", "usage", "bill", "note", "sku", "channel", "serial"
)
LIST_FIELDS = _fields("instances")
AUTO, NONE = "auto", "none"  # words of R39
_DECODER: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)


def parse(line: bytes | str) -> AnyCommand:
    """Read one command from a line of JSON.

    Raises: InvalidInput, naming the field, with a suggestion for a mistyped command or field.
    """
    raw = bare(line)
    try:
        command = _DECODER.decode(raw)
        check_pairs(raw, AMOUNT_FIELDS[type(command)])
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        from ledger.input.complaints import complaint  # noqa: PLC0415 - only on the way to an error

        raise complaint(raw, str(error), COMMANDS) from None
    except RecursionError:
        raise InvalidInput("the line is nested too deeply to be a command") from None
    _check_ids(command)
    if command.token is not None and len(command.token) > TOKEN_MAX:
        msg = f"token {quoted(command.token)} is longer than {TOKEN_MAX} characters"
        raise InvalidInput(msg, hint="a token only distinguishes requests")
    return command


def _check_ids(command: AnyCommand) -> None:
    """Refuse what is not an id, wherever one stands (section 0, R37)."""
    kind = type(command)
    for field in _ID_FIELDS[kind]:
        check_id(getattr(command, field), what=field)
    for field in LIST_FIELDS[kind]:
        for name in getattr(command, field):
            check_id(name, what=field)
    if kind is GrantCoupon and command.coupon in (AUTO, NONE):  # type: ignore[union-attr]
        msg = f"a coupon cannot be called {command.coupon!r}"  # type: ignore[union-attr]
        raise InvalidInput(msg, hint="auto and none choose the coupon of an order (R39)")


def from_fields(fields: dict[str, object]) -> AnyCommand:
    """Make a command from a mapping like one line of JSON."""
    try:
        return parse(msgspec.json.encode(fields))
    except UnicodeEncodeError as error:
        msg = f"{error.object[error.start]!r} is not a character: not UTF-8"
        raise InvalidInput(msg, hint="write it in UTF-8") from None


def normalise(command: AnyCommand, offset: int) -> AnyCommand:
    """Put integers in the place of the instants written as text, in place.

    Time axis: UTC microseconds; a bare ``ends`` is the last valid day, so it becomes the
    00:00:00 after it (R37); any other bare date is its own 00:00:00.
    Raises: InvalidInput.
    """
    for field in _INSTANT_FIELDS[type(command)]:
        text = getattr(command, field)
        if text is None:
            continue
        if isinstance(text, int):
            msg = f"{field} {text} is not an instant"
            raise InvalidInput(msg, hint="write it like 2025-02-10T08:00:00+08:00")
        instant = parse_instant(text, offset)
        if field == "ends" and is_bare_date(text):
            instant += DAY
        setattr(command, field, instant)
    return command


def minor_units(command: AnyCommand, currency: str) -> dict[str, Any]:
    """Return the amounts of a command by name, as integers; what is not given is None.

    Units: minor units of ``currency``. A rated amount becomes ``amount`` and ``round_down``, the
    discount that rounding it down gave (R8). Raises: InvalidAmount, InvalidInput.
    """
    amounts: dict[str, Any] = {}
    for field, declared in AMOUNT_FIELDS[type(command)].items():
        amount = getattr(command, field)
        if declared.rated:
            amounts["amount"], amounts["round_down"] = to_rated(amount, currency)
        elif amount is None:
            amounts[field] = None
        else:
            amounts[field] = to_minor(amount, currency, least=declared.least, what=field)
    return amounts
