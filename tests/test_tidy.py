"""Style as a test: what a reviewer would say every time, said once (CONTRIBUTING, house rules).

Reads the source, runs none of it. Each check is a function of one parsed module, and each is
itself tried on a bad example at the end. This file must not know what the code does.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from ledger.errors import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Check: TypeAlias = Callable[["Module"], Iterator[str]]

ROOT: Final = Path(__file__).resolve().parents[1]
CODE: Final = (
    "ledger", "projections", "cli", "tallystick", "fixtures", "tests", "docs", "benchmarks",
)  # fmt: skip
CORE: Final = ("ledger", "projections")
SKIPPED: Final = {".git", ".venv", "__pycache__", "build", "dist", "htmlcov", "mutants"}

MODULE_LINES_MAX: Final = 400
TEST_LINES_MAX: Final = 600  # a file of examples is read by its names
MODULE_LINES_WANTED: Final = 300
FUNCTION_LINES_MAX: Final = 70

# Longer than the bound, with the reason why one file is better than two.
LONG_MODULES: Final = {
    "ledger/events.py": "one file is the whole storage vocabulary",
    "projections/evidence/standalone.py": "an auditor reads one file",
}

# RULEBOOK section 2; R51 is optional there, and has no code here.
RULES: Final = [f"R{number}" for number in range(1, 68) if number != 51]

FORBIDDEN_IN_CORE: Final = {
    "print": "give the text to the caller: the command line prints",
    "input": "the core is given what it needs",
    "float": "money is an integer of minor units (ledger/money.py)",
    "round": "say how it rounds: divide_half_up, allocate, to_rated (ledger/money.py)",
    "eval": "never",
    "exec": "never",
}
FORBIDDEN_CLOCKS: Final = {
    "time.time", "time.time_ns", "time.monotonic", "time.sleep", "time.localtime", "time.gmtime",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
}  # fmt: skip
FORBIDDEN_MODULES: Final = {
    "random": "the core is pure; the seed is the caller's",
    "secrets": "the core is pure; the caller draws",
    "uuid": "the core is pure; the caller draws",
    "logging": "errors are raised, results are returned",
}
VAGUE: Final = {
    "manager", "managers", "helper", "helpers", "util", "utils", "info", "misc",
    "acct", "inst", "txn", "amt",
}  # fmt: skip
LEFTOVERS: Final = re.compile(r"\b(?:FIXME|TODO|HACK)\b|\bXXX:")  # three X alone are a currency
FOREIGN_PATHS: Final = re.compile(r"(?<![\w.<])/(?:work|opt|root|home|Users)/\w")


class Module(NamedTuple):
    """A Python file: its path from the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module


def _module(path: str, text: str) -> Module:
    return Module(path, text, ast.parse(text))


@cache
def _modules() -> tuple[Module, ...]:
    found = []
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if SKIPPED.isdisjoint(path.relative_to(ROOT).parts):
                name = path.relative_to(ROOT).as_posix()
                found.append(_module(name, path.read_text(encoding="utf-8")))
    return tuple(found)


def _texts() -> Iterator[tuple[str, str]]:
    """Yield every text file of the project that a person wrote."""
    kinds = {".py", ".md", ".toml", ".json", ".txt", ".sql", ".svg", ""}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in {".ci", ".gitignore"} for part in parts)
        if hidden or not SKIPPED.isdisjoint(parts) or path.suffix not in kinds:
            continue
        if path.is_file():
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _words(name: str) -> set[str]:
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))


# --- the checks: each gives its findings in one module ----------------------------------------


def long_modules(module: Module) -> Iterator[str]:
    """Find a module over the bound."""
    lines = module.text.count("\n")
    bound = TEST_LINES_MAX if module.path.startswith("tests/") else MODULE_LINES_MAX
    if lines > bound and module.path not in LONG_MODULES:
        yield f"{module.path}: {lines} lines, at most {bound}: split it by idea"


def long_functions(module: Module) -> Iterator[str]:
    """Find functions over the bound."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield (
                    f"{module.path}:{node.lineno}: {node.name} has {lines} lines, "
                    f"at most {FUNCTION_LINES_MAX}"
                )


def no_docstring(module: Module) -> Iterator[str]:
    """Find a module that does not say what it is."""
    if module.tree.body and not ast.get_docstring(module.tree):
        yield f"{module.path}: say first what the module is, then what it keeps true"


def forbidden_calls(module: Module) -> Iterator[str]:
    """Find calls that the core must not make."""
    if not module.path.startswith(CORE):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if name in FORBIDDEN_IN_CORE:
                yield f"{module.path}:{node.lineno}: {name}(): {FORBIDDEN_IN_CORE[name]}"


def clock_readers(module: Module) -> Iterator[str]:
    """Find readers of the clock outside ledger/clock.py."""
    if module.path == "ledger/clock.py" or not module.path.startswith((*CORE, "cli")):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            name = ".".join(_dotted(node).split(".")[-2:])
            # How long a thing takes may be shown to a person; it is not a fact.
            if name == "time.monotonic" and module.path.startswith("cli"):
                continue
            if name in FORBIDDEN_CLOCKS:
                yield f"{module.path}:{node.lineno}: {name}: only ledger/clock.py reads the clock"


def forbidden_imports(module: Module) -> Iterator[str]:
    """Find imports that make the core impure."""
    if not module.path.startswith(CORE):
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        from_module = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in from_module or [alias.name for alias in node.names]:
            if name in FORBIDDEN_MODULES:
                yield f"{module.path}:{node.lineno}: import {name}: {FORBIDDEN_MODULES[name]}"


def environment_readers(module: Module) -> Iterator[str]:
    """Find readers of the environment outside the command line."""
    if module.path.startswith(CORE):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv"}:
                yield f"{module.path}:{node.lineno}: only cli/ reads the environment"


def float_arithmetic(module: Module) -> Iterator[str]:
    """Find true division and float constants where money, time or rules are."""
    if not module.path.startswith(CORE) or module.path.startswith("ledger/store/"):
        return
    joins_paths = "from pathlib import Path" in module.text
    for node in ast.walk(module.tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            if joins_paths:
                continue
            yield f"{module.path}:{node.lineno}: / makes a float: use // or divide_half_up"
        elif isinstance(node, ast.Call):
            # A ratio given to the standard library (cutoff=0.6) is not our arithmetic.
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                argument.in_call = True  # type: ignore[attr-defined]
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, float)
            and not getattr(node, "in_call", False)
        ):
            yield f"{module.path}:{node.lineno}: {node.value} is a float"


def vague_names(module: Module) -> Iterator[str]:
    """Find names that say nothing, or abbreviate what they say."""
    if vague := _words(Path(module.path).stem) & VAGUE:
        yield f"{module.path}: {', '.join(vague)} says nothing: name the idea"
    for node in ast.walk(module.tree):
        name = ""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        if vague := _words(name) & VAGUE:
            line = getattr(node, "lineno", 1)
            yield f"{module.path}:{line}: {name}: {', '.join(vague)} (docs/GLOSSARY.md)"


def silenced_without_reason(module: Module) -> Iterator[str]:
    """Find a linter that is silenced without saying why."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if re.search(r"#\s*noqa\b(?!: [A-Z0-9, ]+ - \w)", line):
            yield f"{module.path}:{number}: write it as: # noqa: CODE - the reason"


CHECKS: Final[tuple[Check, ...]] = (
    long_modules, long_functions, no_docstring, forbidden_calls, clock_readers,
    forbidden_imports, environment_readers, float_arithmetic, vague_names,
    silenced_without_reason,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_code_is_tidy(check: Check) -> None:
    findings = [finding for module in _modules() for finding in check(module)]
    assert not findings, "\n".join(findings)


def test_long_modules_are_as_few_as_can_be() -> None:
    lines = {module.path: module.text.count("\n") for module in _modules()}
    for path in LONG_MODULES:
        assert lines.get(path, 0) > MODULE_LINES_MAX, f"{path} is no longer long: strike it out"
    wanted = {
        path: n
        for path, n in lines.items()
        if n > MODULE_LINES_WANTED and not path.startswith("tests/")
    }
    if wanted:
        longest = sorted(wanted.items(), key=lambda item: -item[1])
        text = ", ".join(f"{path} {n}" for path, n in longest)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"over the wanted {MODULE_LINES_WANTED} lines: {text}", stacklevel=1)


MONEY: Final = {
    "amount", "available", "cash", "charged", "coupons", "credited", "forfeited", "outstanding",
    "remaining",
}  # fmt: skip


def work_of_projections(module: Module) -> Iterator[str]:
    """Find SQL on the ledger, and arithmetic on money, where answers are only printed."""

    def is_money(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in MONEY

    for node in ast.walk(module.tree):
        if isinstance(node, ast.BinOp) and (is_money(node.left) or is_money(node.right)):
            yield f"{module.path}:{node.lineno}: projections/ calculate: {ast.unparse(node)}"
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "sum" and any(is_money(one) for one in ast.walk(node)):
                yield f"{module.path}:{node.lineno}: projections/ add up: {ast.unparse(node)}"
            asked = node.args[0] if node.args else None
            written = isinstance(asked, ast.Constant) and "SELECT" in str(asked.value)
            if name in ("execute", "executemany") and written:
                yield f"{module.path}:{node.lineno}: projections/ ask the ledger"


def test_the_command_line_prints_and_works_nothing_out() -> None:
    """SQL that a person writes goes to DuckDB, in cli/queries; ours is below projections/."""
    shown = [module for module in _modules() if module.path.startswith("cli/")]
    findings = [
        finding for module in shown for finding in work_of_projections(module)
        if not module.path.startswith("cli/queries/") or "add up" in finding
    ]  # fmt: skip
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(
    "bad", ["sum(one.amount for one in lines)", "state.cash - state.outstanding",
            "connection.execute('SELECT 1')"],
)  # fmt: skip
def test_what_is_worked_out_is_found(bad: str) -> None:
    assert list(work_of_projections(_module("cli/example.py", f"x = {bad}\n")))


FACADES: Final = {"ledger.store", "tallystick", "tallystick.following"}  # what stands in front


def _defined(tree: ast.Module) -> set[str]:
    """List the names that a module makes, wherever in it."""
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
    return made


def test_a_name_is_imported_from_where_it_is_made() -> None:
    """Each name has one import path; what a reader looks for is where the import says."""
    files = {module.path: module for module in _modules() if not module.path.startswith("tests/")}
    made: dict[str, set[str]] = {}
    for path, module in files.items():
        made[path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")] = _defined(
            module.tree
        )
    findings = [
        f"{path}:{node.lineno}: {node.module}.{alias.name} is made elsewhere"
        for path, module in files.items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module in made.keys() - FACADES
        for alias in node.names
        if alias.name not in made[node.module] and f"{node.module}.{alias.name}" not in made
    ]
    assert not findings, "\n".join(findings)


# --- texts -----------------------------------------------------------------------------------


def test_nothing_is_left_to_do_and_no_machine_is_named() -> None:
    findings = []
    for path, text in _texts():
        if path == "tests/test_tidy.py":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            # The rulebook names a currency that has no minor units.
            if LEFTOVERS.search(line) and path != "docs/RULEBOOK.md":
                findings.append(f"{path}:{number}: left over: {line.strip()[:80]}")
            if FOREIGN_PATHS.search(line):
                findings.append(f"{path}:{number}: a path of one machine: {line.strip()[:80]}")
    assert not findings, "\n".join(findings)


def _test_texts() -> dict[str, str]:
    """Return the tests that judge behaviour: no tools, no model, not this file."""
    return {
        module.path: module.text
        for module in _modules()
        if module.path.startswith("tests/")
        and Path(module.path).name.startswith("test_")
        and module.path != "tests/test_tidy.py"
    }


def test_every_rule_is_cited_by_a_test() -> None:
    cited = set()
    for text in _test_texts().values():
        cited |= set(re.findall(r"\bR\d+\b", text))
    missing = [rule for rule in RULES if rule not in cited]
    assert not missing, f"no test cites {' '.join(missing)} (docs/RULEBOOK.md)"


def test_every_refusal_is_provoked_by_a_test() -> None:
    texts = "\n".join(_test_texts().values())
    missing = [
        refusal.code
        for refusal in REFUSALS
        if not re.search(rf"\b(?:{refusal.code}|{refusal.__name__})\b", texts)
    ]
    assert not missing, f"no test names {' '.join(missing)} (docs/ERRORS.md)"


def test_every_rule_that_code_cites_exists() -> None:
    known = {f"R{number}" for number in range(1, 68)}
    for module in _modules():
        if module.path != "tests/test_tidy.py":
            for rule in re.findall(r"\bR\d+\b", module.text):
                assert rule in known, f"{module.path} cites {rule}"


# --- the checker checked ---------------------------------------------------------------------

BAD: Final[dict[Check, str]] = {
    long_modules: "x = 1\n" * (MODULE_LINES_MAX + 1),
    long_functions: "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
    no_docstring: "x = 1\n",
    forbidden_calls: "print('hello')\n",
    clock_readers: "import datetime\nnow = datetime.datetime.now()\n",
    forbidden_imports: "from random import choice\n",
    environment_readers: "import os\nhome = os.environ['HOME']\n",
    float_arithmetic: "half = 3 / 2\n",
    vague_names: "class AccountManager: ...\n",
    silenced_without_reason: "x = 1  # no" + "qa: E501\n",
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_finds_its_bad_example(check: Check) -> None:
    assert list(check(_module("ledger/example.py", BAD[check])))


def test_good_code_is_left_alone() -> None:
    good = _module(
        "ledger/example.py",
        '"""An example."""\n\nimport time\n\nhalf = 3 // 2\nspan = f(cutoff=0.6)\n'
        "x = 1  # noqa: E501 - a long address\n",
    )
    assert [finding for check in CHECKS for finding in check(good)] == []
