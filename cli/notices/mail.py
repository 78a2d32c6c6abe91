"""Notices by mail: the text of a template, and the notice itself as JSON beside it.

A template is a file KIND.txt: a line ``Subject: ...``, an empty line, the text, with what the
notice says in place of ``$name``. A folder of your own may hold others in place of the defaults.
Invariant: the Message-ID is made of the notice's id, so a repeated mail can be told; outside this
machine the connection is encrypted and its certificate verified, unless the address says
``tls=none``, and a password never goes over one that is not.
"""

from __future__ import annotations

import contextlib
import json
import re
import smtplib
import ssl
import string
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from cli.notices.channel import STEP_SECONDS, WHOLE_SECONDS, Address, Receipt, bounded, cut_off
from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.notices.kinds import KINDS

if TYPE_CHECKING:
    import socket

    from projections.notices.kinds import Notice

_OPTIONS: Final = ("from", "to", "tls")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.:\[\]-]+", re.ASCII)
_ACCOUNT: Final = "{account}"
_SUBJECT: Final = "Subject: "
_TEXT_MAX: Final = 1 << 16
_OURSELVES: Final = "[127.0.0.1]"  # a greeting that needs no look-up of names


class Mail:
    """A mail server that takes notices."""

    def __init__(
        self, address: Address, texts: Texts, *, seconds: float = WHOLE_SECONDS
    ) -> None:
        """Read the recipient and the options. Raises: InvalidInput."""
        self.name = address.name
        self._address = address
        self._texts = texts
        self._seconds = seconds
        query = address.query
        for option in query:
            if option not in _OPTIONS:
                known = ", ".join(_OPTIONS)
                raise InvalidInput(f"a mail address has no {option!r}", hint=f"it has {known}")
        self._tls = query.get("tls", "none" if address.loopback else "required")
        if self._tls not in ("none", "required"):
            raise InvalidInput(f"tls is {self._tls!r}", hint="tls=required or tls=none")
        host = address.host
        domain = f"[{host}]" if re.fullmatch(r"[0-9.]+|.*:.*", host) else host
        recipient = query.get("to") or unquote(address.parts.path).strip("/")
        self._to = recipient or f"postmaster@{domain}"
        self._from = query.get("from") or f"tally@{domain}"
        for one in (self._to.replace(_ACCOUNT, "a"), self._from):
            if not _ADDRESS.fullmatch(one):
                hint = "like smtp://host/name@example.com?from=tally@example.com"
                raise InvalidInput(f"{one!r} is not a mail address", hint=hint)

    def send(self, notice: Notice, body: bytes) -> Receipt:
        """Hand one mail over."""
        recipient = self._to.replace(_ACCOUNT, notice.account)
        if not _ADDRESS.fullmatch(recipient):
            return Receipt(taken=False, said=bounded(f"{recipient!r} is not a mail address"))
        message = self.message(notice, body, recipient)
        smtp = smtplib.SMTP(timeout=STEP_SECONDS, local_hostname=_OURSELVES)
        try:
            with cut_off(lambda: _socket(smtp), self._seconds):
                self._begin(smtp)
                smtp.sendmail(self._from, [recipient], message)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    smtp.quit()  # the mail was taken, whatever becomes of the farewell
        except smtplib.SMTPServerDisconnected as error:
            return Receipt(taken=False, said=bounded(str(error)))
        except smtplib.SMTPRecipientsRefused as error:
            return Receipt(taken=False, said=bounded(_refused(error)))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Receipt(taken=False, said=bounded(f"{type(error).__name__}: {error}"))
        finally:
            smtp.close()
        return Receipt(taken=True, said="250 taken")

    def message(self, notice: Notice, body: bytes, recipient: str) -> bytes:
        """Write the mail."""
        subject, text = self._texts.of(notice)
        mail = EmailMessage(policy=WIRE)
        mail["From"], mail["To"], mail["Subject"] = self._from, recipient, subject
        mail["Message-ID"] = f"<{notice.id.replace(':', '.')}@tally.invalid>"
        mail["X-Tally-Notice"] = notice.id
        mail.set_content(text)
        mail.add_attachment(body, maintype="application", subtype="json", filename="notice.json")
        return mail.as_bytes()

    def _begin(self, smtp: smtplib.SMTP) -> None:
        parts = self._address.parts
        smtp.connect(self._address.host, parts.port or smtplib.SMTP_PORT)
        # Certificates are compared with the name in the address.
        smtp._host = self._address.host  # type: ignore[attr-defined]  # noqa: SLF001 - set only by the constructor
        smtp.ehlo()
        if self._tls == "required":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        if parts.username:
            smtp.login(unquote(parts.username), unquote(parts.password or ""))

    def close(self) -> None:
        """Nothing is kept open between mails."""


def _refused(error: smtplib.SMTPRecipientsRefused) -> str:
    for code, said in error.recipients.values():
        return f"{code} {said.decode(errors='replace')}"
    return "the recipient was refused"


def _socket(smtp: smtplib.SMTP) -> socket.socket | None:
    there: socket.socket | None = getattr(smtp, "sock", None)
    return there


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
            raw = file.read(_TEXT_MAX)
    else:
        name = f"{kind}.txt"
        raw = files("cli.notices").joinpath("templates", name).read_bytes()
    try:
        head, _, text = raw.decode().replace("\r\n", "\n").partition("\n\n")
    except UnicodeDecodeError:
        raise InvalidInput(f"{name} is not UTF-8 text", hint="save it as UTF-8") from None
    if not head.startswith(_SUBJECT) or "\n" in head or not text.strip():
        hint = "a line 'Subject: ...', an empty line, the text"
        raise InvalidInput(f"{name} is not a template", hint=hint)
    found = string.Template(head.removeprefix(_SUBJECT)), string.Template(text)
    if not all(template.is_valid() for template in found):
        raise InvalidInput(f"{name} has a $ that names no field", hint="write $$ for a dollar")
    return found
