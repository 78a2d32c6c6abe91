"""Where keys and accepted keys are: files outside the ledger, or the environment.

The private key: --key, TALLY_KEY (a path, or the key itself), else LEDGER.key beside the ledger.
The accepted keys: --policy, TALLY_POLICY, else LEDGER.policy beside the ledger.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.errors import NoSuchThing
from ledger.notes import ED25519, SigningKey
from ledger.store import is_server, name_of
from ledger.trust import TrustPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_VARIABLE = "TALLY_KEY"
EVENT_SUFFIX = ".event"  # of a proof's file: the bytes that it is about
_KEY_TEXT = "PRIVATE+KEY+"
_MAX_BYTES = 1 << 20


def key_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --key."""
    option = click.option(
        "--key", "key_place", metavar="FILE",
        help="The private key (or TALLY_KEY: a file or the key itself; else LEDGER.key).",
    )  # fmt: skip
    return option(command)


def policy_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --policy."""
    option = click.option(
        "--policy", "policy_place", envvar="TALLY_POLICY", metavar="FILE",
        help="Accepted keys and witnesses (or TALLY_POLICY; else LEDGER.policy).",
    )  # fmt: skip
    return option(command)


def beside(location: str, suffix: str) -> Path:
    """Give the place of a file beside the ledger, or for one on a server in this folder."""
    return Path(name_of(location) if is_server(location) else location).with_suffix(suffix)


def key_file(location: str, place: str | None) -> Path:
    """Give the file of the private key."""
    given = place or os.environ.get(KEY_VARIABLE)
    return Path(given) if given and not given.startswith(_KEY_TEXT) else beside(location, ".key")


def policy_file(location: str, place: str | None) -> Path:
    """Give the file of the accepted keys."""
    return Path(place) if place else beside(location, ".policy")


def read_key(location: str, place: str | None) -> SigningKey:
    """Read the private key. Raises: NoSuchThing, BadNote."""
    found = _key_text(location, place)
    if found is None:
        msg = f"there is no private key in {str(key_file(location, place))!r}"
        raise NoSuchThing(msg, hint="make one with: tally keys new, or name it with --key")
    return SigningKey.read(found)


def _key_text(location: str, place: str | None) -> str | None:
    inline = os.environ.get(KEY_VARIABLE, "")
    if place is None and inline.startswith(_KEY_TEXT):
        return inline
    path = key_file(location, place)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def read_policy(location: str, place: str | None, key_place: str | None = None) -> TrustPolicy:
    """Read the accepted keys; without a file the public half of one's own key is accepted.

    Raises: InvalidInput, BadNote, OSError.
    """
    path = policy_file(location, place)
    if place is not None or path.is_file():
        return TrustPolicy.read(path.read_text(encoding="utf-8"))
    own = _key_text(location, key_place)
    if own is None:
        return TrustPolicy()
    key = SigningKey.read(own).verifier
    return TrustPolicy.of(key) if key.algorithm == ED25519 else TrustPolicy()


def read_text(path: str) -> str:
    """Read a small text: a checkpoint, a proof. Raises: OSError, NoSuchThing."""
    with Path(path).open("rb") as file:
        raw = file.read(_MAX_BYTES)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        msg = f"{path!r} is not a text"
        raise NoSuchThing(msg, hint="name a checkpoint or a proof") from None
