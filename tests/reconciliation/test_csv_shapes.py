"""CSV files as banks of many places write them: each shape is read, or refused by its row."""

from __future__ import annotations

import pytest

from ledger.periods import HOUR, format_instant
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import BadStatement, ControlTotalWrong, Statement
from projections.reconciliation.readers import read_statement

OFFSET = 8 * HOUR
PLAIN = '[columns]\ndate = "Date"\namount = "Amount"\nreference = "Ref"\n'
GERMAN = 'delimiter = ";"\ndecimal = ","\n' + PLAIN
HEADER, ROW = "Date;Amount;Ref\n", "10.03.2025;-30,78;a\n"


def _read(body: str | bytes, column_map: str = GERMAN) -> Statement:
    given = body.encode() if isinstance(body, str) else body
    return read_statement(given, "csv", offset=OFFSET, currency="CNY", column_map=column_map)


def _moved(found: Statement) -> str:
    return write_amount(found.movements, found.currency)


# --- amounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "moved"),
    [
        ("100,00 H", "100.00"), ("100,00 S", "-100.00"), ("S 100,00", "-100.00"),
        ("100,00 Soll", "-100.00"), ("100,00 Haben", "100.00"), ("100,00 Dr.", "-100.00"),
        ("100,00 D", "-100.00"), ("CR 100,00", "100.00"), ("100,00DB", "-100.00"),
        ("-100,00 DR", "-100.00"), ("(100,00) DR", "-100.00"), ("\u2010100,00", "-100.00"),
        ("-1 234,50", "-1234.50"), ("1\u00a0234,50", "1234.50"), ("1\u2019234,50", "1234.50"),
        ("'-100,00", "-100.00"), ('="100,00"', "100.00"), ("\u200e-100,00", "-100.00"),
        ("$(100,00)", "-100.00"), ("($100,00)", "-100.00"), ("-\u00a5 100,00", "-100.00"),
        ("100,00 D\u00e9bit", "-100.00"), ("借 100,00", "-100.00"), ("100,00-", "-100.00"),
    ],
)  # fmt: skip
def test_a_sign_may_stand_on_any_side_and_be_a_word(cell: str, moved: str) -> None:
    assert _moved(_read(f"{HEADER}10.03.2025;{cell};a\n")) == moved


@pytest.mark.parametrize(
    ("cell", "code"),
    [("-100,00 EUR", "EUR"), ("\u20ac100,00-", "EUR"), ("CHF 100,00", "CHF"), ("R$ 5,00", "BRL"),
     ("100,00 z\u0142", "PLN"), ("$100,00", "CNY")],
)  # fmt: skip
def test_a_currency_beside_an_amount_is_that_of_its_row(cell: str, code: str) -> None:
    assert _read(f"{HEADER}10.03.2025;{cell};a\n").lines[0].currency == code


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("-100,00 CR", "a minus, and a word that says the opposite"),
        ("100,00 XYZ", "is not an amount"), ("DR 100,00 CR", "is not an amount"),
        ("1e2", "is not an amount"), ("1,2,3", "is not an amount"), ("#####", "is not an amount"),
    ],
)  # fmt: skip
def test_what_an_amount_cannot_mean_is_refused_by_its_line(cell: str, says: str) -> None:
    with pytest.raises(BadStatement, match=f"line 2, amount: .*{says}"):
        _read(f"{HEADER}10.03.2025;{cell};a\n")


def test_an_amount_in_another_currency_than_its_row_is_refused() -> None:
    with pytest.raises(BadStatement, match="the amount is in EUR, and the row in USD"):
        _read(f"{HEADER}10.03.2025;5,00 EUR;a\n", 'currency = "USD"\n' + GERMAN)


def test_a_dash_in_a_column_of_debits_or_credits_is_nothing() -> None:
    columns = '[columns]\ndate = "Date"\ndebit = "Out"\ncredit = "In"\nbalance = "Left"\n'
    rows = "2025-03-10,-,10.00,110.00\n2025-03-11,20.00,--,90.00\n"
    found = _read("Date,Out,In,Left\n" + rows, columns)
    assert (_moved(found), write_amount(found.opening, "CNY")) == ("-10.00", "100.00")


FLOWING = '[columns]\ndate = "Date"\namount = "Amount"\nflow = "Way"\n'


@pytest.mark.parametrize(
    ("rows", "moved"),
    [
        ("2025-03-10,5.00,Haben\n2025-03-11,3.00,Soll\n", "2.00"),
        ("2025-03-10,5.00,Bij\n2025-03-11,3.00,Af\n", "2.00"),
        ("2025-03-10,5.00,贷\n2025-03-11,3.00,借\n", "2.00"),
        ("2025-03-10,5.00,Cr.\n2025-03-11,-3.00,Dr.\n", "2.00"),  # signed as well
        ("2025-03-10,-5.00,C\n2025-03-11,3.00,D\n", "-8.00"),  # a credit taken back
    ],
)
def test_the_words_of_a_flow_and_its_signs_go_together(rows: str, moved: str) -> None:
    assert _moved(_read("Date,Amount,Way\n" + rows, FLOWING)) == moved


def test_a_flow_against_the_sign_of_its_amount_is_refused() -> None:
    with pytest.raises(BadStatement, match="line 2 has a negative amount and the flow 'C'"):
        _read("Date,Amount,Way\n2025-03-10,-5.00,C\n2025-03-11,-3.00,D\n", FLOWING)


# --- dates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "10/Mar/25", "10Mar2025", "10MAR25", "Mon 10 Mar 2025", "Monday, March 10, 2025",
        "lun. 10 mars 2025", "10 de marzo de 2025", "10-mrt-2025", "10 марта 2025", "2025-Mar-10",
        "2025-03-10+08:00", "2025-03-10T00:00:00+0800", "10.03.2025, 00:00", "10. M\u00e4rz 2025",
        "3/10/2025 12:00 AM", "'10.03.2025", '="10.03.2025"', "`2025-03-10 00:00:00",
    ],
)  # fmt: skip
def test_a_day_is_read_in_the_words_of_many_places(cell: str) -> None:
    given = 'date_format = "M/D/YYYY"\n' if cell.startswith("3/") else ""
    found = _read(f"{HEADER}{cell};1,00;a\n", given + GERMAN)
    assert format_instant(found.lines[0].instant, OFFSET) == "2025-03-10T00:00:00+08:00"


@pytest.mark.parametrize(
    ("cell", "says", "written"),
    [
        ("10 f\u00e9vr. 2025", "2025-02-10T00:00:00", ""),
        ("10 juil. 2025", "2025-07-10T00:00:00", ""),
        ("10 juin 2025", "2025-06-10T00:00:00", ""), ("10 gen 2025", "2025-01-10T00:00:00", ""),
        ("10.03.2025 24:00:00", "2025-03-10T23:59:59", ""),
        ("2025-03-10T23:59:60", "2025-03-10T23:59:59", ""),
        ("45726", "2025-03-10T00:00:00", "serial"), ("45726,75", "2025-03-10T18:00:00", "serial"),
        ("1741564800", "2025-03-10T08:00:00", "unix"),
        ("1741564800000", "2025-03-10T08:00:00", "unix-ms"),
    ],
)  # fmt: skip
def test_a_moment_is_read_in_its_form(cell: str, says: str, written: str) -> None:
    given = f'date_format = "{written}"\n' if written else ""
    found = _read(f"{HEADER}{cell};1,00;a\n", given + GERMAN)
    assert format_instant(found.lines[0].instant, OFFSET)[:19] == says


@pytest.mark.parametrize("cell", ["10 jui 2025", "10 ju 2025", "10 xyz 2025", "13:00 10.03.2025"])
def test_a_month_that_may_be_two_is_refused(cell: str) -> None:
    with pytest.raises(BadStatement, match="line 2, Date"):
        _read(f"{HEADER}{cell};1,00;a\n")


def test_a_count_of_days_is_not_guessed() -> None:
    with pytest.raises(BadStatement, match="count of days") as refused:
        _read(f"{HEADER}45726;1,00;a\n")
    assert "serial" in str(refused.value.hint)


# --- around the table -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        HEADER + ROW + "\n\nErstellt am 12.03.2025 um 10:00\n",
        HEADER + ROW + "1 record(s) exported",
        HEADER + ROW + "\nAnfangssaldo;100,00\nEndsaldo;69,22\n",
        HEADER + ROW + "Summe;-30,78;EUR\n",
        "\n\n" + HEADER + ROW,
        '"Konto "Giro" 123;\n' + HEADER + ROW,
        '"Konto: 123\nVon: gestern\n' + HEADER + ROW,
        "DATE; amount ;REF\n" + ROW,
        "Date;Amount;Ref;\n" + ROW,
        HEADER + ROW + HEADER,
        "\ufeffsep=;\n" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r"),
        HEADER + "'10.03.2025';'-30,78';'a'\n",
    ],
)
def test_what_stands_around_the_rows_is_left_out(body: str) -> None:
    assert _moved(_read(body)) == "-30.78"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (ROW + "11.03.2025;-3\n", "line 3 has 2 cells"),
        (ROW + "11.03.2025\n", "line 3 has 1 cell"),
        (ROW + ";-30,78;\n", "line 3, Date"),
        (ROW + "pending;-5,00\n", "line 3 has 2 cells"),
        (ROW + "pending;-5,00;b\n", "line 3, Date"),
    ],
)
def test_a_row_that_moves_money_is_never_a_remark(rows: str, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        _read(HEADER + rows)


HELD = '[columns]\ndate = "Date"\ntext = "Text"\namount = "Amount"\n'


@pytest.mark.parametrize(
    ("first", "last"),
    [("Opening Balance,100.00", "Closing Balance,105.00"),
     ("Anfangssaldo,100.00", "Endsaldo,105.00"),
     ("BALANCE BROUGHT FORWARD,", "Balance carried forward,"),
     ("期初余额,100.00", "期末余额,105.00")],
)  # fmt: skip
def test_a_row_that_says_what_was_there_is_no_payment(first: str, last: str) -> None:
    body = f"Date,Text,Amount\n2025-03-01,{first}\n2025-03-10,x,5.00\n2025-03-31,{last}\n"
    found = _read(body, HELD)
    assert (_moved(found), len(found.lines)) == ("5.00", 1)
    assert found.balances == first.endswith("0")
    assert write_amount(found.opening, "CNY") == ("100.00" if found.balances else "0.00")
    if found.balances:
        with pytest.raises(ControlTotalWrong, match="closing in line 4"):
            _read(body.replace("105.00", "106.00"), HELD)


# --- encodings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (("\ufeff" + HEADER + ROW).encode("utf-16-le"), ""),
        (("\ufeff" + HEADER + ROW).encode("utf-16-be"), ""),
        (("\ufeff" + HEADER + ROW).encode("utf-32"), ""),
        (("\ufeff" + HEADER + ROW).encode(), "windows-1252"),
        ((HEADER + ROW).replace("a\n", "支付寶\n").encode("gbk"), "gb2312"),
        ((HEADER + ROW).replace("a\n", "支付\U00020000\n").encode("gb18030"), "gbk"),
        ((HEADER + ROW).replace("a\n", "\u2460\n").encode("cp932"), "shift_jis"),
        ((HEADER + ROW).replace("a\n", "\u20ac\n").encode("iso8859-15"), "ISO-8859-15"),
    ],
)  # fmt: skip
def test_a_mark_wins_and_a_small_set_is_read_as_the_large_one(body: bytes, declared: str) -> None:
    given = f'encoding = "{declared}"\n' if declared else ""
    assert _moved(_read(body, given + GERMAN)) == "-30.78"


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"PK\x03\x04\x14\0", "a workbook"), (b"\xd0\xcf\x11\xe0\xa1", "an Excel workbook"),
     (b"%PDF-1.7\n", "a PDF"), (b"\x1f\x8b\x08", "gzip")],
)  # fmt: skip
def test_a_file_that_is_no_text_is_named(body: bytes, says: str) -> None:
    with pytest.raises(BadStatement, match=f"the file is .*{says}.*, not text"):
        _read(body)


# --- balances ---------------------------------------------------------------------------------

BALANCED = PLAIN + 'balance = "Left"\naccount = "Owner"\n'


def test_each_account_has_its_own_opening() -> None:
    rows = "2025-03-10,10.00,a,110.00,X\n2025-03-11,20.00,b,180.00,Y\n2025-03-12,-5.00,c,105.00,X\n"
    found = _read("Date,Amount,Ref,Left,Owner\n" + rows, BALANCED)
    openings = {name: write_amount(held, "CNY") for name, held in found.openings.items()}
    assert openings == {"X": "100.00", "Y": "160.00"}


@pytest.mark.parametrize("turned", [False, True])
def test_a_ring_of_balances_begins_at_its_earliest_row(turned: bool) -> None:
    rows = ["2025-03-10,10.00,a,110.00,X\n", "2025-03-11,-10.00,b,100.00,X\n"]
    body = "".join(rows[::-1] if turned else rows)
    found = _read("Date,Amount,Ref,Left,Owner\n" + body, BALANCED)
    assert write_amount(found.opening, "CNY") == "100.00"
