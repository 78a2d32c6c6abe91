"""``tally keys``: the key that signs checkpoints, and the keys that are accepted."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import click

from cli.options import Output, tally_command
from cli.render import write
from cli.trusting import (
    key_file,
    key_option,
    policy_file,
    policy_option,
    read_key,
    write_secret,
    write_whole,
)
from ledger import seal as seals
from ledger.errors import AlreadyExists, InvalidInput
from ledger.notes import COSIGNATURE, check_name
from ledger.trust import TrustPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from cli.bootstrap import Session
    from ledger.notes import VerifierKey

_SPKI = bytes.fromhex("302a300506032b6570032100")  # what X.509 puts before an Ed25519 key


@click.group("keys")
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
@click.option("--name", help="Its name, like example.com/billing (default: tally.local/ID).")
@click.option("--witness", is_flag=True, help="A key that cosigns the checkpoints of others.")
@key_option
@policy_option
@tally_command()
def new(
    session: Session, output: Output, *, name: str | None, witness: bool,
    key_place: str | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Make a key, and accept it in the policy file."""
    if witness and name is None:
        msg = "a witness has a name of its own"
        raise InvalidInput(msg, hint="add --name, like --name audit.example/lin")
    named = check_name(name or f"tally.local/{session.catalog.ledger}")
    key = (seals.witness_key if witness else seals.log_key)(named, os.urandom(32))
    path = key_file(session.location, key_place)
    if path.exists():
        msg = f"{str(path)!r} exists"
        raise InvalidInput(msg, hint="tally keys rotate replaces a key; --key names another file")
    policy = policy_file(session.location, policy_place)
    accepted = _read(policy)
    _accept(accepted, key.verifier)
    write_secret(path, f"{key}\n")
    write_whole(policy, str(accepted))
    _show(output, key.verifier, path, policy)
    if output.human:
        write("keep the key where those who write the ledger cannot read it; lost is lost")


@command.command("show")
@click.option("--pem", is_flag=True, help="The public key alone, as openssl reads it.")
@key_option
@policy_option
@tally_command()
def show(
    session: Session, output: Output, *, pem: bool,
    key_place: str | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Show the public key; the private one is never shown."""
    key = read_key(session.location, key_place).verifier
    if pem and output.human:
        write(_pem(key).rstrip())
        return
    path = key_file(session.location, key_place)
    _show(output, key, path, policy_file(session.location, policy_place))


@command.command("rotate")
@key_option
@policy_option
@tally_command()
def rotate(
    session: Session, output: Output, *, key_place: str | None, policy_place: str | None
) -> None:
    """Replace the key: the old and the new one sign one checkpoint, both stay accepted."""
    old = read_key(session.location, key_place)
    if old.algorithm == COSIGNATURE:
        msg = "a witness's key is not rotated by the log"
        raise InvalidInput(msg, hint="make another: tally keys new --witness")
    path = key_file(session.location, key_place)
    kept = path.with_name(f"{path.name}.{old.verifier.key_id.hex()}")
    if kept.exists():
        msg = f"{str(kept)!r} exists"
        raise AlreadyExists(msg, rule="R59")
    key = seals.log_key(old.name, os.urandom(32))
    policy = policy_file(session.location, policy_place)
    accepted = _read(policy)
    for one in (old.verifier, key.verifier):
        _accept(accepted, one)
    write_secret(kept, f"{old}\n")
    with session.store.writing() as writer:
        sealed = seals.seal(
            writer.connection, (old, key), origin=old.name, head=writer.head.position
        )
        write_whole(policy, str(accepted))
        path.unlink(missing_ok=True)
        write_secret(path, f"{key}\n")
    _show(output, key.verifier, path, policy, old=str(kept), sealed=sealed.size)


def _read(path: Path) -> TrustPolicy:
    return TrustPolicy.read(path.read_text(encoding="utf-8")) if path.is_file() else TrustPolicy()


def _accept(policy: TrustPolicy, key: VerifierKey) -> None:
    if key.algorithm == COSIGNATURE:
        policy.witnesses.setdefault(key.name, key)
    elif key not in policy.logs:
        policy.logs.append(key)


def _show(
    output: Output, key: VerifierKey, path: Path, policy: Path, **more: Any
) -> None:
    answer = {
        "schema": "tally.keys/1", "name": key.name, "key_id": key.key_id.hex(),
        "vkey": str(key), "kind": "witness" if key.algorithm == COSIGNATURE else "log",
        "key_file": str(path), "policy_file": str(policy), "pem": _pem(key), **more,
    }  # fmt: skip
    if not output.human:
        output.object(answer)
        return
    write(f"{answer['kind']} key {key.name}, id {answer['key_id']}")
    write(f"  public    {key}")
    write(f"  private   {path}")
    write(f"  accepted  {policy}")
    if "old" in more:
        write(f"  before    {more['old']}; both signed the checkpoint over {more['sealed']} events")


def _pem(key: VerifierKey) -> str:
    raw = base64.b64encode(_SPKI + key.public).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{raw}\n-----END PUBLIC KEY-----\n"


