"""What all answers share: their base, and how money, instants and points stand in them.

In Python money is an exact Decimal and an instant an aware datetime in the ledger's offset; as JSON
both are the texts of INTERFACE section 1. Invariant: ``plain`` gives the object that ``--json``
prints, key by key in the order of the fields; a field that is UNSET is left out. JSON Schemas are
derived from these classes (schemas.py). This module must not know ledgers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ledger.money import exponent, format_minor
from ledger.periods import format_instant, zone

if TYPE_CHECKING:
    from projections import point

Json = dict[str, Any]
A = TypeVar("A", bound="Answer")

Money: TypeAlias = Annotated[
    Decimal,
    Meta(
        description="An exact decimal in major units; its currency is in the same object.",
        extra_json_schema={"pattern": r"^-?[0-9]+(\.[0-9]{1,4})?$"},
    ),
]


class Exact(Decimal):
    """An amount with as many decimals as it has; its text never has an exponent."""

    __slots__ = ()

    def __str__(self) -> str:
        """Write it out."""
        return format(self, "f")


Fine: TypeAlias = Annotated[
    Exact, Meta(description="Exact, with more decimals than the currency only where it has any.")
]
Amount: TypeAlias = Annotated[
    Fine, Meta(extra_json_schema={"pattern": r"^-?[0-9]+(\.[0-9]{1,10})?$"})
]
Currency: TypeAlias = Annotated[str, Meta(description="ISO 4217.", pattern="^[A-Z]{3}$")]
Id: TypeAlias = Annotated[str, Meta(min_length=1)]
Position: TypeAlias = Annotated[int, Meta(ge=1)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]


def one_of(*texts: str) -> Meta:
    """Return the texts that a field may have, where they are not a type of their own."""
    return Meta(extra_json_schema={"enum": list(texts)})


Clock: TypeAlias = Annotated[str, one_of("system", "simulated")]
Sha256: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Root: TypeAlias = Annotated[
    str, Meta(description="32 bytes in base64.", pattern="^[A-Za-z0-9+/]{43}=$")
]
Month: TypeAlias = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}$")]
PeriodName: TypeAlias = Annotated[str, Meta(pattern="^[0-9]{4}(-([0-9]{2}|Q[1-4]))?$")]
Code: TypeAlias = Annotated[
    str, Meta(description="Stable: ERRORS.md lists them.", pattern="^[A-Z][A-Z_]*$")
]
RuleName: TypeAlias = Annotated[str, Meta(pattern="^R[0-9]+$")]
Command: TypeAlias = Annotated[
    Mapping[str, Any],
    Meta(
        description="A command as a line of an import.",
        extra_json_schema={"required": ["do"], "properties": {"do": {"type": "string"}}},
    ),
]
Cell: TypeAlias = str | int | bool | None


class Instant(datetime):
    """An aware datetime on a whole second; as text it is RFC 3339 in the ledger's offset."""

    @classmethod
    def at(cls, instant: int, offset: int) -> Instant:
        """Make one of microseconds since 1970 and the ledger's calendar offset."""
        return cls(1970, 1, 1, tzinfo=zone(offset)) + timedelta(microseconds=instant + offset)


SCHEMAS: Final[dict[type, Json]] = {
    Instant: {
        "description": "RFC 3339 on a whole second, in the ledger's calendar offset.",
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}$",
    },
    Exact: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "format": "decimal"},
}


class Part(Struct, frozen=True, kw_only=True):
    """A part of an answer."""

    def plain(self) -> Json:
        """Return it as plain JSON: money and instants are texts."""
        shown: Json = msgspec.to_builtins(self, enc_hook=_written)
        return shown

    @classmethod
    def read(cls, shown: Json) -> Self:
        """Read it from its JSON."""
        return msgspec.convert(shown, cls, dec_hook=_read)


def columns_of(kind: type[Part]) -> list[str]:
    """Name the fields of a part as JSON does: the header of a table of such parts."""
    return [field.encode_name for field in msgspec.structs.fields(kind)]


class Answer(Part, frozen=True, kw_only=True, tag_field="schema", tag=""):
    """An answer to one question; ``plain()`` is what ``--json`` prints."""

    also: ClassVar[Json] = {}  # what its schema says beside its fields


def _written(content: object) -> str:
    assert isinstance(content, (Instant, Exact))  # noqa: S101 - nothing else is declared
    return content.isoformat() if isinstance(content, Instant) else str(content)


def _read(kind: type, content: object) -> object:
    assert kind in SCHEMAS  # noqa: S101 - nothing else is declared
    return Instant.fromisoformat(str(content)) if kind is Instant else Exact(str(content))


class PointShown(Part, frozen=True, kw_only=True):
    """The point that an answer holds at, resolved."""

    at: Instant
    known_at: Instant
    position: Count

    @classmethod
    def of(cls, point: point.Point, offset: int) -> PointShown:
        """Write a resolved point in the ledger's offset."""
        return cls(
            at=Instant.at(point.at, offset), known_at=Instant.at(point.known_at, offset),
            position=point.position,
        )  # fmt: skip


class Sums(Part, frozen=True, kw_only=True):
    """How much facts moved; coupons where there are any."""

    cash: Money
    outstanding: Money
    coupons: Money | UnsetType = UNSET

    def told(self) -> dict[str, Decimal]:
        """Return them by name: those there are."""
        named = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: amount for name, amount in named.items() if amount is not UNSET}


class Restated(Part, frozen=True, kw_only=True):
    """How many facts recorded since the close moved this answer, and by how much (R64).

    Attributes:
        period: the month; ``tag:NAME`` where a sealed tag, the older form of a close, is meant.
        by: by currency.
        since, at, was, now, events: of an account below a sealed tag: what moved, field by field.

    """

    period: Id
    facts: Count
    by: Mapping[Currency, Sums]
    since: str | UnsetType = UNSET
    at: Instant | UnsetType = UNSET
    was: Mapping[str, Cell] | UnsetType = UNSET
    now: Mapping[str, Cell] | UnsetType = UNSET
    events: Sequence[Position] | UnsetType = UNSET


class Formatter:
    """Writes instants in one offset and money in one currency, as texts."""

    __slots__ = ("currency", "offset")

    def __init__(self, *, offset: int, currency: str) -> None:
        """Choose the offset (microseconds) and the currency."""
        self.offset = offset
        self.currency = currency

    def instant(self, instant: int | None) -> str | None:
        """Write an instant, None as None."""
        return None if instant is None else format_instant(instant, self.offset)

    def money(self, minor: int | None) -> str | None:
        """Write minor units, None as None."""
        return None if minor is None else format_minor(minor, self.currency)

    @property
    def typed(self) -> Typed:
        """What gives the same as answers hold it."""
        return Typed(offset=self.offset, currency=self.currency)


class Typed:
    """Gives instants in one offset and money in one currency, as answers hold them."""

    __slots__ = ("_places", "offset")

    def __init__(self, *, offset: int, currency: str) -> None:
        """Choose the offset (microseconds) and the currency."""
        self.offset = offset
        self._places = -exponent(currency)

    def instant(self, instant: int) -> Instant:
        """Return an instant."""
        return Instant.at(instant, self.offset)

    def maybe(self, instant: int | None) -> Instant | None:
        """Return an instant, None as None."""
        return None if instant is None else Instant.at(instant, self.offset)

    def money(self, minor: int) -> Decimal:
        """Return minor units as an exact amount of major units."""
        return Decimal(minor).scaleb(self._places)

    def some(self, minor: int | None) -> Decimal | None:
        """Return an amount, None as None."""
        return None if minor is None else self.money(minor)
