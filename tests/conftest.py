"""What all tests share: Hypothesis profiles, golden files, where the project is.

Profiles (HYPOTHESIS_PROFILE): ``dev`` for a quick look, ``ci`` for `make check`, ``deep`` for a
long night. A failure prints a blob that reproduces it. This file must not know any rule.
"""

from __future__ import annotations

import os
import signal
from difflib import unified_diff
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.judges", "tests.servers", "tests.browsers")

ROOT = Path(__file__).resolve().parents[1]

# Two workers share two cores with whatever else runs: a slow example is not a failure.
settings.register_profile("base", print_blob=True, deadline=None)
settings.register_profile("dev", settings.get_profile("base"), max_examples=30)
settings.register_profile(
    "ci",
    settings.get_profile("base"),
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep",
    settings.get_profile("base"),
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")
settings.load_profile(PROFILE)

# The ledger, the colours and the width of whoever runs the tests stay out of them.
for _name in ("TALLY_LEDGER", "TALLY_KEY", "TALLY_POLICY", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
    os.environ.pop(_name, None)

# Started in the background the tests would ignore Ctrl-C, and so would every program they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-golden: write what the golden tests expect."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files instead of comparing; review the difference like code",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Name the profile that runs, and how to run it with the same seed again."""
    seed = config.getoption("--hypothesis-seed", default=None)
    return f"hypothesis: profile {PROFILE}, seed {seed or 'random (a failure prints its blob)'}"


class Golden(Protocol):
    """Compares a text with a committed file."""

    def __call__(self, path: Path, text: str) -> None:
        """Fail with the difference, or write the file under --update-golden."""
        ...


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with a committed file, or write it under --update-golden."""

    def compare(path: Path, text: str) -> None:
        shown = path.relative_to(ROOT)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"{shown} is missing; write it with: make golden")
        expected = path.read_text(encoding="utf-8")
        if expected != text:
            before, after = expected.splitlines(), text.splitlines()
            lines = unified_diff(before, after, f"{shown} (expected)", "actual", lineterm="")
            pytest.fail("\n".join([*lines, "if this is meant: make golden"]))

    return compare
