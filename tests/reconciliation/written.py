"""Writes the lines of generated statements in each format that is read, by plain arithmetic.

Each writer says which breaks its format can tell of: a vendor's list has no pending payments, a
bank's statement no second currency.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import PENDING
from projections.reconciliation.readers import read_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from projections.reconciliation.lines import Line, Statement

OFFSET = 28_800_000_000
COMMON = frozenset((
    "missing_in_ledger", "missing_at_provider", "amount", "direction", "duplicate_theirs",
    "duplicate_ours", "in_transit_ours", "cut_off", "ambiguous",
))  # fmt: skip


def _time(line: Line) -> str:
    """Write a line's local time."""
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=line.instant + OFFSET)
    return local.strftime("%Y-%m-%d %H:%M:%S")


def _size(line: Line) -> str:
    return write_amount(abs(line.amount), line.currency)


def _reference(line: Line) -> str:
    return line.references[0].text if line.references else ""


def camt053(lines: Sequence[Line], opening: int) -> bytes:
    """Write a bank's statement: the payment's serial is its transaction id."""
    closing = opening + sum(line.amount for line in lines if line.status != PENDING)

    def amount(fine: int) -> str:
        way = "CRDT" if fine >= 0 else "DBIT"
        return f'<Amt Ccy="CNY">{write_amount(abs(fine), "CNY")}</Amt><CdtDbtInd>{way}</CdtDbtInd>'

    def balance(code: str, fine: int, day: str) -> str:
        return (f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{amount(fine)}"
                f"<Dt><Dt>{day}</Dt></Dt></Bal>")  # fmt: skip

    entries = "".join(
        f"<Ntry>{amount(line.amount)}<Sts><Cd>{'PDNG' if line.status == PENDING else 'BOOK'}</Cd>"
        f"</Sts><BookgDt><Dt>{_time(line)[:10]}</Dt></BookgDt><NtryDtls><TxDtls><Refs>"
        f"<EndToEndId>NOTPROVIDED</EndToEndId>"
        + (f"<TxId>{_reference(line)}</TxId>" if line.references else "")
        + "</Refs></TxDtls></NtryDtls></Ntry>"
        for line in lines
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr>'
        "<MsgId>M</MsgId><CreDtTm>2025-04-01T06:00:00+08:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>"
        "<Acct><Id><IBAN>DE02TEST0001</IBAN></Id><Ccy>CNY</Ccy></Acct>"
        f"{balance('OPBD', opening, '2025-03-01')}{balance('CLBD', closing, '2025-03-31')}"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def mt940(lines: Sequence[Line], opening: int) -> bytes:
    """Write SWIFT's older statement: the payment's serial is its UETR."""

    def balance(fine: int, day: str) -> str:
        return f"{'C' if fine >= 0 else 'D'}{day}CNY{write_amount(abs(fine), 'CNY')}"

    entries = "".join(
        f":61:{_time(line)[2:10].replace('-', '')}{'C' if line.amount >= 0 else 'D'}{_size(line)}"
        f"NTRFNONREF\n:86:{'/UETR/' if line.references else 'of nobody'}{_reference(line)}\n"
        for line in lines
    )
    closing = opening + sum(line.amount for line in lines)
    text = (
        f":20:S1\n:25:DE02TEST0001\n:28C:1\n:60F:{balance(opening, '250228')}\n{entries}"
        f":62F:{balance(closing, '250331')}\n"
    )
    return text.replace(".", ",").encode()


def ofx(lines: Sequence[Line], opening: int) -> bytes:
    """Write an OFX file: the payment's serial is its FITID."""
    closing = opening + sum(line.amount for line in lines if line.status != PENDING)

    def written(line: Line) -> str:
        tag, when = ("STMTTRNP", "DTTRAN") if line.status == PENDING else ("STMTTRN", "DTPOSTED")
        name = f"<FITID>{_reference(line)}" if line.references else ""
        at = "".join(sign for sign in _time(line) if sign.isdigit())
        size = write_amount(line.amount, line.currency)
        return f"<{tag}><TRNTYPE>OTHER<{when}>{at}<TRNAMT>{size}{name}</{tag}>\n"

    booked = "".join(written(line) for line in lines if line.status != PENDING)
    pending = "".join(written(line) for line in lines if line.status == PENDING)
    return (
        f"<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>CNY<BANKACCTFROM><ACCTID>1</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>20250301<DTEND>20250331\n{booked}</BANKTRANLIST><BANKTRANLISTP>"
        f"<DTASOF>20250331\n{pending}</BANKTRANLISTP><LEDGERBAL>"
        f"<BALAMT>{write_amount(closing, 'CNY')}<DTASOF>20250331</LEDGERBAL></STMTRS></STMTTRNRS>"
        "</BANKMSGSRSV1></OFX>"
    ).encode()


def mapped(lines: Sequence[Line], opening: int) -> bytes:
    """Write a CSV for MAP."""
    del opening
    rows = "".join(
        f"{_time(line)},{write_amount(line.amount, line.currency)},{line.currency},"
        f"{_reference(line)},{line.status}\n"
        for line in lines
    )
    return f"Date,Amount,Currency,Ref,State\n{rows}".encode()


MAP = """\
[columns]
date = "Date"
amount = "Amount"
currency = "Currency"
reference = "Ref"
status = "State"
[values]
pending = ["pending"]
failed = ["failed"]
"""


def transactions(lines: Sequence[Line], opening: int) -> bytes:
    """Write the vendor's account transactions, without balances."""
    del opening
    rows = "".join(
        f"a-1,N-{_reference(line) or n},{_time(line)},"
        f"{'Payment' if line.amount >= 0 else 'Withdraw'},"
        f"{'Income' if line.amount >= 0 else 'Expense'},{_reference(line)},{_size(line)},"
        f"{line.currency}\n"
        for n, line in enumerate(lines)
    )
    return (
        "OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,"
        f"TransactionChannelSN,Amount,Currency\n{rows}"
    ).encode()


def bills(lines: Sequence[Line], opening: int) -> bytes:
    """Write the vendor's instance bills: each line is a bill of that id."""
    del opening
    rows = "".join(
        f"2025-03,a-1,{_reference(line)},i-1,PayAsYouGoBill,{size},{size},{size},0,"
        f"{line.currency},{_time(line)},{_time(line)}\n"
        for line in lines for size in (write_amount(line.amount, line.currency),)
    )
    return (
        "BillingCycle,OwnerID,RecordID,InstanceID,Item,PretaxGrossAmount,PretaxAmount,"
        f"PaymentAmount,OutstandingAmount,Currency,UsageStartTime,UsageEndTime\n{rows}"
    ).encode()


class Format(NamedTuple):
    """A source, how it is written, and what it can tell."""

    source: str
    write: Callable[[Sequence[Line], int], bytes]
    tells: frozenset[str]
    by_order: bool = False

    def read(self, lines: Sequence[Line], opening: int) -> Statement:
        """Write lines and read them back."""
        return read_statement(
            self.write(lines, opening), self.source, offset=OFFSET, currency="CNY",
            column_map=MAP if self.source == "csv" else None,
        )  # fmt: skip


FORMATS = (
    Format("camt053", camt053, COMMON | {"in_transit_theirs"}),
    Format("mt940", mt940, COMMON),
    Format("ofx", ofx, COMMON | {"in_transit_theirs"}),
    Format("csv", mapped, COMMON | {"in_transit_theirs", "status", "currency"}),
    Format("alibaba-transactions", transactions, COMMON | {"currency"}),
    Format(
        "alibaba-bills", bills,
        frozenset(("missing_in_ledger", "missing_at_provider", "amount", "currency",
                   "duplicate_theirs")), by_order=True,
    ),
)  # fmt: skip
