"""The page of every answer: its fields, from the structs that `--json` and the schemas show."""

from __future__ import annotations

import json
from collections import Counter
from inspect import cleandoc
from typing import TYPE_CHECKING, Final

from msgspec import inspect

from docs.pages import NOTICE, Undocumented, raw, table
from projections.answers.schemas import ANSWERS, answer_class, fields_told, parts_of
from projections.answers.terms import Exact, Instant

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = ("field", "shape", "meaning")
_PLAIN: Final[dict[type, str]] = {
    inspect.AnyType: "anything",
    inspect.BoolType: "true or false",
    inspect.DecimalType: "decimal",
    inspect.IntType: "integer",
    inspect.NoneType: "null",
    inspect.StrType: "text",
}
_OURS: Final[dict[type, str]] = {Instant: "instant", Exact: "decimal"}


class _Page:
    """The answers, and what they are made of; a part of several answers stands once."""

    def __init__(self) -> None:
        """Collect every part."""
        self._answers = {name: answer_class(name) for name in ANSWERS}
        found = {part: None for kind in self._answers.values() for part in parts_of(kind)}
        own = set(self._answers.values())
        self._parts = sorted((one for one in found if one not in own), key=lambda one: one.__name__)
        self._named = Counter(part.__name__ for part in self._parts)

    def lines(self) -> Iterator[str]:
        """Write the page."""
        yield from (NOTICE, "# Answers", "")
        yield from (
            "What `--json` prints, field by field; `tally schema NAME` prints the same as a JSON",
            "Schema. `--ndjson` and `--csv` give the rows. A decimal is an exact amount of major",
            "units as text, its currency in the same object; an instant is RFC 3339 in the",
            "ledger's offset. More fields may come; those that are here do not change.",
            "",
        )
        for name, kind in self._answers.items():
            yield from (f"## {name}", "", f'`"schema": "{kind.__struct_config__.tag}"`', "")
            yield from self._struct(kind)
        yield from ("## Parts", "", "What answers are made of.", "")
        for part in self._parts:
            yield from (f"### {self._title(part)}", "")
            yield from self._struct(part)

    def _struct(self, kind: type) -> Iterator[str]:
        about, _, _ = cleandoc(raw(kind.__doc__, kind.__name__)).partition("\n\nAttributes:")
        yield from (about.replace("``", "`"), "")
        told = fields_told(kind)
        rows = []
        for one in _fields(kind):
            shape = self._shape(one.type) + ("" if one.required else ", or absent")
            meaning = (told.get(one.encode_name) or _described(one.type)).rstrip(".")
            rows.append((f"`{one.encode_name}`", shape, meaning.replace("``", "`")))
        if rows:
            yield from (*table(_HEAD, rows), "")

    def _title(self, part: type) -> str:
        if self._named[part.__name__] == 1:
            return part.__name__
        return f"{part.__name__} of {part.__module__.rpartition('.')[2]}"

    def _shape(self, kind: inspect.Type) -> str:
        match kind:
            case inspect.Metadata(extra_json_schema={"enum": texts}):
                shape = ", ".join(map(json.dumps, texts))
            case inspect.Metadata(type=bare):
                shape = self._shape(bare)
            case inspect.CustomType(cls=cls):
                shape = _OURS[cls]
            case inspect.StructType(cls=cls):
                shape = self._link(cls)
            case inspect.LiteralType(values=values):
                shape = ", ".join(map(json.dumps, values))
            case inspect.ListType(item_type=item):
                shape = f"list of {self._shape(item)}"
            case inspect.DictType(key_type=key, value_type=value):
                shape = f"map of {self._shape(key)} to {self._shape(value)}"
            case inspect.UnionType(types=types):
                shape = " or ".join(map(self._shape, types))
            case _ if type(kind) in _PLAIN:
                shape = _PLAIN[type(kind)]
            case _:
                raise Undocumented(f"no name for {kind}")
        return shape

    def _link(self, kind: type) -> str:
        names = [name for name, one in self._answers.items() if one is kind]
        title = names[0] if names else self._title(kind)
        return f"[{title}](#{title.lower().replace(' ', '-')})"


def _fields(kind: type) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)  # noqa: S101 - answers are structs
    return found.fields


def _described(kind: inspect.Type) -> str:
    """Return what a type says of itself; of a decimal or an instant the page has said it."""
    if not isinstance(kind, inspect.Metadata) or isinstance(
        kind.type, (inspect.DecimalType, inspect.CustomType)
    ):
        return ""
    return str((kind.extra_json_schema or {}).get("description", ""))


def answers_page() -> Iterator[str]:
    """Write ANSWERS.md: every answer with its fields."""
    return _Page().lines()
