"""The words of a mail: a template a kind, with what the notice says in place of ``$name``.

A template is a file KIND.txt: a line ``Subject: ...``, an empty line, the text. Those that ship
are beside this module; a folder of one's own may hold others in their place.
"""

from __future__ import annotations

import json
import string
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import InvalidInput
from projections.notices.kinds import KINDS

if TYPE_CHECKING:
    from projections.notices.kinds import Notice

SUBJECT = "Subject: "
_MAX_BYTES = 1 << 16


class Texts:
    """The templates in force."""

    def __init__(self, folder: str | None, *, offset: int) -> None:
        """Read them. Raises: InvalidInput, OSError."""
        self._offset = offset
        self._read = {kind: _template(kind, folder) for kind in KINDS}
        if folder is not None:
            others = sorted(path.name for path in Path(folder).glob("*.txt"))
            for name in others:
                if name.removesuffix(".txt") not in KINDS:
                    known = ", ".join(KINDS)
                    msg = f"{name} is not named after a kind of notice"
                    raise InvalidInput(msg, hint=f"kinds: {known}")

    def of(self, notice: Notice) -> tuple[str, str]:
        """Return the subject and the text of one notice; what it does not say stays empty."""
        from ledger.periods import format_instant  # noqa: PLC0415 - with the first mail

        said: dict[str, Any] = {
            "id": notice.id, "kind": notice.kind, "account": notice.account,
            "at": format_instant(notice.at, self._offset), **notice.facts,
        }  # fmt: skip
        written = _Said({name: _word(cell) for name, cell in said.items()})
        subject, text = self._read[notice.kind]
        return subject.substitute(written), text.substitute(written)


class _Said(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return ""


def _word(cell: object) -> str:
    if cell is None:
        return "-"
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    return "".join(one if one.isprintable() else " " for one in text)


def _template(kind: str, folder: str | None) -> tuple[string.Template, string.Template]:
    own = None if folder is None else Path(folder) / f"{kind}.txt"
    if own is not None and not own.parent.is_dir():
        raise InvalidInput(f"{folder!r} is not a folder", hint="--templates names a folder")
    if own is not None and own.is_file():
        name = str(own)
        with own.open("rb") as file:
            raw = file.read(_MAX_BYTES)
    else:
        name = f"{kind}.txt"
        raw = files("cli.notices").joinpath("templates", name).read_bytes()
    try:
        head, _, text = raw.decode().replace("\r\n", "\n").partition("\n\n")
    except UnicodeDecodeError:
        raise InvalidInput(f"{name} is not UTF-8 text", hint="save it as UTF-8") from None
    if not head.startswith(SUBJECT) or "\n" in head or not text.strip():
        hint = "a line 'Subject: ...', an empty line, the text"
        raise InvalidInput(f"{name} is not a template", hint=hint)
    found = string.Template(head.removeprefix(SUBJECT)), string.Template(text)
    if not all(template.is_valid() for template in found):
        raise InvalidInput(f"{name} has a $ that names no field", hint="write $$ for a dollar")
    return found
