"""A vendor's file as lines of commands for ``tally import --from``, the same ones whenever asked.

What the lines say depends on where the clock stood and which accounts there were when the import
began. The first run notes both with what it records, so that ``--resume`` makes the same lines.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from cli.deliveries import Begun, importing, statement_file
from cli.render import note
from ledger.importer import Origin
from ledger.settings import SettingBroken
from projections.reconciliation.focus.delivery import sha256_of
from projections.reconciliation.readers import read_statement

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.reconciliation.lines import Statement


def converted(
    session: Session, file: str, name: str, *,
    resume: bool, account: str, encoding: str, dates_lost: bool,
) -> tuple[Statement, BinaryIO, Origin]:  # fmt: skip
    """Turn a vendor's file into lines of commands, and say where they come from.

    Raises: SettingBroken.
    """
    body = statement_file(file, name)
    digest = _digest(body, repr((name, account, encoding, dates_lost)))
    key = f"import-of:{name}:{digest}"
    begun = _noted(session, key) if resume else None
    if begun is None:
        begun = Begun(session.reader.head().position, session.now, session.offset)
    statement = read_statement(
        body, name, offset=begun.offset, currency=session.config.currency, encoding=encoding,
        account=account,
    )  # fmt: skip
    importer, statement = importing(session, statement, begun=begun, dates_lost=dates_lost)
    importer.origin = f"{Path(file).name} sha256:{sha256_of(body)}"
    lines = [json.dumps(one, ensure_ascii=False) for one in importer.commands(statement)]
    for said in importer.unsaid:
        note(f"note: {said}")
    source = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    origin = Origin(f"{name}:{digest}", key, msgspec.json.encode(begun).decode())
    return statement, source, origin


def _digest(body: bytes | Path, options: str) -> str:
    """Hash a file, and how it is to be read."""
    digest = hashlib.sha256(options.encode())
    if isinstance(body, Path):
        with body.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    else:
        digest.update(body)
    return digest.hexdigest()


def _noted(session: Session, key: str) -> Begun | None:
    text = session.reader.meta(key)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Begun)
    except msgspec.DecodeError:
        want = "the head of the ledger when an import began"
        raise SettingBroken(key, value=text, want=want) from None
