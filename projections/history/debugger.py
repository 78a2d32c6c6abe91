"""A debugger's session over one account's history: a place, stops to make, and where it has been.

Every word works backwards as well, and says what it shows as a struct: the command line only
writes it down. Invariant: a place is the same however it was reached, so going there and back
changes nothing; nothing is recorded. This module must not know a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ledger import codec
from ledger.certain import certain
from ledger.errors import InvalidInput, NoSuchThing
from projections.answers.events import Event, event_of
from projections.answers.hunting import Displayed, Stepped, Word
from projections.answers.terms import Formatter, Instant
from projections.answers.why import Explained
from projections.history.compiling import compile_expression, parse_name
from projections.history.fields import Cell, Look, Name, read_all, written
from projections.history.points import parse_known, parse_point
from projections.history.timeline import AccountTimeline, Breakpoint, Touch, WatchValue
from projections.history.walk import Change, Watch
from projections.history.why import told, why, why_event
from projections.point import Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.store import Reader
    from projections.history.expressions import Expression
    from projections.history.points import Here
    from projections.history.timeline import Hit, Probe

TRAIL_MAX = 10_000
CAUSES_MAX = 50


class Debugger:
    """One session.

    Attributes:
        place: how many of the account's events have happened here.
        trail: the places where it stopped, for going back and forward in it.

    """

    def __init__(self, reader: Reader, account: str, *, here: Here, currency: str) -> None:
        """Stand before the first event."""
        self.reader = reader
        self.account = account
        self.here = here
        self.currency = currency
        self.write = Formatter(offset=here.offset, currency=currency)
        self.timeline = AccountTimeline(reader, account, until=here.head)
        self.line = ""  # what was asked last
        self.place = 0
        self.focus: Name | None = None
        self.breaks: list[Breakpoint] = []
        self.watches: list[WatchValue] = []
        self.displays: list[Expression] = []
        self.marks: dict[str, int] = {}
        self.trail = [0]
        self._trail_at = 0
        self._last_stop = 0
        self._last_asked: tuple[str, int] | None = None

    # --- where it is ----------------------------------------------------------------------

    def where(self, show: str = "end") -> Word:
        """Return the place on both axes, and how far along the log it is."""
        recorded, offset = self.timeline.event(self.place), self.here.offset
        position = recorded.position if recorded is not None else 0
        return Word(
            word=self.line, show=show, position=position, head=self.here.head,
            percent=position * 100 // self.here.head, event=self.place,
            events=len(self.timeline),
            effective_at=Instant.at(recorded.effective_at, offset) if recorded else None,
            known_at=Instant.at(recorded.recorded_at, offset) if recorded else None,
        )  # fmt: skip

    def expression(self, text: str) -> Expression:
        """Compile an expression for this account. Raises: InvalidInput."""
        return compile_expression(text, currency=self.currency, offset=self.here.offset)

    def changes(self, place: int) -> list[Change]:
        """Return what the event right before a place changed."""
        recorded = self.timeline.event(place)
        if recorded is None:
            return []
        watch = Watch(self.timeline.seek(place - 1))
        watch.look = self.timeline.seek(place)
        return watch.after(recorded)

    def stop(self, because: Sequence[str] = ()) -> Word:
        """Show the place: the event, what it changed, and the displays."""
        recorded = self.timeline.event(self.place)
        happened = None if recorded is None else event_of(recorded, self.write)
        return replace(
            self.where("stop"), because=because, type=None if happened is None else happened.type,
            happened=happened, changes=[self._change(one) for one in self.changes(self.place)],
            displays=[
                Displayed(expression=one.text, value=self.value(one)) for one in self.displays
            ],
        )  # fmt: skip

    def _change(self, change: Change) -> Stepped:
        return Stepped(
            field=str(change.name), from_=written(change.name, change.before, self.write),
            to=written(change.name, change.after, self.write),
        )  # fmt: skip

    def value(self, expression: Expression) -> str | int | bool | None:
        """Evaluate an expression here; ``old`` is what was before this place's event."""
        if self.place:
            expression.remember(self.timeline.seek(self.place - 1))
        value = expression.value(self.timeline.seek(self.place))
        return expression.written(value, self.write)

    # --- moving ---------------------------------------------------------------------------

    def go(self, place: int, because: Sequence[str] = ()) -> Word:
        """Stand at a place, and remember to have been there."""
        self._last_stop = self.place
        self.place = place
        if place != self.trail[self._trail_at]:
            del self.trail[self._trail_at + 1 :]
            self.trail = [*self.trail[-TRAIL_MAX:], place]
            self._trail_at = len(self.trail) - 1
        return self.stop(because)

    def step(self, count: int) -> Word:
        """Go a number of events forward or back."""
        place = min(max(self.place + count, 0), len(self.timeline))
        return self.go(place, self._edge(place) if place != self.place + count else ())

    def _edge(self, place: int) -> list[str]:
        return ["the beginning" if place == 0 else "the end"]

    def search(self, probes: Sequence[Probe], *, back: bool) -> Word:
        """Go to the nearest place where a probe hits, or to the edge."""
        hit = self._find(probes, back=back)
        if hit is None:
            place = 0 if back else len(self.timeline)
            return self.go(place, self._edge(place))
        return self.go(hit.place, hit.because)

    def _find(self, probes: Sequence[Probe], *, back: bool) -> Hit | None:
        if not probes:
            return None
        if back:
            return self.timeline.find_back(self.place, probes)
        return self.timeline.find(self.place, probes)

    def next(self, focus: str, *, back: bool) -> Word:
        """Go to the next event that touches the focus; a name given becomes the focus."""
        if focus:
            self.focus = None if focus == "any" else parse_name(focus)
        return self.search([Touch(self.focus)], back=back)

    def resume(self, *, back: bool) -> Word:
        """Run to a break or a watch."""
        return self.search([*self.breaks, *self.watches], back=back)

    def goto(self, text: str) -> Word:
        """Run to a mark or a point: to where the ledger knew what the point knows."""
        if not text:
            msg = "g goes to a point or a mark"
            raise InvalidInput(msg, hint="as in: g @17, g 2025-03-10, g head")
        return self.go(self._place(text))

    def _place(self, text: str) -> int:
        if text in self.marks:
            return self.marks[text]
        if text == "start":
            return 0
        asked = parse_point(text, self.here) if "::" in text else parse_known(text, self.here)
        if asked.position is not None:
            if not 0 <= asked.position <= self.here.head:
                msg = f"there is no position {asked.position}"
                raise NoSuchThing(msg, hint=f"positions go to @{self.here.head}")
            return self.timeline.place_of(asked.position)
        return self.timeline.place_known_at(certain(asked.known_at))

    def last(self, text: str) -> Word:
        """Go back to the event that last changed an expression; again: further back."""
        expression = self.expression(text)
        again = self._last_asked == (text, self.place)
        start = self.place if again else self.place + 1
        probe = WatchValue(expression, "last change of", at_birth=True)
        hit = self.timeline.find_back(start, [probe])
        if hit is None:
            msg = f"{text} did not change before this place"
            raise NoSuchThing(msg, hint=f"set a watch (w {text}), then continue (c)")
        shown = self.go(hit.place, hit.because)
        self._last_asked = text, self.place
        return shown

    def wander(self, by: int) -> Word:
        """Go back or forward among the places where it stopped."""
        at = self._trail_at + by
        if not 0 <= at < len(self.trail):
            msg = "there is no place further " + ("back" if by < 0 else "forward")
            raise NoSuchThing(msg, hint="< and > go through the places where it stopped")
        self._trail_at = at
        self._last_stop = self.place
        self.place = self.trail[at]
        return self.stop()

    # --- looking --------------------------------------------------------------------------

    def fields(self, place: int) -> dict[Name, Cell]:
        """Return every field at a place."""
        look: Look = self.timeline.seek(place)
        return dict(read_all(look))

    def diff(self, text: str) -> Word:
        """Return what differs between another place (the stop before) and this one."""
        other = self._place(text) if text else self._last_stop
        before, after = self.fields(other), self.fields(self.place)
        event = self.timeline.event(other)
        return replace(
            self.where("diff"), against=event.position if event is not None else 0,
            changes=[
                self._change(Change(name, before.get(name), after.get(name)))
                for name in {**before, **after}
                if before.get(name) != after.get(name)
            ],
        )  # fmt: skip

    def why(self, text: str) -> Word:
        """Explain a field as ``tally why`` does, or this place's event, down to facts."""
        place = self.place
        if text:
            name = parse_name(text)
            hit = self.timeline.find_back(place + 1, [Touch(name)])
            if hit is None:
                msg = f"{text} did not change before this place"
                raise NoSuchThing(msg, hint="see what there is with: p")
            place = hit.place
        recorded = self.timeline.event(place)
        chain: list[Event] = []
        while recorded is not None and len(chain) < CAUSES_MAX:
            chain.append(event_of(recorded, self.write))
            row = None if recorded.cause is None else self.reader.row(recorded.cause)
            recorded = None if row is None else codec.decode(row.body)
        explained = self._explained(parse_name(text) if text else None)
        return replace(self.where("why"), field=text or None, causes=chain, explained=explained)

    def _explained(self, name: Name | None) -> Explained | UnsetType:
        """Return the whole tree below this place's event, or below a field at this place."""
        here = self.timeline.event(self.place)
        if here is None or (name is not None and not name.field):
            return UNSET
        instant = here.recorded_at
        point = Point(instant, instant, here.position, everything=False)
        if name is None:
            cause = why_event(self.reader, self.account, point, self.write)
            return Explained(causes=[cause], sum=None)
        found = why(self.reader, self.account, name, point, self.write)
        if found is None:
            return UNSET
        return Explained(schema="tally.why/1", **told(found, self.write))

    def all_fields(self) -> Word:
        """Show every field here."""
        fields = {
            str(name): written(name, cell, self.write)
            for name, cell in self.fields(self.place).items()
        }
        return replace(self.where("fields"), fields=fields)
