"""The outside programs that tests ask, and a switch that makes a skipped one a failure.

`make judges` installs what it can and writes the names of what is there into .venv/judges.
With TALLY_JUDGES=FILE a test fails that is skipped because of a judge named in that file: what was
installed must be used. What could not be installed is skipped, with its reason.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

# name, as reasons call it -> its program
PROGRAMS: Final = {
    "bash": "bash", "bean-check": "bean-check", "chromium": "chromium", "fish": "fish",
    "focus-data-toolkit": "focus-toolkit", "groff": "groff", "hledger": "hledger",
    "java": "java", "ledger": "ledger", "openssl": "openssl", "zsh": "zsh",
}  # fmt: skip
MODULES: Final = ("duckdb", "hatchling", "pgserver", "playwright", "pyspark", "textual")
# What cannot be had here, and why.
NEVER: Final = {
    "focus-validator": "needs Python 3.12 and its rules; name its folder in FOCUS_VALIDATOR",
    "docker": "an image is not built in tests: tests/test_packaging.py reads the Dockerfile",
}
VARIABLE: Final = "TALLY_JUDGES"


def there() -> set[str]:
    """Return the judges that can be asked now."""
    from tests.browsers import AXE  # noqa: PLC0415 - pytest wants to load that one itself
    from tests.servers import with_amcheck  # noqa: PLC0415 - as above

    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    found = {name for name, program in PROGRAMS.items() if shutil.which(program, path=path)}
    found |= {name for name in MODULES if importlib.util.find_spec(name)}
    found |= {"amcheck"} if with_amcheck() is not None else set()
    return found | ({"axe-core"} if AXE.is_file() else set())


def required() -> set[str]:
    """Read the names in the file that TALLY_JUDGES names; none where it is not set."""
    place = os.environ.get(VARIABLE)
    return set(Path(place).read_text(encoding="utf-8").split()) if place else set()


def wanted_by(reason: str, names: Collection[str]) -> str | None:
    """Return the missing judge for which a test was skipped, if it is one of these."""
    words = set(re.findall(r"[\w-]+", reason.lower()))
    return next((name for name in sorted(names) if name in words), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip because of a required judge into a failure."""
    report = yield
    if report.skipped and call.excinfo is not None:
        _blame(report, item.nodeid, str(call.excinfo.value))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module that is skipped."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        _blame(report, collector.nodeid, report.longrepr[2])
    return report


def _blame(report: pytest.TestReport | pytest.CollectReport, place: str, reason: str) -> None:
    name = wanted_by(reason, required())
    if name is not None:
        report.outcome = "failed"
        report.longrepr = f"{place}: {name} is installed, but was not asked: {reason}"


def main() -> None:
    """Print which judges are there; write their names into the file that is given."""
    found = there()
    missing = sorted({*PROGRAMS, *MODULES, "axe-core"} - found)
    sys.stdout.write(f"judges: {', '.join(sorted(found))}\n")
    sys.stdout.write(f"not there, their tests are skipped: {', '.join(missing) or 'none'}\n")
    for name, why in NEVER.items():
        sys.stdout.write(f"cannot be installed: {name} ({why})\n")
    for place in sys.argv[1:]:
        Path(place).write_text("".join(f"{name}\n" for name in sorted(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
