"""What the log keeps of a command: the request in an event's envelope, and in its token (R28).

Invariant: what is encoded is decoded to an equal command, except that a refused one is kept as a
bounded copy. Ids and amounts are not checked again: logs of older versions hold others too.
This module must not know what a command leads to.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context

import msgspec

from ledger.commands import AMOUNT_FIELDS, LIST_FIELDS, LIST_MAX, AnyCommand

_DECODER: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)
_ENCODER = msgspec.msgpack.Encoder()
_LONG_MAP, _SHORT_MAP, _SHORT_MAX = 0xDE, 0x80, 16  # how MessagePack writes a map's length
_DIGITS_KEPT = 40  # more than any amount that is accepted has
_SHORT = Context(
    prec=_DIGITS_KEPT, rounding=ROUND_DOWN, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[], clamp=0
)


def to_request(command: AnyCommand) -> bytes:
    """Encode a normalised command for the envelope: all that R28 compares, nothing else."""
    bare = command
    if command.at is not None or command.actor is not None or command.reason is not None:
        bare = msgspec.structs.replace(command, at=None, actor=None, reason=None)
    body = _ENCODER.encode(bare)
    # Of a command that could have more than 15 fields the encoder writes the long form of the
    # map's length; stored requests have always had the short one.
    if body[0] == _LONG_MAP and body[1] == 0 and body[2] < _SHORT_MAX:
        return bytes((_SHORT_MAP | body[2],)) + body[3:]
    return body


def to_refused_request(command: AnyCommand) -> bytes:
    """Encode a refused command for the log: a bounded copy, which is refused for the same reason.

    Of a list that is too long one more than it may hold is kept, of a number of too many digits
    the first ones and its size.
    """
    kept: dict[str, object] = {}
    for field in LIST_FIELDS[type(command)]:
        names = getattr(command, field)
        if len(names) > LIST_MAX:
            kept[field] = names[: LIST_MAX + 1]
    for field in AMOUNT_FIELDS[type(command)]:
        amount = getattr(command, field)
        if amount is not None and len(amount.as_tuple().digits) > _DIGITS_KEPT:
            kept[field] = _SHORT.plus(amount)
    return to_request(msgspec.structs.replace(command, **kept) if kept else command)


def from_request(request: bytes | msgspec.Raw) -> AnyCommand:
    """Decode what ``to_request`` encoded."""
    return _DECODER.decode(request)


def same_request(command: AnyCommand, request: bytes | msgspec.Raw) -> bool:
    """Return whether a command repeats a stored one, ``at``, ``actor``, ``reason`` aside (R28)."""
    bare = msgspec.structs.replace(command, at=None, actor=None, reason=None)
    return bool(bare == from_request(request))
