"""What an id is: of an account, instance, coupon, usage, bill, note, sku, channel or serial.

Invariant: one spelling for one id (RULEBOOK section 0), so that two that look alike are one.
Commands are checked where they are read; what a log holds already is never checked again.
"""

from __future__ import annotations

import re
import unicodedata

from ledger.errors import InvalidInput
from ledger.quoting import quoted

ID_MAX = 128
_PLAIN = re.compile(rf"[!-~]{{1,{ID_MAX}}}")  # most ids
_NO_PART_OF_AN_ID = {
    "Cc": "a control character",
    "Cf": "a format character",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}
_HINT = "an id is 1 to 128 characters, without control or format characters and outer white space"


def check_id(text: str, *, what: str) -> None:
    """Refuse what is not an id. Raises: InvalidInput."""
    if _PLAIN.fullmatch(text):
        return
    if not text:
        raise InvalidInput(f"{what} is empty", hint=_HINT)
    if len(text) > ID_MAX:
        raise InvalidInput(f"{what} {quoted(text)} is longer than {ID_MAX} characters", hint=_HINT)
    for character in text:
        kind = _NO_PART_OF_AN_ID.get(unicodedata.category(character))
        if kind is not None:
            msg = f"{what} {quoted(text)} holds {kind} (U+{ord(character):04X})"
            raise InvalidInput(msg, hint=_HINT)
    if text != text.strip():
        raise InvalidInput(f"{what} {quoted(text)} begins or ends with white space", hint=_HINT)
    if not unicodedata.is_normalized("NFC", text):
        composed = unicodedata.normalize("NFC", text)
        msg = f"{what} {quoted(text)} is not in Unicode's normal form NFC"
        raise InvalidInput(msg, hint=f"write it as {quoted(composed)}, composed")
