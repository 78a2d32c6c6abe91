"""Writes the pages that follow from the code: EVENTS, ERRORS, COMMANDS, CLI, ANSWERS.

`make docs` writes them; `--check` only says whether they are up to date, and exits 1 if not.
What a field means is said once, in fields.json; a field without a meaning stops the generator.
"""

from __future__ import annotations

import json
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

import cli
import ledger
import projections
from cli.errors import exit_code
from docs.answers import answers_page
from docs.command_line import cli_page
from docs.pages import NOTICE, Rows, Undocumented, said, table
from ledger import codec, commands, errors, events
from ledger.events import INSTANTS
from ledger.periods import HOUR, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

DOCS: Final = Path(__file__).resolve().parent
FROZEN: Final = DOCS.parent / "fixtures" / "events"
MEANINGS: Final[dict[str, dict[str, str]]] = json.loads(
    (DOCS / "fields.json").read_text(encoding="utf-8")
)
FIELD_HEAD: Final = ("field", "shape", "default", "meaning")
PLAIN: Final[dict[type, str]] = {
    inspect.BoolType: "true or false",
    inspect.DecimalType: "decimal",
    inspect.IntType: "integer",
    inspect.NoneType: "null",
    inspect.StrType: "text",
}


def _meaning(kind: str, field: str, where: str) -> str:
    try:
        return MEANINGS[kind][field]
    except KeyError:
        msg = f"{where}.{field} has no meaning in docs/fields.json under {kind!r}"
        raise Undocumented(msg) from None


def shape_of(kind: inspect.Type) -> str:
    """Name a type as a reader of JSON or MessagePack would."""
    if type(kind) in PLAIN:
        return PLAIN[type(kind)]
    match kind:
        case inspect.Metadata(type=bare):
            shape = shape_of(bare)
        case inspect.LiteralType(values=values):
            shape = ", ".join(f'"{value}"' for value in values)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            shape = f"list of {shape_of(item)}"
        case inspect.TupleType(item_types=items):
            shape = f"[{', '.join(map(shape_of, items))}]"
        case inspect.NamedTupleType(fields=fields):
            shape = f"[{', '.join(field.name for field in fields)}]"
        case inspect.DictType(key_type=key, value_type=value):
            shape = f"map of {shape_of(key)} to {shape_of(value)}"
        case inspect.UnionType(types=types):
            shapes = [shape_of(one) for one in types]
            if shapes[:2] == ["text", "integer"]:  # ledger.commands.Instant
                shapes[:2] = ["instant"]
            shape = " or ".join(shapes)
        case _:
            raise Undocumented(f"no name for {kind}")
    return shape


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return ""
    return f"`{json.dumps(field.default)}`"


def _rows(
    struct: type[msgspec.Struct], kind: str, *, but: tuple[str, ...] = ()
) -> Rows:
    rows: list[tuple[str, ...]] = []
    for field in msgspec.structs.fields(struct):
        if field.name not in but:
            shape = shape_of(inspect.type_info(field.type))
            meaning = _meaning(kind, field.name, struct.__name__)
            rows.append((f"`{field.name}`", shape, _default(field), meaning))
    return rows


def _json(value: object) -> Iterator[str]:
    yield from ("```json", json.dumps(value, ensure_ascii=False), "```")


# --- EVENTS.md -------------------------------------------------------------------------------


def _sample(event_type: type[events.Event]) -> dict[str, Any]:
    name, schema = codec.tag(event_type).split("/")
    path = FROZEN / f"v{schema}" / f"{name}.json"
    if not path.exists():
        msg = f"{path.name} is missing in fixtures/events/v{schema} (CONTRIBUTING, add an event)"
        raise Undocumented(msg)
    found = json.loads(path.read_text(encoding="utf-8"))
    stored: dict[str, Any] = found["samples"]["every field"]["stored"]
    return stored


def _attributes(docstring: str) -> Rows:
    """Read the Attributes block of a docstring."""
    rows: list[tuple[str, str]] = []
    for line in docstring.split("Attributes:")[1].strip().splitlines():
        name, colon, meaning = line.strip().partition(": ")
        if colon and name.isidentifier():
            rows.append((f"`{name}`", meaning.replace("``", "`").rstrip(".")))
        elif line.strip():
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {line.strip()}".rstrip("."))
    return rows


def events_page() -> Iterator[str]:
    """Write EVENTS.md: the storage vocabulary."""
    yield from (NOTICE, "# Events", "")
    yield from (
        f"The {len(events.EVENT_TYPES)} facts that a ledger can remember. Names and fields are",
        "storage: they never change (ledger/events.py says how a new schema is made).",
        "Amounts are integers of minor units, instants integers of UTC microseconds on a whole",
        "second. A field with a default is left out of the bytes where it has that value. Bytes",
        "and readings of every type are frozen in `fixtures/events/`.",
        "",
        "## The envelope",
        "",
        "Stored around every event; a field that is null is left out.",
        "",
    )
    yield from table(("field", "meaning"), _attributes(events.RecordedEvent.__doc__ or ""))
    yield from (
        "| `event` | the event itself; its `type` is name and schema number |",
        "| `actor`, `reason`, `token` | as the command said |",
        "",
    )
    for event_type in events.EVENT_TYPES:
        yield from (f"## {event_type.__name__}", "")
        yield from (said(event_type.__doc__, event_type.__name__), "")
        rows = _rows(event_type, "events")
        if rows:
            yield from table(FIELD_HEAD, rows)
            yield ""
        yield from _json(_sample(event_type)["event"])
        yield ""


# --- ERRORS.md -------------------------------------------------------------------------------


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def known_errors() -> list[type[errors.LedgerError]]:
    """List every error of the program that has a code of its own."""
    for package in (ledger, projections, cli):
        _import_all(package)
    found: list[type[errors.LedgerError]] = []
    unseen = [errors.LedgerError]
    while unseen:
        error = unseen.pop()
        if error.__module__.split(".")[0] in {"ledger", "projections", "cli"}:
            if error is not errors.LedgerError and "code" in vars(error):
                found.append(error)
            unseen += error.__subclasses__()
    return sorted(found, key=lambda error: error.code)


def _when(error: type[errors.LedgerError]) -> str:
    """Describe when an error occurs; the exit code has a column of its own."""
    return re.sub(r" \(exit \d\)|, exit \d(?=\))", "", said(error.__doc__, error.__name__))


def errors_page() -> Iterator[str]:
    """Write ERRORS.md: every code, when it comes and what to do."""
    yield from (NOTICE, "# Errors", "")
    yield from (
        "Codes never change. With `--json` an error is one object on stdout",
        '(`"schema": "tally.error/1"`), else one line on stderr; there is no traceback for bad',
        "input. A refused command appends one audit-only event and moves nothing (R58).",
        "",
        "## Refusals (exit 4)",
        "",
        "A rule does not allow the command. The first check that fails names the code",
        "(RULEBOOK, section 5).",
        "",
    )
    refusals = [
        (f"`{error.code}`", said(error.__doc__, error.__name__), error.remedy)
        for error in errors.REFUSALS
    ]
    yield from table(("code", "when", "what to do"), refusals)
    yield from ("", "## All others", "")
    others = [
        (f"`{error.code}`", str(exit_code(error)), _when(error))
        for error in known_errors()
        if not issubclass(error, errors.Refused)
    ]
    yield from table(("code", "exit", "when"), others)
    yield ""


# --- COMMANDS.md -----------------------------------------------------------------------------


def _requests() -> dict[str, dict[str, object]]:
    """Return one stored request of each command, from the frozen events."""
    found: dict[str, dict[str, object]] = {}
    for path in sorted(FROZEN.glob("v*/*.json")):
        for sample in json.loads(path.read_text(encoding="utf-8"))["samples"].values():
            request = sample["stored"].get("request")
            if request is not None:
                found.setdefault(request["do"], request)
    return found


def _as_written(request: dict[str, object]) -> dict[str, object]:
    """Spell the instants of a stored request as a person would."""
    return {
        name: format_instant(value, 8 * HOUR)
        if name in INSTANTS and isinstance(value, int)
        else value
        for name, value in request.items()
    }


def commands_page() -> Iterator[str]:
    """Write COMMANDS.md: what can be recorded."""
    yield from (NOTICE, "# Commands", "")
    yield from (
        "`tally record NAME --field value ...` records one command; `tally import FILE` records",
        "one JSON object per line, with the name in `do`. A field without a default is",
        "required. Amounts are",
        "exact decimals of major units; instants are RFC 3339, in the ledger's offset if none is",
        "given.",
        "",
        "Every command may also carry:",
        "",
    )
    yield from table(FIELD_HEAD, _rows(commands.Command, "commands"))
    yield ""
    common = commands.Command.__struct_fields__
    requests = _requests()
    for name, command in commands.COMMANDS.items():
        yield from (f"## `{name}`", "", said(command.__doc__, name), "")
        yield from table(FIELD_HEAD, _rows(command, "commands", but=common))
        yield ""
        yield from _json(_as_written(requests[name]))
        yield ""


# --- writing ---------------------------------------------------------------------------------

PAGES: Final = {
    "ANSWERS.md": answers_page,
    "CLI.md": cli_page,
    "COMMANDS.md": commands_page,
    "ERRORS.md": errors_page,
    "EVENTS.md": events_page,
}


def page(name: str) -> str:
    """Return the whole text of a generated page."""
    return "\n".join(PAGES[name]()).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which are not up to date."""
    stale = 0
    for name in PAGES:
        path, text = DOCS / name, page(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale += 1
            if "--check" in arguments:
                sys.stderr.write(f"docs/{name} is not up to date: make docs\n")
            else:
                path.write_text(text, encoding="utf-8")
                sys.stdout.write(f"wrote docs/{name}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
