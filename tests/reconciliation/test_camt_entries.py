"""Entries of camt messages: batches, charges in every shape, reversals, references and dates."""

from __future__ import annotations

import pytest

from ledger.periods import HOUR, format_instant, parse_instant
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
)
from tests.reconciliation.camt_files import CENT, cents, detail, entry, month, read


def _lines(*entries: str, closing: str) -> tuple[Line, ...]:
    return read(month(*entries, closing=closing)).lines


def _record(size: str, *, way: str = "DBIT", included: str = "") -> str:
    flag = f"<ChrgInclInd>{included}</ChrgInclInd>" if included else ""
    return f'<Rcrd><Amt Ccy="EUR">{size}</Amt><CdtDbtInd>{way}</CdtDbtInd>{flag}</Rcrd>'


def _charges(*records: str) -> str:
    return f"<Chrgs>{''.join(records)}</Chrgs>"


# --- references -------------------------------------------------------------------------------


def test_each_reference_has_the_scope_of_what_it_names() -> None:
    refs = (
        "<MsgId>M1</MsgId><AcctSvcrRef>B1</AcctSvcrRef><PmtInfId>P1</PmtInfId>"
        "<EndToEndId>E1</EndToEndId><UETR>eb6305c9-1f7f-49de-aed0-16487c27b42d</UETR>"
        "<TxId>T1</TxId><MndtId>D1</MndtId>"
    )
    (line,) = _lines(
        entry("5.00", detail(refs=refs), more="<AcctSvcrRef>N1</AcctSvcrRef>"), closing="5.00"
    )
    assert dict(line.references) == {
        "T1": TRANSACTION, "eb6305c9-1f7f-49de-aed0-16487c27b42d": TRANSACTION, "B1": TRANSACTION,
        "E1": INSTRUCTION, "D1": MANDATE, "P1": BATCH, "M1": BATCH, "N1": ENTRY,
    }  # fmt: skip
    assert line.key == "T1"


@pytest.mark.parametrize("word", ["NOTPROVIDED", "Not Provided", "NONREF", "not-available", ""])
def test_a_word_for_nothing_is_no_reference(word: str) -> None:
    refs = f"<EndToEndId>{word}</EndToEndId>"
    (line,) = _lines(entry("5.00", detail(refs=refs)), closing="5.00")
    assert line.references == ()
    assert line.key == "2025-03-10 5.00"


def test_a_mandate_or_a_batch_is_never_what_a_line_is_looked_for_by() -> None:
    refs = "<MndtId>D1</MndtId><PmtInfId>P1</PmtInfId>"
    (line,) = _lines(entry("5.00", detail(refs=refs)), closing="5.00")
    assert line.key == "2025-03-10 5.00"


def test_the_reference_of_an_entry_is_not_that_of_its_several_details() -> None:
    """Some banks repeat the entry's reference in each detail: then it names all of them."""
    refs = "<AcctSvcrRef>N1</AcctSvcrRef><EndToEndId>E{}</EndToEndId>"
    lines = _lines(
        entry("5.00", detail("2.00", refs=refs.format(1)), detail("3.00", refs=refs.format(2)),
              more="<AcctSvcrRef>N1</AcctSvcrRef>"), closing="5.00",
    )  # fmt: skip
    assert [line.key for line in lines] == ["E1", "E2"]
    assert {("N1", BATCH)} == set(lines[0].references) & set(lines[1].references)


# --- batches ----------------------------------------------------------------------------------


def test_a_batch_that_adds_up_is_read_payment_by_payment() -> None:
    batch = "<Btch><PmtInfId>P1</PmtInfId></Btch>"
    lines = _lines(
        entry("9.00", detail("4.00", refs="<EndToEndId>A</EndToEndId>"),
              detail("5.00", refs="<EndToEndId>B</EndToEndId>"), batch=batch), closing="9.00",
    )  # fmt: skip
    assert [(line.key, line.group, line.place) for line in lines] == [
        ("A", "P1", "entry 1.1"), ("B", "P1", "entry 1.2"),
    ]  # fmt: skip
    assert cents(lines) == [400, 500]


def test_details_have_their_own_signs() -> None:
    lines = _lines(entry("7.00", detail("10.00"), detail("-3.00")), closing="7.00")
    assert cents(lines) == [1000, -300]


@pytest.mark.parametrize("size", ["4.00", "6.00"])
def test_a_batch_that_does_not_add_up_is_one_line_that_says_so(size: str) -> None:
    refs = "<EndToEndId>A</EndToEndId>"
    (line,) = _lines(
        entry("9.00", detail("4.00", refs=refs), detail(size, refs=refs),
              more="<AcctSvcrRef>N1</AcctSvcrRef>"), closing="9.00",
    )  # fmt: skip
    assert line.amount == 900 * CENT
    assert line.text == "(2 details do not add up to the entry)"
    assert line.references == (("N1", ENTRY),)


def test_a_detail_without_an_amount_leaves_the_entry_whole() -> None:
    assert cents(_lines(entry("9.00", detail("9.00"), detail()), closing="9.00")) == [900]


def test_several_batches_with_totals_alone_are_a_line_each() -> None:
    total = '<Btch><PmtInfId>{}</PmtInfId><TtlAmt Ccy="EUR">{}</TtlAmt></Btch>'
    second = f"<NtryDtls>{total.format('P2', '5.00')}</NtryDtls></Ntry>"
    text = entry("9.00", batch=total.format("P1", "4.00")).replace("</Ntry>", second)
    lines = _lines(text, closing="9.00")
    assert [line.group for line in lines] == ["P1", "P2"]
    assert cents(lines) == [400, 500]


def test_details_in_another_currency_are_read_by_their_counter_value() -> None:
    foreign = (
        '<Amt Ccy="USD">2.20</Amt><CdtDbtInd>CRDT</CdtDbtInd><AmtDtls><InstdAmt>'
        '<Amt Ccy="USD">2.20</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">2.00</Amt><CcyXchg>'
        "<SrcCcy>USD</SrcCcy><XchgRate>1.1</XchgRate></CcyXchg></TxAmt></AmtDtls>"
    )
    lines = _lines(entry("5.00", detail(more=foreign), detail("3.00")), closing="5.00")
    assert cents(lines) == [200, 300]


def test_a_single_detail_that_is_not_the_entry_is_noted() -> None:
    (line,) = _lines(entry("8.85", detail("105.75")), closing="8.85")
    assert (line.amount, line.fee) == (885 * CENT, 0)
    assert line.text == "(the detail is 105.75, which is not the entry's amount)"


# --- charges ----------------------------------------------------------------------------------

V02 = '<Chrgs><Amt Ccy="EUR">2.00</Amt></Chrgs><Chrgs><Amt Ccy="EUR">0.50</Amt></Chrgs>'
TOTAL = '<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">2.50</TtlChrgsAndTaxAmt></Chrgs>'
TAXED = _charges('<TtlChrgsAndTaxAmt Ccy="EUR">2.50</TtlChrgsAndTaxAmt>', _record("2.10"))


@pytest.mark.parametrize(
    "charges", [V02, TOTAL, TAXED, _charges(_record("2.00"), _record("0.50"))],
    ids=["version 2", "a total", "a total with taxes", "records"],
)  # fmt: skip
@pytest.mark.parametrize("size", ["", "97.50", "100.00"])
def test_a_charge_beside_a_single_payment_is_its_fee(charges: str, size: str) -> None:
    (line,) = _lines(entry("97.50", detail(size, more=charges)), closing="97.50")
    assert (line.amount, line.fee) == (9750 * CENT, 250 * CENT)
    (line,) = _lines(entry("97.50", detail(size), charges=charges), closing="97.50")
    assert (line.amount, line.fee) == (9750 * CENT, 250 * CENT)


def test_a_charge_that_is_not_included_is_booked_elsewhere() -> None:
    charges = _charges(_record("0.70", included="false"))
    (line,) = _lines(entry("6.00", detail("6.00", more=charges), charges=charges), closing="6.00")
    assert (line.amount, line.fee) == (600 * CENT, 0)


def test_a_charge_of_a_detail_makes_that_detail_net() -> None:
    charges = _charges(_record("1.50", included="true"))
    lines = _lines(
        entry("148.50", detail("100.00", more=charges), detail("50.00")), closing="148.50"
    )
    assert cents(lines) == [9850, 5000]
    assert [line.fee // CENT for line in lines] == [150, 0]


@pytest.mark.parametrize(
    ("total", "record", "charge"),
    [("148.50", _record("1.50"), -150), ("151.50", _record("1.50", way="CRDT"), 150)],
)
def test_a_charge_of_an_entry_is_a_line_of_its_own(total: str, record: str, charge: int) -> None:
    lines = _lines(
        entry(total, detail("100.00"), detail("50.00"), charges=_charges(record)), closing=total
    )
    assert cents(lines) == [10000, 5000, charge]
    assert lines[-1].kind == "charge"


def test_charges_of_details_and_of_the_entry_add_up_together() -> None:
    lines = _lines(
        entry("-152.50", detail("-100.00", more=_charges(_record("1.50"))), detail("-50.00"),
              charges=_charges(_record("1.00"))), closing="-152.50",
    )  # fmt: skip
    assert cents(lines) == [-10150, -5000, -100]


def test_an_entry_that_repeats_the_charges_of_its_details_has_them_once() -> None:
    own = _charges(_record("1.50"))
    lines = _lines(
        entry("148.50", detail("100.00", more=own), detail("50.00"), charges=own), closing="148.50"
    )
    assert cents(lines) == [9850, 5000]


# --- reversals, statuses, dates, amounts ------------------------------------------------------


@pytest.mark.parametrize("flag", ["true", "1", " true\n"])
@pytest.mark.parametrize("size", ["5.00", "-5.00"])
def test_a_reversal_is_one_whichever_way_it_runs(flag: str, size: str) -> None:
    more = f"<RvslInd>{flag}</RvslInd>"
    (line,) = _lines(entry(size, detail(size), more=more), closing=size)
    assert line.reversal
    (line,) = _lines(entry(size, more="<RvslInd>false</RvslInd>"), closing=size)
    assert not line.reversal


def test_a_payment_that_came_back_is_a_reversal_too() -> None:
    returned = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    lines = _lines(entry("9.00", detail("4.00", more=returned), detail("5.00")), closing="9.00")
    assert [line.reversal for line in lines] == [True, False]


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("<Sts>BOOK</Sts>", BOOKED), ("<Sts><Cd>BOOK</Cd></Sts>", BOOKED), ("", BOOKED),
        ("<Sts><Prtry>Posted</Prtry></Sts>", BOOKED), ("<Sts>PDNG</Sts>", PENDING),
        ("<Sts><Cd>PDNG</Cd></Sts>", PENDING), ("<Sts><Cd>INFO</Cd></Sts>", PENDING),
    ],
)  # fmt: skip
def test_what_is_not_booked_does_not_move_the_balance(status: str, means: str) -> None:
    closing = "5.00" if means == BOOKED else "0.00"
    (line,) = _lines(entry("5.00", status=status), closing=closing)
    assert line.status == means


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(BadStatement, match="entry 1: the status 'MAYB' is not known"):
        _lines(entry("5.00", status="<Sts><Cd>MAYB</Cd></Sts>"), closing="5.00")


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("2025-03-10", "2025-03-10T00:00:00+08:00"),
        ("2025-03-10+01:00", "2025-03-10T00:00:00+01:00"),
        ("2025-03-10Z", "2025-03-10T00:00:00Z"),
        ("2025-03-10T23:30:00", "2025-03-10T23:30:00+08:00"),
        ("2025-03-10T23:30:00.123+01:00", "2025-03-10T23:30:00+01:00"),
        ("2025-03-10T23:30:00-05:00", "2025-03-10T23:30:00-05:00"),
    ],
)
def test_a_date_with_an_offset_is_an_instant(written: str, means: str) -> None:
    (line,) = _lines(entry("5.00", day=written), closing="5.00")
    assert line.instant == parse_instant(means, 0)


def test_an_entry_without_a_date_has_that_of_its_statement() -> None:
    text = entry("5.00").replace("<BookgDt><Dt>2025-03-10</Dt></BookgDt>", "")
    (line,) = _lines(text, closing="5.00")
    assert line.instant == parse_instant("2025-03-31T00:00:00+08:00", 0)


def test_amounts_may_have_five_decimals_and_no_other_shape_than_xml_gives_them() -> None:
    (line,) = _lines(entry("0.12345"), closing="0.12345")
    assert line.amount == CENT * 12345 // 1000
    for text in ("1,234.50", "5.00-", "(5.00)", "5,00", "", "NaN", "1e3"):
        with pytest.raises(BadStatement, match="entry 1"):
            _lines(entry("7.77").replace("7.77", text, 1), closing="0.00")


def test_proprietary_codes_and_no_details_are_no_trouble() -> None:
    code = "<BkTxCd><Prtry><Cd>NTRF+166</Cd><Issr>DK</Issr></Prtry></BkTxCd>"
    (line,) = _lines(
        entry("5.00", more=f"{code}<AddtlNtryInf>GUTSCHRIFT ann</AddtlNtryInf>"), closing="5.00"
    )
    assert (line.text, line.key) == ("GUTSCHRIFT ann", "2025-03-10 5.00")


def _party(way: str, name: str, account: str, *, newer: bool = True) -> str:
    held = f"<Pty><Nm>{name}</Nm></Pty>" if newer else f"<Nm>{name}</Nm>"
    return f"<{way}>{held}</{way}><{way}Acct><Id><IBAN>{account}</IBAN></Id></{way}Acct>"


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize(
    ("size", "reversal", "payer"),
    [("5.00", False, "Ann Bell"), ("-5.00", False, "Shop"), ("-5.00", True, "Ann Bell"),
     ("5.00", True, "Shop")],
)  # fmt: skip
def test_who_is_on_the_other_side(size: str, reversal: bool, payer: str, newer: bool) -> None:
    ann = _party("Dbtr", "Ann Bell", "DE1", newer=newer)
    shop = _party("Cdtr", "Shop", "DE2", newer=newer)
    told = detail(size, more=f"<RltdPties>{ann}{shop}</RltdPties>")
    taken = "<RvslInd>true</RvslInd>" if reversal else ""
    (line,) = read(month(entry(size, told, more=taken), closing=size)).lines
    assert (line.payer, line.payer_account) == (payer, "DE1" if payer == "Ann Bell" else "DE2")


def test_the_payer_is_no_part_of_what_names_a_line_but_tells_equals_apart() -> None:
    def told(name: str) -> str:
        return entry("5.00", detail(more=f"<RltdPties>{_party('Dbtr', name, '')}</RltdPties>"))

    found = read(month(told("Bob"), told("Ann"), closing="10.00")).lines
    turned = read(month(told("Ann"), told("Bob"), closing="10.00")).lines
    assert {(one.payer, one.name) for one in found} == {(one.payer, one.name) for one in turned}
    plain = read(month(entry("5.00", detail()), entry("5.00", detail()), closing="10.00")).lines
    assert {one.name for one in plain} == {one.name for one in found}


def test_a_reversal_may_tell_its_details_in_the_way_of_what_it_takes_back() -> None:
    paid = entry("60.00", detail("40.00"), detail("20.00"))
    back = entry("-60.00", detail("40.00"), detail("20.00"), more="<RvslInd>true</RvslInd>")
    found = read(month(paid, back)).lines
    assert [(one.amount // CENT, one.reversal) for one in found] == [
        (4000, False), (2000, False), (-4000, True), (-2000, True),
    ]  # fmt: skip


def test_midnight_at_the_end_of_a_day_is_in_it() -> None:
    (line,) = read(month(entry("5.00", day="2025-03-10T24:00:00"), closing="5.00")).lines
    assert format_instant(line.instant, 8 * HOUR) == "2025-03-10T23:59:59+08:00"
