"""``tally schema``: the JSON Schema of an answer, or of a command as an import reads it.

Answers: derived from their structs (projections/answers). Commands: from their declarations.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from cli.options import Output, json_line, tally_command
from cli.render import write, write_lines
from ledger.errors import NoSuchThing
from projections.answers.keeping import Schemas
from projections.answers.schemas import ANSWERS, DRAFT, URN, schema_of_class
from projections.answers.schemas import schema_of as derived
from projections.reports import REPORTS

if TYPE_CHECKING:
    from cli.bootstrap import Session

COMMAND = "command"  # generated
ALIASES = {"record": "result"}  # commands whose answer has another name
_AMOUNT = {
    "description": "An exact decimal in major units; text keeps every digit as it is written.",
    "anyOf": [{"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, {"type": "number"}],
}
_INSTANT = {
    "description": "RFC 3339; a missing offset means the ledger's; a bare date its 00:00:00.",
    "type": "string",
}


def names() -> list[str]:
    """Name every schema that can be asked for."""
    return sorted({*ALIASES, *ANSWERS, COMMAND})


def schema_of(name: str) -> dict[str, Any]:
    """Return one schema, complete. Raises: NoSuchThing, with a suggestion."""
    if name == COMMAND:
        return _command()
    wanted = name.removeprefix("tally.").removesuffix("/1")
    wanted = ALIASES.get(wanted, wanted)
    if wanted in ANSWERS:
        return derived(wanted)
    if wanted in REPORTS:
        return schema_of_class(REPORTS.load(wanted).answer, wanted)
    from ledger.policy import did_you_mean  # noqa: PLC0415 - only on the way to an error

    near = did_you_mean(wanted, names()) or "list them with: tally schema"
    raise NoSuchThing(f"no schema {name!r}", hint=near)


def _command() -> dict[str, Any]:
    """Derive the schema of an import's line from the declarations of the commands."""
    import msgspec  # noqa: PLC0415 - only for this name

    from ledger import commands as c  # noqa: PLC0415 - loaded when needed

    made = msgspec.json.schema(c.AnyCommand)
    made["$defs"] = {name: _plain(part) for name, part in made["$defs"].items()}
    return {
        "$schema": DRAFT, "$id": f"{URN}{COMMAND}", "title": "One line of tally import", **made,
    }  # fmt: skip


def _plain(part: Any) -> Any:
    """Describe the amounts and instants that the declarations leave to the rules."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "decimal":
        return _AMOUNT
    types = [one.get("type") for one in part.get("anyOf", ()) if isinstance(one, dict)]
    if types[:2] == ["string", "integer"]:
        null = [{"type": "null"}] if "null" in types else []
        return {**part, "anyOf": [_INSTANT, *null]}
    return {name: _plain(one) for name, one in part.items()}


def _complete(_ctx: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    return [name for name in names() if name.startswith(text)]


@click.command("schema")
@click.argument("name", required=False, shell_complete=_complete)
@tally_command()
def command(_session: Session, output: Output, *, name: str | None) -> None:
    """Print the JSON Schema of an answer or of a command; without NAME, list them.

    \b
    Examples:
      tally schema
      tally schema state
      tally schema command
    """
    if name is not None:
        shown = schema_of(name)
        if output.human:
            write_lines(json.dumps(shown, indent=2, ensure_ascii=False))
        else:
            sys.stdout.write(json_line(shown))
    elif not output.answered(Schemas(names=names())):
        for one in names():
            write(one)
