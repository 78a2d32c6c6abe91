"""A ledger as an application of the eventsourcing library: its own readers and runners follow it.

Invariant: nothing is written; what comes is every event, in the order of positions, those to come
included. This module must not know what follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, JSONTranscoder, Mapper

from ledger import codec
from ledger.errors import InvalidInput
from ledger.store import is_server, open_reader, place, shown

if TYPE_CHECKING:
    from eventsourcing.persistence import ApplicationRecorder, StoredEvent
    from eventsourcing.utils import Environment

LEDGER = "TALLY_LEDGER"


class RecordedEvents(Mapper[str]):
    """Turns stored bytes into events with everything that is recorded beside them."""

    def to_domain_event(self, stored_event: StoredEvent) -> Any:  # noqa: ANN401 - ours, not theirs
        """Return a ``ledger.events.RecordedEvent``."""
        return codec.decode(stored_event.state)

    def to_stored_event(self, domain_event: object) -> NoReturn:
        """Refuse: a ledger records what its rules decide."""
        msg = f"{type(domain_event).__name__} cannot be saved: a ledger is only followed"
        raise InvalidInput(msg, hint="record commands: tallystick.Ledger.record")


class FollowedLedger(Application[str]):
    """A ledger to be followed; ``env`` names it as ``TALLY_LEDGER``: a file, or a server's URL.

    Topics are stored types, such as ``TopUpReceived/1``; notification ids are positions.
    """

    name = "tallystick"

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Return a factory of nothing that lasts: recorder and mapper are ours."""
        del env
        return InfrastructureFactory.construct({"PERSISTENCE_MODULE": "eventsourcing.popo"})

    def construct_mapper(self) -> Mapper[str]:
        """Return the mapper of our bytes."""
        return RecordedEvents(JSONTranscoder())

    def construct_recorder(self) -> ApplicationRecorder:
        """Open the ledger. Raises: InvalidInput, StoreError."""
        named = self.env.get(LEDGER)
        if not named:
            raise InvalidInput("no ledger is named", hint=f'env={{"{LEDGER}": "tally.db"}}')
        location = place(named)
        open_reader(location).close()  # or say what is wrong with it
        recorder: Any
        if is_server(location):
            from ledger.store import postgres_recorder as on_server  # noqa: PLC0415 - an extra

            recorder = on_server.LedgerRecorder(
                on_server.LedgerDatastore(location), shown(location)
            )
        else:
            from ledger.store import sqlite_recorder as in_file  # noqa: PLC0415 - as above
            from ledger.store.rows import BUSY_SECONDS  # noqa: PLC0415 - as above

            datastore = in_file.LedgerDatastore(location, lock_timeout=BUSY_SECONDS)
            recorder = in_file.LedgerRecorder(datastore)
        self._datastore = recorder.datastore
        return recorder  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the ledger."""
        super().close()
        self._datastore.close()
