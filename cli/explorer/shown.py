"""What a part of a page shows of its answer: figures, a table, a tree; text, link and kind of cell.

Invariant: a cell is the answer's own text; nothing is added, rounded or summed. This module must
not know how it is drawn.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cli.explorer.links import address, link_of, why_link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.explorer.pages import PagePart

Json = dict[str, Any]
_FIGURE: Final = re.compile(r"-?\d{1,30}(?:\.\d{1,12})?")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
# What a page can be asked for beside its path and its point.
_ASKED: Final = ("find", "show", "state", "a", "b", "account", "query")
LINKS: Final = " links"  # of a row: where cells lead that their names do not tell
_DIGITS: Final = 10  # no list has more rows
_ROOM, _WORD = 44, 10  # as in the pages of reports: what a telephone takes


class Cell(NamedTuple):
    """A cell: what is read, the whole of it where that is shortened, where it leads."""

    text: str
    whole: str = ""
    link: str = ""
    figure: bool = False


class ColumnHead(NamedTuple):
    """The name of a column, and where it is sorted by that column."""

    name: str
    link: str
    sorted: str
    figure: bool


class ShownTable(NamedTuple):
    """Some rows of an answer."""

    key: str
    heads: list[ColumnHead]
    rows: list[list[Cell]]
    late: list[bool]
    total: int
    starts: int
    before: str
    after: str
    narrow: bool

    @property
    def ends(self) -> int:
        """The number of the last row that is shown."""
        return self.starts + len(self.rows)


class PageAddress(NamedTuple):
    """The address of the page: its path, its point, everything that was given."""

    path: str
    point: Mapping[str, str]
    given: Mapping[str, str]

    @property
    def kept(self) -> dict[str, str]:
        """What stays in an address when its point changes."""
        return {key: text for key, text in self.given.items()
                if text and (key in _ASKED or key.startswith(("sort.", "from.")))}  # fmt: skip

    def with_(self, **more: str) -> str:
        """Write this address with something changed; what becomes empty is left out."""
        changed = {key: text for key, text in {**self.kept, **more}.items() if text}
        return address(self.path, self.point, **changed)

    def at_(self, **point: str) -> str:
        """Write this address at another point."""
        return address(self.path, point, **self.kept)


def flat(row: Json, before: str = "") -> Json:
    """Flatten nested objects; lists of objects become how many there are."""
    found: Json = {}
    for key, cell in row.items():
        name = f"{before}{key}"
        if isinstance(cell, dict):
            found |= flat(cell, f"{name}.")
        elif isinstance(cell, list):
            objects = any(isinstance(one, dict) for one in cell)
            found[name] = str(len(cell)) if objects else ", ".join(map(str, cell))
        else:
            found[name] = cell
    return found


def cell_of(name: str, row: Json, asked: PageAddress) -> Cell:
    """Write a cell."""
    value = row.get(name)
    if value is None or value == "":
        return Cell("")
    own = row.get(LINKS, {}).get(name)
    link = link_of(name, row, value) if own is None else own
    led = own or ("" if link is None else address(link, asked.point))
    if isinstance(value, bool):
        return Cell("yes" if value else "no", link=led)
    text = str(value)
    if _INSTANT.fullmatch(text):
        return Cell(text[:19].replace("T", " "), text, led)
    if isinstance(value, int) and link is not None and link.startswith("/event/"):
        return Cell(f"@{text}", text, led)
    return Cell(text, link=led, figure=_FIGURE.fullmatch(text) is not None)


def figures(part: PagePart, answer: Json, asked: PageAddress) -> list[tuple[str, Cell]]:
    """Part an answer's plain cells from its lists."""
    held = answer.get(part.rows)
    if isinstance(held, dict):
        answer = held
    row = flat({key: cell for key, cell in answer.items() if key not in ("schema", "point")})
    names = part.columns or [
        key for key, cell in row.items() if not isinstance(answer.get(key.split(".")[0]), list)
        and cell is not None
    ]  # fmt: skip
    made = [(name, cell_of(name, row, asked)) for name in names]
    return [(name, cell) for name, cell in made if cell.text]


def cut(part: PagePart, rows: list[Json], asked: PageAddress) -> Json:
    """Cut a list that is not a table: what is shown of it, and where the rest is."""
    starts, before, after = _span(part, len(rows), asked)
    return {"rows": rows[starts : starts + part.first], "starts": starts, "total": len(rows),
            "before": before, "after": after}  # fmt: skip


def arranged(shape: str, answer: Json) -> Json:
    """Turn an answer's rows as a shape shows them."""
    if shape == "backwards":
        return {**answer, "rows": answer["rows"][::-1]}
    if shape == "cause":
        return {**answer, "rows": [answer["caused_by"]] if answer["caused_by"] else []}
    if shape == "facts":
        rows = [
            {**{key: cell for key, cell in fact.items() if key != "changes"}, **change}
            for fact in answer["facts"] for change in fact["changes"]
        ]  # fmt: skip
        return {**answer, "facts": rows}
    if shape == "bridge":
        return {**answer, "rows": [
            {**{key: cell for key, cell in row.items() if key != "events"},
             LINKS: _bridged(answer, row, place)}
            for place, row in enumerate(answer["rows"])
        ]}  # fmt: skip
    if shape == "changes" and answer["account"]:
        ends = {"before": answer["position"] - 1, "after": answer["position"]}
        return {**answer, "changes": [
            {**row, LINKS: {
                side: f"{why_link(answer['account'], row['field'])}?position={position}"
                for side, position in ends.items()
            }}
            for row in answer["changes"]
        ]}  # fmt: skip
    return answer


def _bridged(answer: Json, row: Json, place: int) -> dict[str, str]:
    """Lead a difference to the why of both its sides, and a bridge to its events."""
    found = {
        side: address(why_link(row["account"], row["field"]), {
            "at": answer[side]["at"], "position": str(answer[side]["position"]),
        })
        for side in ("a", "b")
    }  # fmt: skip
    if row.get("events"):
        found |= dict.fromkeys(("delta", *(f"bridge.{part}" for part in row["bridge"])),
                               f"#bridge-{place}")  # fmt: skip
    return found


def _span(part: PagePart, total: int, asked: PageAddress) -> tuple[int, str, str]:
    """Return from which row on a part is shown, and where what is before and after is."""
    key = f"from.{part.key}"
    text = asked.given.get(key, "")
    starts = min(int(text), total) if text.isdecimal() and len(text) < _DIGITS else 0
    before = asked.with_(**{key: str(max(0, starts - part.first))}) if starts else ""
    later = starts + part.first
    return starts, before, asked.with_(**{key: str(later)}) if later < total else ""


def table(part: PagePart, answer: Json, asked: PageAddress) -> ShownTable:
    """Sort, cut and write the rows of an answer."""
    around = {key: answer[key] for key in ("account", "currency") if key in answer}
    given = [row for row in answer.get(part.rows) or [] if part.keep is None or part.keep(row)]
    order = asked.given.get(f"sort.{part.key}", "")
    down, by = order.startswith("-"), order.removeprefix("-")
    rows = given
    if by:
        plain = [(_order(flat(row).get(by)), row) for row in given]
        rows = [row for _, row in sorted(plain, key=lambda one: one[0], reverse=down)]
    starts, before, after = _span(part, len(rows), asked)
    shown = [
        {**around, **flat({key: cell for key, cell in row.items() if key != LINKS}),
         LINKS: row.get(LINKS, {})}
        for row in rows[starts : starts + part.first]
    ]  # fmt: skip
    own = [name for row in shown for name in row if name not in (*around, "schema", LINKS)]
    names = part.columns or tuple(dict.fromkeys(own))
    names = tuple(name for name in names if any(row.get(name) is not None for row in shown))
    cells = [[cell_of(name, row, asked) for name in names] for row in shown]
    sort, cut_ = f"sort.{part.key}", f"from.{part.key}"
    way = "descending" if down else "ascending"
    heads = [
        ColumnHead(
            name, asked.with_(**{sort: _turned(name, order), cut_: ""}),
            way if name == by else "", any(row[place].figure for row in cells),
        )
        for place, name in enumerate(names)
    ]  # fmt: skip
    late = [str(row.get("recorded_at") or "") > str(row.get("effective_at") or "~")
            for row in shown]  # fmt: skip
    return ShownTable(
        part.key, heads, cells, late, len(rows), starts, before, after, _narrow(names, cells)
    )


def _turned(name: str, order: str) -> str:
    return f"-{name}" if order == name else name


def _order(cell: object) -> tuple[int, Any]:
    """Sort figures as figures, before words; what is absent comes last."""
    from decimal import Decimal  # noqa: PLC0415 - for a sorted table alone

    if cell is None:
        return (2, "")
    text = str(cell)
    if not isinstance(cell, bool) and _FIGURE.fullmatch(text):
        return (0, Decimal(text))
    return (1, text)


def _narrow(names: Sequence[str], rows: list[list[Cell]]) -> bool:
    """Return whether the columns do not fit beside each other on a telephone."""
    need = 0
    for place, name in enumerate(names):
        longest = max((len(row[place].text) for row in rows), default=0)
        figure = any(row[place].figure for row in rows)
        need += 1 + (max(longest, len(name)) if figure else min(max(longest, len(name)), _WORD))
    return need > _ROOM
