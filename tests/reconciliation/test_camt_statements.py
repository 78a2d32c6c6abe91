"""Statements of camt messages: balances, chains of statements and pages, envelopes, hostile XML."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from ledger.periods import format_instant
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import BadStatement, ControlTotalWrong, Statement
from tests.cli.program import ROOT, World
from tests.reconciliation.camt_files import (
    HOLDERS,
    SPACE,
    balance,
    cents,
    entry,
    message,
    month,
    read,
    statement,
)

SHARED = ROOT.parent / "shared" / "data"
OFFSET = 8 * 3600 * 10**6


def _ends(found: Statement) -> tuple[str, str]:
    code = found.currency
    return write_amount(found.opening, code), write_amount(found.closing, code)


def _days(found: Statement) -> tuple[str, str]:
    starts, ends = (format_instant(one, OFFSET) for one in (found.starts, found.ends - 10**6))
    return starts[:10], ends[:10]


# --- which balances are the account's ---------------------------------------------------------

CLOSE = balance("CLBD", "150.00", "2025-03-10")
FIFTY = entry("50.00")


@pytest.mark.parametrize(
    "balances",
    [
        balance("OPBD", "100.00", "2025-03-10") + CLOSE,
        balance("PRCD", "100.00", "2025-03-07") + CLOSE,
        CLOSE + balance("PRCD", "100.00", "2025-03-07"),
        balance("OPBD", "100.00", "2025-03-10"),
        CLOSE,
        balance("ITBD", "100.00", "2025-03-10") + CLOSE,
        balance("OPBD", "100.00", "2025-03-10") + balance("ITBD", "150.00", "2025-03-10"),
        balance("ITBD", "100.00", "2025-03-10") + balance("ITBD", "150.00", "2025-03-10"),
        balance("ITBD", "150.00", "2025-03-10") + balance("ITBD", "100.00", "2025-03-10"),
        balance("OPBD", "100.00", "2025-03-10") + balance("CLAV", "999.00", "2025-03-10") + CLOSE,
    ],
    ids=["opening", "previous close", "any order", "opening alone", "closing alone",
         "interim begins", "interim ends", "interim both", "interim both turned", "available"],
)  # fmt: skip
def test_the_opening_is_stated_or_follows(balances: str) -> None:
    found = read(message(statement(balances, FIFTY)))
    assert _ends(found) == ("100.00", "150.00")
    assert found.balances


def test_a_balance_with_a_credit_line_in_it_is_not_the_accounts() -> None:
    limit = '<CdtLine><Incl>true</Incl><Amt Ccy="EUR">500.00</Amt></CdtLine>'
    opening = balance("OPBD", "100.00", "2025-03-10")
    with_line = balance("CLBD", "650.00", "2025-03-10", more=limit)
    for order in (opening + with_line + CLOSE, with_line + CLOSE + opening, opening + with_line):
        assert _ends(read(message(statement(order, FIFTY)))) == ("100.00", "150.00")
    stated = balance("CLBD", "150.00", "2025-03-10", more=limit.replace("true", "false"))
    assert _ends(read(message(statement(stated, FIFTY)))) == ("100.00", "150.00")


def test_a_balance_in_another_currency_is_not_the_accounts() -> None:
    other = balance("CLBD", "-27.00", "2025-03-10", currency="SEK")
    found = read(message(statement(balance("OPBD", "100.00", "2025-03-10"), other, FIFTY)))
    assert (found.currency, *_ends(found)) == ("EUR", "100.00", "150.00")


def test_without_balances_there_are_movements_alone() -> None:
    found = read(message(statement(FIFTY)))
    assert not found.balances
    assert _ends(found) == ("0.00", "50.00")


def test_a_statement_of_several_days_begins_with_the_first_and_ends_with_the_last() -> None:
    days = [
        balance("CLBD", "150.00", "2025-03-11"), balance("OPBD", "120.00", "2025-03-11"),
        balance("CLBD", "120.00", "2025-03-10"), balance("OPBD", "100.00", "2025-03-10"),
    ]  # fmt: skip
    found = read(message(statement(*days, entry("20.00"), entry("30.00", day="2025-03-11"))))
    assert _ends(found) == ("100.00", "150.00")


def test_a_statement_that_contradicts_itself_is_refused_with_the_difference() -> None:
    with pytest.raises(ControlTotalWrong, match=r"stated 151\.00, found 150\.00, difference 1\.00"):
        read(message(statement(balance("OPBD", "100.00", "2025-03-10"),
                               balance("CLBD", "151.00", "2025-03-10"), FIFTY)))  # fmt: skip


def _said(first: str) -> str:
    last = f"{first[:4]}-03-10"
    ends = f"<FrDtTm>{first}T08:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm>"
    return f"<FrToDt>{ends}</FrToDt>"


# --- which days it covers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "more", "begins"),
    [
        (balance("PRCD", "100.00", "2025-03-07"), "", "2025-03-08"),
        (balance("PRCD", "100.00", "2025-03-10"), "", "2025-03-10"),
        (balance("OPBD", "100.00", "2025-03-10"), "", "2025-03-10"),
        (balance("OPBD", "100.00", "2025-03-09"), "", "2025-03-10"),
        (balance("OPBD", "100.00", "2025-03-07"), "", "2025-03-10"),
        (balance("OPBD", "100.00", "2025-02-28"), "", "2025-03-01"),
        (balance("OPBD", "100.00", "2025-03-01"), "", "2025-03-01"),
        (balance("OPBD", "100.00", "2025-03-04"), _said("2025-03-05"), "2025-03-05"),
        ("", _said("2025-03-09"), "2025-03-09"), ("", _said("2007-03-09"), "2025-03-10"),
    ],
)  # fmt: skip
def test_the_day_of_a_previous_close_is_not_taken_into_the_period(
    opening: str, more: str, begins: str
) -> None:
    found = read(message(statement(opening, CLOSE, FIFTY, more=more)))
    assert _days(found) == (begins, "2025-03-10")


def test_days_with_an_offset_are_days_of_that_place() -> None:
    closing = balance("CLBD", "50.00", "2025-03-10T20:00:00+01:00")
    found = read(message(statement(closing, entry("50.00", day="2025-03-10T19:00:00+01:00"))))
    assert format_instant(found.ends, 3600 * 10**6) == "2025-03-11T00:00:00+01:00"
    assert format_instant(found.starts, OFFSET) == "2025-03-11T02:00:00+08:00"


# --- chains -----------------------------------------------------------------------------------


def _pages() -> list[str]:
    """Three pages of one account: interim balances, a page without any, a closing."""
    paged = "<StmtPgntn><PgNb>{}</PgNb><LastPgInd>{}</LastPgInd></StmtPgntn>"
    return [
        statement(balance("OPBD", "10.00", "2025-03-10"), balance("ITBD", "15.00", "2025-03-10"),
                  entry("5.00"), more=paged.format(1, "false")),
        statement(entry("6.00"), more=paged.format(2, "false")),
        statement(balance("ITBD", "21.00", "2025-03-10"), balance("CLBD", "28.00", "2025-03-10"),
                  entry("7.00"), more=paged.format(3, "true")),
    ]  # fmt: skip


def test_pages_are_one_chain_in_any_order() -> None:
    pages = _pages()
    for seed in range(6):
        random.Random(seed).shuffle(pages)
        found = read(message(*pages))
        assert _ends(found) == ("10.00", "28.00")
        assert sorted(cents(found.lines)) == [500, 600, 700]
        assert {line.statement for line in found.lines} == {"S1/1", "S1/2", "S1/3"}


@pytest.mark.parametrize("numbered", [True, False])
def test_statements_are_one_chain_in_any_order(numbered: bool) -> None:
    parts = []
    for n in range(5):
        ends = (balance("OPBD", f"{n}.00", "2025-03-10"),
                balance("CLBD", f"{n + 1}.00", "2025-03-10"))  # fmt: skip
        more = f"<ElctrncSeqNb>{n + 1}</ElctrncSeqNb>" if numbered else ""
        parts.append(statement(*ends, entry("1.00"), name=f"S{n}", more=more))
    for seed in range(6):
        random.Random(seed).shuffle(parts)
        assert _ends(read(message(*parts))) == ("0.00", "5.00")


def test_several_accounts_are_several_chains() -> None:
    one = [balance("OPBD", "1.00", "2025-03-10"), balance("CLBD", "3.00", "2025-03-10")]
    two = [balance("OPBD", "10.00", "2025-03-10"), balance("CLBD", "5.00", "2025-03-10")]
    text = message(statement(*one, entry("2.00"), account="A"),
                   statement(*two, entry("-5.00"), account="B"))  # fmt: skip
    assert _ends(read(text)) == ("11.00", "8.00")
    assert _ends(read(text, account="B")) == ("10.00", "5.00")
    with pytest.raises(BadStatement, match="no statement of account 'C'") as refused:
        read(text, account="C")
    assert refused.value.hint == "it has: A, B"


def test_a_gap_in_a_chain_is_refused_with_the_statement_that_does_not_follow() -> None:
    first = statement(balance("CLBD", "5.00", "2025-03-10"), entry("5.00"))
    later = statement(balance("OPBD", "6.00", "2025-03-11"), name="S9")
    for order in ((first, later), (later, first)):
        with pytest.raises(ControlTotalWrong, match=r"of statement S9, closing of one .* 1\.00"):
            read(message(*order))


def test_a_statement_that_stands_in_a_file_twice_is_refused() -> None:
    one = statement(balance("OPBD", "0.00", "2025-03-10"), balance("CLBD", "5.00", "2025-03-10"),
                    entry("5.00"))  # fmt: skip
    with pytest.raises(ControlTotalWrong, match="closing of one statement"):
        read(message(one, one))


def test_a_ring_beside_a_chain_is_no_part_of_it() -> None:
    """Each balance is reached as often as it is left, and still two statements lead nowhere."""
    steps = [("0.00", "1.00", "1.00"), ("5.00", "7.00", "2.00"), ("7.00", "5.00", "-2.00")]
    parts = [
        statement(balance("OPBD", a, "2025-03-10"), balance("CLBD", b, "2025-03-10"), entry(size))
        for a, b, size in steps
    ]
    with pytest.raises(ControlTotalWrong, match="closing of one statement"):
        read(message(*parts))


def test_several_currencies_are_chosen_between() -> None:
    text = message(statement(entry("1.00")), statement(entry("2.00", currency="USD"),
                                                       currency="USD"))  # fmt: skip
    with pytest.raises(BadStatement, match="several currencies") as refused:
        read(text)
    assert refused.value.hint == (
        "choose one with --account: 'DE02TEST0001 EUR', 'DE02TEST0001 USD'"
    )
    assert read(text, account="DE02TEST0001 USD").currency == "USD"


# --- counts -----------------------------------------------------------------------------------


def _summary(count: int, total: str) -> str:
    inside = f"<NbOfNtries>{count}</NbOfNtries><Sum>{total}</Sum>"
    return f"<TxsSummry><TtlNtries>{inside}</TtlNtries></TxsSummry>"


def test_counts_hold_with_or_without_what_is_pending_and_over_all_pages() -> None:
    pending = entry("4.00", status="<Sts>PDNG</Sts>")
    for count, total in ((1, "5.00"), (2, "9.00")):
        read(month(_summary(count, total), entry("5.00"), pending, closing="5.00"))
    read(message(*(page.replace("<Ntry>", _summary(3, "18.00") + "<Ntry>") for page in _pages())))
    with pytest.raises(BadStatement, match="3 entries stated, 2 found, difference 1"):
        read(month(_summary(3, "9.00"), entry("5.00"), pending, closing="5.00"))
    with pytest.raises(ControlTotalWrong, match=r"sum of TtlNtries: stated 8\.00, found 9\.00"):
        read(month(_summary(2, "8.00"), entry("5.00"), pending, closing="5.00"))


# --- how the file comes -----------------------------------------------------------------------

PLAIN = month(entry("5.00", more="<AddtlNtryInf>Müller</AddtlNtryInf>"), closing="5.00")
SOAP = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
BUSINESS = '<BizMsgEnvlp xmlns="urn:x"><AppHdr><BizMsgIdr>1</BizMsgIdr></AppHdr>{}</BizMsgEnvlp>'


@pytest.mark.parametrize(
    "text",
    [
        PLAIN, PLAIN.replace(SPACE, "ISO:camt.053.001.02:APC:STUZZA:payments:003"),
        PLAIN.replace(SPACE, "urn:iso:std:iso:20023:tech:xsd:camt.053.001.02"),
        PLAIN.replace(f' xmlns="{SPACE}"', ""), PLAIN.replace(SPACE, "urn:bank:own"),
        re.sub(r"<(/?)(?=\w)", r"<\1n:", PLAIN).replace("xmlns=", "xmlns:n="),
        SOAP.format(PLAIN), BUSINESS.format(PLAIN), f"\n \r\n{PLAIN}", "\ufeff" + PLAIN,
        '\n<?xml version="1.0" encoding="UTF-8"?>' + PLAIN, f"<!-- a bank -->{PLAIN}",
    ],
    ids=["plain", "stuzza", "20023", "no namespace", "bank's own", "prefix", "soap", "business",
         "blanks", "mark", "newline before declaration", "comment"],
)  # fmt: skip
def test_namespaces_envelopes_and_what_stands_before_do_not_matter(text: str) -> None:
    found = read(text)
    assert _ends(found) == ("0.00", "5.00")
    assert found.lines[0].text == "Müller"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8"), ("utf-8", "utf-8-sig"), ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"), ("UTF-16", "utf-16"), ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"), ("GB18030", "gb18030"), ("iso-8859-15", "iso-8859-15"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "\n"])
def test_any_encoding_that_is_declared_is_read(declared: str, codec: str, before: str) -> None:
    text = f'{before}<?xml version="1.0" encoding="{declared}"?>{PLAIN}'
    assert read(text.encode(codec)).lines[0].text == "Müller"


def test_a_wrong_declaration_is_named_and_can_be_overruled() -> None:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{PLAIN}'.encode("latin-1")
    with pytest.raises(BadStatement, match="not a whole XML document") as refused:
        read(body)
    assert "--encoding" in str(refused.value.hint)
    assert read(body, encoding="latin-1").lines[0].text == "Müller"


@pytest.mark.parametrize("version", [f"{number:02}" for number in range(1, 14)])
@pytest.mark.parametrize("source", HOLDERS)
def test_every_version_of_the_three_messages_is_read(source: str, version: str) -> None:
    _, tag = HOLDERS[source]
    text = message(
        statement(balance("OPBD", "0.00", "2025-03-10"), entry("5.00"), tag=tag),
        source=source, space=SPACE.replace(".08", f".{version}"),
    )  # fmt: skip
    found = read(text, source)
    assert (found.source, found.balances) == (source, source != "camt054")
    assert cents(found.lines) == [500]


@pytest.mark.parametrize("wanted", HOLDERS)
@pytest.mark.parametrize("given", HOLDERS)
@pytest.mark.parametrize("space", [SPACE, ""])
def test_a_wrong_message_names_the_source_that_reads_it(
    wanted: str, given: str, space: str
) -> None:
    text = message(statement(entry("5.00"), tag=HOLDERS[given][1]), source=given, space=space)
    if wanted == given:
        assert cents(read(text, wanted).lines) == [500]
        return
    with pytest.raises(BadStatement, match=f"the file is camt.{given[-3:]}, an? ") as refused:
        read(text, wanted)
    assert refused.value.hint == f"use --source {given}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><a/></Document>',
         "the file is pain.001, not camt.053"),
        ("<html><body/></html>", "the root element 'html' is not an ISO 20022 document"),
        (message(), "no statement in it"), ("", "not a whole XML document"),
        (PLAIN[:-200], "not a whole XML document"), (PLAIN + "<x/>", "not a whole XML document"),
        ("{}", "not a whole XML document"),
        (f"{'<a>' * 100_000}", "nests more than 64 elements"),
    ],
)  # fmt: skip
def test_what_is_not_a_statement_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        read(text)


HOSTILE = {
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "billion laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
    "external document type": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/p">%p;]>',
}


@pytest.mark.parametrize("begins", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_hostile_xml_is_refused_before_anything_is_expanded(begins: str, codec: str) -> None:
    with pytest.raises(BadStatement, match="document type or entities"):
        read((begins + PLAIN).encode(codec))


def test_a_long_statement_is_read_without_holding_its_document() -> None:
    import tracemalloc  # noqa: PLC0415 - for this test alone

    count = 2_000
    padding = f"<BkTxCd>{'<Prtry><Cd>X</Cd></Prtry>' * 8}</BkTxCd>"
    body = month(*[entry("0.01", more=padding)] * count, closing="20.00").encode()
    tracemalloc.start()
    try:
        assert len(read(body).lines) == count
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 4 * len(body)  # the whole tree takes ten times as much


# --- files that others publish ----------------------------------------------------------------

PROVED = {
    "camt053/camt053.v2.minimal.xml": ("18.15", "27.00", 1),
    "camt053/camt053.v2.minimal.ultimate.xml": ("18.15", "27.00", 1),
    "camt053/camt053.v2.with-party-ids.xml": ("18.15", "27.00", 1),
    "camt053/camt053.v2.with-account-name.xml": ("0.00", "8.85", 1),
    "camt053/camt053.v2.multi.statement.xml": ("18.15", "20.00", 2),
    "camt053/camt053.v3.xml": ("18.15", "27.00", 1),
    "camt053/camt053.v4.xml": ("18.15", "27.00", 1),
    "camt053/camt053.v8.xml": ("18.15", "27.00", 1),
    "camt053-banks/postfinance-v4.xml": ("322152.16", "322689.77", 32),
}
CONTRADICTORY = {
    "camt053/camt053.v2.wrong.xml": "no statement in it",
    "camt053/camt053.v2.five.decimals.xml": r"stated 27\.05, found 27\.00, difference 0\.05",
    "camt053/camt053.v2.all-balance-types.xml": r"stated 4\.04, found 9\.86, difference -5\.82",
}
absent = pytest.mark.skipif(not SHARED.exists(), reason="published examples are not here")


@absent
@pytest.mark.parametrize("name", PROVED)
def test_published_statements_are_read_whole_with_the_totals_they_prove(name: str) -> None:
    found = read((SHARED / name).read_bytes())
    assert (*_ends(found), len(found.lines)) == PROVED[name]


@absent
@pytest.mark.parametrize("name", CONTRADICTORY)
def test_published_statements_that_contradict_themselves_are_refused(name: str) -> None:
    with pytest.raises((BadStatement, ControlTotalWrong), match=CONTRADICTORY[name]):
        read((SHARED / name).read_bytes())


@absent
def test_every_published_statement_is_named_here() -> None:
    there = {f"{path.parent.name}/{path.name}" for path in SHARED.glob("camt053*/*.xml")}
    assert there == {*PROVED, *CONTRADICTORY}


def test_a_daily_statement_after_a_weekend_has_no_break(tmp_path: Path) -> None:
    """The close of Friday is in the opening: the payment of Friday is not looked for again."""
    world = World(tmp_path / "t.db")
    paid = [("2025-03-07", "100.00", "P-1"), ("2025-03-10", "50.00", "P-2")]
    world.take(
        {"at": "2025-03-01T00:00:00+08:00", "do": "open-account", "account": "ann"},
        *({"at": f"{day}T10:00:00+08:00", "do": "top-up", "account": "ann", "amount": size,
           "channel": "bank", "serial": serial} for day, size, serial in paid),
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-04-01")
    path = tmp_path / "s.xml"
    refs = "<NtryDtls><TxDtls><Refs><EndToEndId>P-2</EndToEndId></Refs></TxDtls></NtryDtls>"
    for opening in ("PRCD", "OPBD"):
        before = balance(opening, "100.00", "2025-03-07")
        text = message(statement(before, CLOSE, entry("50.00", more=refs)))
        path.write_text(text.replace("EUR", "CNY"))
        answer = world.json("reconcile", path, "--source", "camt053")
        assert answer["breaks"] == []
        assert answer["reconciling_items"] == []
