"""Delivering what waits for a channel: in order per account, again after a failure (R67).

A notice that was not taken is tried again after 1 s, 5 s, 30 s and 2 min, five attempts in total;
then its account rests for 10 min before the next five, or until the next call. What follows it in
its account waits; other accounts do not. Invariant: an attempt is recorded when the channel has
answered and before the next one begins, so that a crash can only repeat the last one.
"""

from __future__ import annotations

import json
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from ledger import clock as clocks
from ledger.decisions import Act
from ledger.events import NOTICES_STREAM, NoticeFailed, NoticeSent
from ledger.periods import MINUTE, SECOND
from projections.answers.noticing import NoticeShown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cli.notices.channel import Channel, Receipt
    from ledger.application import Ledger
    from ledger.events import RecordedEvent
    from projections.notices.kinds import Notice
    from projections.notices.outbox import Outbox

BACK_OFF = (SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE)
ATTEMPTS = len(BACK_OFF)
NOTIFY = "notify"


class _Rest(NamedTuple):
    """An account whose next notice was not taken: attempts in this call, when to go on."""

    attempts: int
    until: int


class DeliveryLoop:
    """Brings an outbox to its channel.

    Attributes:
        sent, failed: attempts of this call.

    """

    def __init__(
        self, ledger: Ledger, outbox: Outbox, channel: Channel, *, now: Callable[[], int],
        real: bool, back_off: Sequence[int] = BACK_OFF,
    ) -> None:  # fmt: skip
        """Begin where the log says; ``real``: the ledger's clock is the machine's."""
        self.outbox = outbox
        self.sent = self.failed = 0
        self._ledger = ledger
        self._reader = ledger.store.reader
        self._channel = channel
        self._now = now
        self._back_off = back_off
        self._resting: dict[str, _Rest] = {}
        outbox.read(self._reader, now=now())
        for account in outbox.accounts() if real else ():
            notice = outbox.first(account)
            tried = outbox.tried(notice) if notice is not None else None
            if tried is not None and tried.attempts % ATTEMPTS:
                wait = back_off[tried.attempts % ATTEMPTS - 1]
                self._resting[account] = _Rest(0, tried.recorded_at + wait)

    def once(self) -> Iterator[RecordedEvent]:
        """Try every notice once; after one that is not taken, its account's others wait."""
        self._resting.clear()
        yield from self.ready()

    def patiently(self) -> Iterator[RecordedEvent]:
        """Deliver everything, with the waits between attempts; what fails five times is left."""
        while True:
            yield from self.ready(rounds=1)
            left = [
                rest for account in self.outbox.accounts()
                if (rest := self._resting.get(account)) is None or rest.attempts < ATTEMPTS
            ]  # fmt: skip
            if not left:
                return
            waits = [rest.until - clocks.system_now() for rest in left if rest is not None]
            if len(waits) == len(left):
                clocks.sleep(max(0, min(waits) // SECOND))

    def ready(self, *, rounds: int | None = None) -> Iterator[RecordedEvent]:
        """Try what need not wait now, oldest first; ``rounds`` of five for an account."""
        self.outbox.read(self._reader, now=self._now())
        real_now = clocks.system_now()
        heads = [
            (notice.order, account) for account in self.outbox.accounts()
            if self._may(self._resting.get(account), real_now, rounds)
            and (notice := self.outbox.first(account)) is not None
        ]  # fmt: skip
        heapify(heads)
        while heads:
            _, account = heappop(heads)
            notice = self.outbox.first(account)
            if notice is None:
                continue
            recorded = self._attempt(notice)
            following = self.outbox.first(account)
            if isinstance(recorded.event, NoticeSent) and following is not None:
                heappush(heads, (following.order, account))
            yield recorded

    def wait_until(self) -> int | None:
        """Return the instant at which there may be something to try, as far as is known."""
        instants = [rest.until for rest in self._resting.values()]
        due = self.outbox.next_due()
        return min([*instants, *([due] if due is not None else [])], default=None)

    def _may(self, rest: _Rest | None, real_now: int, rounds: int | None) -> bool:
        if rest is None:
            return True
        given_up = rounds is not None and rest.attempts >= rounds * ATTEMPTS
        return not given_up and rest.until <= real_now

    def _attempt(self, notice: Notice) -> RecordedEvent:
        shown = NoticeShown.of(notice, self.outbox.offset).plain()
        body = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        answer = self._channel.send(notice, body.encode())
        recorded = self._record(notice, answer)
        if answer.taken:
            self.sent += 1
            self._resting.pop(notice.account, None)
        else:
            self.failed += 1
            before = self._resting.get(notice.account, _Rest(0, 0)).attempts
            wait = self._back_off[before % ATTEMPTS]
            until = clocks.system_now() + wait + (SECOND if wait else 0)  # never too early
            self._resting[notice.account] = _Rest(before + 1, until)
        return recorded

    def _record(self, notice: Notice, answer: Receipt) -> RecordedEvent:
        made = NoticeSent if answer.taken else NoticeFailed
        event = made(
            notice=notice.id, kind=notice.kind, account=notice.account, at=notice.at,
            channel=self._channel.name, attempt=self.outbox.tried(notice).attempts + 1,
            answer=answer.said, since=self.outbox.since,
        )  # fmt: skip
        act = Act(self._ledger, NOTIFY, actor=None, stream=NOTICES_STREAM)
        with act.deciding() as (_, now):
            (recorded,) = act.record([event], now=now)
        self.outbox.read(self._reader, now=self._now())
        return recorded
