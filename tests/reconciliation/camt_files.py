"""Small camt messages made of their parts, for tests that change one thing."""

from __future__ import annotations

from ledger.periods import HOUR
from projections.reconciliation.amounts import SCALE
from projections.reconciliation.lines import Line, Statement
from projections.reconciliation.readers import read_statement

CENT = SCALE // 100
SPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
HOLDERS = {
    "camt053": ("BkToCstmrStmt", "Stmt"), "camt052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}  # fmt: skip


def amount(size: str, *, currency: str = "EUR") -> str:
    """Write an amount with its way: ``-5.00`` is a debit."""
    way = "DBIT" if size.startswith("-") else "CRDT"
    return f'<Amt Ccy="{currency}">{size.lstrip("-")}</Amt><CdtDbtInd>{way}</CdtDbtInd>'


def balance(code: str, size: str, day: str, *, currency: str = "EUR", more: str = "") -> str:
    """Write a balance; ``more`` stands before its amount."""
    when = f"<DtTm>{day}</DtTm>" if "T" in day else f"<Dt>{day}</Dt>"
    tag = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f"<Bal>{tag}{more}{amount(size, currency=currency)}<Dt>{when}</Dt></Bal>"


def entry(
    size: str, *details: str, day: str = "2025-03-10", more: str = "", charges: str = "",
    status: str = "<Sts><Cd>BOOK</Cd></Sts>", currency: str = "EUR", batch: str = "",
) -> str:  # fmt: skip
    """Write an entry with its details."""
    when = f"<DtTm>{day}</DtTm>" if "T" in day else f"<Dt>{day}</Dt>"
    inside = f"<NtryDtls>{batch}{''.join(details)}</NtryDtls>" if details or batch else ""
    return (
        f"<Ntry>{amount(size, currency=currency)}{status}<BookgDt>{when}</BookgDt>"
        f"{more}{charges}{inside}</Ntry>"
    )


def detail(size: str = "", *, refs: str = "", more: str = "") -> str:
    """Write the details of a transaction; without a size they state no amount."""
    own = amount(size) if size else ""
    return f"<TxDtls><Refs>{refs}</Refs>{own}{more}</TxDtls>"


def statement(
    *parts: str, name: str = "S1", account: str = "DE02TEST0001", currency: str = "EUR",
    more: str = "", tag: str = "Stmt",
) -> str:  # fmt: skip
    """Write a statement of balances and entries."""
    held = f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
    return f"<{tag}><Id>{name}</Id>{more}{held}{''.join(parts)}</{tag}>"


def message(*statements: str, source: str = "camt053", space: str = SPACE) -> str:
    """Write a message of statements."""
    holder, _ = HOLDERS[source]
    own = space.replace("camt.053", f"camt.{source[-3:]}")
    inside = f"<GrpHdr><MsgId>M</MsgId></GrpHdr>{''.join(statements)}"
    begins = f'<Document xmlns="{own}">' if own else "<Document>"
    return f"{begins}<{holder}>{inside}</{holder}></Document>"


def month(*parts: str, opening: str = "0.00", closing: str = "0.00") -> str:
    """Write a message of one statement of March."""
    return message(
        statement(
            balance("OPBD", opening, "2025-03-01"), balance("CLBD", closing, "2025-03-31"), *parts
        )
    )


def read(body: bytes | str, source: str = "camt053", **options: str) -> Statement:
    """Read a message in a ledger at +08:00."""
    given = body.encode() if isinstance(body, str) else body
    return read_statement(given, source, offset=8 * HOUR, currency="EUR", **options)


def cents(lines: tuple[Line, ...]) -> list[int]:
    """Return the amounts of lines in cents."""
    return [line.amount // CENT for line in lines]
