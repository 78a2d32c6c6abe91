"""README's examples are run as they stand: same commands, same output, in an empty folder.

A block marked ``console`` holds ``$ command`` lines, each with what it prints. All blocks of the
file share one folder, in order. ``# exit N`` at the end of a command says how it ends (0 if it
does not); ``...`` in the output stands for anything within one line. `make golden` writes the
output; lines with ``...`` stay as they are where they still fit.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = (
    "README.md",
    "docs/BOOKS.md",
    "docs/FAQ.md",
    "docs/HOW-TO.md",
    "docs/MONTH-END.md",
    "docs/TUTORIAL.md",
)


class Example(NamedTuple):
    """One command of a page and what it prints."""

    line: int
    command: str
    output: list[str]
    exit_code: int


def examples(text: str) -> list[Example]:
    """Read the console blocks of a page."""
    found: list[Example] = []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            ending = re.search(r"# exit (\d+)$", line)
            found.append(Example(number, line[2:], [], int(ending[1]) if ending else 0))
        elif inside and found:
            found[-1].output.append(line)
    return found


def matches(expected: list[str], actual: list[str]) -> bool:
    """Compare line by line; ``...`` stands for anything within a line."""
    return len(expected) == len(actual) and all(
        re.fullmatch(".*".join(map(re.escape, one.rstrip().split("..."))), other.rstrip())
        for one, other in zip(expected, actual, strict=True)
    )


def _environment(folder: Path) -> dict[str, str]:
    """Put `tally` on the path: the installed one, or this source tree's."""
    folder.mkdir()
    installed = shutil.which("tally", path=str(Path(sys.executable).parent))
    shim = folder / "tally"
    program = f'exec "{installed}"' if installed else f'exec "{sys.executable}" -m cli.main'
    shim.write_text(f'#!/bin/sh\n{program} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG"}}
    return {
        **kept,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
    }


def run(example: Example, folder: Path, environment: dict[str, str]) -> tuple[int, list[str]]:
    """Run a command as a shell would; return its exit code and the lines that it printed."""
    ran = subprocess.run(  # noqa: S602 - the page is ours, and shows a shell
        example.command, shell=True, check=False, cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return ran.returncode, ran.stdout.rstrip().splitlines()


def rewritten(text: str, outputs: dict[int, list[str]]) -> str:
    """Put what was printed after each command, given by its line number."""
    shown = {example.line: example.output for example in examples(text)}
    lines: list[str] = []
    skipping = False
    for number, line in enumerate(text.splitlines(), 1):
        if number in outputs:
            kept = [one for one in shown[number] if "..." in one]
            lines.append(line)
            lines += [
                next((one for one in kept if matches([one], [printed])), printed)
                for printed in outputs[number]
            ]
            skipping = True
        elif skipping and not line.startswith(("$ ", "```")):
            continue
        else:
            skipping = False
            lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_the_page_print_what_it_shows(
    page: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environment = _environment(tmp_path / "bin")
    folder = tmp_path / "empty"
    folder.mkdir()
    text = (ROOT / page).read_text(encoding="utf-8")
    update = request.config.getoption("--update-golden")
    outputs: dict[int, list[str]] = {}
    for example in examples(text):
        code, printed = run(example, folder, environment)
        outputs[example.line] = printed
        where = "\n".join((f"{page}:{example.line}: $ {example.command}", *printed))
        assert code == example.exit_code, where
        assert update or matches(example.output, printed), where
    assert outputs, f"{page} has no console block"
    if update:
        (ROOT / page).write_text(rewritten(text, outputs), encoding="utf-8")


def test_an_example_that_prints_something_else_is_noticed() -> None:
    (example,) = examples("```console\n$ tally x  # exit 4\none ... three\ntwo\n```\n$ not this\n")
    assert (example.line, example.exit_code) == (2, 4)
    assert matches(example.output, ["one 2 three", "two"])
    assert not matches(example.output, ["one 2 four", "two"])
    assert not matches(example.output, ["one 2 three"])
    text = "```console\n$ a\nold\n1 ... 3\n$ b\n```\nend\n"
    new = "```console\n$ a\n1 ... 3\n$ b\nb\n```\nend\n"
    assert rewritten(text, {2: ["1 2 3"], 5: ["b"]}) == new
