"""Files as banks write them, each with what it comes to: the lines, the balances, or the refusal.

A row is one file and one line of what is read: ``day amount name``, oldest first. A new shape is
one row more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.periods import HOUR, format_instant
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.guessing import guess_map
from projections.reconciliation.lines import BOOKED, account_in
from projections.reconciliation.readers import read_statement
from tests.cli.program import World
from tests.reconciliation.camt_files import balance, detail, entry, message, statement

if TYPE_CHECKING:
    from pathlib import Path

    from projections.reconciliation.lines import Statement

OFFSET = 8 * HOUR
ACCOUNTS = frozenset({"ann", "bob"})


def _read(body: str | bytes, source: str) -> Statement:
    given = body.encode() if isinstance(body, str) else body
    column_map = guess_map(given) if source == "csv" else None
    return read_statement(given, source, offset=OFFSET, currency="EUR", column_map=column_map)


def _told(found: Statement) -> list[str]:
    return [
        " ".join((format_instant(line.instant, OFFSET)[5:10], write_amount(line.amount, "EUR"),
                  account_in(line.text, ACCOUNTS) or account_in(line.payer, ACCOUNTS) or "-",
                  *(["back"] if line.reversal else []),
                  *([] if line.status == BOOKED else [line.status])))
        for line in sorted(found.lines, key=lambda one: (one.instant, one.place))
    ]  # fmt: skip


def _swift(*lines: str, opening: str = "C250228EUR0,", closing: str = "C250331EUR0,") -> str:
    return f":20:R\n:25:X\n:28C:1\n:60F:{opening}\n{''.join(lines)}:62F:{closing}\n"


PAID = ":61:2503100310C50,00NTRFNONREF//B1\n"
CSV = {
    "a header that comes again": (
        ("Date,Description,Amount\n2025-03-10,ann,5.00\nDate,Description,Amount\n"
        "2025-03-11,bob,6.00\n"), ["03-10 5.00 ann", "03-11 6.00 bob"]),
    "who paid in a column of its own": (
        "Datum;Empf\u00e4nger;Betrag\n10.03.2025;ann;5,00\n", ["03-10 5.00 ann"]),
    "French": (("Date;Libell\u00e9;Montant\n13/03/2025;ann;1\u202f250,50\n"
               "14/03/2025;x;\u221250,00\n"),
               ["03-13 1250.50 ann", "03-14 -50.00 -"]),
    "Chinese": ("\u4ea4\u6613\u65f6\u95f4,\u5bf9\u65b9,\u91d1\u989d\n2025-03-14 10:00:00,ann,5.00\n"
                .encode("gb18030"), ["03-14 5.00 ann"]),
    "debits with a minus, and a balance": (
        ("Date,Description,Debit,Credit,Balance\n13/03/2025,ann,,50.00,50.00\n"
        "14/03/2025,fee,-5.00,,45.00\n"), ["03-13 50.00 ann", "03-14 -5.00 -"]),
    "a total under another column": (
        "Date;Text;Betrag\n13.03.2025;ann;50,00\n14.03.2025;bob;5,00\n;Summe;55,00\n",
        ["03-13 50.00 ann", "03-14 5.00 bob"]),
    "UTF-16 with tabs": ("\ufeffDate\tAmount\tDescription\n2025-03-10\t50.00\tann\n"
                         .encode("utf-16-le"), ["03-10 50.00 ann"]),
    "a line break in a cell": (
        'Date,Amount,Description\n2025-03-10,50.00,"ann\nsecond, line"\n', ["03-10 50.00 ann"]),
    "Swiss groups": ("Datum;Text;Betrag\n13.03.2025;ann;1'250.00\n", ["03-13 1250.00 ann"]),
    "words for the way": (
        "Date,Description,Amount\n13/03/2025,ann,50.00 CR\n14/03/2025,fee,5.00 DR\n",
        ["03-13 50.00 ann", "03-14 -5.00 -"]),
}  # fmt: skip
MT940 = {
    "debit balances": (_swift(PAID, ":86:ann\n", opening="D250228EUR20,", closing="C250331EUR30,"),
                       ["03-10 50.00 ann"]),
    "booked in the new year": (
        _swift(":61:2412310102C50,NTRFE1//B1\n:86:ann\n", opening="C241231EUR0,",
               closing="C250131EUR50,"), ["01-02 50.00 ann"]),
    "29 February": (_swift(":61:2402290229C50,NTRFNONREF//B1\n:86:ann\n", opening="C240228EUR0,",
                           closing="C240229EUR50,"), ["02-29 50.00 ann"]),
    "no entry date, no decimals": (_swift(":61:250310C50NTRFNONREF\n:86:ann\n",
                                          closing="C250331EUR50,"), ["03-10 50.00 ann"]),
    "a reversal of a credit and its funds code": (
        _swift(PAID, ":86:ann\n", ":61:2503120312RCR50,00NTRFNONREF//B2\n:86:ann\n"),
        ["03-10 50.00 ann", "03-12 -50.00 ann back"]),
}  # fmt: skip
CAMT = {
    "a statement and its copy": (
        message(*(statement(
            balance("OPBD", "0.00", "2025-03-01"), balance("CLBD", "50.00", "2025-03-31"),
            entry("50.00", detail("50.00", refs="<TxId>T1</TxId>", more="<AddtlTxInf>ann"
                                  "</AddtlTxInf>")), more=copy,
        ) for copy in ("", "<CpyDplctInd>DUPL</CpyDplctInd>"))), ["03-10 50.00 ann"]),
    "two accounts that are alike": (
        message(*(statement(
            balance("OPBD", "0.00", "2025-03-01"), balance("CLBD", "50.00", "2025-03-31"),
            entry("50.00", detail("50.00", refs="<TxId>T1</TxId>")), account=account,
        ) for account in ("DE02TEST0001", "DE02TEST0002"))), ["03-10 50.00 -", "03-10 50.00 -"]),
    "a batch with a debit in it": (
        message(statement(
            balance("OPBD", "0.00", "2025-03-01"), balance("CLBD", "20.00", "2025-03-31"),
            entry("20.00", detail("50.00", refs="<TxId>T1</TxId>"),
                  detail("-30.00", refs="<TxId>T2</TxId>")),
        )), ["03-10 50.00 -", "03-10 -30.00 -"]),
}  # fmt: skip
FILES = {
    f"{source}: {name}": (source, body, told)
    for source, files in (("csv", CSV), ("mt940", MT940), ("camt053", CAMT))
    for name, (body, told) in files.items()
}


@pytest.mark.parametrize(("source", "body", "told"), FILES.values(), ids=FILES)
def test_a_file_is_read_as_its_bank_means_it(
    source: str, body: str | bytes, told: list[str]
) -> None:
    found = _read(body, source)
    assert _told(found) == told
    booked = sum(line.amount for line in found.lines if line.status == BOOKED)
    assert found.opening + booked == found.closing


@pytest.mark.parametrize(("cell", "remark"), [
    ("5.000", "'.' may also part the decimals"), ("1,234", "',' may also part the decimals"),
    ("5.00", None), ("1.234,50", None),
])  # fmt: skip
def test_a_guess_says_where_a_mark_may_part_thousands_or_decimals(
    cell: str, remark: str | None
) -> None:
    text = guess_map(f"Date;Text;Amount\n14.03.2025;ann;{cell}\n".encode())
    said = next((line for line in text.splitlines() if line.startswith("decimal")), "")
    assert (remark in said) if remark else ("#" not in said)


def test_what_a_bank_takes_back_under_another_entry_number_is_no_payment(tmp_path: Path) -> None:
    """MT940 numbers each entry: the number of a reversal is never that of what it reverses."""
    world = World(tmp_path / "t.db", start="2025-03-01T00:00:00+08:00")
    for account in ("ann", "bob"):
        world.record("open-account", "--account", account)
    world.done("clock", "advance", "--to", "2025-04-01")
    path = tmp_path / "s.sta"

    def classes(*lines: str, closing: str = "C250331CNY0,") -> dict[str, int]:
        path.write_text(_swift(*lines, opening="C250228CNY0,", closing=closing))
        found: dict[str, int] = world.run("reconcile", path, "--source", "mt940", "--json").json[
            "classes"
        ]
        return found

    back = ":61:2503120312RC50,00NTRFNONREF//B2\n:86:ann\n"
    assert classes(PAID, ":86:ann\n", back) == {}
    two = (PAID, ":86:ann\n", ":61:2503110311C50,00NTRFNONREF//B3\n:86:bob\n", back)
    assert classes(*two, closing="C250331CNY50,") == {"missing_in_ledger": 3}, "whose is not clear"
    named = (PAID, ":86:166?20x?32ann\n", back.replace(":86:ann", ":86:166?20x?32bob"))
    assert classes(*named) == {"missing_in_ledger": 2}, "of two payers"
