"""What one channel is still to be told: notices less what was sent there (R67).

An account's notices wait in the order in which they were made; the first that was not taken holds
the others back. Invariant: a notice leaves only when the log says that it was sent to this
channel, so a restart goes on where it was. This module must not know how a channel sends.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.events import NOTICES_STREAM, NoticeFailed, NoticeSent
from projections.notices.fold import NoticeFold
from projections.notices.kinds import AHEAD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.notices.kinds import Notice


class Attempts(NamedTuple):
    """How often a notice was tried in vain, and when last."""

    attempts: int
    recorded_at: int


class Outbox:
    """Folds a log into what waits for one channel.

    Attributes:
        since: position after which the deliveries to this channel begin.

    """

    def __init__(
        self, reader: Reader, channel: str, *, kinds: Collection[str], since: int | None = None
    ) -> None:  # fmt: skip
        """Begin where the channel began: ``since``, else as its last attempt says."""
        self.channel = channel
        self.since = last_since(reader, channel) if since is None else since
        row = reader.row(self.since) if self.since else None
        self._since_at = row.recorded_at if row is not None else 0
        self._kinds = kinds
        self._notices = NoticeFold()
        self._waiting: dict[str, deque[Notice]] = {}
        self._sent: set[str] = set()  # what the log says was sent before it was made here
        self._tried: dict[str, Attempts] = {}

    @property
    def offset(self) -> int:
        """The calendar offset in force."""
        return self._notices.offset

    def read(self, reader: Reader, *, now: int) -> None:
        """Process every new event, and what is due by ``now``."""
        for recorded in codec.decode_all(reader.bodies(after=self._notices.position)):
            self._put(self._notices.take(recorded))
            if recorded.stream == NOTICES_STREAM:
                self._attempted(recorded)
        self._put(self._notices.until(now))

    def next_due(self) -> int | None:
        """Return the instant at which something more may be told without a new event."""
        return self._notices.next_due()

    def accounts(self) -> list[str]:
        """Name the accounts that something waits for."""
        return list(self._waiting)

    def first(self, account: str) -> Notice | None:
        """Return what an account is to be told next."""
        waiting = self._waiting.get(account)
        return waiting[0] if waiting else None

    def tried(self, notice: Notice) -> Attempts:
        """Return how often a notice was tried in vain."""
        return self._tried.get(notice.id, Attempts(0, 0))

    def __len__(self) -> int:
        """Count what waits."""
        return sum(map(len, self._waiting.values()))

    def _put(self, made: Iterable[Notice]) -> None:
        for notice in made:
            if notice.id in self._sent:
                self._sent.discard(notice.id)
            elif notice.kind in self._kinds and self._behind(notice):
                self._waiting.setdefault(notice.account, deque()).append(notice)

    def _behind(self, notice: Notice) -> bool:
        """Return whether a notice comes after the beginning: its event, or its instant ahead."""
        if notice.position > self.since:
            return True
        return notice.kind in AHEAD and notice.made_at > self._since_at

    def _attempted(self, recorded: RecordedEvent) -> None:
        event = recorded.event
        if not isinstance(event, NoticeSent | NoticeFailed) or event.channel != self.channel:
            return
        if isinstance(event, NoticeFailed):
            self._tried[event.notice] = Attempts(event.attempt, recorded.recorded_at)
            return
        self._tried.pop(event.notice, None)
        waiting = self._waiting.get(event.account, deque())
        there = next((one for one in waiting if one.id == event.notice), None)
        if there is None:
            self._sent.add(event.notice)
            return
        waiting.remove(there)
        if not waiting:
            del self._waiting[event.account]


def attempts(reader: Reader, *, until: int | None = None) -> Iterable[RecordedEvent]:
    """Return every attempt, up to a position."""
    return codec.decode_all(reader.stream_bodies(NOTICES_STREAM, until_position=until))


def last_since(reader: Reader, channel: str) -> int:
    """Return where the deliveries to a channel began, 0 where there was none."""
    found = 0
    for recorded in attempts(reader):
        event = recorded.event
        if isinstance(event, NoticeSent | NoticeFailed) and event.channel == channel:
            found = event.since
    return found
