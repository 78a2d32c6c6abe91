"""A real Chromium for tests, and axe-core to judge what it shows; skipped where one is missing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

AXE = Path(os.environ.get("AXE_CORE", Path(sys.prefix) / "axe-core" / "axe.min.js"))


def chromium() -> str:
    """Find the program, or skip the test."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no chromium is installed (or name it in CHROMIUM)")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window, driven from here."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = chromium()
    with api.sync_playwright() as started:
        window = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield window
        window.close()


def faults(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds serious or critical on a page, or skip the test.

    It is evaluated by the driver, so the page's own policy of scripts stays as it is.
    """
    if not AXE.is_file():
        pytest.skip("axe-core is missing: make judges fetches it (or name axe.min.js in AXE_CORE)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{one['impact']} {one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
