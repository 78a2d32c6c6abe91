"""Bank and card statements as OFX or QFX: SGML of version 1 and XML of version 2.

Read here and not by a library (docs/decisions/0046): the format is tags with values, and what
matters is that nothing which does not fit is passed over.
Invariant: each statement's ledger balance is that of its end; lines of one FITID and equal content
are lines of their own. Nothing is fetched or expanded.
This module must not know which entries the ledger expects.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from ledger.errors import InvalidInput
from ledger.periods import DAY, local_day, midnight, parse_instant
from projections.reconciliation.lines import (
    BOOKED,
    INSTRUCTION,
    PENDING,
    TRANSACTION,
    BadStatement,
    Ends,
    Line,
    Reference,
    Statement,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.banks import NAME_MAX, TEXT_MAX, bank_statement, chosen
from projections.reconciliation.readers.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TAG: Final = re.compile(r"<(/?)([A-Za-z0-9_.]+)(?:\s[^<>]*)?(/?)>([^<]*)")
_HEADER: Final = re.compile(rb"(?:CHARSET|ENCODING):[ \t]*([A-Za-z0-9-]+)", re.IGNORECASE)
_XML: Final = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_DATE: Final = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(?:(\d{2})(?:\.\d+)?)?)?"
    r"(?:\s*\[\s*([+-]?\d{1,2})(?:\.(\d{1,2}))?(?::\s*\w*)?\s*\])?",
    re.ASCII,
)
# A part of an hour, as a decimal or as minutes: both are written.
_MINUTES: Final = {"5": 30, "50": 30, "30": 30, "25": 15, "15": 15, "75": 45, "45": 45}
_GROUPED: Final = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_CDATA: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_HOLDERS: Final = ("STMTRS", "CCSTMTRS")
DELETE: Final = "DELETE"
_ACTIONS: Final = ("REPLACE", DELETE)
_DEPTH_MAX: Final = 32


class Node(NamedTuple):
    """An element: its value, or the elements in it."""

    name: str
    value: str
    line: int
    children: list[Node]

    def all(self, name: str) -> Iterator[Node]:
        """Yield every element of a name below this one."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def text(self, *path: str) -> str:
        """Return the value at a path, empty where there is none."""
        if not path:
            return self.value
        below = next((one for one in self.children if one.name == path[0]), None)
        return "" if below is None else below.text(*path[1:])


class _Correction(NamedTuple):
    """The line that a line corrects by its FITID, if any: replaces it, or deletes it."""

    corrects: str
    deletes: bool


class _Page(NamedTuple):
    """The statement of one account."""

    account: str
    currency: str
    balance: int | None
    lines: tuple[Line, ...]
    starts: int
    ends: int


def read_ofx(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read a statement file. Raises: BadStatement, ControlTotalWrong."""
    root = _parse(_text(body, encoding))
    parts = [
        _page(one, offset, currency) for holder in _HOLDERS for one in root.all(holder)
    ]
    if not parts:
        _check_status(root)
        msg = "the file has no statement of a bank or card account (STMTRS, CCSTMTRS)"
        raise BadStatement(msg, hint="statements of investments are not read")
    pages = chosen(parts, account)
    ends: dict[str, Ends] = {}
    for page in pages:
        moved = sum(
            line.amount for line in page.lines
            if line.status == BOOKED and line.currency == page.currency
        )
        left, there = page.balance or 0, ends.get(page.account, Ends(0, 0))
        ends[page.account] = Ends(there.opening + left - moved, there.closing + left)
    stated = all(page.balance is not None for page in pages)
    return bank_statement("ofx", pages, ends if stated else None, currency=pages[0].currency)


def _text(body: bytes, encoding: str) -> str:
    """Decode a file as its header says, unless an option says otherwise."""
    if encoding.lower() not in ("", "utf-8", "utf8"):
        return decode(body, encoding)
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return decode(body, "utf-16")
    head = body[:1000]
    match = _XML.search(head)
    if match is not None:
        return decode(body, match[1].decode("ascii"))
    try:
        return decode(body)
    except BadStatement:
        said = [name.decode("ascii") for name in _HEADER.findall(head)]
        charset = next((name for name in said if name.isdigit()), "1252")
        return decode(body, f"windows-{charset}")


def _parse(text: str) -> Node:
    """Return the tree of a document. Elements with a value need no end. Raises: BadStatement."""
    text = _CDATA.sub(lambda match: escape(match[1], quote=False), text)
    if "<!" in text.replace("<!--", ""):
        msg = "the file declares a document type or entities; no statement does"
        raise BadStatement(msg, hint="do not open it; ask the bank for the file again")
    begins = text.upper().find("<OFX>")
    if begins < 0:
        msg = "the file has no OFX element"
        raise BadStatement(msg, hint="is it OFX or QFX? a CSV is read with --source csv")
    root = Node("", "", 1, [])
    stack = [root]
    line = text.count("\n", 0, begins) + 1
    for match in _TAG.finditer(text, begins):
        name, value = match[2].upper(), _value(match[4])
        if match[1]:
            _close(stack, name, line)
        else:
            node = Node(name, value, line, [])
            stack[-1].children.append(node)
            if not value and not match[3]:
                stack.append(node)
            if len(stack) > _DEPTH_MAX:
                msg = f"line {line}: the file nests more than {_DEPTH_MAX} elements"
                raise BadStatement(msg, hint="fetch the file again")
        line += match[0].count("\n")
    if len(stack) > 1:
        msg = f"the file is cut off: {stack[1].name} does not end"
        raise BadStatement(msg, hint="fetch the file again")
    return root


def _close(stack: list[Node], name: str, line: int) -> None:
    """End an element; those with neither value nor end inside it are empty values."""
    for place in range(len(stack) - 1, 0, -1):
        if stack[place].name == name:
            for empty in stack[place + 1 :]:  # <MEMO> without value: what followed is beside it
                stack[place].children.extend(empty.children)
                empty.children.clear()
            del stack[place:]
            return
    if not any(one.name == name for one in stack[-1].children):
        msg = f"line {line}: {name} ends without a beginning"
        raise BadStatement(msg, hint="the file seems damaged; fetch it again")


def _value(text: str) -> str:
    return unescape(text).strip()


def _check_status(root: Node) -> None:
    for status in root.all("STATUS"):
        if status.text("CODE") not in ("", "0"):
            said = status.text("MESSAGE") or status.text("SEVERITY")
            msg = f"the bank answered with error {status.text('CODE')}: {said[:100]}"
            raise BadStatement(msg, hint="fetch the file again")


def _page(node: Node, offset: int, fallback: str) -> _Page:
    code = cells.currency(node.text("CURDEF").upper() or fallback, node.line, "CURDEF")
    source = "BANKACCTFROM" if node.name == "STMTRS" else "CCACCTFROM"
    name = node.text(source, "ACCTID")
    lists = [one for one in node.children if one.name in ("BANKTRANLIST", "BANKTRANLISTP")]
    lines = _told_apart(_corrected([
        (_line(one, code, offset, pending=holder.name == "BANKTRANLISTP"), _correction(one))
        for holder in lists for one in holder.children if one.name in ("STMTTRN", "STMTTRNP")
    ]))  # fmt: skip
    balance = node.text("LEDGERBAL", "BALAMT")
    left = _amount(balance, node.line, "LEDGERBAL") if balance else None
    days = [line.instant for line in lines if line.status == BOOKED]
    holder = next((one for one in lists if one.name == "BANKTRANLIST"), node)
    first, last = holder.text("DTSTART"), holder.text("DTEND")
    begun = [_day(first, node.line, offset)] if first else []
    ended = [_day(last, node.line, offset)] if last else []
    if not days and not ended and node.text("LEDGERBAL", "DTASOF"):
        ended = [_day(node.text("LEDGERBAL", "DTASOF"), node.line, offset)]
    ends = max((midnight(local_day(one, offset) + 1, offset) for one in [*ended, *days]), default=0)
    return _Page(name, code, left, lines, min([*begun, *days], default=max(ends - DAY, 0)), ends)


def _correction(node: Node) -> _Correction:
    """Read what a line corrects. Raises: BadStatement."""
    corrects, action = node.text("CORRECTFITID").strip(), node.text("CORRECTACTION").strip().upper()
    if corrects and action not in _ACTIONS:
        msg = f"line {node.line}: CORRECTACTION {action[:40]!r} of {corrects[:40]!r} is not known"
        raise BadStatement(msg, hint=f"it is one of: {', '.join(_ACTIONS)}")
    return _Correction(corrects, action == DELETE)


def _corrected(read: Sequence[tuple[Line, _Correction]]) -> list[Line]:
    """Return what is left of lines that the bank corrected, in this file or an earlier one.

    A line that replaces another has the name of the first one, which the ledger may have, and its
    own. What deletes a line of an earlier file takes it back.
    """
    first = {line.number: how.corrects for line, how in read if how.corrects}
    there = {line.number for line, _ in read}
    found: list[Line] = []
    for line, how in read:
        if line.number and line.number in first.values():
            continue  # the line that corrects it says what holds
        name, seen = how.corrects, {line.number}
        while name in first and name not in seen:
            seen.add(name)
            name = first[name]
        if not name:
            found.append(line)
        elif not how.deletes:
            own = (Reference(line.number, TRANSACTION),) if line.number else ()
            found.append(replace(line, number=name, references=(*line.references, *own)))
        elif name not in there:
            named = (Reference(name, TRANSACTION), *line.references)
            found.append(replace(line, amount=-line.amount, reversal=True, references=named))
    return found


def _told_apart(lines: list[Line]) -> tuple[Line, ...]:
    """Drop an id that a bank used for different lines."""
    said: dict[str, set[tuple[int, int]]] = {}
    for line in lines:
        said.setdefault(line.number, set()).add((line.amount, line.instant))
    return tuple(
        line if not line.number or len(said[line.number]) == 1
        else replace(line, number="", references=(
            Reference(line.number, INSTRUCTION), *line.references
        )) for line in lines
    )  # fmt: skip


def _line(node: Node, currency: str, offset: int, *, pending: bool) -> Line:
    where = f"line {node.line}, STMTTRN"
    amount = _amount(node.text("TRNAMT"), node.line, "TRNAMT")
    other = node.text("CURRENCY", "CURSYM")
    code = cells.currency(other, node.line, "CURSYM") if other else currency
    posted = node.text("DTPOSTED") or (node.text("DTTRAN") if pending else "")
    if not posted:
        raise BadStatement(f"{where} has no date (DTPOSTED)", hint="fetch the file again")
    when = _instant(posted, node.line, offset)
    references = tuple(
        Reference(text, scope) for name, scope in (
            ("SRVRTID", TRANSACTION), ("REFNUM", INSTRUCTION), ("CHECKNUM", INSTRUCTION),
        ) if (text := node.text(name)).strip("0 ")
    )  # fmt: skip
    said = (node.text("NAME") or node.text("PAYEE", "NAME"), node.text("MEMO"))
    number = node.text("FITID").strip()  # the bank's own number, which is seldom ours
    named = number or (references[0].text if references else "")
    return Line(
        key=named or cells.nameless(when, amount, code, offset=offset), number=number,
        amount=amount, currency=code, instant=when, references=references,
        status=PENDING if pending else BOOKED, kind="credit" if amount >= 0 else "debit",
        place=f"line {node.line}", text=" ".join(dict.fromkeys(filter(None, said)))[:TEXT_MAX],
        payer=said[0][:NAME_MAX],
        payer_account=node.text("BANKACCTTO", "ACCTID") or node.text("CCACCTTO", "ACCTID"),
    )  # fmt: skip


def _amount(text: str, line: int, name: str) -> int:
    """Read an amount: a point or a comma parts the decimals, and nothing parts groups."""
    if _GROUPED.fullmatch(text):
        msg = f"line {line}, {name}: {text[:40]!r} may be a thousand or three decimals"
        raise BadStatement(msg, hint="OFX parts no groups: ask the bank for the file again")
    plain = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if not plain:
        raise BadStatement(f"line {line} has no amount ({name})", hint="fetch the file again")
    return cells.amount(plain, line, name, thousands="," if "." in plain else "")


def _instant(text: str, line: int, offset: int) -> int:
    """Read ``20250310120000.000[-5:EST]``: without a zone it is a day of the ledger's place."""
    match = _DATE.fullmatch(text.strip().replace("[GMT]", "[0:GMT]").replace("[UTC]", "[0:UTC]"))
    if match is None:
        raise BadStatement(f"line {line}: {text[:40]!r} is not a date of OFX", hint="YYYYMMDD")
    year, month, day, hour, minute, second, away, part = match.groups()
    zone = ""
    if away is not None:
        hours = int(away)
        minutes = _MINUTES.get(part or "", 0)
        zone = f"{'-' if away.startswith('-') else '+'}{abs(hours):02}:{minutes:02}"
    if (hour, minute or "00", second or "00") == ("24", "00", "00"):
        hour, minute, second = "23", "59", "59"  # 24:00:00 ends its day
    try:
        return parse_instant(
            f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}", offset
        )
    except InvalidInput as error:
        raise BadStatement(f"line {line}: {error}", hint="YYYYMMDD") from None


def _day(text: str, line: int, offset: int) -> int:
    return midnight(local_day(_instant(text, line, offset), offset), offset)
