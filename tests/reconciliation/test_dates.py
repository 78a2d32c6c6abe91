"""Dates in the forms that banks write: one form a column, chosen by its cells or by a map."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.dates import FORMS, Dates, choose_form, form_of

OFFSET = 8 * 3600 * 10**6


def _read(*cells: str, form: tuple[str, ...] = (), zone: str | None = None) -> list[str]:
    """Read a column of dates as one file has it."""
    numbered = list(enumerate(cells, 2))
    dates = Dates(choose_form(numbered, "Date", form), "Date", zone=zone, offset=OFFSET)
    return [format_instant(dates.instant(text, line), OFFSET)[:19] for line, text in numbered]


@pytest.mark.parametrize(
    "cells",
    [
        ["2025-03-10"],
        ["2025/03/10"],
        ["2025.03.10"],
        ["20250310"],
        ["2025年3月10日"],
        ["10.03.2025"],
        ["10.3.25"],
        ["10/03/2025", "13/03/2025"],
        ["03/10/2025", "03/13/2025"],
        ["10-03-2025", "13-03-2025"],
        ["10 Mar 2025"],
        ["10-MAR-2025"],
        ["10. März 2025"],
        ["Mar 10, 2025"],
        ["March 10, 2025"],
        ["10 Mrz 25"],
        ["10/Mar/2025"],
    ],
)
def test_a_column_that_fits_one_form_needs_no_map(cells: list[str]) -> None:
    assert _read(*cells)[0] == "2025-03-10T00:00:00"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("10.03.2025 7:05", "07:05:00"),
        ("10.03.2025, 07:05:09", "07:05:09"),
        ("2025-03-10 07:05:09.123456", "07:05:09"),
        ("10.03.2025 2:05 PM", "14:05:00"),
        ("10.03.2025 12:05 a.m.", "00:05:00"),
        ("2025-03-10T07:05:09Z", "15:05:09"),
        ("2025-03-10 07:05:09 UTC", "15:05:09"),
        ("2025-03-10T07:05:09+0100", "14:05:09"),
        ("20250310070509", "07:05:09"),
    ],
)
def test_a_time_may_follow_in_any_shape(text: str, local: str) -> None:
    assert _read(text) == [f"2025-03-10T{local}"]


def test_days_and_months_that_could_be_either_are_refused_with_both_forms() -> None:
    says = "line 2, Date: '03/04/2025' may be DD/MM/YYYY or MM/DD/YYYY"
    with pytest.raises(BadStatement, match=says) as refused:
        _read("03/04/2025", "05/05/2025")
    assert refused.value.hint == 'the map says which, e.g. date_format = "DD/MM/YYYY"'
    assert _read("05/05/2025") == ["2025-05-05T00:00:00"]  # either reading is the same day
    assert _read("03/04/2025", form=("MM/DD/YYYY",)) == ["2025-03-04T00:00:00"]
    with pytest.raises(BadStatement, match="may be"):
        _read("25-03-10")


@pytest.mark.parametrize("form", ["DD.MM.YYYY", "%d.%m.%Y", "dd.mm.yyyy", "D.M.YYYY", "dd.MM.yyyy"])
def test_a_form_is_written_as_anyone_would(form: str) -> None:
    assert _read("3.4.2025", form=(form,)) == ["2025-04-03T00:00:00"]


def test_a_form_with_a_time_and_several_forms() -> None:
    both = ("MM/DD/YYYY hh:mm A", "DD MMM YYYY")
    assert _read("3/4/2025 02:05 PM", "5 Mar 2025", form=both) == [
        "2025-03-04T14:05:00",
        "2025-03-05T00:00:00",
    ]


@pytest.mark.parametrize("form", ["DD.MM", "YYYY", "DD.DD.YYYY", "", "Date"])
def test_a_form_that_does_not_say_a_day_is_refused(form: str) -> None:
    with pytest.raises(InvalidInput, match="the date form"):
        form_of(form)


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (["10.03.2025", "2025-03-11"], 3),
        (["10.03.2025", "", "11.03.2025"], 3),
        (["31.02.2025"], 2),
        (["10.03.2025", "pending"], 3),
        (["10.13.2025"], 2),
        (["\u0661\u0660.03.2025"], 2),
        (["2025111"], 2),
        (["10.03.2025 25:00"], 2),
    ],
)
def test_a_cell_unlike_the_others_is_named_by_its_line(cells: list[str], line: int) -> None:
    with pytest.raises(BadStatement, match=f"line {line}, Date: .* is not a date"):
        _read(*cells)


def test_a_zone_is_where_the_bank_is_in_summer_and_in_winter() -> None:
    cells = ("2025-01-10 12:00", "2025-07-10 12:00", "2025-07-10T12:00Z")
    assert _read(*cells, zone="Europe/Berlin") == [
        "2025-01-10T19:00:00",
        "2025-07-10T18:00:00",
        "2025-07-10T20:00:00",
    ]
    assert _read("2025-01-10 12:00", zone="-05:00") == ["2025-01-11T01:00:00"]
    for name in ("Mars/Phobos", "../../etc/passwd", "", "CEST+"):
        with pytest.raises(InvalidInput, match="the time zone"):
            _read("2025-01-10", zone=name)


@given(st.dates(), st.sampled_from(FORMS))
def test_what_a_form_writes_it_reads(day: object, name: str) -> None:
    text = str(day)
    year, month, number = text.split("-")
    if not 1970 <= int(year) <= 2069:
        return
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    written = name.replace("YYYY", year).replace("YY", year[2:]).replace("DD", number)
    written = (
        written.replace("MMM", names[int(month) - 1])
        if "MMM" in name
        else written.replace("MM", month)
    )
    written = written.replace("HHmmss", "000000")
    assert form_of(name).read(written) == (f"{text}T00:00:00", "")
