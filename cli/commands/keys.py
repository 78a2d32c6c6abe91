"""``tally keys``: the key that signs checkpoints, and the keys that are accepted."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import UNSET

from cli.groups import Commands
from cli.options import Output, tally_command
from cli.outputs import key_and_policy, secret
from cli.release import release
from cli.render import write, write_lines
from cli.trusting import (
    key_file,
    key_option,
    policy_file,
    policy_option,
    read_key,
    read_policy_file,
)
from ledger.errors import AlreadyExists, InvalidInput
from ledger.proof import seals
from ledger.proof.notes import COSIGNATURE, BadNote, check_name
from ledger.proof.trust import TrustPolicy
from ledger.quoting import plural
from ledger.releases import seal
from projections.answers.proving import KeyShown

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from ledger.proof.notes import VerifierKey

_SPKI = bytes.fromhex("302a300506032b6570032100")  # what X.509 puts before an Ed25519 key


@click.group("keys", cls=Commands)
def command() -> None:
    """Make, show or rotate the key that signs checkpoints.

    The private key is a file outside the ledger, or TALLY_KEY; give LEDGER.policy to whoever
    verifies.

    \b
    Examples:
      tally keys new
      tally keys show
      tally keys new --witness --name audit.example/lin --key lin.key
      tally keys rotate
    """


@command.command("new")
@click.option("--name", help="The key's name, like example.com/billing (default: tally.local/ID).")
@click.option("--witness", is_flag=True, help="Make a witness's key, which cosigns checkpoints.")
@key_option
@policy_option
@tally_command()
def new(
    session: Session, output: Output, *, name: str | None, witness: bool,
    key_place: str | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Make a key, and accept it in the policy file.

    \b
    Examples:
      tally keys new
      tally keys new --key /secure/tally.key
    """
    if witness and name is None:
        msg = "a witness needs its own name"
        raise InvalidInput(msg, hint="add --name, like --name audit.example/lin")
    try:
        named = check_name(name or f"tally.local/{session.config.ledger}")
    except BadNote as error:
        raise InvalidInput(str(error), hint="like --name example.com/billing") from None
    key = (seals.witness_key if witness else seals.log_key)(named, os.urandom(32))
    key_target, policy_target = key_and_policy(session.location, key_place, policy_place)
    if key_target.path.exists():
        msg = f"{key_target.given!r} exists"
        raise InvalidInput(msg, hint="tally keys rotate replaces a key; --key names another file")
    accepted = _read(policy_target.path)
    _accept(accepted, key.verifier)
    with secret(key_target.path, f"{key}\n"):
        policy_target.write(str(accepted))
    _show(output, key.verifier, key_target.given, policy_target.given)
    if output.human:
        write("keep the key where writers of the ledger cannot read it; it cannot be recovered")


@command.command("show")
@click.option("--pem", is_flag=True, help="Print only the public key, as PEM.")
@key_option
@policy_option
@tally_command()
def show(
    session: Session, output: Output, *, pem: bool,
    key_place: str | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Show the public key; the private one is never shown.

    \b
    Example:
      tally keys show
    """
    key = read_key(session.location, key_place).verifier
    if pem and output.human:
        write_lines(_pem(key).rstrip())
        return
    accepted = policy_file(session.location, policy_place)
    _show(output, key, str(key_file(session.location, key_place)), str(accepted))


@command.command("rotate", short_help="Replace the key; both stay accepted.")
@key_option
@policy_option
@tally_command()
def rotate(
    session: Session, output: Output, *, key_place: str | None, policy_place: str | None
) -> None:
    """Replace the key: the old and the new one sign one checkpoint, both stay accepted.

    \b
    Example:
      tally keys rotate
    """
    old = read_key(session.location, key_place)
    if old.algorithm == COSIGNATURE:
        msg = "a witness's key is not rotated by the log"
        raise InvalidInput(msg, hint="make another: tally keys new --witness")
    key_target, policy_target = key_and_policy(session.location, key_place, policy_place)
    kept = Path(f"{key_target.given}.{old.verifier.key_id.hex()}")
    key = seals.log_key(old.name, os.urandom(32))
    accepted = _read(policy_target.path)
    for one in (old.verifier, key.verifier):
        _accept(accepted, one)
    _keep_old(kept, f"{old}\n")
    # In this order each step leaves a key, a policy and seals that agree, if the next one fails.
    with secret(key_target.path, f"{key}\n", replace=True):
        with session.store.writing() as writer:
            sealed = seal(writer, (old, key), origin=old.name, release=release())
        policy_target.write(str(accepted))
    _show(output, key.verifier, key_target.given, policy_target.given, old=str(kept),
          sealed=sealed.size)  # fmt: skip


def _keep_old(path: Path, text: str) -> None:
    """Keep the old key under its own name; what an interrupted rotation left is not an obstacle.

    Raises: AlreadyExists.
    """
    there = path.read_bytes() if path.exists() else b""
    if there == text.encode():
        return
    if there:
        msg = f"{str(path)!r} exists and holds something else"
        raise AlreadyExists(msg, rule="R59")
    with secret(path, text, replace=True):
        pass


def _read(path: Path) -> TrustPolicy:
    return read_policy_file(path) if path.exists() else TrustPolicy()


def _accept(policy: TrustPolicy, key: VerifierKey) -> None:
    if key.algorithm == COSIGNATURE:
        policy.witnesses.setdefault(key.name, key)
    elif key not in policy.logs:
        policy.logs.append(key)


def _show(output: Output, key: VerifierKey, path: str, policy: str, **more: Any) -> None:
    answer = KeyShown(
        name=key.name, key_id=key.key_id.hex(),
        vkey=str(key), kind="witness" if key.algorithm == COSIGNATURE else "log",
        key_file=path, policy_file=policy, pem=_pem(key), **more,
    )  # fmt: skip
    if output.answered(answer):
        return
    write(f"{answer.kind} key {key.name}, id {answer.key_id}")
    write(f"  public    {key}")
    write(f"  private   {path}")
    write(f"  accepted  {policy}")
    if answer.sealed is not UNSET:
        events = plural(answer.sealed, "event")
        write(f"  before    {answer.old}; both signed the checkpoint over {events}")


def _pem(key: VerifierKey) -> str:
    raw = base64.b64encode(_SPKI + key.public).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{raw}\n-----END PUBLIC KEY-----\n"


