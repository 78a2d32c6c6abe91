"""The words of the debugger: read a line, call the session, give back what it shows.

One table says every word, what it takes and what it does; help and completion are made of it.
An empty line repeats the word before. A trailing ``-`` goes backwards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.answers.hunting import Word
from projections.history.fields import names_of
from projections.history.timeline import Breakpoint, WatchValue
from projections.selecting import TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from projections.history.debugger import Debugger
    from projections.history.expressions import Expression

HELP: tuple[tuple[str, str, str], ...] = (
    ("s s-", "[COUNT]", "step one event on, or back"),
    ("n n-", "[FIELD|any]", "to the next event that changes the focus; FIELD sets the focus"),
    ("c c-", "", "run to a breakpoint or watch, or to the last or first event"),
    ("g", "POINT|MARK", "run to a point: @17, 2025-03-10, head, tag:NAME, start"),
    ("b", "[TYPE [if EXPR]]", "break at events of a type; alone: list; b - N removes one"),
    ("w", "[EXPR]", "stop where a value changes; w - N removes the watch"),
    ("p", "[EXPR]", "print a value; alone: every field"),
    ("d", "[EXPR]", "display a value at each stop; d - N removes it"),
    ("l", "EXPR", "back to the last change of a value; repeat to go further"),
    ("y", "[FIELD]", "why: the causes of this event, or of the field's last change"),
    ("diff", "[POINT|MARK]", "what differs since the stop before, or since a point"),
    ("mark", "[NAME]", "give this place a name; alone: list"),
    ("< >", "", "back and forward through the places you visited"),
    ("q", "", "leave"),
    ("?", "", "this help"),
)
WORDS = tuple(word for words, _, _ in HELP for word in words.split())
LONG = {
    "step": "s", "step-": "s-", "next": "n", "next-": "n-", "continue": "c", "continue-": "c-",
    "goto": "g", "break": "b", "watch": "w", "print": "p", "display": "d", "last": "l",
    "why": "y", "back": "<", "forward": ">", "quit": "q", "exit": "q", "help": "?",
}  # fmt: skip
_TAKE_AWAY = re.compile(r"-\s*(\d+)")
_COUNT_MAX = 10**9


class DebugWords:
    """Reads lines for one session."""

    def __init__(self, debugger: Debugger) -> None:
        """Drive a session."""
        self.debugger = debugger
        self.line = ""

    def run(self, line: str) -> Word | None:
        """Do what a line says and give what it shows, if it says anything.

        Raises: InvalidInput, NoSuchThing.
        """
        line = line.split(" #", maxsplit=1)[0].strip() or self.line
        if line.startswith("#") or not line:
            return None
        word, _, rest = line.partition(" ")
        word = LONG.get(word, word)
        if word not in WORDS:
            near = did_you_mean(word, [*WORDS, *LONG])
            msg = f"there is no command {word!r}"
            raise InvalidInput(msg, hint=near or "? lists the commands")
        self.line = self.debugger.line = line
        return self._do(word, rest.strip())

    def _do(self, word: str, rest: str) -> Word:
        debugger = self.debugger
        back = word.endswith("-")
        does: dict[str, Callable[[], Word]] = {
            "s": lambda: debugger.step(self._count(rest) * (-1 if back else 1)),
            "n": lambda: debugger.next(rest, back=back),
            "c": lambda: debugger.resume(back=back),
            "g": lambda: debugger.goto(rest),
            "b": lambda: self._breaks(rest),
            "w": lambda: self._watches(rest),
            "p": lambda: self._print(rest),
            "d": lambda: self._displays(rest),
            "l": lambda: debugger.last(self._needed(rest, "l cash")),
            "y": lambda: debugger.why(rest),
            "diff": lambda: debugger.diff(rest),
            "mark": lambda: self._mark(rest),
            "<": lambda: debugger.wander(-1),
            ">": lambda: debugger.wander(1),
            "q": debugger.where,
            "?": lambda: Word(word=self.line, show="help", words=HELP),
        }
        return does[word.rstrip("-")]()

    def _count(self, text: str) -> int:
        if not text:
            return 1
        if not (text.isascii() and text.isdigit() and int(text) <= _COUNT_MAX):
            msg = f"{text!r} is not a number of events"
            raise InvalidInput(msg, hint="as in: s 10")
        return int(text)

    def _needed(self, text: str, example: str) -> str:
        if not text:
            msg = f"{example.split(maxsplit=1)[0]} needs an expression"
            raise InvalidInput(msg, hint=f"as in: {example}")
        return text

    def _list(self, what: str, kept: Sequence[Breakpoint | WatchValue | Expression]) -> Word:
        texts = [one.text for one in kept]
        return Word(word=self.line, show="list", what=what, items=texts)

    def _taken(self, text: str, kept: list[object]) -> bool:
        match = _TAKE_AWAY.fullmatch(text)
        if match is None:
            return False
        number = int(match[1])
        if not 1 <= number <= len(kept):
            msg = f"there is no number {number}"
            raise InvalidInput(msg, hint="the command alone lists them")
        del kept[number - 1]
        return True

    def _breaks(self, text: str) -> Word:
        breaks = self.debugger.breaks
        if text and not self._taken(text, breaks):  # type: ignore[arg-type]
            kind, _, condition = text.partition(" if ")
            compiled = self.debugger.expression(condition) if condition else None
            breaks.append(Breakpoint(kind.strip(), compiled))
        return self._list("breaks", breaks)

    def _watches(self, text: str) -> Word:
        watches = self.debugger.watches
        if text and not self._taken(text, watches):  # type: ignore[arg-type]
            watches.append(WatchValue(self.debugger.expression(text)))
        return self._list("watches", watches)

    def _displays(self, text: str) -> Word:
        displays = self.debugger.displays
        if text and not self._taken(text, displays):  # type: ignore[arg-type]
            displays.append(self.debugger.expression(text))
        return self._list("displays", displays)

    def _print(self, text: str) -> Word:
        if not text:
            return self.debugger.all_fields()
        expression = self.debugger.expression(text)
        return replace(
            self.debugger.where("value"), expression=expression.text,
            value=self.debugger.value(expression),
        )  # fmt: skip

    def _mark(self, name: str) -> Word:
        if name:
            self.debugger.marks[name] = self.debugger.place
        marks = self.debugger.marks.items()
        positions = {
            mark: event.position if (event := self.debugger.timeline.event(place)) else 0
            for mark, place in marks
        }
        return Word(word=self.line, show="marks", marks=positions)


def complete(debugger: Debugger, line: str) -> list[str]:
    """Complete the last word of a line: words, marks, types, fields."""
    word, space, rest = line.partition(" ")
    if not space:
        return [one for one in WORDS if one.startswith(word)]
    start = rest.rsplit(" ", 1)[-1]
    known = ["head", "start", *debugger.marks] if word in {"g", "diff"} else []
    if word == "b":
        known = list(TYPES)
    if word in {"g", "diff"}:
        known += [f"tag:{name}" for name in debugger.here.tags]
    else:
        state = debugger.timeline.seek(debugger.place).state
        known += names_of(state)
    return sorted(one for one in known if one.startswith(start))
