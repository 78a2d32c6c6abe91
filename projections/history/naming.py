"""ACCOUNT.FIELD: where the account ends and the field begins.

Accounts may hold dots, so the text is tried at each dot, and the first field that reads counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from projections.history.compiling import parse_name

if TYPE_CHECKING:
    from ledger.store import Reader
    from projections.history.fields import Name


def is_account(reader: Reader, text: str) -> bool:
    """Return whether there is an account of that name."""
    return reader.stream_row(f"account:{text}", 1) is not None


def names_account(reader: Reader, text: str) -> bool:
    """Return whether a text is an account and nothing more."""
    return "." not in text or is_account(reader, text)


def account_and_field(text: str, *, members: bool = False) -> tuple[str, Name]:
    """Split ``a-1.cash`` or ``a-1.instances["i-1"].state``. Raises: InvalidInput.

    With ``members``, ``a-1.instances["i-1"]`` names all fields of the instance.
    """
    failure: InvalidInput | None = None
    for place, letter in enumerate(text):
        if letter != "." or not place:
            continue
        try:
            name = parse_name(text[place + 1 :])
        except InvalidInput as error:
            failure = failure or error
            continue
        if name.field or members:
            return text[:place], name
        msg = f"{text!r} names {name}, not one field of it"
        raise InvalidInput(msg, hint=f"e.g. {text}.{_example(name)}")
    if failure is not None:
        raise failure
    msg = f"{text!r} names no field"
    raise InvalidInput(msg, hint=f"e.g. {text}.cash")


def _example(name: Name) -> str:
    return "state" if name.family == "instances" else "amount"
