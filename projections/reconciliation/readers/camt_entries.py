"""Entries of camt messages as lines: batches, charges, reversals, and what names a payment.

Invariant: the lines of an entry add up to the entry. Its details are told apart only where they,
with the charges that are stated, add up; where they do not, the entry is one line that says so.
This module must not know balances or statements.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.periods import DAY
from projections.reconciliation.amounts import read_amount, write_amount
from projections.reconciliation.lines import (
    BATCH,
    BOOKED,
    ENTRY,
    INSTRUCTION,
    MANDATE,
    PENDING,
    TRANSACTION,
    BadStatement,
    Line,
    Reference,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.banks import NAME_MAX, TEXT_MAX, says_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

# The strongest first: what stands in front is what a person looks for.
_NAMES: Final = (
    ("TxId", TRANSACTION), ("UETR", TRANSACTION), ("AcctSvcrRef", TRANSACTION),
    ("AcctSvcrTxId", TRANSACTION), ("MktInfrstrctrTxId", TRANSACTION),
    ("ClrSysRef", TRANSACTION), ("EndToEndId", INSTRUCTION), ("InstrId", INSTRUCTION),
    ("AcctOwnrTxId", INSTRUCTION), ("ChqNb", INSTRUCTION), ("MndtId", MANDATE),
    ("PmtInfId", BATCH), ("MsgId", BATCH),
)  # fmt: skip
_AMOUNTS: Final = (
    "Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt", "AmtDtls/InstdAmt/Amt",
    "AmtDtls/AnncdPstngAmt/Amt", "Btch/TtlAmt",
)  # fmt: skip
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_AWAY = re.compile(r"(T.*?)(Z|[+-]\d{2}:\d{2})$", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,20}(?:\.\d{0,10}0*)?|[+-]?\.\d{1,10}0*", re.ASCII)


class When(NamedTuple):
    """An instant, and the bounds of the day that it was written in."""

    instant: int
    starts: int
    ends: int


class _Charge(NamedTuple):
    """What a charge adds to the account, and whether the amount beside it has it already."""

    effect: int
    included: bool


def text_of(element: Element, *paths: str) -> str:
    """Return the text of the first path that has one."""
    for path in paths:
        text = (element.findtext(path) or "").strip()
        if text:
            return text
    return ""


def is_true(element: Element, path: str) -> bool:
    """Return whether an indicator is set, in either spelling of XML."""
    return text_of(element, path).lower() in ("true", "1")


def money(element: Element | None, where: str) -> tuple[int, str]:
    """Return an amount without sign, and its currency. Raises: BadStatement."""
    if element is None or not (element.text or "").strip():
        raise BadStatement(f"{where} has no amount (Amt)", hint="fetch the file again")
    text = (element.text or "").strip()
    if _DECIMAL.fullmatch(text) is None:
        msg = f"{where}: {text[:40]!r} is not an amount of XML"
        raise BadStatement(msg, hint="digits with a point, at most 10 decimals")
    code = cells.currency(element.get("Ccy", ""), 0, f"{where} Ccy")
    return read_amount(text, thousands=""), code


def way_of(element: Element, where: str, fallback: str = "") -> int:
    """Return 1 for a credit, -1 for a debit. Raises: BadStatement."""
    way = text_of(element, "CdtDbtInd", "Btch/CdtDbtInd") or fallback
    if way not in ("CRDT", "DBIT"):
        raise BadStatement(f"{where}: CdtDbtInd {way!r} is neither CRDT nor DBIT")
    return 1 if way == "CRDT" else -1


def when_of(element: Element, path: str, where: str, *, offset: int) -> When | None:
    """Read a choice of Dt and DtTm; an offset that is written makes it an instant of its own."""
    text = text_of(element, f"{path}/Dt", f"{path}/DtTm")
    return moment(text, where, offset=offset) if text else None


def moment(text: str, where: str, *, offset: int) -> When:
    """Read a date or a time of XML, each with or without an offset. Raises: BadStatement."""
    match = _DAY.match(text)
    if match is None:
        raise BadStatement(f"{where}: {text[:40]!r} is not a date", hint="fetch the file again")
    whole = match.end() == len(text)
    at_end = match if whole else _AWAY.search(text)
    away = at_end[2] if at_end is not None and at_end[2] else ""
    starts = cells.instant(f"{match[1]}T00:00:00{away}", 0, where, offset=offset)
    instant = starts if whole else cells.instant(text, 0, where, offset=offset)
    return When(instant, starts, starts + DAY)


def lines_of(entry: Element, where: str, *, statement: str, offset: int) -> list[Line]:
    """Return the lines of an entry: its details where they add up, otherwise one."""
    size, currency = money(entry.find("Amt"), where)
    way = text_of(entry, "CdtDbtInd")
    total = size * way_of(entry, where)
    value = when_of(entry, "ValDt", f"{where} ValDt", offset=offset)
    booked = when_of(entry, "BookgDt", f"{where} BookgDt", offset=offset) or value
    plain = Line(
        key="", amount=total, currency=currency, instant=booked.instant if booked else 0,
        status=_status(entry, where), kind="credit" if total >= 0 else "debit", place=where,
        ends=value.starts if value else 0, statement=statement,
        reversal=is_true(entry, "RvslInd"),
    )  # fmt: skip
    return list(_Entry(entry, plain, way, offset).lines())


def _status(entry: Element, where: str) -> str:
    code = text_of(entry, "Sts/Cd", "Sts").upper()
    if code in ("PDNG", "INFO", "FUTR"):
        return PENDING
    if code in ("BOOK", "") or text_of(entry, "Sts/Prtry"):
        return BOOKED
    hint = "BOOK is booked; PDNG, INFO and FUTR are not yet"
    raise BadStatement(f"{where}: the status {code!r} is not known", hint=hint)


class _Entry:
    """One entry with its details, on the way to lines."""

    def __init__(self, entry: Element, plain: Line, way: str, offset: int) -> None:
        self.entry, self.plain, self.way, self.offset = entry, plain, way, offset
        self.details: list[tuple[Element, Element]] = []  # with the batch that each is in
        for batch in entry.iterfind("NtryDtls"):
            found = batch.findall("TxDtls") or ([batch] if batch.find("Btch") is not None else [])
            self.details += [(one, batch) for one in found]
        self.names = [_references(detail) for detail, _ in self.details]
        names = Counter(one for own in self.names for one in own) if len(self.names) > 1 else {}
        # What several details share names all of them: the batch, or the entry.
        self.shared = {
            one for one, count in names.items() if count > 1 and one.scope == TRANSACTION
        }
        bank = text_of(entry, "AcctSvcrRef")
        self.bank = () if says_nothing(bank) else (Reference(bank, ENTRY),)

    def lines(self) -> Iterator[Line]:
        charges = _charges(self.entry, self.plain)
        if len(self.details) > 1:
            sizes = [self._size(detail) for detail, _ in self.details]
            if None not in sizes:
                whole = [size for size in sizes if size is not None]
                split = self._split(whole, charges)
                if split is None and self.plain.reversal:  # told in the way of what it takes back
                    split = self._split([-size for size in whole], charges)
                if split is not None:
                    yield from self._apart(*split)
                    return
            yield self._whole(charges, note=f"{len(sizes)} details do not add up to the entry")
            return
        yield self._single(charges) if self.details else self._whole(charges)

    def _split(
        self, sizes: list[int], charges: Sequence[_Charge]
    ) -> tuple[list[int], list[int], int] | None:
        """Return the net amount and the fee of each detail, and the entry's own charge.

        None where details and charges do not add up to the entry in any way that they may.
        """
        total = self.plain.amount
        own = [
            [charge.effect for charge in _charges(detail, self.plain)] for detail, _ in self.details
        ]
        sums = [sum(effects) for effects in own]
        nothing = [0] * len(sizes)
        at_entry = sum(charge.effect for charge in charges)
        for fees, charge in (
            (nothing, 0), (sums, 0), (nothing, at_entry), (sums, at_entry),
            ([-one for one in sums], 0), (nothing, -at_entry),
        ):  # fmt: skip
            if sum(sizes) + sum(fees) + charge == total:
                net = [size + fee for size, fee in zip(sizes, fees, strict=True)]
                return net, [-fee for fee in fees], charge
        return None

    def _apart(self, sizes: list[int], fees: list[int], charge: int) -> Iterator[Line]:
        for part, ((detail, batch), size, fee) in enumerate(
            zip(self.details, sizes, fees, strict=True), 1
        ):
            references = tuple(
                Reference(one.text, BATCH) if one in self.shared else one
                for one in self.names[part - 1]
            )
            if not fee and size == self._size(detail):
                fee = -sum(one.effect for one in _charges(detail, self.plain) if one.included)  # noqa: PLW2901 - stated beside a net amount
            yield self._line(
                detail, batch, size, references=references, fee=fee,
                place=f"{self.plain.place}.{part}",
            )  # fmt: skip
        if charge:
            yield self._named(
                self.bank, amount=charge, kind="charge", place=f"{self.plain.place} charge",
                text=text_of(self.entry, "AddtlNtryInf")[:TEXT_MAX], reversal=False,
            )  # fmt: skip

    def _single(self, charges: Sequence[_Charge]) -> Line:
        """Return the line of an entry with one detail: what the entry says is its amount."""
        detail, batch = self.details[0]
        named = self.names[0]
        others = [one for one in self.bank if one.text not in {name.text for name in named}]
        own = _charges(detail, self.plain) or charges
        size, total = self._size(detail), self.plain.amount
        kept, note = -sum(one.effect for one in own if one.included), ""
        if size is not None and size != total:
            every = sum(one.effect for one in own)
            if size + every == total:
                kept = -every
            elif size - every == total:
                kept = every
            elif size:
                note = (
                    f"the detail is {write_amount(abs(size), self.plain.currency)}, "
                    "which is not the entry's amount"
                )
        return self._line(
            detail, batch, total, references=(*named, *others), fee=kept,
            place=self.plain.place, note=note,
        )  # fmt: skip

    def _whole(self, charges: Sequence[_Charge], note: str = "") -> Line:
        names = [
            Reference(text_of(batch, f"Btch/{name}"), BATCH)
            for batch in self.entry.iterfind("NtryDtls") for name in ("PmtInfId", "MsgId")
        ]  # fmt: skip
        batches = tuple(one for one in dict.fromkeys(names) if not says_nothing(one.text))
        said = text_of(self.entry, "AddtlNtryInf")
        return self._named(
            (*self.bank, *batches), group=batches[0].text if len(batches) == 1 else "",
            fee=-sum(charge.effect for charge in charges if charge.included),
            text=" ".join(filter(None, (said, f"({note})" if note else "")))[:TEXT_MAX],
        )  # fmt: skip

    def _line(
        self, detail: Element, batch: Element, size: int, *,
        references: tuple[Reference, ...], fee: int, place: str, note: str = "",
    ) -> Line:  # fmt: skip
        said = _remitted(detail) or text_of(self.entry, "AddtlNtryInf")
        # A payment that came back is not a payment of a customer's, whatever the entry calls it.
        returned = detail.find("RtrInf") is not None
        back = self.plain.reversal or returned
        payer, payer_account = _other_party(detail, credit=(size >= 0) != back)
        return self._named(
            references, amount=size, fee=fee, place=place,
            kind="credit" if size >= 0 else "debit", payer=payer, payer_account=payer_account,
            group=text_of(batch, "Btch/PmtInfId", "Btch/MsgId"),
            text=" ".join(filter(None, (said, f"({note})" if note else "")))[:TEXT_MAX],
            reversal=back,
        )  # fmt: skip

    def _named(self, references: tuple[Reference, ...], **changes: object) -> Line:
        from msgspec.structs import replace  # noqa: PLC0415 - msgspec is loaded by then

        named = replace(self.plain, references=references, **changes)
        first = next((reference.text for reference in references if reference.identifies), "")
        key = first or cells.nameless(
            named.instant, named.amount, named.currency, offset=self.offset
        )
        return replace(named, key=key)

    def _size(self, detail: Element) -> int | None:
        """Return the signed amount of a detail, None where it is not in the entry's currency."""
        for path in _AMOUNTS:
            found = detail.find(path)
            if found is not None and found.get("Ccy") == self.plain.currency:
                place = f"{self.plain.place} TxDtls"
                return money(found, place)[0] * way_of(detail, place, self.way)
        return None


def _references(detail: Element) -> tuple[Reference, ...]:
    """Return what a detail, or a batch without details, is named by."""
    said: dict[str, str] = {}
    for holder in ("Btch", "Refs"):
        for one in detail.iterfind(f"{holder}/*"):
            said[one.tag] = (one.text or "").strip()
    found = [Reference(said[name], scope) for name, scope in _NAMES if said.get(name)]
    remitted = detail.find("RmtInf")
    if remitted is not None:
        found += [
            Reference(text_of(one, "Ref"), INSTRUCTION)
            for one in remitted.iterfind("Strd/CdtrRefInf")
        ]
    return tuple(fromkey for fromkey in dict.fromkeys(found) if not says_nothing(fromkey.text))


def _remitted(detail: Element) -> str:
    said = [(one.text or "").strip() for one in detail.iterfind("RmtInf/Ustrd")]
    said += [(one.text or "").strip() for one in detail.iterfind("RmtInf/Strd/AddtlRmtInf")]
    return " ".join(filter(None, said)) or text_of(detail, "AddtlTxInf")


def _other_party(detail: Element, *, credit: bool) -> tuple[str, str]:
    """Return the name and the account of who paid, or of who was paid."""
    related = detail.find("RltdPties")
    if related is None:
        return "", ""
    who = "Dbtr" if credit else "Cdtr"  # before version 8, and from then on with a Pty
    names = (f"{one}{party}/Nm" for one in (who, f"Ultmt{who}") for party in ("", "/Pty"))
    name = " ".join(text_of(related, *names).split())
    account = text_of(related, f"{who}Acct/Id/IBAN", f"{who}Acct/Id/Othr/Id")
    return name[:NAME_MAX], account[:NAME_MAX]


def _charges(element: Element, plain: Line) -> list[_Charge]:
    """Return the charges stated with an entry or a detail, in any version's shape.

    From version 4 on they are records; in version 2 the element repeats and is one itself. A
    total that is more than the records has taxes in it.
    """
    found = []
    for charges in element.iterfind("Chrgs"):
        records = charges.findall("Rcrd") or ([charges] if charges.find("Amt") is not None else [])
        effects = [_charge(record, plain) for record in records]
        stated = charges.find("TtlChrgsAndTaxAmt")
        if stated is not None and stated.get("Ccy", plain.currency) == plain.currency:
            rest = money(stated, f"{plain.place} Chrgs")[0] + sum(one.effect for one in effects)
            if not effects or (rest > 0 and all(effect.effect <= 0 for effect in effects)):
                effects.append(_Charge(-rest, all(effect.included for effect in effects)))
        found += effects
    return [one for one in found if one.effect]


def _charge(record: Element, plain: Line) -> _Charge:
    size, currency = money(record.find("Amt"), f"{plain.place} Chrgs")
    if currency != plain.currency:
        return _Charge(0, included=True)
    way = 1 if text_of(record, "CdtDbtInd") == "CRDT" else -1
    apart = text_of(record, "ChrgInclInd").lower() in ("false", "0")
    return _Charge(way * size, included=not apart)
