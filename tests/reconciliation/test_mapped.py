"""Any CSV through a column map: signs, dates, preambles, footers, encodings, running balances."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import (
    INSTRUCTION,
    TRANSACTION,
    BadStatement,
    ControlTotalWrong,
    Reference,
    Statement,
)
from projections.reconciliation.readers import read_statement
from tests.cli.program import World

MAP = '[columns]\ndate = "Date"\namount = "Amount"\n'
BALANCED = MAP + 'balance = "Left"\n'


def _read(body: bytes | str, map_: str = MAP) -> Statement:
    given = body.encode() if isinstance(body, str) else body
    return read_statement(given, "csv", offset=8 * 3600 * 10**6, currency="EUR", column_map=map_)


def _amounts(found: Statement) -> list[str]:
    return [write_amount(line.amount, line.currency) for line in found.lines]


def _ends(found: Statement) -> tuple[str, str]:
    return tuple(write_amount(one, "EUR") for one in (found.opening, found.closing))  # type: ignore[return-value]


# --- maps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("map_", "says", "hint"),
    [
        ("[columns", "not valid TOML", ""),
        ("", "does not fit", "it needs"),
        ('[columns]\ndate = "D"\n', "either amount", "it needs"),
        (MAP + "colour = 1\n", r"\[columns\] colour is not known", "known are"),
        (
            MAP + 'referense = "R"\n',
            r"\[columns\] referense is not known",
            "did you mean reference",
        ),
        ('encodng = "x"\n' + MAP, "encodng is not known", "did you mean encoding"),
        (
            MAP + '[values]\nincom = ["x"]\n',
            r"\[values\] incom is not known",
            "did you mean income",
        ),
        ('sign = "up"\n' + MAP, "does not fit", ""),
        ("skip_before = -1\n" + MAP, "does not fit", ""),
        ('decimal = ","\nthousands = ","\n' + MAP, "must differ", "two different"),
        ("header = false\n" + MAP, "columns have numbers", "date = 1"),
        ("[columns]\ndate = 0\namount = 2\n", "does not fit", ""),
        ('date_format = "DD"\n' + MAP, "the date form 'DD'", "DD.MM.YYYY"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(map_: str, says: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        _read("Date,Amount\n2025-03-01,1.00\n", map_)
    assert hint in str(refused.value.hint)


# --- signs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "-5.00",
        "5.00-",
        "(5.00)",
        "\u22125.00",
        "\u20135.00",
        "5.00 DR",
        "5.00DR",
        "- 5.00",
        "-€5.00",
        "-5",
        "-5.0000000000000",
    ],
)
def test_every_sign_that_banks_print_is_negative(text: str) -> None:
    assert _amounts(_read(f'Date,Amount\n2025-03-01,"{text}"\n')) == ["-5.00"]


@pytest.mark.parametrize("text", ["5.00", "+5.00", "5.00+", "5.00 CR", "$5.00", "€ 5.00", "5"])
def test_every_other_is_positive(text: str) -> None:
    assert _amounts(_read(f'Date,Amount\n2025-03-01,"{text}"\n')) == ["5.00"]


@pytest.mark.parametrize(
    "text", ["--5", "(-5)", "-5-", "5 EUR DR", "5,00,0", "\u0665", "1e3", "five", "+"]
)
def test_what_is_not_an_amount_is_named_by_its_line(text: str) -> None:
    with pytest.raises(BadStatement, match=r"line 2, amount: .* is not an amount"):
        _read(f'Date,Amount\n2025-03-01,"{text}"\n')


def test_an_empty_amount_is_not_taken_for_nothing() -> None:
    with pytest.raises(BadStatement, match="line 3 has no amount"):
        _read("Date,Amount\n2025-03-01,1.00\n2025-03-02,\n")


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ('decimal = ","\n', "1.234,50"),
        ('decimal = ","\nthousands = " "\n', "1\u00a0234,50"),
        ('decimal = ","\nthousands = " "\n', "1 234,50"),
        ('thousands = "\'"\n', "1'234.50"),
        ('thousands = "\u2019"\n', "1\u2019234.50"),
        ('decimal = ","\nthousands = ""\n', "1234,50"),
        ("", "1,234.50"),
    ],
)
def test_marks_are_as_the_map_says(marks: str, text: str) -> None:
    assert _amounts(_read(f'Date,Amount\n2025-03-01,"{text}"\n', marks + MAP)) == ["1234.50"]


def test_flows_states_and_a_turned_sign() -> None:
    found = _read(
        "Date,Amount,Way,State\n2025-03-01,5.00,IN,ok\n2025-03-02,2.00,out,ok\n"
        "2025-03-02,9.00,in,no\n2025-03-02,7.00,neutral,ok\n",
        MAP + 'flow = "Way"\nstatus = "State"\n[values]\nfailed = ["No"]\nignored = ["neutral"]\n',
    )
    assert (_amounts(found), found.closing) == (
        ["5.00", "-2.00", "9.00"],
        found.lines[0].amount * 3 // 5,
    )
    assert _ends(_read("Date,Amount\n2025-03-01,5.00\n", 'sign = "out"\n' + MAP)) == (
        "0.00",
        "-5.00",
    )
    with pytest.raises(BadStatement, match="line 2: flow 'up' is neither"):
        _read("Date,Amount,Way\n2025-03-01,5.00,up\n", MAP + 'flow = "Way"\n')
    with pytest.raises(BadStatement, match="line 2: the status 'huh' is not in the map"):
        _read(
            "Date,Amount,S\n2025-03-01,5.00,huh\n",
            MAP + 'status = "S"\n[values]\nbooked = ["ok"]\n',
        )


DEBITS = '[columns]\ndate = "Date"\ndebit = "Out"\ncredit = "In"\n'


def test_debits_are_written_with_or_without_a_minus() -> None:
    rows = "Date,Out,In\n2025-03-01,{}5.00,\n2025-03-02,,7.00\n2025-03-03,{}1.00,\n"
    assert _amounts(_read(rows.format("", ""), DEBITS)) == ["-5.00", "7.00", "-1.00"]
    assert _amounts(_read(rows.format("-", "-"), DEBITS)) == ["-5.00", "7.00", "-1.00"]
    assert _amounts(_read(rows.format("", "-"), DEBITS)) == ["-5.00", "7.00", "1.00"]
    with pytest.raises(BadStatement, match="line 2 has a debit and a credit"):
        _read("Date,Out,In\n2025-03-01,5.00,7.00\n", DEBITS)


def test_a_fee_is_a_cost_whichever_way_it_is_written() -> None:
    for fee in ("0.30", "-0.30"):
        found = _read(f"Date,Amount,Fee\n2025-03-01,9.70,{fee}\n", MAP + 'fee = "Fee"\n')
        assert write_amount(found.lines[0].fee, "EUR") == "0.30"


# --- columns ----------------------------------------------------------------------------------


def test_columns_have_names_or_numbers() -> None:
    numbered = 'delimiter = ";"\nheader = false\n[columns]\ndate = 1\namount = 3\ntext = [2, 4]\n'
    found = _read("2025-03-01;ann;5.00;thanks\n", numbered)
    assert (_amounts(found), found.lines[0].text) == (["5.00"], "ann thanks")
    assert _amounts(
        _read(
            "Date,Amount,Amount\n2025-03-01,1.00,2.00\n", '[columns]\ndate = "Date"\namount = 3\n'
        )
    ) == ["2.00"]
    with pytest.raises(BadStatement, match="there is no column 9: the file has 4"):
        _read("2025-03-01;ann;5.00;thanks\n", numbered.replace("4", "9"))
    with pytest.raises(BadStatement, match="column 'Amount' is there twice"):
        _read("Date,Amount,Amount\n2025-03-01,1.00,2.00\n")
    with pytest.raises(BadStatement, match="no column Amount") as refused:
        _read("Date,Amounts\n2025-03-01,1.00\n")
    assert refused.value.hint == "did you mean Amounts?"


def test_an_id_names_the_payment_and_a_reference_what_the_map_says() -> None:
    map_ = 'reference_scope = "instruction"\n' + MAP + 'id = "Id"\nreference = "Ref"\n'
    (line,) = _read("Date,Amount,Id,Ref\n2025-03-01,5.00,T1,R1\n", map_).lines
    assert line.references == (Reference("T1", TRANSACTION), Reference("R1", INSTRUCTION))
    assert line.key == "T1"
    (line,) = _read("Date,Amount,Id,Ref\n2025-03-01,5.00,,\n", map_).lines
    assert (line.references, line.key) == ((), "2025-03-01 5.00")


@pytest.mark.parametrize("mangled", ["2.02503E+27", "2,02503e+27", "#####"])
def test_an_id_that_a_spreadsheet_shortened_is_refused_by_its_row(mangled: str) -> None:
    rows = f"Date;Amount;Id\n2025-03-01;5.00;A\n2025-03-02;6.00;{mangled}\n"
    with pytest.raises(BadStatement, match=r"line 3: .* is not an id: a spreadsheet"):
        _read(rows, 'delimiter = ";"\n' + MAP + 'id = "Id"\n')


def test_a_date_and_its_time_may_be_two_columns() -> None:
    map_ = 'date_format = "DD/MM/YYYY"\n' + MAP + 'time = "Time"\n'
    (line,) = _read("Date,Time,Amount\n01/03/2025,14:05:00,5.00\n", map_).lines
    assert line.instant % (24 * 3600 * 10**6) == (14 - 8) * 3600 * 10**6 + 300 * 10**6


# --- what stands around the table -------------------------------------------------------------

ROWS = "Date;Amount\n10.03.2025;-30,78\n"
GERMAN = 'delimiter = ";"\ndecimal = ","\n' + MAP


@pytest.mark.parametrize(
    "body",
    [
        ROWS,
        f"Konto:;123\n\nVon:;01.03.2025\n{ROWS}",
        f'Konto "x" y;1\n{ROWS}',
        f"{ROWS}***ENDE***\n",
        f"{ROWS}\n\nSaldo;1.000,00\n",
        f"{ROWS}Total;-30,78\n",
        f"{ROWS};\n",
        f"sep=;\n{ROWS}",
        "\ufeff" + ROWS,
        ROWS.replace("\n", "\r\n"),
        ROWS.replace("\n", "\r"),
        ROWS.replace("78\n", "78;\n"),
        f"{ROWS}Ende der Liste\n",
    ],
    ids=[
        "plain",
        "preamble",
        "preamble that is not CSV",
        "footer",
        "balance below",
        "total below",
        "empty row",
        "Excel",
        "mark",
        "CRLF",
        "CR",
        "separator at the end",
        "words below",
    ],
)
def test_what_stands_around_a_table_and_says_nothing_is_left_out(body: str) -> None:
    assert _amounts(_read(body, GERMAN)) == ["-30.78"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("2025-03-01,5.00,a", "line 2 has 3 cells, the header has 2; the file seems cut off"),
        ("2025-03-01,5.00\n2025-0", "line 3 has 1 cell, the header has 2; the file seems cut off"),
        ("1 Mar 2025,5.00\n2 M", "line 3 has 1 cell, the header has 2; the file seems cut off"),
        ('"Mar 1, 2025",5.00\nMar', "line 3 has 1 cell, the header has 2; the file seems cut off"),
        ("2025-03-01\n2025-03-02,1.00\n", "line 2 has 1 cell, the header has 2"),
        ("***\n2025-03-02,1.00\n", "line 2 has 1 cell, the header has 2"),
        ("2025-03-01,5.00\n,6.00\n", "line 3, Date: '' is not a date"),
        ('2025-03-01,"5\n', "line 2 is not CSV"),
        ("2025-03-01,5.00\0\n", "holds a NUL"),
        ('2025-03-01,"5.00\n"\n2025-03-02,x\n', "line 4, amount"),
    ],
)
def test_a_row_that_is_not_whole_is_named_by_its_line(rows: str, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        _read(f"Date,Amount\n{rows}")


def test_a_map_may_say_what_to_skip() -> None:
    map_ = "skip_before = 2\nskip_after = 1\n" + MAP
    assert _amounts(
        _read("Date,Amount\nx\nDate,Amount\n2025-03-01,5.00\n2025-03-31,99.00\n", map_)
    ) == ["5.00"]
    commented = 'comment = "#"\n' + MAP
    assert _amounts(_read("#a\nDate,Amount\n#b,c\n2025-03-01,5.00\n#sum,5.00\n", commented)) == [
        "5.00"
    ]


@pytest.mark.parametrize("body", ["", "\n\n", "\ufeff", " \n"])
def test_an_empty_file_is_not_a_statement(body: str) -> None:
    with pytest.raises(BadStatement, match=r"the file is empty|has no column"):
        _read(body)


def test_a_header_alone_is_a_statement_of_nothing(tmp_path: Path) -> None:
    found = _read("Date,Amount\n")
    assert (found.lines, found.starts, found.ends) == ((), 0, 0)
    path, map_ = tmp_path / "f.csv", tmp_path / "m.toml"
    path.write_text("Date,Amount\n")
    map_.write_text(MAP)
    world = World(tmp_path / "t.db")
    assert world.json("reconcile", path, "--source", "csv", "--map", map_)["breaks"] == []


# --- encodings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "utf-8",
        "windows-1252",
        "cp1250",
        "iso-8859-15",
        "utf-16",
        "utf-16-le",
        "mac-roman",
        "UTF_8",
        "gb18030",
        "cp850",
    ],
)
def test_any_encoding_that_python_knows_is_read(name: str) -> None:
    body = "Date,Amount,Text\n2025-03-01,5.00,Größe\n".encode(name)
    found = _read(body, f'encoding = "{name}"\n' + MAP + 'text = "Text"\n')
    assert found.lines[0].text == "Größe"


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("utf-9", "not known", "did you mean utf-8?"),
        ("hex", "not known", "utf-8"),
        ("rot13", "not known", "utf-8"),
        ("utf-8", "byte 24 is not utf-8", "windows-1252"),
        ("ascii", "byte 24 is not ascii", "windows-1252"),
    ],
)
def test_an_encoding_that_does_not_fit_is_named(name: str, says: str, hint: str) -> None:
    body = "Date,Amount\n2025-03-01,5é\n".encode("windows-1252")
    with pytest.raises(BadStatement, match=says) as refused:
        _read(body, f'encoding = "{name}"\n' + MAP)
    assert hint in str(refused.value.hint)


def test_an_encoding_of_the_command_line_is_that_of_the_file() -> None:
    body = "Date,Amount,Text\n2025-03-01,5.00,账户\n".encode("gbk")
    found = read_statement(
        body, "csv", offset=0, currency="CNY", encoding="gbk", column_map=MAP + 'text = "Text"\n'
    )
    assert found.lines[0].text == "账户"


# --- running balances -------------------------------------------------------------------------


def _balanced(steps: list[tuple[int, int]]) -> list[str]:
    return [f"2025-03-{10 + n // 3},{size}.00,{left}.00" for n, (size, left) in enumerate(steps)]


STEPS = [(5, 15), (-3, 12), (8, 20), (2, 22), (-7, 15), (9, 24)]


def test_a_chain_of_balances_holds_in_any_order() -> None:
    rows = _balanced(STEPS)
    for seed in range(10):
        assert _ends(_read("Date,Amount,Left\n" + "\n".join(rows) + "\n", BALANCED)) == (
            "10.00",
            "24.00",
        )
        random.Random(seed).shuffle(rows)


@pytest.mark.parametrize("change", ["wrong", "lost", "twice"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_broken_chain_is_refused_with_the_row(change: str, newest_first: bool) -> None:
    rows = _balanced(STEPS)
    rows[2:3] = {"wrong": ["2025-03-10,8.00,999.00"], "lost": [], "twice": [rows[2]] * 2}[change]
    rows = rows[::-1] if newest_first else rows
    with pytest.raises(ControlTotalWrong, match=r"of line \d, the balance before it"):
        _read("Date,Amount,Left\n" + "\n".join(rows) + "\n", BALANCED)


def test_rows_without_a_balance_belong_to_the_next_that_has_one() -> None:
    rows = [
        "2025-03-10,5.00,",
        "2025-03-10,-3.00,12.00",
        "2025-03-11,8.00,",
        "2025-03-11,1.00,21.00",
    ]
    for order in (rows, rows[::-1]):
        found = _read("Date,Amount,Left\n" + "\n".join(order) + "\n", BALANCED)
        assert _ends(found) == ("10.00", "21.00")
    rows[3] = "2025-03-11,1.00,22.00"
    with pytest.raises(ControlTotalWrong, match="the balance before it"):
        _read("Date,Amount,Left\n" + "\n".join(rows) + "\n", BALANCED)


def test_each_account_and_currency_is_a_chain_of_its_own() -> None:
    map_ = BALANCED + 'account = "Who"\ncurrency = "Ccy"\n'
    head = "Date,Amount,Left,Who,Ccy\n"
    rows = [
        "2025-03-10,5.00,15.00,a,EUR",
        "2025-03-10,1.00,101.00,b,EUR",
        "2025-03-11,2.00,17.00,a,EUR",
        "2025-03-11,9.00,9.00,a,USD",
    ]
    assert _ends(_read(head + "\n".join(rows) + "\n", map_)) == ("110.00", "118.00")
    rows.append("2025-03-12,1.00,11.00,a,USD")
    with pytest.raises(ControlTotalWrong, match="of line 6"):
        _read(head + "\n".join(rows) + "\n", map_)


def test_what_is_pending_stands_outside_the_chain() -> None:
    map_ = BALANCED + 'status = "S"\n[values]\npending = ["p"]\n'
    rows = (
        "Date,Amount,Left,S\n2025-03-10,5.00,15.00,\n2025-03-11,4.00,,p\n2025-03-11,1.00,16.00,\n"
    )
    assert _ends(_read(rows, map_)) == ("10.00", "16.00")


def test_the_ends_of_the_map_must_be_those_of_the_balances() -> None:
    rows = "Date,Amount,Left\n2025-03-10,5.00,15.00\n"
    assert _ends(_read(rows, 'opening = "10.00"\nclosing = "15.00"\n' + BALANCED)) == (
        "10.00",
        "15.00",
    )
    for wrong in ('opening = "11.00"\n', 'closing = "16.00"\n'):
        with pytest.raises(ControlTotalWrong, match="of the map = that of the balances"):
            _read(rows, wrong + BALANCED)
    assert _ends(_read("Date,Amount\n2025-03-10,5.00\n", 'closing = "15.00"\n' + MAP)) == (
        "10.00",
        "15.00",
    )
    with pytest.raises(ControlTotalWrong):
        _read("Date,Amount\n2025-03-10,5.00\n", 'opening = "1.00"\nclosing = "15.00"\n' + MAP)
