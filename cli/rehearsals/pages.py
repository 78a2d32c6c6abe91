"""The page of a what-if: what went, what came, who was refused, and the accounts before and after.

Invariant: only renders what the JSON answer holds; long lists say how much they leave out.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from cli.render import cell, point_line, short, table, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Json = dict[str, Any]
LISTED = 30


def whatif_page(answer: Json) -> None:
    """Print ``tally.whatif/1`` for a person."""
    counts = [f"{len(answer[name])} {name}" for name in ("dropped", "derived", "refused")]
    write(f"what if ({answer['mode']}; nothing is written): {', '.join(counts)}")
    write(point_line(answer["point"]))
    for violation in answer.get("violations", ()):
        write(
            f"! impossible: {violation['message']} "
            f"({violation['rule']}, {violation['account']} @{violation['position']})"
        )
    _some(answer["dropped_events"], lambda event: [event_line("-", event)])
    _some(answer["derived"], lambda event: [event_line("+", event)])
    for name in ("refused", "accepted", "duplicates"):
        _some(answer.get(name, ()), lambda one, name=name: _verdict(name, one))  # type: ignore[misc]
    rows = list(_merged(answer["diff"]))
    if rows:
        table(("account", "field", "before", "after"), rows[:LISTED])
        _hidden(len(rows))
    else:
        write("no field of any account differs at this point")


def _some(many: Sequence[Json], lines: Callable[[Json], list[str]]) -> None:
    for one in many[:LISTED]:
        for line in lines(one):
            write(line)
    _hidden(len(many))


def _hidden(count: int) -> None:
    if count > LISTED:
        write(f"  ... {count - LISTED} more (--json has them all)")


def event_line(mark: str, event: Json) -> str:
    """Write an event on one line; new ones have no position of their own."""
    where = f"@{event['position']}" if mark == "-" else "new"
    who = event["account"] or "ledger"
    what = f"{event['type']} {event['instance'] or ''}".rstrip()
    return f"  {mark} {where:<7} {short(event['effective_at']):<19}  {who}  {what}"


def _verdict(name: str, one: Json) -> list[str]:
    who = "inserted" if one["inserted"] else f"@{one['position']}"
    command = one["command"]
    what = f"{command['do']} {command.get('account', '')}".rstrip()
    says = {"refused": "refused", "accepted": "now accepted", "duplicates": "now a repeat"}
    verdict = f"  ! {who} {what} is {says[name]}"
    if name != "refused":
        return [verdict]
    return [f"{verdict}: {one['code']}", f"      {one['message']}"]


def _merged(rows: Sequence[Json]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a member that comes or goes as one row, everything else field by field."""

    def owner(row: Json) -> tuple[str, str]:
        field, bracket, _ = row["field"].rpartition("].")
        return row["account"], field + bracket[:-1]

    for (account, member), group in groupby(rows, key=owner):
        found = list(group)
        if member and all(row["a"] is None for row in found):
            yield account, member, "-", "there"
        elif member and all(row["b"] is None for row in found):
            yield account, member, "there", "-"
        else:
            for row in found:
                yield account, row["field"], _cell(row["a"]), _cell(row["b"])


def _cell(content: object) -> str:
    """Write one cell; an instant as short as everywhere."""
    text = cell(content)
    return short(text) if isinstance(content, str) and _is_instant(text) else text


def _is_instant(text: str) -> bool:
    return len(text) == len("2025-02-10T00:00:00+08:00") and text[10] == "T"
