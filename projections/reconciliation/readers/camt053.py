"""Bank statements: ISO 20022 camt.053.001, any version.

Invariant: opening booked + booked entries = closing booked for each statement, stated counts and
sums hold, and nothing outside the file is ever fetched or expanded. Elements are found by their
local names: versions differ in their namespace, not in what is read here.
This module must not know which entries the ledger expects.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ledger.periods import DAY, local_date
from projections.reconciliation.identity import (
    BATCH,
    ENTRY,
    INSTRUCTION,
    MANDATE,
    TRANSACTION,
    Reference,
)
from projections.reconciliation.lines import (
    BOOKED,
    PENDING,
    BadStatement,
    Line,
    Statement,
    check_total,
)
from projections.reconciliation.readers import cells

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

_NAMESPACE = re.compile(
    r"\{(urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.\d{3})\.001\.\d{2})\}Document", re.ASCII
)
_REFERENCES = (
    ("TxId", TRANSACTION), ("UETR", TRANSACTION), ("AcctSvcrRef", TRANSACTION),
    ("ClrSysRef", TRANSACTION), ("EndToEndId", INSTRUCTION), ("InstrId", INSTRUCTION),
    ("MndtId", MANDATE), ("PmtInfId", BATCH), ("MsgId", BATCH),
)  # fmt: skip
_NO_REFERENCE = ("NOTPROVIDED", "NONREF", "NOT PROVIDED", "")


class _Account(NamedTuple):
    """One statement of the file."""

    account: str
    currency: str
    opening: int
    closing: int
    first: int
    last: int
    lines: tuple[Line, ...]


def read_camt053(
    body: bytes, *, offset: int, currency: str, encoding: str = "", account: str = ""
) -> Statement:
    """Read a statement file. Raises: BadStatement, ControlTotalWrong."""
    del encoding, currency  # the file says both itself
    root = _parse(body)
    _check_message(root)
    holder = next(iter(root), None)
    parts = [_statement(one, offset) for one in _all(holder, "Stmt")] if holder is not None else []
    if not parts:
        msg = "the file has no statement (Stmt)"
        raise BadStatement(msg, hint="fetch the file again")
    if account:
        parts = [part for part in parts if part.account == account]
    if not parts:
        raise BadStatement(f"the file has no statement of account {account!r}")
    if len({part.currency for part in parts}) > 1:
        named = ", ".join(sorted({f"{part.account} {part.currency}" for part in parts}))
        msg = "the file has statements in several currencies"
        raise BadStatement(msg, hint=f"choose one with --account: {named}")
    opening, closing = _chain(parts)
    lines = [line for part in parts for line in part.lines]
    return Statement(
        source="camt053", subject="payments", currency=parts[0].currency, lines=tuple(lines),
        opening=opening, closing=closing, balances=True,
        starts=min(part.first for part in parts), ends=max(part.last for part in parts) + DAY,
    )  # fmt: skip


def _parse(body: bytes) -> Element:
    from defusedxml import ElementTree, common  # noqa: PLC0415 - for this source alone

    try:
        root: Element = ElementTree.fromstring(body, forbid_dtd=True)
    except common.DefusedXmlException:
        msg = "the file declares a document type or entities; no bank statement does"
        raise BadStatement(msg, hint="do not open it; ask the bank for the file again") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        msg = f"the file is no whole XML document: {error}"
        raise BadStatement(msg, hint="it seems cut off or is another format") from None
    return root


def _check_message(root: Element) -> None:
    match = _NAMESPACE.fullmatch(root.tag)
    if match is None:
        msg = f"the root element {root.tag[:80]!r} is no ISO 20022 document"
        raise BadStatement(msg, hint="a bank statement begins with Document of camt.053.001")
    if match[2] != "camt.053":
        told = {"camt.052": "an intraday report", "camt.054": "a notification"}.get(match[2], "")
        msg = f"the file is {match[2]}{', ' + told if told else ''}, not camt.053"
        raise BadStatement(msg, hint="ask the bank for the end-of-day statement, camt.053")


def _all(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if child.tag.rpartition("}")[2] == name)


def _at(element: Element | None, path: str) -> Element | None:
    for name in path.split("/"):
        if element is None:
            return None
        element = next(_all(element, name), None)
    return element


def _text(element: Element | None, path: str) -> str:
    found = _at(element, path)
    return "" if found is None or found.text is None else found.text.strip()


def _signed(element: Element, line: int, where: str) -> tuple[int, str]:
    """Give the signed amount and the currency of a balance or an entry."""
    found = _at(element, "Amt")
    if found is None or not (found.text or "").strip():
        msg = f"{where} has no amount (Amt)"
        raise BadStatement(msg, hint="fetch the file again")
    size = cells.amount(found.text or "", line, f"{where} Amt")
    way = _text(element, "CdtDbtInd")
    if way not in ("CRDT", "DBIT"):
        msg = f"{where}: CdtDbtInd {way!r} is neither CRDT nor DBIT"
        raise BadStatement(msg)
    return (size if way == "CRDT" else -size), found.get("Ccy", "")


def _day(element: Element, path: str, where: str, offset: int) -> int:
    """Read a choice of Dt and DtTm as the local midnight of its day, 0 where there is none."""
    text = _text(element, f"{path}/Dt") or _text(element, f"{path}/DtTm")
    return cells.instant(text[:10], 0, where, offset=offset) if text else 0


def _statement(element: Element, offset: int) -> _Account:
    name = _text(element, "Acct/Id/IBAN") or _text(element, "Acct/Id/Othr/Id")
    balances: dict[str, tuple[int, str, int]] = {}
    for one in _all(element, "Bal"):
        code = _text(one, "Tp/CdOrPrtry/Cd")
        kept = {"PRCD": "OPBD"}.get(code, code)
        size, currency = _signed(one, 0, f"balance {code}")
        if code == kept or kept not in balances:
            balances[kept] = (size, currency, _day(one, "Dt", f"balance {code}", offset))
    for code, said in (("OPBD", "opening"), ("CLBD", "closing")):
        if code not in balances:
            msg = f"statement of {name or '(no account)'} has no {said} balance ({code})"
            raise BadStatement(msg, hint="ask the bank for the end-of-day statement, camt.053")
    opening, currency, first = balances["OPBD"]
    closing, closed_in, last = balances["CLBD"]
    if closed_in != currency:
        msg = f"the statement opens in {currency} and closes in {closed_in}"
        raise BadStatement(msg, hint="ask the bank for the file again")
    entries = list(_all(element, "Ntry"))
    lines = [line for n, one in enumerate(entries, 1) for line in _entry(one, n, name, offset)]
    booked = [line for line in lines if line.status != PENDING]
    if any(line.currency != currency for line in booked):
        odd = next(line for line in booked if line.currency != currency)
        raise BadStatement(f"{odd.place} is in {odd.currency}, the account in {currency}")
    total = sum(line.amount for line in booked)
    check_total(
        f"opening + entries = closing of {name}", closing, opening + total, currency=currency
    )
    _check_summary(element, entries, currency)
    days = [line.instant for line in booked]
    # The opening balance is often dated the day before: the last of the month before it.
    ended = local_date(first, offset)[:7] != local_date(first + DAY, offset)[:7]
    begins = first + DAY if ended and first not in days and last > first else first
    return _Account(
        name, currency, opening, closing, min([begins, *days]), max([last, *days]), tuple(lines)
    )


def _check_summary(element: Element, entries: list[Element], currency: str) -> None:
    """Hold the counts and sums that the statement states about its own entries."""
    for path, way in (("TtlNtries", ""), ("TtlCdtNtries", "CRDT"), ("TtlDbtNtries", "DBIT")):
        summary = _at(element, f"TxsSummry/{path}")
        chosen = [one for one in entries if not way or _text(one, "CdtDbtInd") == way]
        count, stated = _text(summary, "NbOfNtries"), _text(summary, "Sum")
        if count and count.isascii() and count.isdigit() and int(count) != len(chosen):
            difference = int(count) - len(chosen)
            msg = f"control total {path}: {count} entries stated, {len(chosen)} found"
            raise BadStatement(f"{msg}, difference {difference}", hint="fetch the file again")
        if stated:
            found = sum(abs(_signed(one, 0, path)[0]) for one in chosen)
            check_total(
                f"sum of {path}", cells.amount(stated, 0, path), found, currency=currency
            )


def _entry(element: Element, number: int, account: str, offset: int) -> list[Line]:
    """Give an entry's lines: one, or one for each transaction of a batch that adds up."""
    where = f"entry {number}"
    total, currency = _signed(element, 0, where)
    status = _text(element, "Sts/Cd") or _text(element, "Sts")
    day = _day(element, "BookgDt", f"{where} BookgDt", offset)
    day = day or _day(element, "ValDt", f"{where} ValDt", offset)
    if not day and status == "BOOK":
        raise BadStatement(f"{where} has no booking date (BookgDt)")
    value_day = _day(element, "ValDt", f"{where} ValDt", offset)
    bank = _text(element, "AcctSvcrRef")
    details = [one for batch in _all(element, "NtryDtls") for one in _all(batch, "TxDtls")]
    sizes = [_detail_amount(one, currency, where) for one in details]
    way = 1 if total >= 0 else -1
    one_by_one = len(details) > 1 and None not in sizes and sum(
        size or 0 for size in sizes
    ) == abs(total)
    parts = (
        [([one], way * (size or 0)) for one, size in zip(details, sizes, strict=True)]
        if one_by_one else [(details, total)]
    )  # fmt: skip
    lines = []
    for part, (of, size) in enumerate(parts, 1):
        references = _references(of)
        batch = _text(element, "NtryDtls/Btch/PmtInfId") or _text(element, "NtryDtls/Btch/MsgId")
        place = where if not one_by_one else f"{where}.{part}"
        # The entry's reference names the entry: it is a payment's only where there is one.
        whole = (Reference(bank, ENTRY),) if bank and not one_by_one else ()
        own = (*references, *whole)
        lines.append(
            Line(
                key=own[0].text if own else cells.nameless(day, size, currency, offset=offset),
                amount=size, currency=currency, instant=day,
                references=own, group=batch, status=BOOKED if status == "BOOK" else PENDING,
                kind="credit" if size >= 0 else "debit", account="", place=place,
                text=" ".join(filter(None, (_remitted(one) for one in of)))[:500],
                ends=value_day, channel=account,
                fee=sum(_charges(one, where) for one in of),
            )
        )  # fmt: skip
    return lines


def _detail_amount(element: Element, currency: str, where: str) -> int | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        found = _at(element, path)
        if found is not None and found.get("Ccy") == currency:
            return cells.amount(found.text or "", 0, f"{where} TxDtls")
    return None


def _references(details: list[Element]) -> tuple[Reference, ...]:
    found = []
    for one in details:
        for name, scope in _REFERENCES:
            text = _text(one, f"Refs/{name}")
            if text.upper() not in _NO_REFERENCE:
                found.append(Reference(text, scope))
        structured = _text(one, "RmtInf/Strd/CdtrRefInf/Ref")
        if structured:
            found.append(Reference(structured, INSTRUCTION))
    return tuple(dict.fromkeys(found))


def _remitted(element: Element) -> str:
    remittance = _at(element, "RmtInf")
    if remittance is None:
        return ""
    return " ".join((one.text or "").strip() for one in _all(remittance, "Ustrd"))


def _charges(element: Element, where: str) -> int:
    """Give what the bank or the payment provider kept, stated with the transaction."""
    charges = _at(element, "Chrgs")
    if charges is None:
        return 0
    total = _text(charges, "TtlChrgsAndTaxAmt")
    if total:
        return cells.amount(total, 0, f"{where} Chrgs")
    records = [_text(one, "Amt") for one in _all(charges, "Rcrd")]
    return sum(cells.amount(text, 0, f"{where} Chrgs") for text in records)


def _chain(parts: list[_Account]) -> tuple[int, int]:
    """Give the opening and closing of all statements, those of one account after each other."""
    accounts: dict[str, list[_Account]] = {}
    for part in sorted(parts, key=lambda one: (one.account, one.first, one.last)):
        accounts.setdefault(part.account, []).append(part)
    opening = closing = 0
    for name, chain in accounts.items():
        for earlier, later in pairwise(chain):
            check_total(
                f"closing of one statement = opening of the next of {name}",
                later.opening, earlier.closing, currency=later.currency,
            )  # fmt: skip
        opening, closing = opening + chain[0].opening, closing + chain[-1].closing
    return opening, closing
