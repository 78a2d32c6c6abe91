"""docs/BOOKS.md says what the code does: its chart, its table, its identities."""

from __future__ import annotations

from projections.journal.chart import ROOTS
from projections.journal.identities import IDENTITIES
from projections.journal.postings import POSTINGS
from tests.cli.program import ROOT

PAGE = (ROOT / "docs" / "BOOKS.md").read_text(encoding="utf-8")


def test_every_account_and_identity_is_on_the_page() -> None:
    for name in (*ROOTS, *(found.__name__ for found in IDENTITIES)):
        assert f"| `{name}` |" in PAGE


def test_the_table_lists_the_events_that_post_and_no_others() -> None:
    table = PAGE.partition("## What each event posts")[2].partition("## What holds")[0]
    for event_type, post in POSTINGS.items():
        listed = f"`{event_type.__name__}`" in table
        assert listed is (post.__name__ != "_nothing"), event_type.__name__
