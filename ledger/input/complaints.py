"""What is wrong with a line that is not a command, in our words: the field, its form, its choices.

Read only on the way to an error: the line was refused by its declaration already. Invariant: each
field is judged by the declaration alone, so nothing is refused here that would be read there.
This module must not know any command.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
from msgspec import inspect

from ledger.errors import InvalidInput
from ledger.input.lines import check_encoding
from ledger.policy import did_you_mean
from ledger.quoting import QUOTED_MAX, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HINT = "one JSON object a line; see: tally schema command"
_WORDS = {
    dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null",
    int: "a number", float: "a number",
}  # fmt: skip
_AROUND = 12  # bytes shown from where JSON breaks


def complaint(
    line: bytes, message: str, commands: Mapping[str, type[msgspec.Struct]]
) -> InvalidInput:
    """Return the error of a line that could not be read; ``message`` is what its reader said."""
    try:
        check_encoding(line)
        content = msgspec.json.decode(line)
    except InvalidInput as error:
        return error
    except (msgspec.DecodeError, RecursionError):
        return InvalidInput(f"not a command: {_broken(line, message)}", hint=_HINT)
    if not isinstance(content, dict):
        said = f"not a command: {_WORDS[type(content)]}, not an object"
        return InvalidInput(said, hint=_HINT)
    name = content.pop("do", None)
    if not isinstance(name, str) or name not in commands:
        return _no_command(name, list(commands))
    return _wrong_fields(name, commands[name], content)


def _wrong_fields(
    name: str, kind: type[msgspec.Struct], content: Mapping[str, object]
) -> InvalidInput:
    """Return the error of the first field that is foreign, missing or wrong."""
    known = kind.__struct_fields__
    for field in content:
        if field not in known:
            near = did_you_mean(field[:QUOTED_MAX], list(known))
            takes = f"{name} takes: " + " ".join(sorted(known))
            return InvalidInput(f"{name} has no field {quoted(field)}", hint=near or takes)
    declared = msgspec.structs.fields(kind)
    missing = [field.name for field in declared if field.required and field.name not in content]
    if missing:
        form = next(form_of(field.type) for field in declared if field.name == missing[0])
        hint = f"{missing[0]}: {form}; see: tally record {name} --help"
        return InvalidInput(f"{name} needs {', '.join(missing)}", hint=hint)
    for declaration in declared:
        if declaration.name in content and not _reads(content[declaration.name], declaration.type):
            said, hint = _wrong(declaration, content[declaration.name])
            return InvalidInput(f"{name}: {said}", hint=hint)
    return InvalidInput(f"{name}: a value cannot be read", hint=f"see: tally record {name} --help")


def _no_command(name: object, known: list[str]) -> InvalidInput:
    if name is None:
        said = 'the object has no "do", the name of a command'
        return InvalidInput(said, hint="commands: " + " ".join(known))
    near = did_you_mean(str(name)[:QUOTED_MAX], known)
    hint = near or "commands: " + " ".join(known)
    return InvalidInput(f"no command {quoted(name)}", hint=hint)


def _broken(line: bytes, message: str) -> str:
    """Return where JSON breaks, as far as its parser says."""
    place = re.search(r"\(byte (\d+)\)", message)
    if place is None:
        return "the JSON ends too soon" if "truncated" in message else "not JSON"
    at = int(place[1])
    there = line[at : at + _AROUND].decode(errors="replace")
    return f"not JSON from byte {at + 1} on" + (f", {quoted(there)}" if there else "")


def _reads(value: object, declared: object) -> bool:
    try:
        msgspec.convert(value, declared)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True


def _wrong(field: msgspec.structs.FieldInfo, value: object) -> tuple[str, str]:
    """Return what is wrong with a value, and how to write it."""
    choices = list(choices_of(field.type))
    shown = quoted(value) if isinstance(value, (str, int, float)) else _WORDS[type(value)]
    shown = str(value).lower() if isinstance(value, bool) else shown
    form = form_of(field.type)
    if choices:
        given = value if isinstance(value, list) else [value]
        odd = next((choice for choice in given if choice not in choices), value)
        near = did_you_mean(str(odd)[:QUOTED_MAX], choices) if odd not in choices else None
        shown = quoted(odd) if isinstance(odd, str) else shown
        return f"{field.name} cannot be {shown}: it is {form}", near or "see: tally schema command"
    return f"{field.name} cannot be {shown}", f"write {form}"


def _members(declared: object) -> Iterator[inspect.Type]:
    """Yield the kinds of value that a declaration allows, null aside."""
    kind = inspect.type_info(declared) if not isinstance(declared, inspect.Type) else declared
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _members(member)
    elif not isinstance(kind, inspect.NoneType):
        yield kind


def choices_of(declared: object) -> list[str]:
    """List the words that a declaration allows, alone or in a list; none where any text is."""
    words = (
        kind.values if isinstance(kind, inspect.LiteralType)
        else choices_of(kind.item_type) if isinstance(kind, inspect.ListType) else ()
        for kind in _members(declared)
    )  # fmt: skip
    return [str(word) for word in chain.from_iterable(words)]


def form_of(declared: object) -> str:
    """Return how a value is written, in the words of who writes it."""
    kinds = list(_members(declared))
    kind = kinds[0]
    if isinstance(kind, inspect.ListType):
        words = choices_of(declared)
        members = ", ".join(f'"{word}"' for word in words if word != "all") or '"i-1", "i-2"'
        return f"a list like [{members}]" + (' or "all"' if "all" in words else "")
    if isinstance(kind, inspect.LiteralType):
        return f"one of {', '.join(map(str, kind.values))}"
    if len(kinds) > 1 and isinstance(kinds[1], inspect.IntType):  # ledger.commands.Instant
        return "an instant like 2025-02-10T08:00:00+08:00"
    forms: dict[type[inspect.Type], str] = {
        inspect.DecimalType: "an amount like 100.00, without thousands separators",
        inspect.IntType: "a whole number like 3, at most 2147483648",
        inspect.BoolType: "true or false",
        inspect.StrType: "a text",
    }
    form = forms.get(type(kind), "another value")
    if isinstance(kind, inspect.StrType) and kind.max_length:
        form = f"a text of 1 to {kind.max_length} characters"
    return form
