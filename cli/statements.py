"""The demo's statements compared with the demo's ledger: is what was planted what is found?"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from projections.point import Asked as AskedPoint
from projections.reconciliation.sources import Asked, compare

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.reconciliation.report import Report

STATEMENTS = (
    ("bank.xml", Asked("camt053")),
    ("transactions.csv", Asked("alibaba-transactions")),
    ("bills.csv", Asked("alibaba-bills", kinds=frozenset(("PayAsYouGoBill",)))),
)


class Checked(NamedTuple):
    """One statement of the demo, and the breaks that were planted in it: (class, key)."""

    name: str
    report: Report
    planted: list[tuple[str, str]]

    @property
    def found(self) -> list[tuple[str, str]]:
        """The breaks that were found."""
        report = self.report
        return sorted((one.kind, one.key) for one in (*report.breaks, *report.expected))

    @property
    def exact(self) -> bool:
        """Whether each planted break was found, and nothing else."""
        return self.found == self.planted


def check_statements(session: Session) -> list[Checked]:
    """Reconcile each statement of the demo with its ledger."""
    folder = files("cli").joinpath("demo", "statements")
    planted = json.loads(folder.joinpath("planted.json").read_text(encoding="utf-8"))
    point = session.point(AskedPoint())
    checked = []
    for name, asked in STATEMENTS:
        compared = compare(session, point, folder.joinpath(name).read_bytes(), asked)
        expected = sorted((one["class"], one["key"]) for one in planted[name])
        checked.append(Checked(name, compared.report, expected))
    return checked
