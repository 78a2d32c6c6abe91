"""A planted break of each class, in each format that can tell of it, is found; none is invented."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from projections.reconciliation.report import reconcile
from tests.reconciliation.statements import case
from tests.reconciliation.written import FORMATS, Format

EACH = 250  # statements of each format: 1,500 in total


@pytest.mark.parametrize("written", FORMATS, ids=lambda one: one.source)
def test_over_1500_statements_in_each_format_what_is_planted_is_found(written: Format) -> None:
    seen: set[str] = set()
    for seed in range(EACH):
        one = case(seed, size=16, plants=4, kinds=sorted(written.tells))
        statement = written.read(one.statement.lines, one.statement.opening)
        ours = one.ours
        if written.by_order:  # there our own id names it
            ours = [replace(line, order=line.key, references=()) for line in ours]
        report = reconcile(statement, ours, one.scope)
        found: dict[str, int] = {}
        for broken in (*report.breaks, *report.expected):
            found[broken.kind] = found.get(broken.kind, 0) + 1
        assert found == one.planted, (written.source, seed)
        seen |= set(one.planted)
    assert seen == written.tells
