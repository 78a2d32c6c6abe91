"""What a command led to, for a person: price, coupon, term, and the balance before and after.

Invariant: every figure is one that the events carry, or the account's state around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli.changes import spelled
from cli.render import write
from ledger.money import format_minor
from ledger.quoting import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from projections.answers.events import Planned

Facts = Mapping[str, Any]
Money = tuple[int, int]  # cash and outstanding, in minor units


def write_happened(events: Iterable[Planned], currency: str) -> None:
    """Write each event with what it means in figures."""
    for event in events:
        said = _SAID.get(event.type)
        about = f" {event.instance}" if event.instance else ""
        lines = said(event.data, currency) if said is not None else ()
        where = f"@{event.position}" if event.position else "+"
        first, *rest = (*lines, "")[: max(1, len(lines))]
        write(f"  {where:<5} {event.type}{about}{': ' if first else ''}{first}")
        for line in rest:
            write(f"          {line}")


def write_balance(before: Money | None, after: Money | None, currency: str) -> None:
    """Write which sums of an account have changed."""
    if before is None or after is None:
        return
    sums = [("cash", before[0], after[0]), ("outstanding", before[1], after[1])]
    if before[1] or after[1]:
        sums.append(("available", before[0] - before[1], after[0] - after[1]))
    changed = [
        f"{name} {format_minor(was, currency)} -> {format_minor(now, currency)}"
        for name, was, now in sums
        if was != now
    ]
    if changed:
        write(f"  {', '.join(changed)} {currency}")


def _term(data: Facts) -> str:
    ends = data.get("expires_at") or data["ends"]
    return f"{spelled(data['starts'])} to {spelled(ends)}"


def _paid(data: Facts, currency: str) -> str:
    """Return what an order cost and from where it was paid."""
    parts = [f"{data['cash_part']} from cash"]
    if data["coupon"] is not None:
        parts.insert(0, f"{data['coupon_part']} from coupon {data['coupon']}")
    return f"{data['price']} {currency}: {', '.join(parts)}"


def _order(data: Facts, currency: str) -> Sequence[str]:
    what = f"{data['sku']} for {plural(data['months'], 'month')}, {_term(data)}"
    return what, _paid(data, currency)


def _spec(data: Facts, currency: str) -> Sequence[str]:
    return f"{data['sku_before']} -> {data['sku']}, {_term(data)}", _paid(data, currency)


def _trial(data: Facts, _: str) -> Sequence[str]:
    return (f"{data['sku']}, free, {_term(data)}",)


def _coupon(data: Facts, currency: str) -> Sequence[str]:
    scope = [f"for {', '.join(data[name])}" for name in ("products", "order_types") if data[name]]
    if _nonzero(data["minimum_spend"]):
        scope.append(f"from {data['minimum_spend']} on")
    first = f"{data['coupon']}: {data['amount']} {currency}, {_term(data)}"
    return first, *([", ".join(scope)] if scope else [])


def _nonzero(amount: str) -> bool:
    """Return whether a decimal text is anything but zero."""
    return amount.strip("-0.") != ""


def _settled(data: Facts, _: str) -> Sequence[str]:
    parts = [f"{amount} from coupon {coupon}" for coupon, amount in _pairs(data["coupons"])]
    parts.append(f"{data['cash_part']} from cash")
    owed = f"; {data['outstanding']} still owed" if _nonzero(data["outstanding"]) else ""
    return (f"{data['item']}: {', '.join(parts)}{owed}",)


def _pairs(coupons: Sequence[Facts]) -> list[tuple[str, str]]:
    return [(coupon["coupon"], coupon["part"]) for coupon in coupons]


def _credited(data: Facts, currency: str) -> Sequence[str]:
    parts = [
        f"{data['outstanding_part']} off what is owed", f"{data['cash_part']} to cash",
        *(f"{amount} back to coupon {name}" for name, amount in _pairs(data["coupons_restored"])),
        *(f"{amount} of coupon {name} forfeited"
          for name, amount in _pairs(data["coupons_forfeited"])),
    ]  # fmt: skip
    shown = [part for part in parts if _nonzero(part.split(" ", 1)[0])]
    return f"{data['note']}: {data['amount']} {currency} of bill {data['bill']}", ", ".join(shown)


def _reversed(data: Facts, currency: str) -> Sequence[str]:
    owed = f", {data['shortfall']} becomes a debt" if _nonzero(data["shortfall"]) else ""
    payment = f"{data['channel']} {data['serial']}"
    return (f"{data['amount']} {currency} of {payment}: {data['cash_part']} from cash{owed}",)


def _one(text: str, *instants: str) -> Callable[[Facts, str], Sequence[str]]:
    """Write one line from a template of fields."""

    def say(data: Facts, currency: str) -> Sequence[str]:
        shown = {name: spelled(data[name]) for name in instants}
        return (text.format_map({"currency": currency, **data, **shown}),)

    return say


def _alert(data: Facts, currency: str) -> Sequence[str]:
    off = data["threshold"] is None
    return ("off" if off else f"below {data['threshold']} {currency}",)


_SAID: dict[str, Callable[[Facts, str], Sequence[str]]] = {
    "AccountOpened": _one("{account}, in {currency}"),
    "AlertConfigured": _alert,
    "AutoRenewDisabled": lambda _data, _currency: ("renewed by hand from now on",),
    "AutoRenewEnabled": lambda data, _: (f"by {plural(data['months'], 'month')} each time",),
    "AutoRenewModified": lambda data, _: (f"by {plural(data['months'], 'month')} each time",),
    "BillPosted": _one("{bill}: {amount} {currency}"),
    "BillSettled": _settled,
    "CouponGranted": _coupon,
    "CreditNoteIssued": _credited,
    "DebtRecorded": _one("{item}: {amount} {currency} owed"),
    "InstancePurchased": _order,
    "InstanceReleased": lambda data, _: (f"released by {data['via']}",),
    "InstanceRenewed": _order,
    "OverdueCleared": _one("it was overdue since {overdue_since}", "overdue_since"),
    "OverdueStarted": _one("overdue since {overdue_since}, by {item}", "overdue_since"),
    "PolicyAdopted": lambda data, _: (
        ", ".join(f"{key} = {text}" for key, text in data["values"].items()),
    ),
    "PriceSet": _one("{sku} {monthly_price} {currency} a month"),
    "PublicInstanceActivated": _one("{kind}"),
    "RefundIssued": _one("{amount} {currency} back to cash, {reason}"),
    "RenewalCancelled": lambda data, _: (
        f"{plural(data['months'], 'month')} less, until {spelled(data['expires_at'])}",
    ),
    "ServiceRestoring": _one("promised for {restored_at}", "restored_at"),
    "SpecUpgraded": _spec,
    "TopUpReceived": _one("{amount} {currency} by {channel} {serial}"),
    "TopUpReversed": _reversed,
    "TrialStarted": _trial,
    "UpgradedToEnterprise": _order,
    "UsageRecorded": _one("{usage}: {amount} {currency}, {cycle_start} to {cycle_end}",
                          "cycle_start", "cycle_end"),
}  # fmt: skip
