"""The command line's wiring: a view of the ledger that may record, and speaks on stderr."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cli.render import note
from ledger.store import open_store
from projections.view import LedgerView

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.store import Store


class Session(LedgerView):
    """One ledger, opened as little as the command needs."""

    may_write = True

    def __init__(self, location: str, *, default: bool = False) -> None:
        """Remember where the ledger is, and whether nobody named it; nothing is opened yet."""
        super().__init__(location)
        self.default = default

    def say(self, text: str) -> None:
        """Print a note on stderr."""
        note(f"note: {text}")

    def open_store(self) -> Store:
        """Open the ledger for writing; a tree that has to be built shows its progress."""
        from cli.progress import Progress  # noqa: PLC0415 - only where something is written

        with Progress("building the tree of a ledger made before there was one") as progress:
            return open_store(self.location, progress)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger as an application."""
        from ledger.application import Ledger  # noqa: PLC0415 - loads the write side
        from projections.runner import Views  # noqa: PLC0415 - as above

        return Ledger(self.store, Views(self.store.reader, self.store))

    def note_what_is_due(self) -> None:
        """On a system ledger, say on stderr that transitions wait to be recorded."""
        waiting = self.waiting()
        if waiting:
            who = "1 account has" if waiting == 1 else f"{waiting} accounts have"
            note(f"note: {who} transitions due that are not recorded yet; tally run records them")
