"""Man pages of the command line, from what click knows of each command: `make man`.

One page for `tally` and one for each of its commands; the commands of a group share its page.
This module must not know any command.
"""

from __future__ import annotations

import sys
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.listing import GROUPS
from docs.command_line import cli_commands, context_of, options
from docs.pages import raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

SECTION: Final = "1"
FILES: Final = (
    ("tally.db", "the ledger, unless --ledger, TALLY_LEDGER or tally.toml names another"),
    ("tally.toml", "settings of a folder and of those below it: see tally config"),
)


def escaped(text: str) -> str:
    """Return a text as roff prints it, character by character."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            title, *lines = paragraph.removeprefix("\b").strip().splitlines()
            yield from (".PP", escaped(title), ".PP", ".nf", ".RS")
            yield from (escaped(line.strip()) for line in lines)
            yield from (".RE", ".fi")
        else:
            yield from (".PP", *(escaped(line) for line in paragraph.splitlines()))


def _command(path: str, command: click.Command) -> Iterator[str]:
    context = context_of(command, path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f".SS {escaped(path)}", f".B {escaped(path)}", escaped(usage))
    yield from _paragraphs(raw(command.help, path))
    for option in options(command):
        names = ", ".join(escaped(name) for name in (*option.opts, *option.secondary_opts))
        takes = "" if option.is_flag else f" \\fI{escaped(option.make_metavar(context))}\\fP"
        yield from (".TP", f"\\fB{names}\\fP{takes}", escaped(option.help or ""))


def _page(name: str, brief: str) -> Iterator[str]:
    yield from (f'.TH "{name.upper()}" "{SECTION}" "" "Tallystick" "Tallystick"', ".SH NAME")
    yield f"{escaped(name)} \\- {escaped(brief.rstrip('.'))}"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page."""
    briefs = {name: brief for section in GROUPS.values() for name, (_, brief) in section.items()}
    lines = [*_page("tally", "an event-sourced billing ledger"), ".SH SYNOPSIS", ".B tally"]
    lines += ["[\\-\\-ledger PATH|URL] COMMAND [ARGS]", ".SH COMMANDS"]
    for title, section in GROUPS.items():
        lines.append(f".SS {title}")
        for name, (_, brief) in section.items():
            lines += [".TP", f"\\fBtally\\-{escaped(name)}\\fP(1)", escaped(brief)]
    lines.append(".SH FILES")
    for file, meaning in FILES:
        lines += [".TP", f"\\fI{escaped(file)}\\fP", escaped(meaning)]
    yield f"tally.{SECTION}", "\n".join(lines) + "\n"
    for name, found in groupby(cli_commands(), key=lambda one: one[0].split(" ")[1]):
        lines = [*_page(f"tally-{name}", briefs[name]), ".SH COMMANDS"]
        for path, command in found:
            lines += _command(path, command)
        lines += [".SH SEE ALSO", "\\fBtally\\fP(1)"]
        yield f"tally-{name}.{SECTION}", "\n".join(lines) + "\n"


def main(folder: str) -> None:
    """Write every page into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (Path(folder) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
