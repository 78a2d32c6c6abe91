"""MT940: lines, reversals, references in every bank's way, balances, pages, wrong files."""

from __future__ import annotations

import builtins
import random
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import (
    BATCH,
    ENTRY,
    INSTRUCTION,
    MANDATE,
    TRANSACTION,
    BadStatement,
    ControlTotalWrong,
    Line,
    Statement,
)
from projections.reconciliation.readers import read_statement
from tests.cli.program import World

OFFSET = 8 * 3600 * 10**6


def _read(body: bytes | str, **options: str) -> Statement:
    given = body.encode() if isinstance(body, str) else body
    return read_statement(given, "mt940", offset=OFFSET, currency="EUR", **options)


def _statement(
    *entries: str, opening: str = "C250310EUR0,", closing: str, name: str = "S1", page: str = "1/1",
    account: str = "10020030/1234567", marks: str = "FF",
) -> str:  # fmt: skip
    inside = "\n".join(entries)
    return (
        f":20:{name}\n:25:{account}\n:28C:{page}\n:60{marks[0]}:{opening}\n{inside}\n"
        f":62{marks[1]}:{closing}\n:64:{closing}\n-\n"
    )


def _line(entry: str, closing: str) -> Line:
    (line,) = _read(_statement(entry, closing=closing)).lines
    return line


def _ends(found: Statement) -> tuple[str, str]:
    return write_amount(found.opening, "EUR"), write_amount(found.closing, "EUR")


@pytest.mark.parametrize(
    ("mark", "closing", "reversal"),
    [("C", "C250310EUR5,25", False), ("D", "D250310EUR5,25", False),
     ("RC", "D250310EUR5,25", True), ("RD", "C250310EUR5,25", True),
     ("CR", "C250310EUR5,25", False), ("RDR", "C250310EUR5,25", True)],
)  # fmt: skip
def test_marks_funds_codes_and_reversals(mark: str, closing: str, reversal: bool) -> None:
    line = _line(f":61:2503100310{mark}5,25NTRFNONREF", closing)
    assert write_amount(abs(line.amount), "EUR") == "5.25"
    assert (line.amount > 0) == closing.startswith("C")
    assert line.reversal == reversal


@pytest.mark.parametrize(
    ("dates", "booked", "valued"),
    [("2503100311", "2025-03-11", "2025-03-10"), ("250310", "2025-03-10", "2025-03-10"),
     ("2412310102", "2025-01-02", "2024-12-31"), ("2501021231", "2024-12-31", "2025-01-02"),
     ("250310    ", "2025-03-10", "2025-03-10")],
)  # fmt: skip
def test_the_entry_date_is_when_it_was_booked(dates: str, booked: str, valued: str) -> None:
    line = _line(f":61:{dates}C5,NTRFNONREF", "C250310EUR5,")
    assert format_instant(line.instant, OFFSET)[:10] == booked
    assert format_instant(line.ends, OFFSET)[:10] == valued


@pytest.mark.parametrize(
    ("entry", "references", "text"),
    [
        (":61:250310C5,NTRFR1//B1", {"R1": INSTRUCTION, "B1": ENTRY}, ""),
        (":61:250310C5,NTRFNONREF//B1\nsupplement", {"B1": ENTRY}, "supplement"),
        (":61:250310C5,NTRFKREF+", {}, ""),
        (":61:250310C5,NTRFNONREF\n:86:free text\nof two lines", {}, "free text of two lines"),
        (":61:250310C5,NTRFNONREF\n:86:166?00GUT?20EREF+E-1?21MREF+M1?22SVWZ+ann pa?23ys?32Ann",
         {"E-1": INSTRUCTION, "M1": MANDATE}, "ann pays"),
        (":61:250310C5,NTRFEREF\n:86:/TRTP/SEPA/EREF/E/9/REMI/ann pays/UETR/u-1/PREF/P1/MARF/M1",
         {"E/9": INSTRUCTION, "u-1": TRANSACTION, "P1": BATCH, "M1": MANDATE},
         "ann pays"),
        (":61:250310C5,NTRFNONREF\n:NS:22bank's own\n:86:text", {}, "text"),
    ],
)  # fmt: skip
def test_references_and_texts_in_every_banks_way(
    entry: str, references: dict[str, int], text: str
) -> None:
    line = _line(entry, "C250310EUR5,")
    assert (dict(line.references), line.text) == (references, text)


def test_what_stands_after_the_last_line_is_the_statements() -> None:
    body = _statement(":61:250310C5,NTRFR1", closing="C250310EUR5,") + ":86:about the statement\n"
    assert _read(body).lines[0].text == ""


def _pages() -> list[str]:
    return [
        _statement(":61:250310C5,NTRFA", closing="C250310EUR5,", page="7/1", marks="FM"),
        _statement(":61:250310C6,NTRFB", opening="C250310EUR5,", closing="C250310EUR11,",
                   page="7/2", marks="MM"),
        _statement(":61:250310D20,NTRFC", opening="C250310EUR11,", closing="D250310EUR9,",
                   page="7/3", marks="MF"),
    ]  # fmt: skip


def test_pages_and_statements_are_one_chain_in_any_order() -> None:
    pages = _pages()
    for seed in range(6):
        random.Random(seed).shuffle(pages)
        found = _read("".join(pages))
        assert _ends(found) == ("0.00", "-9.00")
        assert {line.statement for line in found.lines} == {"S1/7/1", "S1/7/2", "S1/7/3"}
    with pytest.raises(ControlTotalWrong, match=r"of statement S1 7/3"):
        _read(_pages()[0] + _pages()[2])


def test_accounts_are_chains_of_their_own_and_currencies_are_chosen_between() -> None:
    one = _statement(":61:250310C5,NTRFA", closing="C250310EUR5,", account="A")
    two = _statement(":61:250310C2,NTRFA", opening="C250310EUR10,", closing="C250310EUR12,",
                     account="B")  # fmt: skip
    assert _ends(_read(one + two)) == ("10.00", "17.00")
    assert _ends(_read(one + two, account="B")) == ("10.00", "12.00")
    with pytest.raises(BadStatement, match="several currencies"):
        _read(one + two.replace("EUR", "USD"))
    with pytest.raises(BadStatement, match="no statement of account 'C'"):
        _read(one + two, account="C")


def test_the_day_of_the_previous_close_is_not_taken_into_the_period() -> None:
    found = _read(_statement(":61:250310C5,NTRFA", opening="C250307EUR0,", closing="C250310EUR5,"))
    starts, ends = (format_instant(one, OFFSET)[:10] for one in (found.starts, found.ends))
    assert (starts, ends) == ("2025-03-08", "2025-03-11")


SWIFT = (
    "{{1:F01BANKDEFFXXXX0000000000}}{{2:I940BANKDEFFN}}{{3:{{108:x}}}}{{4:\n{}-}}{{5:{{CHK:1}}}}\n"
)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "windows-1252", "latin-1"])
@pytest.mark.parametrize("envelope", ["{}", SWIFT])
def test_envelopes_line_ends_and_encodings_do_not_matter(
    newline: str, codec: str, envelope: str
) -> None:
    plain = _statement(":61:250310C5,NTRFA\n:86:f\u00fcr ann", closing="C250310EUR5,")
    found = _read(envelope.format(plain).replace("\n", newline).encode(codec))
    assert _ends(found) == ("0.00", "5.00")
    assert found.lines[0].text == "f\u00fcr ann"


GOOD = _statement(":61:250310C5,NTRFA", closing="C250310EUR5,")


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (":61:250310C5,NTRFA", ":61:nonsense", "line 5, :61:: 'nonsense' is not a statement line"),
        (":61:250310C", ":61:251340C", "line 5, :61::"),
        ("C5,NTRFA", "C5,,0NTRFA", "line 5, :61:: '5,,0' is not an amount"),
        (":60F:C250310EUR0,", ":60F:C250310EUR0.00", "'C250310EUR0.00' is not a balance"),
        (":60F:C250310EUR0,", ":60F:C251310EUR0,", "line 4, :60F:: '251310' is not a date"),
        (":60F:C250310EUR0,\n", "", "opening .:60F:. balance is absent"),
        (GOOD[GOOD.index(":62F") :], "", "closing .:62F:. balance is absent"),
        (":62F:C250310EUR5,", ":62F:C250310USD5,", "opens in EUR and closes in USD"),
        (":60F:", ":34F:EURD5,\n:60F:", "is MT942"), (GOOD, "hello", "no field of a SWIFT message"),
        (GOOD, "", "no field of a SWIFT message"), (GOOD, "<xml/>", "no field of a SWIFT message"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(was: str, becomes: str, says: str) -> None:
    with pytest.raises(BadStatement, match=says):
        _read(GOOD.replace(was, becomes, 1))


def test_a_statement_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ControlTotalWrong, match=r"stated 5\.00, found 4\.00, difference 1\.00"):
        _read(GOOD.replace("C5,NTRF", "C4,NTRF"))


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "mt940":
            raise ImportError(name)
        return known(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InvalidInput, match="needs the mt-940 package") as refused:
        _read(GOOD)
    assert refused.value.hint == "pip install 'tallystick[banks]'"


def test_a_statement_is_reconciled_and_what_is_missing_proposed(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    world.take({"at": "2025-03-01T00:00:00+08:00", "do": "open-account", "account": "ann"})
    world.done("clock", "advance", "--to", "2025-04-01")
    path = tmp_path / "s.sta"
    body = _statement(":61:250310C5,NTRFR1//B1\n:86:ann", closing="C250310EUR5,")
    path.write_text(body.replace("EUR", "CNY"))
    answer = world.json("reconcile", path, "--source", "mt940", code=1)
    assert answer["classes"] == {"missing_in_ledger": 1}
    fix = world.done("reconcile", path, "--source", "mt940", "--propose", code=1).out
    world.done("import", "-", stdin=fix)
    assert world.json("reconcile", path, "--source", "mt940")["breaks"] == []


@pytest.mark.parametrize(
    ("details", "payer", "account"),
    [
        ("166?00GUTSCHRIFT?20SVWZ+RENT?31DE02120300000000202051?32MAX MUSTERMANN?33 GMBH",
         "MAX MUSTERMANN GMBH", "DE02120300000000202051"),
        ("/TRTP/SEPA/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/J. JANSEN/REMI/12/EREF/NOTPROVIDED",
         "J. JANSEN", "NL91ABNA0417164300"),
        ("/EREF/E-1//CNTP/NL91ABNA0417164300/ABNANL2A/J. JANSEN///REMI/USTD//12/", "J. JANSEN",
         "NL91ABNA0417164300"),
        ("/ORDP//NAME/JANSEN/REMI/test/ISDT/2025-03-10", "JANSEN", ""),
        ("a remark", "", ""),
    ],
)  # fmt: skip
def test_who_is_on_the_other_side(details: str, payer: str, account: str) -> None:
    line = _line(f":61:2503100310C5,NTRFEREF//B1\n:86:{details}", "C250310EUR5,")
    assert (line.payer, line.payer_account) == (payer, account)


def test_a_word_that_says_where_the_reference_is_is_no_reference() -> None:
    line = _line(":61:2503100310C5,NTRFEREF\n:86:/EREF/E-1//REMI/USTD//12/", "C250310EUR5,")
    assert [reference.text for reference in line.references] == ["E-1"]
    assert line.text == "12"
    line = _line(":61:2503100310C5,NTRFMARF\n:86:/REMI/STRD/CUR/9612345678", "C250310EUR5,")
    assert [reference.text for reference in line.references] == ["9612345678"]


@pytest.mark.parametrize("entry", ["250310C5.00NTRF", "250310EC5,NTRF", "250310C,5NTRF"])
def test_a_line_of_another_make_is_refused_by_its_line(entry: str) -> None:
    with pytest.raises(BadStatement, match=r"line 5, :61:: .* is not a statement line"):
        _line(f":61:{entry}REF1", "C250310EUR5,")


def test_each_account_has_its_own_opening() -> None:
    other = _statement(":61:250310C7,NTRFB", opening="D250310EUR3,", closing="C250310EUR4,",
                       account="2/2")  # fmt: skip
    found = _read(_statement(":61:250310C5,NTRFA", closing="C250310EUR5,") + other)
    assert {name: write_amount(held, "EUR") for name, held in found.openings.items()} == {
        "10020030/1234567": "0.00", "2/2": "-3.00",
    }  # fmt: skip
    assert found.of == "10020030/1234567, 2/2"
