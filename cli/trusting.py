"""Where keys and accepted keys are: files outside the ledger, or the environment.

The private key: --key, TALLY_KEY (a path, or the key itself), else LEDGER.key beside the ledger.
The accepted keys: --trust, TALLY_POLICY, else LEDGER.policy beside the ledger.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.groups import Renamed
from ledger.errors import IntegrityBroken, InvalidInput, NoSuchThing
from ledger.proof.notes import (
    ED25519,
    BadNote,
    SecondSpelling,
    SigningKey,
    read_checkpoint,
    read_note,
)
from ledger.proof.proofs import read_proof
from ledger.proof.seals import stored_seals
from ledger.proof.trust import NoAcceptedKey, TrustPolicy
from ledger.store import is_server, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.connection import Connection
    from ledger.proof.proofs import Consistency, Inclusion

KEY_VARIABLE = "TALLY_KEY"
EVENT_SUFFIX = ".event"  # of a proof's file: the bytes that it is about
POLICY_VARIABLE = "TALLY_POLICY"
_KEY_TEXT = re.compile(r"PRIVATE\+KEY|PRIVATE KEY-----|\+[0-9a-f]{8}\+", re.IGNORECASE)
_MAX_BYTES = 1 << 20


def key_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --key."""
    return click.option(
        "--key", "key_place", metavar="FILE",
        help="The private key (or TALLY_KEY: a file or the key itself; else LEDGER.key).",
    )(command)  # fmt: skip


def policy_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --trust."""
    return click.option(
        "--trust", "policy_place", cls=Renamed, old=("--policy",), envvar=POLICY_VARIABLE,
        metavar="FILE",
        help="Accepted keys and witnesses (or TALLY_POLICY; else LEDGER.policy).",
    )(command)  # fmt: skip


def beside(location: str, suffix: str) -> Path:
    """Return the place of a file beside the ledger, or for one on a server in this folder."""
    return Path(name_of(location) if is_server(location) else location).with_suffix(suffix)


def is_key_text(text: str) -> bool:
    """Return whether a text holds a private key, or what looks like one: it is never shown."""
    return _KEY_TEXT.search(text) is not None


def key_file(location: str, place: str | None) -> Path:
    """Return the file of the private key. Raises: InvalidInput."""
    if place is not None:
        if is_key_text(place) or not place:
            msg = "--key must name a file"
            hint = f"put the key itself in {KEY_VARIABLE}: other users can see a command line"
            raise InvalidInput(msg, hint=hint)
        return Path(place)
    given = os.environ.get(KEY_VARIABLE)
    return Path(given) if given and not is_key_text(given) else beside(location, ".key")


def policy_file(location: str, place: str | None) -> Path:
    """Return the file of the accepted keys."""
    return Path(place) if place else beside(location, ".policy")


def read_key(location: str, place: str | None) -> SigningKey:
    """Read the private key. Raises: NoSuchThing, InvalidInput."""
    key = _key(location, place)
    if key is None:
        msg = f"there is no private key in {_key_name(location, place)}"
        raise NoSuchThing(msg, hint="make one with: tally keys new, or name it with --key")
    return key


def log_key_of(
    location: str, place: str | None, policy: TrustPolicy, origin: str
) -> SigningKey | None:
    """Return the private key of a log, if it is here and accepted. Raises: NoSuchThing.

    A witness keeps a key of its own here: it vouches for checkpoints, and signs nothing else.
    Raises: InvalidInput, where a key is named that is not the log's.
    """
    key = _key(location, None) if place is None else read_key(location, place)
    if key is not None and key.name == origin and key.verifier in policy.logs:
        return key
    if place is not None:
        msg = f"the key in {_key_name(location, place)} is not accepted for {origin}"
        raise InvalidInput(msg, hint="name the key that signed the checkpoint")
    return None


def _key_name(location: str, place: str | None) -> str:
    """Name the place of the key; a variable may hold anything, so it is not repeated."""
    if place is None and os.environ.get(KEY_VARIABLE):
        return f"the place that {KEY_VARIABLE} names"
    return repr(str(key_file(location, place)))


def _key(location: str, place: str | None) -> SigningKey | None:
    """Read the private key, None where there is none. Raises: InvalidInput."""
    inline = os.environ.get(KEY_VARIABLE, "")
    try:
        if place is None and is_key_text(inline):
            return SigningKey.read(inline.strip())
        path = key_file(location, place)
        if not path.exists() or path.is_dir():
            return None
        with path.open("rb") as file:
            return SigningKey.read(file.read(_MAX_BYTES).decode("utf-8-sig").strip())
    except OSError as error:
        msg = f"{_key_name(location, place)} cannot be read: {str(error.strerror).lower()}"
        raise InvalidInput(msg, hint="check the file and its permissions") from None
    except UnicodeDecodeError:
        msg = f"{_key_name(location, place)} is not a text"
        raise InvalidInput(msg, hint="name the private key with --key") from None
    except BadNote as error:
        msg = f"{_key_name(location, place)} does not hold a private key: {error}"
        raise InvalidInput(msg, hint="name the file of the private key with --key") from None


def read_policy(location: str, place: str | None, key_place: str | None = None) -> TrustPolicy:
    """Read the accepted keys; without a file the public half of one's own key is accepted.

    Raises: NoSuchThing, InvalidInput, OSError.
    """
    path = policy_file(location, place)
    if place is not None or path.is_file():
        return read_policy_file(path)
    own = _key(location, key_place)
    if own is None or own.algorithm != ED25519:
        return TrustPolicy()
    return TrustPolicy.of(own.verifier)


def read_policy_file(path: Path) -> TrustPolicy:
    """Read a file of accepted keys. Raises: NoSuchThing, InvalidInput, OSError."""
    if not path.exists():
        msg = f"there is no policy of accepted keys in {str(path)!r}"
        hint = "name the file with --trust (once --policy); tally keys new makes one"
        raise NoSuchThing(msg, hint=hint)
    text = read_text(str(path), "a policy of accepted keys: name one with --trust")
    try:
        return TrustPolicy.read(text)
    except BadNote as error:
        msg = f"{str(path)!r} is not a policy of accepted keys: {error}"
        raise InvalidInput(msg, hint="name the file with --trust (once --policy)") from None


def read_text(path: str, what: str = "a checkpoint or a proof") -> str:
    """Read a small text; what mail did to it (a BOM, CRLF) is undone.

    Raises: OSError, InvalidInput.
    """
    with Path(path).open("rb") as file:
        raw = file.read(_MAX_BYTES)
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path!r} is not a text", hint=f"it should be {what}") from None
    if is_key_text(text) and "PRIVATE" in text:
        msg = f"{path!r} holds a private key"
        raise InvalidInput(msg, hint=f"it should be {what}; keep the key to yourself")
    return text


@contextmanager
def whole(path: str) -> Iterator[None]:
    """Turn a text that is not a note or proof at all into a bad file; one altered stays broken.

    Raises: InvalidInput, SecondSpelling.
    """
    try:
        yield
    except SecondSpelling:
        raise
    except BadNote as error:
        msg = f"{path!r} is not a whole checkpoint or proof: {error}"
        hint = "mail may have cut or changed it: send it as an attachment, or ask for it again"
        raise InvalidInput(msg, hint=hint) from None


def read_checkpoint_text(path: str) -> str:
    """Read a checkpoint's text, as it was signed. Raises: OSError, InvalidInput."""
    text = read_text(path)
    with whole(path):
        read_checkpoint(read_note(text).text)
    return text


def read_proof_file(path: str) -> Inclusion | Consistency:
    """Read a proof. Raises: OSError, InvalidInput."""
    text = read_text(path)
    with whole(path):
        return read_proof(text)


def check_accepts(policy: TrustPolicy, connection: Connection) -> None:
    """Refuse a policy that is not of this ledger at all. Raises: NoAcceptedKey.

    A checkpoint by an unknown key among accepted ones is a matter of tally verify.
    """
    origins = set()
    for seal in stored_seals(connection):
        with suppress(IntegrityBroken):
            origins.add(seal.checkpoint.origin)
    if origins and not origins & {key.name for key in policy.logs}:
        raise NoAcceptedKey(min(origins))
