"""What the debugger shows, written for people in 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.changes import owner_of, spelled, write_changes
from cli.event_lines import caused_by, event_line, fitting
from cli.render import strong, write
from cli.trees import render_sum, render_tree

if TYPE_CHECKING:
    from projections.answers.hunting import Word
    from projections.history.debugger import Debugger

CHANGES_MAX = 40


def prompt(debugger: Debugger) -> str:
    """Return the place: position, how far along, effective and known date."""
    where = debugger.where()
    if not (where.effective_at and where.known_at):
        return f"(@0/{where.head} 0%)"
    return (
        f"(@{where.position}/{where.head} {where.percent}% "
        f"eff {where.effective_at.date()} known {where.known_at.date()})"
    )


def page(shown: Word) -> None:
    """Write one answer."""
    if shown.show != "end":
        _PAGES[shown.show](shown)


def _stop(shown: Word) -> None:
    because = "; ".join(shown.because or ())
    if not shown.happened:
        write(f"before the first event{'' if not because else f' ({because})'}")
    else:
        write(strong(fitting(event_line(shown.happened))))
        if because:
            write(f"  stopped: {because}")
        changes = shown.changes or ()
        write_changes(changes[:CHANGES_MAX])
        if not changes:
            write("  changes nothing that is shown")
    for one in shown.displays or ():
        write(f"  {one.expression} = {spelled(one.value)}")


def _diff(shown: Word) -> None:
    write(f"from @{shown.against} to @{shown.position}:")
    write_changes(shown.changes or ())
    if not shown.changes:
        write("  nothing differs")


def _value(shown: Word) -> None:
    write(f"{shown.expression} = {spelled(shown.value)}")


def _fields(shown: Word) -> None:
    owner = ""
    for field, content in (shown.fields or {}).items():
        beneath, name = owner_of(field)
        if beneath and beneath != owner:
            write(beneath)
        owner = beneath
        write(f"{'  ' if beneath else ''}{name:<28} {spelled(content)}")
    if not shown.fields:
        write("the account does not exist here yet")


def _why(shown: Word) -> None:
    causes = shown.causes or ()
    told = shown.explained
    if told and told.causes:
        if told.sum is None:
            render_tree(told.causes)
        else:
            render_sum(told, show_all=False)
        if shown.field is None:
            write(f"asked for: {caused_by(causes[-1])}")
        return
    for depth, event in enumerate(causes):
        arrow = "" if depth == 0 else "  " * (depth - 1) + "└ because of "
        write(fitting(arrow + event_line(event)))
    if not causes:
        write("before the first event there are no causes")
        return
    write(f"{'  ' * (len(causes) - 1)}└ {caused_by(causes[-1])}")


def _list(shown: Word) -> None:
    for number, text in enumerate(shown.items or (), 1):
        write(f"  {number}  {text}")
    if not shown.items:
        write(f"no {shown.what}")


def _marks(shown: Word) -> None:
    for mark, position in (shown.marks or {}).items():
        write(f"  {mark}  @{position}")
    if not shown.marks:
        write("no marks")


def _help(shown: Word) -> None:
    for words, takes, what in shown.words or ():
        first, rest = f"{words:<6} {takes:<15} {what}", ""
        if len(first) > 79:  # noqa: PLR2004 - the page
            cut = first.rfind(" ", 0, 79)
            first, rest = first[:cut], first[cut + 1 :]
        write(first)
        if rest:
            write(f"{'':<23}{rest}")


_PAGES = {
    "stop": _stop, "diff": _diff, "value": _value, "fields": _fields, "why": _why,
    "list": _list, "marks": _marks, "help": _help,
}  # fmt: skip
