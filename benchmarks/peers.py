"""What others would do with the same events: the eventsourcing library's own aggregates.

The peer stores the same facts through the library's own recorder, transcoder and mapper, and
folds them with ``repository.get``. It applies no rule at all, which favours the peer.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from ledger.events import RecordedEvent


class Wallet(Aggregate):
    """An account as the library's tutorial would write it: one event class, three sums."""

    @event("Opened")
    def __init__(self, account: str) -> None:
        """Start empty."""
        self.account = account
        self.cash = 0
        self.outstanding = 0
        self.instances: dict[str, str] = {}

    @event("Noted")
    def note(self, kind: str, fields: dict[str, Any]) -> None:
        """Apply one of our events the simplest way."""
        if kind == "TopUpReceived":
            self.cash += fields["amount"]
        elif kind == "BillPosted":
            self.outstanding += fields["amount"]
        elif kind == "BillSettled":
            self.cash -= fields["cash_part"]
            self.outstanding -= fields["cash_part"]
        elif "instance" in fields:
            self.instances[fields["instance"]] = kind


class Wallets(Application[Any]):
    """The peer application on its own SQLite file."""


def open_peer(path: str) -> Wallets:
    """Open the library's application on a SQLite file."""
    return Wallets(
        env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": path}
    )


def open_server_peer(url: str) -> Wallets:
    """Open it on a database of a PostgreSQL server."""
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - an extra

    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    return Wallets(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parts["dbname"], "POSTGRES_HOST": parts.get("host", ""),
            "POSTGRES_PORT": parts.get("port", "5432"), "POSTGRES_USER": parts.get("user", ""),
            "POSTGRES_PASSWORD": parts.get("password", ""),
        }
    )  # fmt: skip


def fill(peer: Wallets, history: Iterable[RecordedEvent], *, batch: int = 500) -> dict[str, UUID]:
    """Store the same events in the peer, some aggregates per save; return the aggregates' ids."""
    ids: dict[str, UUID] = {}
    touched: dict[str, Wallet] = {}
    count = 0
    for recorded in history:
        if not recorded.stream.startswith("account:"):
            continue
        wallet = touched.get(recorded.stream)
        if wallet is None:
            known = ids.get(recorded.stream)
            wallet = peer.repository.get(known) if known else Wallet(recorded.stream)
            ids[recorded.stream] = wallet.id
            touched[recorded.stream] = wallet
        fields = msgspec.to_builtins(recorded.event)
        wallet.note(type(recorded.event).__name__, fields)
        count += 1
        if count % batch == 0:
            peer.save(*touched.values())
            # The peer may keep its aggregates in memory, as our import does.
    peer.save(*touched.values())
    return ids


def read_all(peer: Wallets, ids: dict[str, UUID]) -> Iterator[Wallet]:
    """Fold every aggregate from its events."""
    for one in ids.values():
        yield peer.repository.get(one)


def project_one_by_one(events: int = 1500) -> float:
    """Return the rate of one trivial view on the library's SQLite tracking recorder.

    The library's runner cannot follow SQLite; this is its contract: an upsert and the tracking
    row in one transaction for each event.
    """
    folder = Path(tempfile.mkdtemp())
    datastore = SQLiteDatastore(str(folder / "view.db"))
    recorder = SQLiteTrackingRecorder(datastore)
    recorder.create_table()
    with datastore.transaction(commit=True) as cursor:
        cursor.execute("CREATE TABLE view (account TEXT PRIMARY KEY, cash INTEGER)")
    begun = time.process_time()
    for position in range(1, events + 1):
        with datastore.transaction(commit=True) as cursor:
            recorder._insert_tracking(cursor, Tracking("ledger", position))
            cursor.execute(
                "INSERT INTO view VALUES (?, 1) ON CONFLICT DO UPDATE SET cash = cash + 1",
                (f"a{position % 50}",),
            )
    rate = events / (time.process_time() - begun)
    datastore.close()
    shutil.rmtree(folder)
    return rate
