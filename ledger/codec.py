"""Events to MessagePack bytes and back: the bytes that are stored, hashed and exported.

Invariant: encode gives the bytes once, at the append; from then on they are read, never made
again. Every event's bytes name its type and schema number (``TopUpReceived/1``), so an older
schema is recognised and brought up to today's by its upcaster: readers see only the latest shape.
This module must not know what an event means.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Union

import msgspec
from msgspec import Struct, msgpack

from ledger.errors import UnknownEventType
from ledger.events import EVENT_TYPES, NO_REQUEST, AnyEvent, Event, FoldedEvent, RecordedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ledger.events import Foldable

# Older schema -> how to make today's event of it. The old class keeps its tag ("Name/1").
UPCASTERS: Mapping[type[Event], Callable[[Event], AnyEvent]] = {}


# The stored name of each event type: name and schema number.
TAGS: Mapping[type[Event], str] = {
    event_type: str(event_type.__struct_config__.tag) for event_type in EVENT_TYPES
}


def tag(event_type: type[Event]) -> str:
    """Return the stored name of an event type: name and schema number."""
    return TAGS[event_type]


class Codec:
    """Encodes today's events; decodes every schema that was ever stored."""

    __slots__ = ("_arrays", "_decoder", "_encoder", "_shape", "_upcasters")

    def __init__(
        self, upcasters: Mapping[type[Event], Callable[[Event], AnyEvent]] = UPCASTERS
    ) -> None:
        """Build the decoder; ``upcasters`` maps each old schema's class to its upcaster."""
        self._upcasters = dict(upcasters)
        self._encoder = msgpack.Encoder()
        self._decoder: msgpack.Decoder[RecordedEvent]
        self._shape: Any = RecordedEvent
        self._arrays: dict[bool, msgpack.Decoder[Any]] = {}
        if self._upcasters:
            shapes: object = Union[(*EVENT_TYPES, *upcasters)]
            self._shape = msgspec.defstruct(
                "RecordedEventOfAnySchema",
                [("event", shapes)],
                bases=(RecordedEvent,),
                frozen=True, omit_defaults=True, kw_only=True, gc=False,
            )  # fmt: skip
        self._decoder = msgpack.Decoder(self._shape)

    def encode(self, recorded: RecordedEvent) -> bytes:
        """Return the bytes to store."""
        return self._encoder.encode(recorded)

    def decode(self, body: bytes) -> RecordedEvent:
        """Read stored bytes as today's event.

        Raises: UnknownEventType for a type, schema or shape that this program does not know.
        """
        try:
            recorded = self._decoder.decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise UnknownEventType(str(error)) from None
        if self._upcasters:
            return self._upcast(recorded)
        return recorded

    def _upcast(self, recorded: RecordedEvent) -> RecordedEvent:
        event: Event = recorded.event
        while (upcast := self._upcasters.get(type(event))) is not None:
            event = upcast(event)
        fields = {name: getattr(recorded, name) for name in RecordedEvent.__struct_fields__}
        return RecordedEvent(**{**fields, "event": event})

    def decode_all(self, bodies: Iterable[bytes]) -> Iterator[RecordedEvent]:
        """Read many; the hot path of every fold."""
        if self._upcasters:
            yield from map(self.decode, bodies)
            return
        decode = self._decoder.decode
        try:
            for body in bodies:
                yield decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise UnknownEventType(str(error)) from None

    def decode_array(self, bodies: bytes) -> list[RecordedEvent]:
        """Read what ``array_of`` joined. Raises: UnknownEventType."""
        return self._decode_array(bodies, bare=False)

    def decode_folded(self, bodies: bytes) -> Sequence[Foldable]:
        """Read as much of what ``array_of`` joined as a fold needs.

        Raises: UnknownEventType.
        """
        return self._decode_array(bodies, bare=not self._upcasters)

    def _decode_array(self, bodies: bytes, *, bare: bool) -> list[Any]:
        decoder = self._arrays.get(bare)
        if decoder is None:  # made when it is first needed
            shape = FoldedEvent if bare else self._shape
            decoder = self._arrays[bare] = msgpack.Decoder(list[shape])  # type: ignore[valid-type]
        try:
            events: list[Any] = decoder.decode(bodies)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise UnknownEventType(str(error)) from None
        return list(map(self._upcast, events)) if self._upcasters else events


CODEC = Codec()
encode = CODEC.encode
decode = CODEC.decode
decode_all = CODEC.decode_all
decode_array = CODEC.decode_array
decode_folded = CODEC.decode_folded


FOLDED_AT_ONCE = 64  # events that one call of the decoder reads


def folded(bodies: Sequence[bytes]) -> Iterator[Foldable]:
    """Read as much of many events as a fold needs. Raises: UnknownEventType."""
    for first in range(0, len(bodies), FOLDED_AT_ONCE):
        yield from decode_folded(array_of(bodies[first : first + FOLDED_AT_ONCE]))


def array_of(bodies: Sequence[bytes]) -> bytes:
    """Put the stored bytes of events together as one MessagePack array."""
    return b"".join((b"\xdd", len(bodies).to_bytes(4, "big"), *bodies))


class Kind(Struct, frozen=True, gc=False):
    """An event's name and schema, and what a payment's key is made of."""

    type: str
    channel: str | None = None
    serial: str | None = None
    amount: int | None = None


class Envelope(Struct, frozen=True, gc=False):
    """What the columns beside the bytes are copies of, read without knowing any event."""

    position: int
    stream: str
    version: int
    recorded_at: int
    effective_at: int
    event: Kind
    cause: int | None = None
    token: str | None = None
    request: msgspec.Raw = NO_REQUEST


@cache
def _envelope() -> msgpack.Decoder[Envelope]:
    """Build the decoder where it is first needed: most commands never do."""
    return msgpack.Decoder(Envelope)


def decode_envelope(body: bytes) -> Envelope:
    """Read an envelope. Raises: UnknownEventType where the bytes hold none."""
    try:
        return _envelope().decode(body)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise UnknownEventType(str(error)) from None


def decode_envelopes(bodies: Iterable[bytes]) -> list[Envelope]:
    """Read many envelopes. Raises: UnknownEventType where the bytes of one hold none."""
    decode = _envelope().decode
    try:
        return [decode(body) for body in bodies]
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise UnknownEventType(str(error)) from None
