"""OFX and QFX: SGML and XML, ids that banks reuse, zones, pending lines, damaged files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.periods import format_instant
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import INSTRUCTION, PENDING, BadStatement, Statement
from projections.reconciliation.readers import read_statement
from tests.cli.program import World

OFFSET = 8 * 3600 * 10**6
HEADER = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"


def _read(body: bytes | str, **options: str) -> Statement:
    given = body.encode() if isinstance(body, str) else body
    return read_statement(given, "ofx", offset=OFFSET, currency="USD", **options)


def _line(amount: str, day: str = "20250310", name: str = "F1", more: str = "<NAME>Ann") -> str:
    return (
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{name}{more}\n</STMTTRN>\n"
    )


def _sgml(
    *lines: str, balance: str = "105.00", account: str = "99", currency: str = "USD", more: str = ""
) -> str:
    left = f"<LEDGERBAL><BALAMT>{balance}<DTASOF>20250331</LEDGERBAL>" if balance else ""
    return (
        f"<BANKMSGSRSV1><STMTTRNRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>{currency}\n"
        f"<BANKACCTFROM><BANKID>1<ACCTID>{account}<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>"
        f"<DTSTART>20250301<DTEND>20250331\n{''.join(lines)}</BANKTRANLIST>{more}{left}</STMTRS>"
        "</STMTTRNRS></BANKMSGSRSV1>"
    )


def _file(*statements: str) -> str:
    return f"{HEADER}<OFX>{''.join(statements)}</OFX>\n"


def _ends(found: Statement) -> tuple[str, str]:
    return write_amount(found.opening, "USD"), write_amount(found.closing, "USD")


XML = (
    '<?xml version="1.0" encoding="{}"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n<OFX>'
    "<CREDITCARDMSGSRSV1>"
    "<CCSTMTTRNRS><CCSTMTRS><CURDEF>USD</CURDEF><CCACCTFROM><ACCTID>99</ACCTID></CCACCTFROM>"
    "<BANKTRANLIST><DTSTART>20250301</DTSTART><DTEND>20250331</DTEND><STMTTRN><TRNTYPE>CREDIT"
    "</TRNTYPE><DTPOSTED>20250310</DTPOSTED><TRNAMT>5.00</TRNAMT><FITID>F1</FITID>{}<NAME>M\u00fcller"
    " &amp; Co</NAME></STMTTRN></BANKTRANLIST><LEDGERBAL><BALAMT>105.00</BALAMT><DTASOF>20250331"
    "</DTASOF></LEDGERBAL></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>"
)


@pytest.mark.parametrize("newline", ["\n", "\r\n", ""])
def test_sgml_needs_no_end_of_values(newline: str) -> None:
    text = _file(_sgml(_line("5.00")))
    head, _, rest = text.partition("<OFX>")
    found = _read(head + "<OFX>" + rest.replace("\n", newline))
    assert _ends(found) == ("100.00", "105.00")
    (line,) = found.lines
    assert (line.key, line.number, line.references, line.text) == ("F1", "F1", (), "Ann")
    days = [format_instant(one, OFFSET)[:10] for one in (found.starts, found.ends)]
    assert days == ["2025-03-01", "2025-04-01"]


@pytest.mark.parametrize("codec", ["utf-8", "windows-1252", "utf-16"])
@pytest.mark.parametrize("empty", ["", "<MEMO/>", "<MEMO></MEMO>"])
def test_xml_is_read_in_the_encoding_it_declares(codec: str, empty: str) -> None:
    found = _read(XML.format(codec, empty).encode(codec))
    assert _ends(found) == ("100.00", "105.00")
    assert found.lines[0].text == "M\u00fcller & Co"


def test_sgml_is_read_in_its_charset() -> None:
    body = _file(_sgml(_line("5.00", more="<NAME>M\u00fcller &amp; <MEMO>50 \u20ac")))
    for codec in ("windows-1252", "utf-8"):
        assert _read(body.encode(codec)).lines[0].text == "M\u00fcller & 50 \u20ac"


def test_an_element_without_value_does_not_swallow_what_follows() -> None:
    found = _read(
        _file(_sgml(_line("5.00", more="<CHECKNUM><MEMO><NAME>Ann"), _line("-1.00", name="F2")))
    )
    assert [line.text for line in found.lines] == ["Ann", "Ann"]
    assert len(found.lines) == 2


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("20250310", "2025-03-10T00:00:00"),
        ("20250310120000", "2025-03-10T12:00:00"),
        ("202503101200", "2025-03-10T12:00:00"),
        ("20250310120000.123[-5:EST]", "2025-03-11T01:00:00"),
        ("20250310120000[0:GMT]", "2025-03-10T20:00:00"),
        ("20250310120000[+5.30:IST]", "2025-03-10T14:30:00"),
        ("20250310120000[5.5]", "2025-03-10T14:30:00"),
        ("20250310120000 [-3:BRT]", "2025-03-10T23:00:00"),
    ],
)
def test_a_date_with_a_zone_is_an_instant(written: str, means: str) -> None:
    (line,) = _read(_file(_sgml(_line("5.00", written)))).lines
    assert format_instant(line.instant, OFFSET)[:19] == means


@pytest.mark.parametrize("text", ["-10.50", "-10,50", "-10.5", "-10.5000"])
def test_decimals_are_parted_by_a_point_or_a_comma(text: str) -> None:
    (line,) = _read(_file(_sgml(_line(text)))).lines
    assert write_amount(line.amount, "USD") == "-10.50"


def test_an_id_that_a_bank_reuses_names_no_payment_for_ever() -> None:
    found = _read(_file(_sgml(_line("5.00"), _line("6.00"), _line("7.00", name="F3"))))
    assert [(line.number, line.references) for line in found.lines] == [
        ("", (("F1", INSTRUCTION),)),
        ("", (("F1", INSTRUCTION),)),
        ("F3", ()),
    ]
    twice = _read(_file(_sgml(_line("5.00"), _line("5.00"))))
    assert [line.number for line in twice.lines] == ["F1", "F1"]


REPLACES, DELETES = (
    f"<CORRECTFITID>{{}}<CORRECTACTION>{action}" for action in ("REPLACE", "DELETE")
)
CORRECTED = {
    "replaced in the file": ([_line("5.00"), _line("6.00", name="F2", more=REPLACES.format("F1"))],
                             [("F1", "6.00", False)]),
    "replaced twice": ([_line("5.00"), _line("6.00", name="F2", more=REPLACES.format("F1")),
                        _line("7.00", name="F3", more=REPLACES.format("F2"))],
                       [("F1", "7.00", False)]),
    "replaced, of an earlier file": ([_line("6.00", name="F2", more=REPLACES.format("F1"))],
                                     [("F1", "6.00", False)]),
    "deleted in the file": ([_line("5.00"), _line("8.00", name="F3"),
                             _line("5.00", name="F2", more=DELETES.format("F1"))],
                            [("F3", "8.00", False)]),
    "deleted, of an earlier file": ([_line("5.00", name="F2", more=DELETES.format("F1"))],
                                    [("F2", "-5.00", True)]),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "left"), CORRECTED.values(), ids=CORRECTED)
def test_what_a_bank_corrects_is_not_there_twice(
    lines: list[str], left: list[tuple[str, str, bool]]
) -> None:
    for told in (lines, lines[::-1]):
        found = _read(_file(_sgml(*told)))
        assert [(line.number, write_amount(line.amount, "USD"), line.reversal)
                for line in found.lines] == left  # fmt: skip
    with pytest.raises(BadStatement, match="CORRECTACTION 'UNDO' of 'F1' is not known"):
        _read(_file(_sgml(_line("5.00", more="<CORRECTFITID>F1<CORRECTACTION>undo"))))


def test_a_correction_of_what_is_booked_is_a_break_and_its_remedy(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start="2025-03-10T10:00:00+08:00")
    world.take(
        {"do": "open-account", "account": "ann", "at": "2025-03-10T10:00:00+08:00"},
        {"do": "top-up", "account": "ann", "amount": "5.00", "channel": "bank", "serial": "F1",
         "at": "2025-03-10T10:00:00+08:00"},
    )  # fmt: skip
    world.done("clock", "advance", "--to", "2025-04-01")
    path = tmp_path / "s.ofx"
    line = _line("6.00", name="F2", more=REPLACES.format("F1"))
    path.write_text(_file(_sgml(line, balance="6.00", currency="CNY")))
    answer = world.json("reconcile", path, "--source", "ofx", code=1)
    assert answer["classes"] == {"amount": 1}
    line = _line("5.00", name="F2", more=DELETES.format("F1"))
    path.write_text(_file(_sgml(line, balance="0.00", currency="CNY")))
    (fix,) = world.done("reconcile", path, "--source", "ofx", "--propose", code=1).rows
    assert (fix["do"], fix["serial"], fix["amount"]) == ("reverse-top-up", "F1", "5.00")


@pytest.mark.parametrize(("serial", "rule"), [("F1", "reference"), ("T9", "amount_and_date")])
def test_the_banks_number_is_a_serial_and_bars_no_other(
    tmp_path: Path, serial: str, rule: str
) -> None:
    world = World(tmp_path / "t.db")
    world.take(
        {"at": "2025-03-01T00:00:00+08:00", "do": "open-account", "account": "ann"},
        {
            "at": "2025-03-10T10:00:00+08:00",
            "do": "top-up",
            "account": "ann",
            "amount": "5.00",
            "channel": "bank",
            "serial": serial,
        },
    )
    world.done("clock", "advance", "--to", "2025-04-01")
    path = tmp_path / "s.qfx"
    path.write_text(_file(_sgml(_line("5.00"), balance="5.00", currency="CNY")))
    answer = world.json("reconcile", path, "--source", "ofx")
    assert (answer["rules"], answer["breaks"]) == ({rule: 1}, [])


def test_pending_lines_do_not_move_the_balance() -> None:
    more = (
        "<BANKTRANLISTP><DTASOF>20250331<STMTTRNP><TRNTYPE>CREDIT<DTTRAN>20250331<TRNAMT>7.00"
        "<NAME>Bob</STMTTRNP></BANKTRANLISTP>"
    )
    found = _read(_file(_sgml(_line("5.00"), more=more)))
    assert _ends(found) == ("100.00", "105.00")
    assert found.lines[1].status == PENDING


def test_several_accounts_and_a_statement_without_a_balance() -> None:
    both = _file(_sgml(_line("5.00")), _sgml(_line("-1.00"), account="77", balance="9.00"))
    assert _ends(_read(both)) == ("110.00", "114.00")
    assert _ends(_read(both, account="77")) == ("10.00", "9.00")
    with pytest.raises(BadStatement, match="no statement of account '5'"):
        _read(both, account="5")
    with pytest.raises(BadStatement, match="several currencies"):
        _read(_file(_sgml(_line("5.00")), _sgml(_line("1.00"), account="7", currency="EUR")))
    assert not _read(_file(_sgml(_line("5.00"), balance=""))).balances


def test_a_statement_without_lines_is_read() -> None:
    found = _read(_file(_sgml()))
    assert (found.lines, _ends(found)) == ((), ("105.00", "105.00"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "no OFX element"),
        ("hello", "no OFX element"),
        ("<html></html>", "no OFX element"),
        (_file(_sgml(_line("5.00")))[:-40], "the file is cut off"),
        (_file(_sgml(_line("5.00")))[:400], "the file is cut off"),
        (_file(_sgml(_line(""))), "has no amount"),
        (_file(_sgml(_line("1,23.56"))), "TRNAMT"),
        (_file(_sgml(_line("5.00", "10/03/2025"))), "is not a date of OFX"),
        (_file(_sgml(_line("5.00", "20251340"))), "not an instant|YYYYMMDD|is not"),
        (_file(_sgml(_line("5.00", ""))), "has no date"),
        (_file(), "no statement of a bank"),
        (
            _file(
                "<SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>no</STATUS></SONRS>"
                "</SIGNONMSGSRSV1>"
            ),
            "error 15500: no",
        ),
        (_file(_sgml(_line("5.00"))).replace("</STMTTRN>", "</BOGUS>", 1), "without a beginning"),
        (_file("<a>" * 100_000), "nests more than"),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _file(_sgml()),
            "document type",
        ),
    ],
)
def test_what_is_wrong_is_named(body: str, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        _read(body)


@pytest.mark.parametrize(
    ("day", "says"),
    [("20250310240000", "2025-03-10T23:59:59+08:00"),
     ("20250310235960", "2025-03-10T23:59:59+08:00"),
     ("20250310120000[GMT]", "2025-03-10T20:00:00+08:00")],
)  # fmt: skip
def test_the_end_of_a_day_is_in_it(day: str, says: str) -> None:
    (line,) = _read(_file(_sgml(_line("5.00", day)))).lines
    assert format_instant(line.instant, OFFSET) == says


def test_groups_are_read_where_they_are_sure() -> None:
    (line,) = _read(_file(_sgml(_line("1,005.00")))).lines
    assert write_amount(line.amount, "USD") == "1005.00"
    with pytest.raises(BadStatement, match="may be a thousand or three decimals"):
        _read(_file(_sgml(_line("1,005"))))


def test_who_is_on_the_other_side_is_told_apart_from_what_is_said() -> None:
    more = "<NAME><![CDATA[Ann & Bell <x>]]><BANKACCTTO><BANKID>1<ACCTID>77</BANKACCTTO><MEMO>m"
    (line,) = _read(_file(_sgml(_line("5.00", more=more)))).lines
    assert (line.payer, line.payer_account) == ("Ann & Bell <x>", "77")
    assert line.text == "Ann & Bell <x> m"


def test_each_account_has_its_own_opening() -> None:
    found = _read(_file(_sgml(_line("5.00")), _sgml(_line("7.00"), balance="4.00", account="77")))
    assert {name: write_amount(held, "USD") for name, held in found.openings.items()} == {
        "99": "100.00", "77": "-3.00",
    }  # fmt: skip
    assert found.of == "77, 99"
