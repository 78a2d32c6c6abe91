"""The FOCUS project's own validator judges our rows, where it is installed (docs/EXPORTS.md).

It needs Python 3.12 or newer and an environment of its own: name its folder of packages in
FOCUS_VALIDATOR (``.../site-packages``), from where it has to be started.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.program import World

# Conditions that the rule's prose has and the validator's own model leaves out (docs/EXPORTS.md).
WITHOUT_CONDITION = {
    "CapacityReservationStatus-C-004-C",
    "CommitmentDiscountStatus-C-004-C",
    "EffectiveCost-C-005-C",
    "InvoiceId-C-004-C",
}
FAILED = re.compile(r"(\S+): FAIL .*?(failed child rules: \[(.*)\])?\)?$")


@pytest.fixture(scope="session")
def validator() -> tuple[Path, Path]:
    """Its program, and the folder that it must be started in."""
    named = os.environ.get("FOCUS_VALIDATOR")
    if not named:
        pytest.skip("focus-validator is not named in FOCUS_VALIDATOR (it needs Python 3.12)")
    folder = Path(named)
    return folder.parents[2] / "bin" / "focus-validator", folder


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_rule_that_applies_passes(
    ending: str, year: World, validator: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / f"focus.{ending}"
    more = ["--parquet"] if ending == "parquet" else []
    year.done("export", "--format", "focus", "-o", path, *more)
    program, folder = validator
    judged = subprocess.run(
        [
            program, "--data-file", path, "--validate-version", "1.2.0.1", "--block-download",
            "--applicability-criteria", "ALL",
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    counted = re.search(r"Pass: (\d+) \| Fail: (\d+)", judged.stdout)
    assert counted is not None, judged.stdout[-500:] + judged.stderr[-500:]
    assert int(counted[1]) > 350
    failed = {
        match[1]
        for line in judged.stdout.splitlines()
        if (match := FAILED.search(line)) is not None and match[2] is None
    }
    assert failed <= WITHOUT_CONDITION
