"""The columns of FOCUS Cost and Usage by edition, and ours after them.

Invariant: an edition's columns are never renamed or left out, whether or not this ledger knows
anything for them (such a cell is null); what is ours begins with ``x_``. This module must not know
charges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from projections.exports.tables import Kind

DEFAULT_EDITION = "1.2"

_SHARED = (
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName",
    "BillingAccountType", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "CapacityReservationId", "CapacityReservationStatus", "ChargeCategory", "ChargeClass",
    "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName",
    "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType",
    "CommitmentDiscountUnit", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost",
    "ListUnitPrice", "PricingCategory", "PricingCurrency", "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice", "PricingQuantity",
    "PricingUnit", "ProviderName", "PublisherName", "RegionId", "RegionName", "ResourceId",
    "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory",
    "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName",
    "SubAccountType", "Tags",
)  # fmt: skip
_SINCE_1_3 = (
    "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
    "AllocatedTags", "ContractApplied", "HostProviderName", "ServiceProviderName",
)  # fmt: skip
# x_RecordId: our id of the bill, note, order or refund; x_Coupon: the coupon behind a Credit.
_OURS = (
    "x_CouponId", "x_CouponsReturned", "x_OutstandingAmount", "x_PaymentAmount", "x_Position",
    "x_RecordId", "x_RoundDownDiscount",
)  # fmt: skip

COLUMNS: dict[str, tuple[str, ...]] = {
    "1.2": (*_SHARED, *_OURS),
    "1.3": (*sorted((*_SHARED, *_SINCE_1_3)), *_OURS),
}
# What the cells of a column hold in a typed table; all others hold text.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"),
        "instant",
    ),
    **dict.fromkeys(
        (
            "BilledCost", "CommitmentDiscountQuantity", "ConsumedQuantity", "ContractedCost",
            "ContractedUnitPrice", "EffectiveCost", "ListCost", "ListUnitPrice",
            "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
            "PricingCurrencyListUnitPrice", "PricingQuantity", "x_CouponsReturned",
            "x_OutstandingAmount", "x_PaymentAmount", "x_RoundDownDiscount",
        ),
        "decimal",
    ),
    "x_Position": "integer",
}  # fmt: skip
