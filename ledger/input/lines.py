"""A line of JSON before it is a command: its size, encoding, keys and how amounts are spelled.

Whatever a JSON decoder would let pass by guessing is refused here: a key that stands twice, digits
that are not ASCII, exponents, underscores. Invariant: every check is linear in the line's length.
This module must not know commands.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from ledger.errors import InvalidInput
from ledger.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

LINE_MAX = 8 * 1024 * 1024  # bytes; far beyond any command, far below any memory
_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"),
)  # fmt: skip
_AS_JSON = re.compile(rb'-?[0-9]+(?:\.[0-9]+)?|"-?[0-9]+(?:\.[0-9]+)?"')
_AS_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_OBJECT: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def without_mark(line: bytes) -> bytes:
    """Return a line without the byte-order mark that an editor may have put there."""
    return line.removeprefix(_BOM)


def bare(line: bytes | str) -> bytes:
    """Return a line as UTF-8 bytes, without a byte-order mark.

    Raises: InvalidInput for one that is too long, or in another encoding.
    """
    if isinstance(line, str):
        try:
            line = line.encode()
        except UnicodeEncodeError as error:
            msg = f"{quoted(line[error.start])} is not a character: not UTF-8"
            raise InvalidInput(msg, hint="write it in UTF-8") from None
    if len(line) > LINE_MAX:
        msg = f"the line is longer than {LINE_MAX // (1024 * 1024)} MiB"
        raise InvalidInput(msg, hint="one command a line, each ended by a line feed")
    return without_mark(line)


def check_encoding(line: bytes) -> None:
    """Name the encoding of a line that is not UTF-8. Raises: InvalidInput."""
    for mark, name in _OTHER_ENCODINGS:
        if line.startswith(mark):
            raise InvalidInput(f"this is {name}, not UTF-8", hint="save the file as UTF-8")
    if b"\x00" in line:
        msg = "the line holds NUL bytes: it is UTF-16, or not text"
        raise InvalidInput(msg, hint="save the file as UTF-8")
    try:
        line.decode()
    except UnicodeDecodeError as error:
        msg = f"byte 0x{line[error.start]:02x} at column {error.start + 1} is not UTF-8"
        raise InvalidInput(msg, hint="save the file as UTF-8 (is it GBK or Latin-1?)") from None


def check_pairs(line: bytes, amounts: Iterable[str]) -> None:
    """Refuse a key that stands twice, and what is not an amount, in a line that is a command.

    Raises: InvalidInput.
    """
    pairs = _OBJECT.decode(line)
    # Fast where every key is followed by its colon at once, and no text holds a quote and a colon.
    spaced = b'" ' in line or b'"\t' in line or b'"\r' in line or b'"\n' in line
    if spaced or line.count(b'":') != len(pairs):
        json.loads(line, object_pairs_hook=_once, parse_int=str, parse_float=str)
    for field in amounts:
        raw = pairs.get(field)
        if raw is not None and _AS_JSON.fullmatch(raw) is None:
            _check_amount(field, bytes(raw))


def _once(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            msg = f"the key {quoted(key)} appears twice in the line"
            raise InvalidInput(msg, hint="each field once")
        seen.add(key)


def _check_amount(field: str, raw: bytes) -> None:
    """Look at an amount that is not spelled in the usual way; null is none at all."""
    written = msgspec.json.decode(raw) if raw.startswith(b'"') else raw.decode()
    if written != "null" and _AS_TEXT.fullmatch(written) is None:
        msg = f"{field} {quoted(written)} is not an amount"
        raise InvalidInput(msg, hint='write it like "350.00": digits, one point at most')
