"""Bank statements of SWIFT: MT940, one or several in a file, with or without envelopes.

The library ``mt-940`` reads the statement lines (:61:) and what German banks write into :86:; it
does not hold a balance, merges statements, and reads on where a field is wrong, so fields are cut
and balances held here.
Invariant: opening + lines = closing for each statement and page, which form one chain an account.
This module must not know which entries the ledger expects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.errors import InvalidInput
from ledger.periods import DAY, parse_instant
from projections.reconciliation.chains import BalanceStep, ends_of
from projections.reconciliation.lines import (
    BATCH,
    BOOKED,
    ENTRY,
    INSTRUCTION,
    MANDATE,
    TRANSACTION,
    BadStatement,
    Line,
    Reference,
    Statement,
    check_total,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.banks import (
    NAME_MAX,
    TEXT_MAX,
    bank_statement,
    chosen,
    says_nothing,
)
from projections.reconciliation.readers.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELD: Final = re.compile(r":(\d{2}[A-Z]?|NS):(.*)", re.DOTALL)
_BALANCE: Final = re.compile(r"([CD])(\d{6})([A-Z]{3})([\d,]{1,15})", re.ASCII)
_ENVELOPE: Final = re.compile(r"\{[1235]:[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\{4:|-\}")
# A :61: as it must begin; the library reads on where the amount or the code differs.
_LINE: Final = re.compile(
    r"\d{6}(?:\d{4}| {0,4})R?[CD][A-Z]?\d[\d,]{0,14}[NSF]", re.ASCII | re.IGNORECASE
)
# What Dutch and Belgian banks write into :86:; German ones write ?20 to ?29, for the library.
_CODES: Final = re.compile(
    r"/(EREF|KREF|PREF|MARF|UETR|REMI|TRTP|IBAN|BIC|NAME|CNTP|CSID|SVCL|PURP|RTRN|BENM|ORDP|ISDT|"
    r"CREF|ULTD|ULTC|ADDR|TRCD|TRID|IREF|OCMT|CHGS)/"
)
_STRUCTURED_REMITTANCE: Final = re.compile(r"STRD/(?:CUR|ISO)/(.+)|USTD//(.*)", re.DOTALL)
_SCOPES: Final = {
    "UETR": TRANSACTION, "EREF": INSTRUCTION, "KREF": INSTRUCTION, "MARF": MANDATE, "PREF": BATCH,
}  # fmt: skip
_STRUCTURED: Final = re.compile(r"\d{3}\?\d{2}")
_PARTS: Final = re.compile(r"\?(\d{2})([^?]*)")
_STATED: Final = (
    ("end_to_end_reference", INSTRUCTION), ("customer_reference", INSTRUCTION),
    ("additional_position_reference", MANDATE),
)  # fmt: skip


class _Field(NamedTuple):
    """One field of a message: its tag, what it holds, and the line it begins on."""

    tag: str
    value: str
    line: int


class _Balance(NamedTuple):
    """A balance in fine units, with the day it is of."""

    amount: int
    currency: str
    day: int


class _Details(NamedTuple):
    """What a :86: says: the payer's words, references, and who is on the other side."""

    text: str
    references: list[Reference]
    payer: str = ""
    account: str = ""


class _Page(NamedTuple):
    """One statement, or one page of one."""

    account: str
    currency: str
    place: str
    opening: int
    closing: int
    lines: tuple[Line, ...]
    starts: int
    ends: int


def read_mt940(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read a statement file. Raises: InvalidInput, BadStatement, ControlTotalWrong."""
    del currency  # the file says it
    _library()
    messages = list(_messages(_text(body, encoding)))
    pages = chosen([_page(message, offset) for message in messages], account)
    accounts: dict[str, list[BalanceStep]] = {}
    for page in pages:
        step = BalanceStep(page.closing - page.opening, page.closing, 0, page.place)
        accounts.setdefault(page.account, []).append(step)
    what, code = "closing of one statement = opening of the next", pages[0].currency
    ends = {
        name: ends_of(steps, what=what, currency=code) for name, steps in sorted(accounts.items())
    }
    return bank_statement("mt940", pages, ends, currency=code)


def _library() -> Any:  # noqa: ANN401 - the library's own types stay in this file
    try:
        import mt940  # noqa: PLC0415 - an extra, for this source alone
    except ImportError:
        raise InvalidInput(
            "reading MT940 needs the mt-940 package", hint="pip install 'tallystick[banks]'"
        ) from None
    return mt940


def _text(body: bytes, encoding: str) -> str:
    """Decode a file; where nothing is declared, what banks write beside UTF-8 is tried."""
    try:
        return decode(body, encoding)
    except BadStatement:
        if encoding.lower() not in ("utf-8", "utf8") or b"\0" in body[:4]:
            raise
    return body.decode("latin-1")  # only names and remarks have more than ASCII


def _messages(text: str) -> Iterator[list[_Field]]:
    """Yield the fields of each statement. Raises: BadStatement where there is none."""
    fields: list[_Field] = []
    for number, raw in enumerate(text.splitlines(), 1):
        plain = _ENVELOPE.sub("", raw).rstrip()
        match = _FIELD.fullmatch(plain)
        if match is not None:
            if match[1] == "20" and fields:
                yield fields
                fields = []
            fields.append(_Field(match[1], match[2], number))
        elif plain and plain != "-" and fields:
            last = fields[-1]
            fields[-1] = last._replace(value=f"{last.value}\n{plain}")
    if not fields:
        msg = "the file has no field of a SWIFT message (:20:)"
        raise BadStatement(msg, hint="is it MT940? camt.053 is XML, --source camt053")
    yield fields


def _page(fields: list[_Field], offset: int) -> _Page:
    found = {field.tag: field for field in fields}
    name = (found.get("20") or found.get("28C") or fields[0]).value.partition("\n")[0].strip()
    place = f"statement {name}"
    if "34F" in found or "13D" in found:
        msg = f"{place} is MT942, an interim report without balances, not MT940"
        raise BadStatement(msg, hint="ask the bank for MT940, or for camt.052")
    account = found["25"].value.strip() if "25" in found else ""
    opening = _balance(found.get("60F") or found.get("60M"), f"{place}: opening (:60F:)", offset)
    closing = _balance(found.get("62F") or found.get("62M"), f"{place}: closing (:62F:)", offset)
    if opening.currency != closing.currency:
        msg = f"{place} opens in {opening.currency} and closes in {closing.currency}"
        raise BadStatement(msg, hint="ask the bank for the file again")
    page = (found.get("28C") or found.get("28") or fields[0]).value.strip()
    lines = tuple(_lines(fields, opening.currency, f"{name}/{page}", offset))
    check_total(
        f"opening + entries = closing of {place}", closing.amount,
        opening.amount + sum(line.amount for line in lines), currency=opening.currency,
    )  # fmt: skip
    days = [line.instant for line in lines]
    return _Page(
        account, opening.currency, f"{place} {page}", opening.amount, closing.amount, lines,
        # Its opening is the close of an earlier day.
        starts=min([opening.day + DAY, closing.day, *days]), ends=max([closing.day, *days]) + DAY,
    )  # fmt: skip


def _balance(field: _Field | None, where: str, offset: int) -> _Balance:
    if field is None:
        hint = "the file seems cut off; ask the bank for it again"
        raise BadStatement(f"{where} balance is absent", hint=hint)
    match = _BALANCE.fullmatch(field.value.strip())
    if match is None:
        msg = f"line {field.line}, {where}: {field.value.strip()[:40]!r} is not a balance"
        raise BadStatement(msg, hint="C or D, YYMMDD, the currency, and a comma for decimals")
    size = _size(match[4], field)
    return _Balance(
        size if match[1] == "C" else -size, cells.currency(match[3], field.line, "balance"),
        _day(match[2], field, offset),
    )  # fmt: skip


def _size(text: str, field: _Field) -> int:
    return cells.amount(text, field.line, f":{field.tag}:", decimal=",", thousands="")


def _day(text: str, field: _Field, offset: int) -> int:
    try:
        return parse_instant(f"20{text[:2]}-{text[2:4]}-{text[4:]}", offset)
    except InvalidInput:
        msg = f"line {field.line}, :{field.tag}:: {text!r} is not a date"
        raise BadStatement(msg, hint="YYMMDD") from None


def _lines(fields: list[_Field], currency: str, statement: str, offset: int) -> Iterator[Line]:
    """Yield a line for each :61: with the :86: that follows it; a later one is the statement's."""
    number = 0
    for place, field in enumerate(fields):
        if field.tag != "61":
            continue
        number += 1
        after = fields[place + 1] if place + 1 < len(fields) else None
        if after is not None and after.tag == "NS" and place + 2 < len(fields):
            after = fields[place + 2]
        details = after.value if after is not None and after.tag == "86" else ""
        yield _line(field, details, currency=currency, statement=statement, number=number,
                    offset=offset)  # fmt: skip


def _line(
    field: _Field, details: str, *, currency: str, statement: str, number: int, offset: int
) -> Line:
    said = _statement_line(field)
    mark, size = said["status"], _size(said["amount"], field)
    # RC takes back a credit and RD a debit, so they run the other way.
    amount = size if mark in ("C", "RD") else -size
    value = _day(f"{said['year']}{said['month']}{said['day']}", field, offset)
    booked = said["entry_date"]
    when = parse_instant(str(booked), offset) if booked is not None else value
    found = _details(details)
    own = (said["customer_reference"] or "").strip()
    references = tuple(dict.fromkeys(one for one in (
        *found.references,
        Reference((said["bank_reference"] or "").strip(), ENTRY),
        Reference("" if own.endswith("+") else own, INSTRUCTION),
    ) if not says_nothing(one.text)))  # fmt: skip
    references = tuple(sorted(references, key=lambda one: one.scope))
    named = next((one.text for one in references if one.identifies), "")
    remark = (said["extra_details"] or "").strip()
    return Line(
        key=named or cells.nameless(when, amount, currency, offset=offset), amount=amount,
        currency=currency, instant=when, references=references, status=BOOKED,
        kind="credit" if amount >= 0 else "debit", place=f"line {field.line}, entry {number}",
        text=(found.text or remark)[:TEXT_MAX], ends=value, statement=statement,
        reversal=mark.startswith("R"), payer=found.payer[:NAME_MAX],
        payer_account=found.account[:NAME_MAX],
    )  # fmt: skip


def _statement_line(field: _Field) -> dict[str, Any]:
    """Parse a :61: with the library. Raises: BadStatement."""
    library = _library()
    tag = library.tags.Statement()
    match = tag.re.match(field.value)
    if match is None or _LINE.match(field.value) is None:
        msg = f"line {field.line}, :61:: {field.value[:40]!r} is not a statement line"
        raise BadStatement(msg, hint="YYMMDD, C or D, an amount with a comma, N and a code")
    said: dict[str, Any] = match.groupdict()
    _size(said["amount"], field)  # named here, before the library stumbles over it
    try:
        built = tag(library.models.Transactions(), dict(said))
    except (ValueError, ArithmeticError) as error:
        raise BadStatement(f"line {field.line}, :61:: {error}", hint="fetch it again") from None
    return {**said, "entry_date": built.get("entry_date")}


def _details(details: str) -> _Details:
    """Read a :86: in the forms banks use."""
    if _STRUCTURED.match(details):
        library = _library()
        said: dict[str, Any] = library.processors.transaction_details_post_processor(
            library.models.Transactions(), None, {"transaction_details": details},
            {"transaction_details": details},
        )  # fmt: skip
        parts = dict(_PARTS.findall(details.replace("\n", "")))
        text = " ".join(
            part.strip() for name in ("purpose", "additional_purpose") if (part := said.get(name))
        )
        return _Details(
            text or (said.get("posting_text") or ""),
            [Reference((said.get(name) or "").strip(), scope) for name, scope in _STATED],
            " ".join((parts.get("32", "") + parts.get("33", "")).split()),
            parts.get("31", "").strip(),
        )  # fmt: skip
    _, *coded = _CODES.split(details.replace("\n", ""))
    told = [
        (name, text.strip().strip("/"))
        for name, text in zip(coded[::2], coded[1::2], strict=True)
    ]
    first = dict(reversed(told))
    stated = [Reference(text, _SCOPES[name]) for name, text in told if name in _SCOPES]
    remitted = first.get("REMI", "")
    match = _STRUCTURED_REMITTANCE.fullmatch(remitted)
    if match is not None:
        remitted = match[1] or match[2]
        stated += [Reference(match[1], INSTRUCTION)] if match[1] else []
    account, _, name = first.get("CNTP", "").partition("/")
    return _Details(
        remitted or " ".join(details.split()), stated,
        first.get("NAME") or [*name.split("/"), ""][1], first.get("IBAN") or account,
    )  # fmt: skip

