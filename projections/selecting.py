"""Which events a look at the log is about, and reading them.

Invariant: events come in the order in which they were recorded. This module must not know how they
are shown.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.errors import InvalidInput, NoSuchThing
from ledger.events import ACCOUNT_PREFIX, EVENT_TYPES, type_name
from ledger.policy import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point

TYPES = {type_name(event_type): event_type for event_type in EVENT_TYPES}


class Wanted(NamedTuple):
    """What events are asked for; None and False leave a bound out.

    Attributes:
        starts, ends: effective in [starts, ends).
        late: only those that were recorded after they were effective.

    """

    account: str | None = None
    instance: str | None = None
    starts: int | None = None
    ends: int | None = None
    kinds: frozenset[type] = frozenset()
    late: bool = False

    def takes(self, recorded: RecordedEvent, point: Point) -> bool:
        """Return whether an event is one of them at a point."""
        return (
            (self.instance is None or getattr(recorded.event, "instance", None) == self.instance)
            and (self.starts is None or recorded.effective_at >= self.starts)
            and (self.ends is None or recorded.effective_at < self.ends)
            and (not self.kinds or type(recorded.event) in self.kinds)
            and (not self.late or recorded.effective_at < recorded.recorded_at)
            and (point.everything or recorded.effective_at <= point.at)
        )

    def events(
        self, reader: Reader, point: Point, *, last: int | None = None
    ) -> Iterator[RecordedEvent]:
        """Read the events that a point selects; of them the ``last`` ones, read from the end."""
        bodies = reader.chosen(
            until=point.position, starts=self.starts, ends=self.ends,
            stream=None if self.account is None else ACCOUNT_PREFIX + self.account,
            newest_first=last is not None,
        )  # fmt: skip
        found = (one for one in codec.decode_all(bodies) if self.takes(one, point))
        if last is None:
            return found
        return reversed(list(islice(found, min(last, point.position))))


def kinds_of(names: Iterable[str]) -> frozenset[type]:
    """Read names of types of events. Raises: InvalidInput, with a suggestion."""
    for name in names:
        if name not in TYPES:
            hint = did_you_mean(name, list(TYPES)) or "see: tally log --help"
            raise InvalidInput(f"no event type {name!r}", hint=hint)
    return frozenset(TYPES[name] for name in names)


def require_instance(reader: Reader, account: str | None, instance: str | None) -> None:
    """Refuse an instance that no event ever named. Raises: NoSuchThing, with a suggestion."""
    if instance is None:
        return
    bodies = reader.bodies() if account is None else reader.stream_bodies(ACCOUNT_PREFIX + account)
    names = set()
    for recorded in codec.decode_all(bodies):
        name = getattr(recorded.event, "instance", None)
        if name == instance:
            return
        if isinstance(name, str):
            names.add(name)
    of = f" in account {account!r}" if account is not None else ""
    hint = did_you_mean(instance, sorted(names)) or "list them with: tally instances"
    raise NoSuchThing(f"no instance {instance!r}{of}", hint=hint)
