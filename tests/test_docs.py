"""Documents cannot rot: what follows from the code is generated, the rest is compared with it.

Every command, event and error is documented; every dependency has its reasons; every link leads
somewhere; the glossary has one line per term, sorted.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
import pytest

from docs import command_line, generate
from ledger.commands import COMMANDS
from ledger.errors import REFUSALS
from ledger.events import EVENT_TYPES
from ledger.policy import KEYS
from tests.cli.program import small

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(
    path for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "fixtures").rglob("*.md"))
)
SECTIONS: Final = ["Context", "Choice", "What we gave up", "How to notice that it was wrong"]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert _text(DOCS / name) == generate.page(name), f"docs/{name} is not up to date: make docs"


def test_every_command_is_documented() -> None:
    page = _text(DOCS / "COMMANDS.md")
    for name in COMMANDS:
        assert f"\n## `{name}`\n" in page


def test_every_event_is_documented() -> None:
    page = _text(DOCS / "EVENTS.md")
    for event_type in EVENT_TYPES:
        assert f"\n## {event_type.__name__}\n" in page


def test_every_error_is_documented() -> None:
    page = _text(DOCS / "ERRORS.md")
    for error in generate.known_errors():
        assert f"`{error.code}`" in page, error
    for refusal in REFUSALS:
        assert refusal.remedy, f"{refusal.__name__} says no remedy"


def test_error_codes_are_unique() -> None:
    codes = [error.code for error in generate.known_errors()]
    assert len(codes) == len(set(codes))


def test_every_meaning_in_fields_json_belongs_to_a_field() -> None:
    meanings = json.loads(_text(DOCS / "fields.json"))
    used = {
        "events": {name for one in EVENT_TYPES for name in one.__struct_fields__},
        "commands": {name for command in COMMANDS.values() for name in command.__struct_fields__},
    }
    for kind, fields in used.items():
        assert set(meanings[kind]) == fields
        assert list(meanings[kind]) == sorted(meanings[kind]), f"{kind} are not sorted"


def test_every_option_of_the_command_line_has_a_help_text() -> None:
    for path, command in command_line.cli_commands():
        assert command.help or command.short_help, f"{path} has no help"
        for parameter in command_line.options(command):
            assert parameter.help, f"{path} {parameter.opts[0]} has no help"


def test_every_refusal_and_policy_is_in_the_rulebook() -> None:
    rulebook = _text(DOCS / "RULEBOOK.md")
    for refusal in REFUSALS:
        assert re.search(rf"\b{refusal.code}\b", rulebook)
    for key in KEYS:
        assert f"`{key}`" in rulebook
    for event_type in EVENT_TYPES:
        added = "Add or split where the code reads better"
        assert event_type.__name__ in rulebook or added in rulebook


def test_the_glossary_has_one_line_a_word_sorted() -> None:
    lines = [line for line in _text(DOCS / "GLOSSARY.md").splitlines() if line.startswith("- ")]
    words = []
    for line in lines:
        word = re.fullmatch(r"- \*\*([^*]+)\*\*: \S.*\.", line)
        assert word, f"not a word, a colon and a sentence: {line}"
        words.append(word[1])
    assert words == sorted(words, key=str.lower)
    assert len(set(words)) == len(words)
    assert len(lines) > 50


def test_decisions_are_numbered_and_say_why() -> None:
    records = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers), "a number is given once, and never again"
    for number, path in zip(numbers, records, strict=True):
        text = _text(path)
        assert re.match(r"\d{4}-[a-z]", path.name), path.name
        assert text.startswith(f"# {number} "), path.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS, path.name
        assert text.count("\n") <= 60, f"{path.name} is longer than a page"


def test_every_dependency_has_a_decision_record() -> None:
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))
    wanted = list(project["build-system"]["requires"]) + list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    told = "\n".join(
        line
        for path in (DOCS / "decisions").glob("*.md")
        for line in _text(path).splitlines()
        if "dependenc" in line
    )
    for requirement in wanted:
        match = re.match(r"[A-Za-z0-9-]+", requirement)
        assert match
        name = match[0]
        assert name == "tallystick" or f"`{name}" in told, f"no decision record names {name}"


# Modules that are themselves imported late, so that they may name an extra at their top.
OF_AN_EXTRA = {
    "cli.fullscreen.panes", "cli.fullscreen.screen",
    "ledger.store.postgres", "ledger.store.postgres_recorder", "ledger.store.server",
}  # fmt: skip


def test_every_import_is_declared() -> None:
    """The program runs with its dependencies alone; those of its extras are imported late."""
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))["project"]
    declared = {re.split(r"[<>=]", dependency)[0] for dependency in project["dependencies"]}
    extras = {
        re.split(r"[<>=[]", one)[0]
        for extra, needed in project["optional-dependencies"].items()
        if extra not in {"dev", "judges", "test"}
        for one in needed
    }
    extras |= {"mt940"} if "mt-940" in extras else set()  # its module has another name
    extras.add("_typeshed")  # known to type checkers, where it is imported alone
    ours = {"ledger", "projections", "cli", "tallystick", "fixtures"}
    for folder in sorted(ours):
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.walk(ast.parse(_text(path))):
                names: list[str] = []
                late = getattr(node, "col_offset", 0) > 0 or module in OF_AN_EXTRA
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                elif isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                for name in names:
                    top = name.split(".")[0]
                    known = top in sys.stdlib_module_names or top in ours or top in declared
                    known = (known and name not in OF_AN_EXTRA) or (
                        late and (top in extras or name in OF_AN_EXTRA)
                    )
                    assert known, f"{path.relative_to(ROOT)} imports {top}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _text(path)):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_page_is_found_from_the_readme() -> None:
    readme = _text(ROOT / "README.md")
    for path in DOCS.glob("*.md"):
        assert f"](docs/{path.name})" in readme, f"README.md does not link to docs/{path.name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(path: Path) -> None:
    folders = "ledger|projections|cli|fixtures|tests|docs|benchmarks"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", _text(path)):
        if not re.search(r"[A-Z]{4,}\.|NNNN", name):  # NAME.py stands for a file to come
            assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_every_page_that_code_names_exists() -> None:
    """Code cites docs/NAME.md, and a decision by its number."""
    records = {path.name[:4] for path in (DOCS / "decisions").glob("*.md")}
    kinds = {".py", ".sql", ".toml", ".html", ".js"}
    cited = {
        (path.relative_to(ROOT).as_posix(), name)
        for folder in ("ledger", "projections", "cli", "tallystick", "tests", "docs")
        for path in (ROOT / folder).rglob("*") if path.suffix in kinds
        for name in re.findall(r"\bdocs/(decisions/\d{4}|[A-Z-]{3,}\.md)\b", _text(path))
    }  # fmt: skip
    assert len(cited) > 30
    for place, name in sorted(cited):
        found = (DOCS / name).exists() or name.removeprefix("decisions/") in records
        assert found or name == "NAME.md", f"{place} names docs/{name}"


TRACED: Final = {
    "Trace a command": "record top-up --account a-1 --amount 300 --channel bank --serial B7",
    "And back": "report trial-balance --as-of 2025-01-20",
    "And a balance": "balances --as-of 2025-01-20 --json",
}


@pytest.mark.parametrize("title", TRACED)
def test_a_traced_command_calls_what_the_page_says_in_its_order(
    title: str, tmp_path: Path
) -> None:
    """A row of ARCHITECTURE names a file and a function in it; the command calls them."""
    section = _text(DOCS / "ARCHITECTURE.md").partition(f"## {title}")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .* \| `([\w/]+\.py)` \| `(\w+)` \|$", section, re.MULTILINE)
    assert len(rows) > 5
    world = small(tmp_path / "t.db")
    called: dict[tuple[str, str], None] = {}  # in the order of first calls

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called[frame.f_code.co_filename.removeprefix(f"{ROOT}/"), frame.f_code.co_name] = None

    sys.setprofile(note)
    try:
        done = world.run(*TRACED[title].split())
    finally:
        sys.setprofile(None)
    assert done.code == 0
    assert [row for row in called if row in rows] == [row for row in rows if row in called]
    assert not [row for row in rows if row not in called]


def test_every_folder_is_on_the_map() -> None:
    """A stranger finds the place for a change, and no folder that is gone."""
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("ledger", "projections", "cli", "tallystick")
        for path in (ROOT / top).rglob("__init__.py")
    }
    told = re.findall(r"^\| `([\w/]+)/` \| \w", _text(DOCS / "ARCHITECTURE.md"), re.MULTILINE)
    assert sorted(told) == sorted(folders), "docs/ARCHITECTURE.md, Where things are"


def test_each_field_of_an_event_is_a_simple_shape() -> None:
    """The reference can say every shape in plain words."""
    for event_type in EVENT_TYPES:
        for field in msgspec.structs.fields(event_type):
            assert generate.shape_of(msgspec.inspect.type_info(field.type))
