"""What a debugger can stop at: a type of event, a value that changes, a field that is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e
from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.history.walk import Watch

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from projections.history.expressions import Expression, Value
    from projections.history.fields import Look, Name

TYPES = {e.type_name(kind): kind for kind in e.EVENT_TYPES}


def find_type(name: str) -> type[e.Event]:
    """Find a type of event by its name. Raises: InvalidInput."""
    if name not in TYPES:
        msg = f"there is no event type {name!r}"
        raise InvalidInput(msg, hint=did_you_mean(name, list(TYPES)) or "see docs/EVENTS.md")
    return TYPES[name]


class Break:
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
        return f"changes {focus}" if any(focus.covers(one.name) for one in changes) else None
