"""The package as others install it: a wheel, in an empty folder, without the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.commands.demo import STATEMENTS
from cli.listing import COMMANDS
from projections.reconciliation.readers.maps import FOLDER, shipped
from tests.cli.program import environment
from tests.conftest import ROOT

SOURCES = ("cli", "fixtures", "ledger", "projections", "tallystick")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed")
    source, folder = (tmp_path_factory.mktemp(name) for name in ("source", "site"))
    for name in SOURCES:  # not in the repository: a build leaves things behind
        shutil.copytree(ROOT / name, source / name, symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", source, source], check=True
    )
    (wheel,) = source.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder, wheel], check=True)
    return folder


def run(installed: Path, cwd: Path, *arguments: str) -> str:
    """Run a module of what was installed, far from the repository."""
    settings = {**environment(), "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd, env=settings, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_wheel_installs_its_packages_and_nothing_else(installed: Path) -> None:
    found = {path.name for path in installed.iterdir()} - {"bin", "__pycache__"}
    assert {name for name in found if not name.endswith(".dist-info")} == {
        "cli", "ledger", "projections", "tallystick",
    }  # fmt: skip
    assert not [path for path in installed.rglob("*") if path.is_symlink()]


def test_the_program_and_its_demo_run_from_what_was_installed(
    installed: Path, tmp_path: Path
) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for module in ("cli.main", "tallystick"):
        assert run(installed, tmp_path, module, "--version") == f"tally {declared['version']}\n"
    shown = run(installed, tmp_path, "cli.main", "demo")
    assert "5. Does a refold equal what is stored?" in shown
    assert shown.count(": exactly the planted breaks") == len(STATEMENTS)
    assert run(installed, tmp_path, "cli.main", "schema", "state").startswith("{")
    maps = installed / FOLDER.relative_to(ROOT)
    assert sorted(path.stem for path in maps.glob("*.toml")) == shipped()


def test_the_image_copies_what_the_wheel_is_built_of_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]}
    assert copied == {*SOURCES, "pyproject.toml", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in copied)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {
        extra for line in lines for group in re.findall(r"\[([a-z,]+)\]", line)
        for extra in group.split(",")
    }  # fmt: skip
    assert wanted <= set(extras["optional-dependencies"])
    steps = [line.split()[0] for line in lines if line[:1].isupper()]
    assert steps.index("USER") < steps.index("ENTRYPOINT")
    assert {"USER 10001", "VOLUME /data", 'ENTRYPOINT ["tally"]'} <= set(lines)


def test_what_operations_runs_in_the_image_needs_no_other_user_and_is_a_command() -> None:
    """/data is for its user alone: another one cannot even stand in it."""
    page = (ROOT / "docs/OPERATIONS.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("docker run")]
    assert len(lines) > 5
    assert not [line for line in lines if "--user" in line]
    after = [line.partition(" tallystick ")[2] for line in lines if "--entrypoint" not in line]
    assert {words.split()[0] for words in after} <= set(COMMANDS)
