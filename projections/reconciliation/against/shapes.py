"""Which columns identify a charge, which hold its amount, and how a cell is written to compare.

Invariant: cells that mean the same are written the same: numbers without trailing zeros, instants
in UTC, nulls as nothing. This module must not know an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.reconciliation.amounts import DECIMALS
from projections.reconciliation.focus import cells
from projections.reconciliation.focus.columns import plain
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Sequence


class Shape(NamedTuple):
    """A kind of file.

    Attributes:
        identity: the columns that identify a charge, as far as a file has them.
        amount: the column of its amount; the first of these that both files have.
        shown: columns of the answer, each with the names that it may have in a file.

    """

    source: str
    needed: tuple[str, ...]
    identity: tuple[str, ...]
    amount: tuple[str, ...]
    shown: tuple[tuple[str, tuple[str, ...]], ...]


FOCUS: Final = Shape(
    "focus", ("BilledCost", "ChargeCategory", "ChargePeriodStart"),
    ("BillingAccountId", "SubAccountId", "BillingCurrency", "BillingPeriodStart",
     "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass",
     "ChargeFrequency", "ChargeDescription", "PricingCategory", "ProviderName",
     "ServiceProviderName", "PublisherName", "ServiceName", "SkuId", "SkuPriceId", "SkuMeter",
     "ResourceId", "RegionId", "AvailabilityZone", "CommitmentDiscountId",
     "CommitmentDiscountStatus", "CapacityReservationId", "CapacityReservationStatus",
     "AllocatedResourceId", "x_RecordId"),
    ("BilledCost",),
    (("account", ("BillingAccountId", "SubAccountId")), ("currency", ("BillingCurrency",)),
     ("invoice", ("InvoiceId",)), ("category", ("ChargeCategory",)),
     ("service", ("ServiceName",)), ("resource", ("ResourceId",)), ("sku", ("SkuId",)),
     ("starts", ("ChargePeriodStart",))),
)  # fmt: skip
BILLS: Final = Shape(
    "alibaba-bills", ("RecordID", "Item", "Currency"),
    ("OwnerID", "AccountID", "BillingCycle", "RecordID", "Item", "InstanceID", "Currency",
     "RelatedRecordID"),
    ("PretaxAmount", "PretaxGrossAmount"),
    (("account", ("OwnerID", "AccountID")), ("currency", ("Currency",)),
     ("invoice", ("RecordID",)), ("category", ("Item",)), ("service", ("ProductCode",)),
     ("resource", ("InstanceID",)), ("sku", ("CommodityCode",)), ("starts", ("UsageStartTime",))),
)  # fmt: skip
SHAPES: Final = {shape.source: shape for shape in (FOCUS, BILLS)}
_INSTANTS: Final = ("PeriodStart", "PeriodEnd")
_NUMBERS: Final = ("Cost", "Price", "Quantity", "Amount", "Discount", "Coupons", "CashCoupons")
_OWN: Final = "x_"  # a provider's own column says when it was exported, not what is charged


def shape_of(source: str | None, header: Sequence[str]) -> Shape:
    """Return the shape of a file: as named, else as its columns say. Raises: BadStatement."""
    if source is not None and source not in SHAPES:
        msg = f"deliveries of {source} are not compared"
        raise InvalidInput(msg, hint=f"--source {' or '.join(SHAPES)}")
    there = {plain(name) for name in header}
    for shape in SHAPES.values():
        if shape.source == source or (source is None and {*map(plain, shape.needed)} <= there):
            return shape
    raise BadStatement(
        "the file is neither FOCUS nor the vendor's bills", hint="name it with --source"
    )


class Common(NamedTuple):
    """The columns that two files share, by the name that the first one writes.

    Attributes:
        identity, content: what identifies a charge, and what else is compared.
        left_out: what only one of the files has.

    """

    identity: tuple[str, ...]
    content: tuple[str, ...]
    amount: str
    left_out: tuple[str, ...]


def common(shape: Shape, old: Sequence[str], new: Sequence[str]) -> Common:
    """Find what can be compared. Raises: BadStatement."""
    known = {plain(name): name for name in (*shape.identity, *shape.amount)}
    first = {plain(name): known.get(plain(name), name) for name in old if name.strip()}
    second = {plain(name): known.get(plain(name), name) for name in new if name.strip()}
    shared = [name for spelled, name in first.items() if spelled in second]
    amount = next((name for name in shape.amount if name in shared), "")
    if not amount:
        raise BadStatement(f"the files do not both have a column {shape.amount[0]}")
    identity = tuple(name for name in shape.identity if name in shared)
    content = tuple(
        name for name in shared
        if name not in identity and name != amount and not name.lower().startswith(_OWN)
    )  # fmt: skip
    left_out = sorted({first[name] for name in first.keys() - second.keys()}
                      | {second[name] for name in second.keys() - first.keys()})  # fmt: skip
    return Common(identity, content, amount, tuple(left_out))


def is_instant(name: str) -> bool:
    """Return whether a column holds instants."""
    return name.endswith(_INSTANTS)


def canonical(name: str, text: str) -> str:
    """Write a cell so that equal ones are equal, however a delivery spells them."""
    plain_text = text.strip()
    if plain_text in cells.NULLS:
        return ""
    if is_instant(name):
        try:
            return format_instant(cells.read_instant(plain_text), 0)
        except InvalidInput:
            return plain_text
    if name.endswith(_NUMBERS):
        try:
            return number(cells.read_cost(plain_text))
        except InvalidInput:
            return plain_text
    return plain_text


def number(fine: int) -> str:
    """Write fine units with no more decimals than there are."""
    whole, part = divmod(abs(fine), 10**DECIMALS)
    rest = f"{part:0{DECIMALS}d}".rstrip("0")
    return f"{'-' if fine < 0 else ''}{whole}{'.' if rest else ''}{rest}"
