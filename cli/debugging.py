"""What the debugger shows, written for people in 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.changes import owner_of, spelled, write_changes
from cli.event_lines import caused_by, event_line, fitting
from cli.rehearsals.trees import render_sum, render_tree
from cli.render import strong, write

if TYPE_CHECKING:
    from projections.history.debugger import Debugger

CHANGES_MAX = 40


def prompt(debugger: Debugger) -> str:
    """Return the place: position, how far along, effective and known date."""
    where = debugger.where()
    if not where["position"]:
        return f"(@0/{where['head']} 0%)"
    effective, known = where["effective_at"][:10], where["known_at"][:10]
    return (
        f"(@{where['position']}/{where['head']} {where['percent']}% "
        f"eff {effective} known {known})"
    )


def page(shown: dict[str, Any]) -> None:
    """Write one answer."""
    _PAGES[shown["show"]](shown)


def _stop(shown: dict[str, Any]) -> None:
    because = "; ".join(shown["because"])
    if shown["happened"] is None:
        write(f"before the first event{'' if not because else f' ({because})'}")
    else:
        write(strong(fitting(event_line(shown["happened"]))))
        if because:
            write(f"  stopped: {because}")
        write_changes(shown["changes"][:CHANGES_MAX])
        if not shown["changes"]:
            write("  changes nothing that is shown")
    for one in shown["displays"]:
        write(f"  {one['expression']} = {spelled(one['value'])}")


def _diff(shown: dict[str, Any]) -> None:
    write(f"from @{shown['against']} to @{shown['position']}:")
    write_changes(shown["changes"])
    if not shown["changes"]:
        write("  nothing differs")


def _value(shown: dict[str, Any]) -> None:
    write(f"{shown['expression']} = {spelled(shown['value'])}")


def _fields(shown: dict[str, Any]) -> None:
    owner = ""
    for field, content in shown["fields"].items():
        beneath, name = owner_of(field)
        if beneath and beneath != owner:
            write(beneath)
        owner = beneath
        write(f"{'  ' if beneath else ''}{name:<28} {spelled(content)}")
    if not shown["fields"]:
        write("the account does not exist here yet")


def _why(shown: dict[str, Any]) -> None:
    told = shown.get("explained")
    if told is not None and told["causes"]:
        if told["sum"] is None:
            render_tree(told["causes"])
        else:
            render_sum(told, show_all=False)
        if shown["field"] is None:
            write(f"asked for: {caused_by(shown['causes'][-1])}")
        return
    for depth, event in enumerate(shown["causes"]):
        arrow = "" if depth == 0 else "  " * (depth - 1) + "└ because of "
        write(fitting(arrow + event_line(event)))
    if not shown["causes"]:
        write("before the first event there are no causes")
        return
    root = shown["causes"][-1]
    write(f"{'  ' * (len(shown['causes']) - 1)}└ {caused_by(root)}")


def _list(shown: dict[str, Any]) -> None:
    for number, text in enumerate(shown["items"], 1):
        write(f"  {number}  {text}")
    if not shown["items"]:
        write(f"no {shown['what']}")


def _marks(shown: dict[str, Any]) -> None:
    for mark, position in shown["marks"].items():
        write(f"  {mark}  @{position}")
    if not shown["marks"]:
        write("no marks")


def _help(shown: dict[str, Any]) -> None:
    for words, takes, what in shown["words"]:
        first, rest = f"{words:<6} {takes:<15} {what}", ""
        if len(first) > 79:  # noqa: PLR2004 - the page
            cut = first.rfind(" ", 0, 79)
            first, rest = first[:cut], first[cut + 1 :]
        write(first)
        if rest:
            write(f"{'':<23}{rest}")


def _end(shown: dict[str, Any]) -> None:
    del shown


_PAGES = {
    "stop": _stop, "diff": _diff, "value": _value, "fields": _fields, "why": _why,
    "list": _list, "marks": _marks, "help": _help, "end": _end,
}  # fmt: skip
