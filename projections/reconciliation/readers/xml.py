"""XML of unknown origin as messages of ISO 20022: encodings, envelopes, namespaces, hostile files.

Invariant: nothing outside the file is fetched and nothing in it expanded; an entry (``Ntry``) is
given away and dropped as soon as it is whole, so memory does not hold the document. Elements have
their local names: versions, banks and prefixes differ in namespaces, not in what is read.
This module must not know what an entry means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, TreeBuilder

from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.text import decode

if TYPE_CHECKING:
    from collections.abc import Callable

CONTAINERS: Final = {
    "BkToCstmrStmt": "camt.053", "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
}  # fmt: skip
STATEMENTS: Final = ("Stmt", "Rpt", "Ntfctn")
DEPTH_MAX = 64  # the deepest path of any version has 14 elements
_KINDS: Final = {
    "camt.052": "an intraday report", "camt.053": "an end-of-day statement",
    "camt.054": "a notification",
}  # fmt: skip
_KIND = re.compile(r"(?:^|[^a-z])([a-z]{4}\.\d{3})(?:\.|$)", re.ASCII)
_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")
_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_KNOWN: Final = ("utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1")


class EntryTarget(TreeBuilder):
    """Receives a document while it is parsed, and gives its entries and statements away."""

    def __init__(
        self, wanted: str,
        entry: Callable[[Element, Element], None], statement: Callable[[Element], None],
    ) -> None:  # fmt: skip
        """Remember the message that is wanted and who takes entries and statements."""
        super().__init__()
        self._wanted, self._entry, self._statement = wanted, entry, statement
        self._path: list[Element] = []
        self._root = self._namespace = ""
        self.held = False

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        """Start an element, and check the message where it begins. Raises: BadStatement."""
        namespace, _, name = tag.rpartition("}")
        if not self._path:
            self._root = tag
        if name == "Document":
            self._namespace = namespace
        if name in CONTAINERS:
            self._check(namespace or self._namespace, CONTAINERS[name], name)
        if len(self._path) >= DEPTH_MAX:
            msg = f"the file nests more than {DEPTH_MAX} elements; no bank statement does"
            raise BadStatement(msg, hint="ask the bank for the file again")
        element = super().start(name, attrs)
        self._path.append(element)
        return element

    def end(self, tag: str) -> Element:
        """End an element; an entry or a statement that is whole is given away."""
        name = tag.rpartition("}")[2]
        element = super().end(name)
        self._path.pop()
        if self._path and name == "Ntry":
            self._entry(element, self._path[-1])
            self._path[-1].remove(element)
        elif self._path and name in STATEMENTS:
            self._statement(element)
            self._path[-1].remove(element)
        return element

    def _check(self, namespace: str, holds: str, name: str) -> None:
        match = _KIND.search(namespace)
        kind = match[1] if match is not None else holds
        if kind != self._wanted:
            raise wrong_kind(kind, self._wanted)
        if holds != kind:
            msg = f"the file says {kind} and holds a {name}, which is {holds}"
            raise BadStatement(msg, hint="ask the bank for the file again")
        self.held = True

    def nothing(self) -> BadStatement:
        """Return the error of a document that has no message of an account in it."""
        match = _KIND.search(self._namespace) or _KIND.search(self._root.rpartition("}")[0])
        if match is not None and match[1] != self._wanted:
            return wrong_kind(match[1], self._wanted)
        return BadStatement(
            f"the root element {self._root[:80]!r} is not an ISO 20022 document of an account",
            hint=f"a bank statement is a Document of {self._wanted}",
        )


def wrong_kind(kind: str, wanted: str) -> BadStatement:
    """Return the error of a message that is not the one wanted, with the source that reads it."""
    said = _KINDS.get(kind, "")
    hint = f"use --source {kind.replace('.', '')}" if said else f"ask the bank for {wanted}"
    return BadStatement(f"the file is {kind}{', ' + said if said else ''}, not {wanted}", hint=hint)


def parse(body: bytes, target: EntryTarget, *, encoding: str = "") -> None:
    """Parse a document into a target. Raises: BadStatement."""
    from defusedxml import ElementTree, common  # noqa: PLC0415 - for these sources alone

    text, declared = _plain(body, encoding)
    try:
        parser = ElementTree.DefusedXMLParser(target=target, encoding=declared, forbid_dtd=True)
        parser.feed(text)
        parser.close()
    except common.DefusedXmlException:
        msg = "the file declares a document type or entities; no bank statement does"
        raise BadStatement(msg, hint="do not open it; ask the bank for the file again") from None
    except (ElementTree.ParseError, ValueError, LookupError, AssertionError) as error:
        msg = f"the file is not a whole XML document: {str(error) or 'it is empty'}"
        hint = "it seems cut off or has another format; if it is not UTF-8, give --encoding"
        raise BadStatement(msg, hint=hint) from None
    if not target.held:
        raise target.nothing()


def _plain(body: bytes, encoding: str) -> tuple[bytes, str | None]:
    """Return the document without marks and blanks before it, and its encoding if it is known.

    The parser knows few encodings, so all others are decoded here and handed on as UTF-8.
    """
    name = encoding.lower()
    if name in ("", "utf-8"):
        name = ""
        begins = len(body) - len(body.lstrip(b"\0 \t\r\n"))
        if body[:2] in _MARKS:
            name = "utf-16"
        elif body[begins : begins + 1] == b"<" and body[begins + 1 : begins + 2] == b"\0":
            name = "utf-16-be" if begins % 2 else "utf-16-le"
    plain = body.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if not name:
        match = _DECLARED.match(plain[:200])
        declared = match[1].decode("ascii").lower() if match is not None else "utf-8"
        if declared in _KNOWN:
            return plain, None
        name = declared
    return decode(body, name).lstrip("\ufeff \t\r\n").encode(), "utf-8"
