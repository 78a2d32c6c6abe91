"""Shipped maps read files as their origins write them; a guessed map reads its own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.reconciliation.amounts import write_amount
from projections.reconciliation.guessing import guess_map
from projections.reconciliation.lines import BadStatement, Statement
from projections.reconciliation.readers import read_statement
from projections.reconciliation.readers.maps import read_map, shipped, shipped_map
from tests.cli.program import World, tally

# name -> the encoding of a file, its text, and opening, closing and number of lines
FILES: dict[str, tuple[str, str, tuple[str, str, int]]] = {
    "sparkasse": ("windows-1252", (
        '"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";'
        '"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Beguenstigter/Zahlungspflichtiger";'
        '"Betrag";"Waehrung";"Info"\n'
        '"DE1";"10.03.25";"10.03.25";"GUTSCHR.";"für ann";"E-1";"";"Müller";"1.250,00";"EUR";'
        '"Umsatz gebucht"\n'
        '"DE1";"11.03.25";"11.03.25";"LASTSCHR.";"Strom";"";"";"Werke";"-50,00";"EUR";'
        '"Umsatz vorgemerkt"\n'), ("0.00", "1250.00", 2)),
    "dkb": ("utf-8-sig", (
        '"Girokonto";"DE1"\n""\n"Kontostand vom 31.03.2025:";"1.200,00 €"\n""\n'
        '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";'
        '"Verwendungszweck";"Umsatztyp";"IBAN";"Betrag (€)";"Gläubiger-ID";"Mandatsreferenz";'
        '"Kundenreferenz"\n"11.03.25";"11.03.25";"Gebucht";"Ann";"Wir";"Danke";"Eingang";"DE2";'
        '"1.250,5 €";"";"";"K1"\n'), ("0.00", "1250.50", 1)),
    "lloyds": ("utf-8", (
        "Transaction Date,Transaction Type,Sort Code,Account Number,Transaction Description,"
        "Debit Amount,Credit Amount,Balance\n03/04/2025,FPO,'11-22-33,1,RENT,50.00,,60.00\n"
        "02/04/2025,FPI,'11-22-33,1,ANN,,100.00,110.00\n"), ("10.00", "60.00", 2)),
    "starling": ("utf-8", (
        "Date,Counter Party,Reference,Type,Amount (GBP),Balance (GBP),Spending Category,Notes\n"
        "02/04/2025,Ann,invoice 7,FASTER PAYMENT,100.00,110.00,INCOME,\n"
        "03/04/2025,Shop,x,CARD,-5.00,105.00,SHOPPING,\n"), ("10.00", "105.00", 2)),
    "paypal": ("utf-8-sig", (
        '"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net",'
        '"Transaction ID","Balance"\n'
        '"02/04/2025","10:00:00","CET","Ann","Payment","Completed","EUR","1,000.00","-30.00",'
        '"970.00","8AB","970.00"\n"03/04/2025","11:00:00","CET","Bob","Payment","Pending","EUR",'
        '"5.00","-0.30","4.70","8AC",""\n'), ("0.00", "970.00", 2)),
    "stripe": ("utf-8", (
        "automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,"
        "currency,gross,fee,net,reporting_category,source_id,description\n"
        "po_1,2025-03-12 00:00:00,txn_1,2025-03-10 08:00:00,eur,100.00,3.20,96.80,charge,ch_1,a\n"
        "po_1,2025-03-12 00:00:00,txn_2,2025-03-10 09:00:00,eur,50.00,1.75,48.25,charge,ch_2,b\n"),
        ("0.00", "145.05", 2)),
    "wise": ("utf-8", (
        '"TransferWise ID",Date,Amount,Currency,Description,"Payment Reference","Running Balance"\n'
        "TRANSFER-2,11-03-2025,-20.00,EUR,Sent money,,130.00\n"
        "TRANSFER-1,10-03-2025,50.00,EUR,Received money,ann,150.00\n"), ("100.00", "130.00", 2)),
    "alipay": ("gb18030", (
        "#支付宝账务明细查询\n#账号：[2088]\n#起始日期：[2025年03月01日 00:00:00]\n#----列表----\n"
        "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,"
        "账户余额（元）,交易渠道,业务类型,备注\n"
        "1\t,2025031022\t,o-1\t,充值\t,2025-03-10 10:00:00,a@b,30.00,0.00,130.00,支付宝,在线支付,\n"
        "2\t,2025031023\t,\t,服务费\t,2025-03-10 10:00:01,,0.00,-0.18,129.82,支付宝,收费,\n"
        "#----列表结束----\n#收入合计：1笔，共30.00元\n"), ("100.00", "129.82", 2)),
}  # fmt: skip


def _read(body: bytes, map_: str) -> Statement:
    return read_statement(body, "csv", offset=8 * 3600 * 10**6, currency="EUR", column_map=map_)


def _proved(found: Statement) -> tuple[str, str, int]:
    ends = [write_amount(one, found.currency) for one in (found.opening, found.closing)]
    return ends[0], ends[1], len(found.lines)


def test_every_shipped_map_has_a_file_here_and_says_where_it_is_from() -> None:
    assert shipped() == sorted(FILES)
    for name in shipped():
        read_map(shipped_map(name))
        assert "# Origin: " in shipped_map(name)


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_map_works_unchanged(name: str) -> None:
    codec, text, totals = FILES[name]
    assert _proved(_read(text.encode(codec), shipped_map(name))) == totals


def test_a_map_is_found_by_its_name_or_as_a_file(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    path = tmp_path / "f.csv"
    path.write_text(FILES["wise"][1])
    answer = world.json("reconcile", path, "--source", "csv", "--map", "wise", code=1)
    assert answer["closing"] == "130.00"
    own = tmp_path / "own.toml"
    own.write_text("\ufeff" + shipped_map("wise"), encoding="utf-8")
    world.json("reconcile", path, "--source", "csv", "--map", own, code=1)
    error = world.json("reconcile", path, "--source", "csv", "--map", "wice", code=2)
    assert "no column map 'wice'" in error["message"]
    assert error["hint"] == "did you mean wise?"


GUESSED = {
    "plain": "Date,Amount,Ref\n2025-03-01,5.00,a\n2025-03-02,-7.25,b\n",
    "german": "Konto:;1\n\nBuchungstag;Valuta;Zweck;Betrag;Saldo\n10.03.2025;10.03.2025;x;-30,78;"
              "1.000,00\n11.03.2025;10.03.2025;y;1.030,78;2.030,78\nSaldo;;;;2.030,78\n",
    "debit and credit": "Date,Description,Money Out,Money In,Balance\n13/04/2025,foo,5.00,,95.00\n"
                        "12/04/2025,bar,,50.00,100.00\n",
    "no header": "2025-03-01;5,00;a;7\n2025-03-02;6,00;b;8\n",
    "header alone": "Date,Amount\n",
    "not a running balance": "Date,Amount,Balance\n2025-03-01,5.00,1.00\n2025-03-02,6.00,2.00\n",
    "flow": "时间,收/支,金额,交易号\n2025-03-01 10:00:00,收入,5.00,1\n"
            "2025-03-02 10:00:00,支出,2.00,2\n",
    "turned": "Date,Amount,Balance\n2025-03-01,5.00,10.00\n2025-03-02,6.00,4.00\n",
    "excel": "sep=;\nDate;Amount\n2025-03-01;5,00\n",
    "tab": "Date\tAmount\n01.03.2025\t5.00\n",
}  # fmt: skip


@pytest.mark.parametrize("name", [*GUESSED, *FILES])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_guessed_map_reads_its_file(name: str, codec: str) -> None:
    text = FILES[name][1] if name in FILES else GUESSED[name]
    body = text.encode(codec)
    found = _read(body, guess_map(body))
    if name in FILES and name not in ("paypal", "sparkasse"):  # pending rows are words to a guess
        assert _proved(found)[2] == FILES[name][2][2]


def test_a_guess_says_what_may_be_otherwise() -> None:
    guessed = guess_map(b"Date,Amount\n03/04/2025,5.00\n")
    assert 'date_format = "DD/MM/YYYY"  # check it: all dates may also be MM/DD/YYYY' in guessed
    assert "does not follow by rows" in guess_map(GUESSED["not a running balance"].encode())
    assert 'sign = "out"' in guess_map(GUESSED["turned"].encode())


@pytest.mark.parametrize("codec", ["gb18030", "windows-1252"])
def test_a_guess_finds_the_encoding(codec: str) -> None:
    text = {"gb18030": FILES["alipay"][1], "windows-1252": FILES["sparkasse"][1]}[codec]
    assert f'encoding = "{codec}"' in guess_map(text.encode(codec))


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"hello\nworld\n", b"a,b\n1,2\n", b"<xml/>", b"\0\1\2", b'Date,Amount\n"x']
)
def test_what_is_not_a_table_is_not_guessed(body: bytes) -> None:
    with pytest.raises(BadStatement):
        guess_map(body)


def test_a_guess_is_printed_without_a_ledger_and_works_when_saved(tmp_path: Path) -> None:
    path, map_ = tmp_path / "f.csv", tmp_path / "m.toml"
    path.write_text(GUESSED["german"])
    done = tally("reconcile", path, "--source", "csv", "--guess", cwd=tmp_path)
    assert done.code == 0
    map_.write_text(done.out)
    answer = World(tmp_path / "t.db").json(
        "reconcile", path, "--source", "csv", "--map", map_, code=1
    )
    assert (answer["opening"], answer["closing"]) == ("1030.78", "2030.78")
    shown = World.at(tmp_path / "t.db").json("reconcile", path, "--source", "csv", "--guess")
    assert shown["map"].strip() == done.out.strip()
    refused = tally("reconcile", path, "--source", "camt053", "--guess", cwd=tmp_path)
    assert refused.code == 2
