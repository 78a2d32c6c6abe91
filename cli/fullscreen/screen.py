"""The full screen: events, the state as a tree, watches, answers, and a line for words.

Each key is a line of the debugger's words, small forwards and capital backwards, so the screen
can do nothing that the line debugger cannot. This module must not know a field or an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from cli.errors import DONE, error_line
from cli.fullscreen import content
from cli.fullscreen.panes import Lines
from ledger.certain import certain
from ledger.errors import LedgerError
from projections.history.words import DebugWords, complete
from projections.printable import printable

if TYPE_CHECKING:
    from textual import events

    from projections.history.debugger import Debugger

_HINTS: Final = (
    "s step  n touch  c run  l last  w watch  b break  y why  = diff  : words  ? keys  q"
)
KEYS: Final = (
    ("s S", "step one event on, back; so do the arrows in the list of events"),
    ("n N", "to the next event that changes the field under the cursor, back"),
    ("c C", "run to a break or a watch, back"),
    ("l L", "the last change of the field under the cursor, its next change"),
    ("home end", "the beginning, the end; page up and down: a page of events"),
    ("< >", "back and forward through the places you visited"),
    ("g m", "go to a point or a mark; give this place a name"),
    ("w W", "watch the field under the cursor; stop watching it"),
    ("d D", "display it at each stop; no more"),
    ("b B", "break at events of this place's type; no more"),
    ("y", "why: the causes of the field under the cursor, or of this event"),
    ("= p", "what differs since the place before; every field"),
    ("tab", "to the next pane; in the state, enter unfolds a member"),
    (":", "a line of words: up for those before, tab completes, escape leaves"),
    ("? q", "this page; leave"),
)


class FullScreen(App[int]):
    """The debugger of one account on a whole terminal."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "tally debug"
    CSS = """
    #place { height: 2; }
    Lines { border-top: solid $primary; height: 1fr; overflow-x: hidden;
      scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    Lines:focus { border-top: heavy $accent; }
    #events { width: 1fr; padding-right: 1; }
    #right { width: 1fr; }
    #stops { height: 4; }
    #said { height: 7; }
    #line { height: 1; border: none; padding: 0; display: none; }
    #hints { height: 1; color: $text-muted; }
    .lines--strong { text-style: bold; }
    .lines--changed { color: $success; text-style: bold; }
    .lines--late { color: $warning; }
    .lines--quiet { color: $text-muted; }
    .lines--cursor { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "word('s')"), Binding("S", "word('s-')"),
        Binding("n", "touch('n')"), Binding("N", "touch('n-')"),
        Binding("c", "word('c')"), Binding("C", "word('c-')"),
        Binding("l", "on_field('l')"), Binding("L", "on_field('n')"),
        Binding("less_than_sign", "word('<')"), Binding("greater_than_sign", "word('>')"),
        Binding("w", "on_field('w')"), Binding("W", "take('w')"),
        Binding("d", "on_field('d')"), Binding("D", "take('d')"),
        Binding("b", "break_here"), Binding("B", "take('b')"),
        Binding("y", "why"), Binding("p", "word('p')"), Binding("equals_sign", "word('diff')"),
        Binding("g", "line('g ')"), Binding("m", "line('mark ')"),
        Binding("colon", "line('')"), Binding("question_mark", "keys"),
        Binding("home", "edge(0)"), Binding("end", "edge(1)"),
        Binding("up", "arrow(-1)"), Binding("down", "arrow(1)"),
        Binding("pageup", "leap(-1)"), Binding("pagedown", "leap(1)"),
        Binding("enter,space", "unfold"), Binding("escape", "leave_line", priority=True),
        Binding("q", "quit"), Binding("ctrl+c", "interrupt", priority=True),
    ]  # fmt: skip

    def __init__(self, debugger: Debugger) -> None:
        """Begin at the end of the history: what is there now, and how it came about."""
        super().__init__()
        self.debugger = debugger
        self.words = DebugWords(debugger)
        self._open: set[str] = set()
        self._shut: set[str] = set()
        self._typed: list[str] = []
        self._back = 0
        self._said: list[content.PaneLine] = []

    def compose(self) -> ComposeResult:
        """Lay the panes out for 80 by 24, and let them grow."""
        yield Static(id="place", markup=False)
        with Horizontal():
            yield Lines("events", "events")
            with Vertical(id="right"):
                yield Lines("state", "state")
                yield Lines("watches", "stops")
        yield Lines("answer", "said")
        yield Input(id="line", compact=True, select_on_focus=False)
        yield Static(_HINTS, id="hints", markup=False)

    def on_mount(self) -> None:
        """Show the last event."""
        self.pane("events").focus()
        self.call_after_refresh(self.action_edge, 1)

    def on_resize(self, _: events.Resize) -> None:
        """Fit the lines to the new width."""
        self.call_after_refresh(self.show)

    def pane(self, name: str) -> Lines:
        """Return a pane by its name."""
        return self.query_one(f"#{name}", Lines)

    # --- showing --------------------------------------------------------------------------

    def show(self) -> None:
        """Draw every pane again for the place."""
        debugger = self.debugger
        events, state, stops = self.pane("events"), self.pane("state"), self.pane("stops")
        self.query_one("#place", Static).update(
            "\n".join(content.bars(debugger, self.size.width))
        )
        events.show(len(debugger.timeline) + 1,
                    lambda place: content.event_at(debugger, place, events.columns),
                    cursor=debugger.place)  # fmt: skip
        kept = state.current
        lines = content.state_at(debugger, self._open, self._shut, state.columns)
        at = next((number for number, one in enumerate(lines) if one[2:] == kept[2:]), state.cursor)
        state.show(len(lines), lines.__getitem__, cursor=at)
        watched = content.stops_of(debugger, stops.columns)
        stops.show(len(watched), watched.__getitem__)

    def say(self, lines: list[str], tone: str = content.PLAIN) -> None:
        """Show an answer from its first line."""
        self._said = [content.PaneLine(printable(line), tone) for line in lines]
        said = self.pane("said")
        said.show(len(self._said), lambda number: self._said[number], cursor=0)

    def run_line(self, line: str) -> None:
        """Run one line of words and show what it gives; an error is an answer too."""
        try:
            shown = self.words.run(line)
        except LedgerError as error:
            self.say([error_line(error)], content.LATE)
            return
        if shown is not None and shown.show == "end":
            self.exit(DONE)
        elif shown is not None:
            self.say(content.said(shown))
            self.show()

    # --- keys -----------------------------------------------------------------------------

    def action_word(self, line: str) -> None:
        """Run a word."""
        self.run_line(line)

    def field(self) -> str:
        """Return the field under the cursor of the state, if that pane has the focus."""
        state = self.pane("state")
        if not state.has_focus:
            return ""
        return str(state.current.name or "") or state.current.owner

    def action_touch(self, word: str) -> None:
        """Go to the next event that changes what is under the cursor."""
        self.run_line(f"{word} {self.field() or 'any'}")

    def action_on_field(self, word: str) -> None:
        """Run a word on the field under the cursor; without one, ask for an expression."""
        field = self.field()
        if field:
            self.run_line(f"{word} {field}")
        else:
            self.action_line(f"{word} ")

    def action_take(self, word: str) -> None:
        """Take the watch, display or break under the cursor away, else the newest."""
        debugger = self.debugger
        texts = {
            "w": [watche.text for watche in debugger.watches],
            "d": [display.text for display in debugger.displays],
            "b": [one.text for one in debugger.breaks],
        }[word]
        wanted = self._type_here() if word == "b" else self.field()
        number = texts.index(wanted) + 1 if wanted in texts else len(texts)
        self.run_line(f"{word} - {number}" if number else word)

    def _type_here(self) -> str:
        return self.debugger.stop().type or ""

    def action_break_here(self) -> None:
        """Break at events of this place's type."""
        self.run_line(f"b {self._type_here()}".rstrip())

    def action_why(self) -> None:
        """Follow causes."""
        self.run_line(f"y {self.field()}".rstrip())

    def beside(self) -> Lines | None:
        """Return the pane that has the focus, if its cursor is not the place itself."""
        focused = self.focused
        return focused if isinstance(focused, Lines) and focused.id != "events" else None

    def action_edge(self, end: int) -> None:
        """Go to the beginning or to the end."""
        pane = self.beside()
        if pane is None:
            self.run_line("g head" if end else "g start")
        else:
            pane.move(10**9 if end else 0)

    def action_arrow(self, by: int) -> None:
        """Step in the list of events; move the cursor in any other pane."""
        pane = self.beside()
        if pane is None:
            self.run_line("s" if by > 0 else "s-")
        else:
            pane.move(pane.cursor + by)

    def action_leap(self, by: int) -> None:
        """Go a page on or back."""
        pane = self.beside()
        if pane is None:
            self.run_line(f"s{'' if by > 0 else '-'} {self.pane('events').page}")
        else:
            pane.move(pane.cursor + by * pane.page)

    def action_unfold(self) -> None:
        """Unfold or fold up the member under the cursor."""
        line = self.pane("state").current
        if not (self.pane("state").has_focus and line.owner):
            return
        unfolded = line.text.startswith("▾")
        (self._shut if unfolded else self._open).add(line.owner)
        (self._open if unfolded else self._shut).discard(line.owner)
        self.show()

    def action_keys(self) -> None:
        """Show the keys, then the words."""
        words = certain(self.words.run("?"))
        self.say([
            *(f"{keys:<9} {what}" for keys, what in KEYS), "", "words after a colon:",
            *content.said(words),
        ])  # fmt: skip
        self.pane("said").focus()

    # --- the line of words ----------------------------------------------------------------

    def action_line(self, text: str) -> None:
        """Open the line for words."""
        line = self.query_one("#line", Input)
        line.display = True
        line.value = text
        line.focus()
        line.cursor_position = len(text)
        self._back = len(self._typed)

    def action_leave_line(self) -> None:
        """Close the line; the panes have the keys again."""
        line = self.query_one("#line", Input)
        if line.display:
            line.display = False
        self.pane("events").focus()

    def action_interrupt(self) -> None:
        """Leave the line, as Ctrl-C does in a shell; the session goes on."""
        self.action_leave_line()
        self.say(["q leaves"], content.QUIET)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run what was typed."""
        line = event.value.strip()
        if line:
            self._typed.append(line)
        self.action_leave_line()
        if line:
            self.run_line(line)

    def on_key(self, event: events.Key) -> None:
        """In the line: up and down go through what was typed, tab completes."""
        line = self.query_one("#line", Input)
        if not line.has_focus or event.key not in {"up", "down", "tab"}:
            return
        event.prevent_default()
        event.stop()
        if event.key == "tab":
            self._complete(line)
            return
        self._back = min(max(self._back + (-1 if event.key == "up" else 1), 0), len(self._typed))
        line.value = [*self._typed, ""][self._back]
        line.cursor_position = len(line.value)

    def _complete(self, line: Input) -> None:
        found = complete(self.debugger, line.value)
        if len(found) == 1:
            start = line.value.rsplit(" ", 1)[0] + " " if " " in line.value else ""
            line.value = start + found[0]
            line.cursor_position = len(line.value)
        elif found:
            self.say(["  ".join(found[:40])], content.QUIET)
