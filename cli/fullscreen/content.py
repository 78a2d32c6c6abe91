"""What the panes of the full-screen debugger show, as lines of plain text and a tone each.

This module must not know Textual: it reads a session and gives lines.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, NamedTuple

from cli.changes import spelled
from cli.debugging import page
from cli.event_lines import event_line
from projections.answers.events import event_of
from projections.history.fields import Cell, Name, written
from projections.pages import short
from projections.printable import cut, printable, width

if TYPE_CHECKING:
    from projections.answers.hunting import Word
    from projections.history.debugger import Debugger
    from projections.history.walk import Change

PLAIN, STRONG, CHANGED, LATE, QUIET = "plain", "strong", "changed", "late", "quiet"
WIDE = 60  # columns from which an event's line has room for all its facts
_NAME = 16
# The one field that says most of a member, shown while the member is folded up.
_TELLS = {"coupons": "remaining", "unpaid": "outstanding", "instances": "state"}
_SUMMARY = ("amount", "cash_part", "price", "outstanding", "code", "threshold")
_BLOCKS = " ▏▎▍▌▋▊▉█"


class PaneLine(NamedTuple):
    """One line of a pane, and the field that it shows, if any.

    Attributes:
        owner: for the heading of a member, the member as it is written.

    """

    text: str
    tone: str = PLAIN
    name: Name | None = None
    owner: str = ""


def event_at(debugger: Debugger, place: int, columns: int) -> PaneLine:
    """Show the event right before a place; place 0 is the beginning."""
    here = "▶" if place == debugger.place else " "
    recorded = debugger.timeline.event(place)
    if recorded is None:
        return PaneLine(f"{here}  the beginning", QUIET)
    row = event_of(recorded, debugger.write)
    stops = any(type(recorded.event) is one.kind for one in debugger.breaks)
    late = recorded.effective_at < recorded.recorded_at
    start = f"{here}{'●' if stops else ' '}"
    tone = LATE if late else STRONG if here.strip() else PLAIN
    if columns >= WIDE:
        return PaneLine(cut(printable(start + event_line(row)), columns), tone)
    amount = next((row.data[one] for one in _SUMMARY if row.data.get(one) is not None), "")
    who = f" {row.instance}" if row.instance else ""
    text = f"{start}@{row.position:<5} {row.effective_at:%m-%d} {row.type}{who}"
    end = f" {amount}{' late' if late else ''}"
    room = columns - width(end)
    text = cut(printable(text), room)
    return PaneLine(text + " " * (room - width(text)) + printable(end), tone)


def state_at(
    debugger: Debugger, opened: set[str], closed: set[str], columns: int) -> list[PaneLine
]:
    """Show the fields here as a tree; what this place's event changed is marked.

    ``opened`` and ``closed`` are the members that a person unfolded and folded up; any other is
    unfolded where one of its fields changed.
    """
    changes = {change.name: change for change in debugger.changes(debugger.place)}
    fields = debugger.fields(debugger.place)
    gone = {name: None for name in changes if name not in fields and name.field}
    changed = {(change.family, change.member) for change in changes}
    lines: list[PaneLine] = []
    above = ("", "")
    for name, cell in {**fields, **gone}.items():
        member = (name.family, name.member)
        if name.family and member != above:
            lines.append(_heading(debugger, name, fields, opened=opened, closed=closed,
                                  changed=member in changed, columns=columns))  # fmt: skip
        above = member
        if name.family and lines[-1].owner and not _unfolded(
            lines[-1].owner, opened, closed, changed=member in changed
        ):
            continue
        lines.append(_field(debugger, name, cell, changes.get(name), columns=columns))
    return lines or [PaneLine("the account does not exist here yet", QUIET)]


def _unfolded(owner: str, opened: set[str], closed: set[str], *, changed: bool) -> bool:
    return owner in opened or (changed and owner not in closed)


def _heading(
    debugger: Debugger, name: Name, fields: dict[Name, Cell], *,
    opened: set[str], closed: set[str], changed: bool, columns: int,
) -> PaneLine:  # fmt: skip
    owner = str(Name("", name.family, name.member))
    sign = "▾" if _unfolded(owner, opened, closed, changed=changed) else "▸"
    tells = Name(_TELLS[name.family], name.family, name.member)
    content = spelled(written(tells, fields.get(tells), debugger.write))
    text = printable(f"{sign} {owner}")
    text = cut(text, columns - 1 - width(content))
    room = columns - width(text) - width(content)
    return PaneLine(text + " " * room + content, CHANGED if changed else STRONG, owner=owner)


def _field(
    debugger: Debugger, name: Name, cell: Cell, change: Change | None, *, columns: int
) -> PaneLine:
    label = f"{'  ' if name.family else ''}{name.field:<{_NAME}} "
    now = spelled(written(name, cell, debugger.write))
    if change is None:
        return PaneLine(cut(printable(label + now), columns), PLAIN, name)
    was = spelled(written(name, change.before, debugger.write))
    text = f"{label}{was} -> {now}"
    shown = text if width(text) <= columns else f"{label}-> {now}"
    return PaneLine(cut(printable(shown), columns), CHANGED, name)


def stops_of(debugger: Debugger, columns: int) -> list[PaneLine]:
    """Show watches and displays with their values here, and breaks."""
    lines: list[PaneLine] = []
    for letter, expressions in (
        ("w", [watche.expression for watche in debugger.watches]), ("d", debugger.displays),
    ):  # fmt: skip
        for number, expression in enumerate(expressions, 1):
            value = spelled(debugger.value(expression))
            text = cut(f"{letter}{number} {printable(expression.text)}", columns - 1 - width(value))
            lines.append(PaneLine(text + " " * (columns - width(text) - width(value)) + value))
    lines += [
        PaneLine(cut(printable(f"b{number} {one.text}"), columns))
        for number, one in enumerate(debugger.breaks, 1)
    ]
    return lines or [PaneLine(cut("none: w watches a field, b breaks at a type", columns), QUIET)]


def bars(debugger: Debugger, columns: int) -> tuple[str, str]:
    """Draw how far along each axis this place lies: the log's, and true time."""
    where = debugger.where()
    timeline = debugger.timeline
    first, last = timeline.event(min(1, len(timeline))), timeline.event(len(timeline))
    place = f" @{where.position}/{where.head}"
    room = max(columns - 51, 8)
    along = where.percent or 0
    through = 0
    here = timeline.event(debugger.place)
    if here is not None and first is not None and last is not None:
        span = max(last.recorded_at - first.recorded_at, 1)
        through = min(max((here.effective_at - first.recorded_at) * 100 // span, 0), 100)
    known = f" known {short(where.known_at or None)}"
    true = f" true  {short(where.effective_at or None)}"
    named = cut(" " + printable(debugger.account), 19)
    return (
        f"{place:<20}{_bar(along, room)} {along:>3}%{known}"[:columns],
        f"{named:<20}{_bar(through, room)} {through:>3}%{true}"[:columns],
    )


def _bar(percent: int, columns: int) -> str:
    eighths = percent * columns * 8 // 100
    full, part = divmod(eighths, 8)
    return ("█" * full + (_BLOCKS[part] if full < columns else "")).ljust(columns, "·")


def said(shown: Word) -> list[str]:
    """Return what the line debugger writes for an answer."""
    text = io.StringIO()
    with redirect_stdout(text):
        page(shown)
    return text.getvalue().splitlines()
