"""Whether the place itself can be believed: its journal, schema, pages, indexes and settings.

Invariant: what follows from here on (log, tree, seals) rests on these; none of them is taken from
what the place says about itself where it can be derived. This module must not know events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.certain import certain
from ledger.connection import SQLITE, dialect_of, numbers_given
from ledger.errors import DELETED, INSERTED, MODIFIED, TRUNCATED
from ledger.store import journal, settings
from ledger.verification.findings import CheckResult, Fault
from ledger.verification.indexes import check_database, check_indexes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.connection import Connection
    from ledger.store import Reader
    from ledger.store.layout import Oddity

JOURNAL = "the file and its journal hold the last commit"
SCHEMA = "the schema is exactly what this program creates"
NUMBERS = "the highest assigned numbers are those of the last event and the last checkpoint"
SETTINGS = "the settings are as they were written"


def check_place(reader: Reader, oddities: Sequence[Oddity]) -> Iterator[CheckResult]:
    """Check what everything else rests on; ``oddities`` are those of the schema."""
    yield check_schema(oddities)
    if dialect_of(reader.connection) == SQLITE:
        yield check_journal(reader)
    database = check_database(reader.connection)
    yield database
    yield check_indexes(reader.connection, checked=database.ok and database.skipped is None)


def check_journal(reader: Reader) -> CheckResult:
    """Check that a file is not without the journal it needs."""
    found = journal.standing(reader)
    if found is None or found.state in (journal.EMPTY, journal.NEEDED):
        return CheckResult("journal", JOURNAL, 1)
    fault = Fault(TRUNCATED, None, certain(found.said))
    return CheckResult("journal", JOURNAL, 1, fault, derived=found.state == journal.ABSENT)


def check_schema(oddities: Sequence[Oddity]) -> CheckResult:
    """Return what was found odd about the schema."""
    if not oddities:
        return CheckResult("schema", SCHEMA, 1)
    said = "; ".join(f"{one.said} ({one.remedy})" for one in oddities)
    return CheckResult("schema", SCHEMA, 1, Fault(oddities[0].kind, None, said))


def check_numbers(connection: Connection, last: dict[str, int]) -> CheckResult:
    """Compare the highest numbers that the database remembers with the last rows there are.

    One that is higher says that rows are gone: the checks of these rows name it.
    """
    given = numbers_given(connection)
    names = [name for name, _ in given]
    odd = next((name for name in names if name not in last or names.count(name) > 1), None)
    gone = next((name for name, number in last.items() if number and name not in names), None)
    lower = next((name for name, number in given if number < last.get(name, 0)), None)
    fault = None
    if odd is not None:
        fault = Fault(INSERTED, None, f"a number of {odd} was never assigned")
    elif gone is not None:
        fault = Fault(DELETED, None, f"the highest number of {gone} is no longer remembered")
    elif lower is not None:
        fault = Fault(MODIFIED, None, f"{lower} has numbers above the highest that is remembered")
    return CheckResult("numbers", NUMBERS, len(given), fault)


def check_settings(connection: Connection) -> CheckResult:
    """Compare the settings with their stored checksum."""
    there = settings.all_of(connection)
    guard = settings.get(connection, settings.GUARD)
    if guard is None:
        said = "the settings have no checksum yet: open the ledger once for writing"
        return CheckResult(
            "settings", SETTINGS, len(there), Fault(DELETED, None, said), derived=True
        )
    if guard == settings.guard_of(there):
        return CheckResult("settings", SETTINGS, len(there))
    count = guard.partition(":")[0]
    kept = int(count) if count.isdecimal() else -1
    more = kept != len(there) and kept >= 0
    kind = MODIFIED if not more else DELETED if kept > len(there) else INSERTED
    said = "a setting differs from what was written: see the table meta"
    return CheckResult("settings", SETTINGS, len(there), Fault(kind, None, said))
