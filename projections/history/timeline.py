"""Any place in one account's recorded history, and searches from there, both ways.

Place k is the account right after its k-th event, in the order of recording. A frame is kept
every N events, N being half the square root of their number, so any place has one near before it;
a search backwards goes block by block, each folded forwards once, and costs what a search
forwards costs. Invariant: a place is the same however it was reached.
This module must not know the words of the debugger.
"""

from __future__ import annotations

from bisect import bisect_right
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ledger import codec
from ledger.account import evolve
from ledger.config import fold_config
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX, POLICY_STREAM, PolicyAdopted
from ledger.policy import did_you_mean
from projections.history.fields import Look
from projections.history.frames import copy_frame, first_frame
from projections.history.walk import Watch
from projections.selecting import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ledger import events as e
    from ledger.events import RecordedEvent
    from ledger.policy import Policy
    from ledger.state import AccountState
    from ledger.store import Reader
    from projections.history.expressions import Expression, Value
    from projections.history.fields import Name

SPACING_LEAST = 64


class Probe(Protocol):
    """Looks for something while the timeline is walked."""

    def prime(self, look: Look) -> None:
        """Read the place from which the walk begins."""
        ...

    def hit(self, recorded: RecordedEvent, look: Look) -> str | None:
        """Return why to stop after the event that was just applied, if at all."""
        ...


class Hit(NamedTuple):
    """A place where probes want to stop, and why."""

    place: int
    because: list[str]


class AccountTimeline:
    """The recorded history of one account up to a position."""

    def __init__(self, reader: Reader, account: str, *, until: int) -> None:
        """Read the stored bytes; nothing is folded yet."""
        self.account = account
        self.bodies = reader.stream_bodies(ACCOUNT_PREFIX + account, until_position=until)
        policies = list(codec.decode_all(reader.stream_bodies(POLICY_STREAM, until_position=until)))
        self._policies = self._place(policies)
        self.spacing = max(SPACING_LEAST, isqrt(len(self.bodies)) // 2)
        self._frames: list[AccountState] = [first_frame(account)]
        self._at = 0
        self.look = Look(copy_frame(self._frames[0]), self.policy(0), 0)

    def __len__(self) -> int:
        """Count the events."""
        return len(self.bodies)

    def _place(self, policies: Sequence[RecordedEvent]) -> list[tuple[int, Policy]]:
        """Insert the policy's later events among the account's; return each policy by its place."""
        found: list[tuple[int, Policy]] = []
        applied: list[RecordedEvent] = []
        opened = codec.decode(self.bodies[0]).position if self.bodies else 0
        for recorded in policies:
            applied.append(recorded)
            if recorded.position > opened:
                place = self.place_of(recorded.position)
                self.bodies.insert(place, codec.encode(recorded))
                found.append((place + 1, fold_config(applied).policy))
        first = fold_config(policy for policy in policies if policy.position <= opened).policy
        return [(0, first), *found]

    def place_of(self, position: int) -> int:
        """Count the events up to a position of the log."""
        return bisect_right(self.bodies, position, key=lambda body: codec.decode(body).position)

    def place_known_at(self, instant: int) -> int:
        """Count the events recorded up to an instant."""
        return bisect_right(self.bodies, instant, key=lambda body: codec.decode(body).recorded_at)

    def event(self, place: int) -> RecordedEvent | None:
        """Return the event right before a place."""
        return codec.decode(self.bodies[place - 1]) if place else None

    def policy(self, place: int) -> Policy:
        """Return the policy in force at a place."""
        index = bisect_right(self._policies, place, key=lambda one: one[0])
        return self._policies[index - 1][1]

    # --- going somewhere ------------------------------------------------------------------

    def seek(self, place: int) -> Look:
        """Go to a place; the look is good until the next move."""
        nearest = min(place // self.spacing, len(self._frames) - 1)
        if not self._at <= place or self._at < nearest * self.spacing:
            self._at = nearest * self.spacing
            self.look.state = copy_frame(self._frames[nearest])
        look, state = self.look, self.look.state
        while self._at < place:
            stop = min(place, (self._at // self.spacing + 1) * self.spacing)
            recorded = None
            for recorded in codec.decode_all(self.bodies[self._at : stop]):
                if type(recorded.event) is not PolicyAdopted:
                    evolve(state, recorded)
            self._at = stop
            if recorded is not None:
                look.seen_at = recorded.recorded_at
            if stop == len(self._frames) * self.spacing:
                self._frames.append(copy_frame(state))
        look.policy = self.policy(place)
        if place:
            look.seen_at = codec.decode(self.bodies[place - 1]).recorded_at
        return look

    def _walk(
        self, start: int, stop: int, probes: Sequence[Probe], *, first: bool
    ) -> Hit | None:
        """Walk (start, stop] and give the first hit, or the last one."""
        look = self.seek(start)
        for probe in probes:
            probe.prime(look)
        found: Hit | None = None
        events: Iterable[RecordedEvent] = codec.decode_all(self.bodies[start:stop])
        for place, recorded in enumerate(events, start + 1):
            self._at = place
            look.seen_at = recorded.recorded_at
            if type(recorded.event) is PolicyAdopted:
                look.policy = self.policy(place)
            else:
                evolve(look.state, recorded)
            because = [why for probe in probes if (why := probe.hit(recorded, look)) is not None]
            if because:
                found = Hit(place, because)
                if first:
                    return found
        return found

    def find(self, start: int, probes: Sequence[Probe]) -> Hit | None:
        """Return the first place after ``start`` where a probe hits."""
        while start < len(self):
            stop = min(len(self), (start // self.spacing + 1) * self.spacing)
            self.seek(start)
            found = self._walk(start, stop, probes, first=True)
            if found is not None:
                return found
            if stop == len(self._frames) * self.spacing:
                self._frames.append(copy_frame(self.look.state))
            start = stop
        return None

    def find_back(self, start: int, probes: Sequence[Probe]) -> Hit | None:
        """Return the last place before ``start`` where a probe hits."""
        stop = start - 1
        while stop > 0:
            begin = (stop - 1) // self.spacing * self.spacing
            found = self._walk(begin, stop, probes, first=False)
            if found is not None:
                return found
            stop = begin
        return None


# --- what a debugger can stop at ----------------------------------------------------------------


def find_type(name: str) -> type[e.Event]:
    """Find a type of event by its name. Raises: InvalidInput."""
    if name not in TYPES:
        msg = f"there is no event type {name!r}"
        raise InvalidInput(msg, hint=did_you_mean(name, list(TYPES)) or "see docs/EVENTS.md")
    return TYPES[name]


class Breakpoint:
    """Stops after each event of a type, where a condition holds."""

    def __init__(self, kind: str, condition: Expression | None = None) -> None:
        """Name the type. Raises: InvalidInput."""
        self.kind = find_type(kind)
        self.condition = condition
        self.text = kind if condition is None else f"{kind} if {condition.text}"

    def prime(self, look: Look) -> None:
        """Read what the condition remembers."""
        if self.condition is not None:
            self.condition.remember(look)

    def hit(self, recorded: RecordedEvent, look: Look) -> str | None:
        """Return why to stop."""
        condition = self.condition
        if condition is None:
            return f"break {self.text}" if type(recorded.event) is self.kind else None
        held = type(recorded.event) is self.kind and condition.value(look)
        if condition.remembers:
            condition.remember(look)
        return f"break {self.text}" if held else None


class WatchValue:
    """Stops where the value of an expression changes."""

    def __init__(
        self, expression: Expression, why: str = "watch", *, at_birth: bool = False
    ) -> None:
        """Watch an expression; that the account is opened is a change only ``at_birth``."""
        self.expression = expression
        self.text = expression.text
        self._why = f"{why} {expression.text}"
        self._before: Value = None
        self._at_birth = at_birth
        self._born = at_birth

    def prime(self, look: Look) -> None:
        """Read the value."""
        self._born = self._at_birth or look.state.opened_at is not None
        self._before = self.expression.value(look)
        self.expression.remember(look)

    def hit(self, recorded: RecordedEvent, look: Look) -> str | None:
        """Return why to stop."""
        del recorded
        expression = self.expression
        now = expression.value(look)
        if expression.remembers:
            expression.remember(look)
        if now == self._before or not self._born:
            self._born, self._before = True, now
            return None
        self._before = now
        return self._why


class Touch:
    """Stops where a field of the focus changes; without a focus, where any field does."""

    def __init__(self, focus: Name | None) -> None:
        """Watch a field or a whole member."""
        self.focus = focus
        self._watch: Watch | None = None

    def prime(self, look: Look) -> None:
        """Read every field."""
        self._watch = Watch(look)

    def hit(self, recorded: RecordedEvent, look: Look) -> str | None:
        """Return why to stop."""
        assert self._watch is not None and self._watch.look is look  # noqa: S101, PT018 - primed
        changes = self._watch.after(recorded)
        focus = self.focus
        if focus is None:
            return "changes a field" if changes else None
        return f"changes {focus}" if any(focus.covers(change.name) for change in changes) else None
