"""Packs to look at and to tamper with: made, rewritten entry by entry, judged both ways."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ledger.errors import InvalidInput, LedgerError
from projections.evidence.again import judge
from tests.cli.program import ROOT, World, valid

standalone: Any = importlib.import_module("projections.evidence.standalone")  # untyped on purpose
PROGRAM = ROOT / "projections" / "evidence" / "standalone.py"
PAGES = ("README.txt", "verify.py")  # a stranger's pages: no evidence in themselves


class Verdicts(NamedTuple):
    """What both ways say: where each stopped, None where all holds."""

    theirs: str | None
    ours: str | None


def packed(world: World, period: str, *arguments: object) -> Path:
    """Sign, and make the pack of a period."""
    folder = world.path.parent
    if not world.path.with_suffix(".key").exists():
        world.done("keys", "new")
    world.done("seal")
    target = folder / f"{period}.zip"
    valid(world.json("pack", "--period", period, "-o", target, *arguments))
    return target


def entries(path: Path) -> dict[str, bytes]:
    """Read every file of a pack."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, content: dict[str, bytes], *, fit: bool = False) -> Path:
    """Write a pack of other files; ``fit`` makes the manifest name them as they are."""
    content = dict(content)
    if fit:
        manifest = json.loads(content["manifest.json"])
        manifest["files"] = {
            name: {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
            for name, raw in sorted(content.items()) if name != "manifest.json"
        }  # fmt: skip
        content["manifest.json"] = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in content.items():
            archive.writestr(name, raw)
    return path


def verdicts(path: Path) -> Verdicts:
    """Judge a pack both ways in this process; both answers have the one shape."""
    found: list[str | None] = []
    for way in (lambda: standalone.verify(path, []), lambda: judge(path)):
        try:
            answer = valid(json.loads(json.dumps(way())))
        except (standalone.Nothing, InvalidInput):
            found.append("no pack")
            continue
        bad = [one["name"] for one in answer["checks"] if not one["ok"]]
        assert answer["ok"] == (not bad)
        assert all(one["said"].isprintable() for one in answer["checks"])
        found.append(bad[0] if bad else None)
    return Verdicts(*found)


def audited(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run verify.py as a stranger would: isolated, no site packages, from any folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def zipped(write: Callable[[zipfile.ZipFile], None]) -> bytes:
    """Make a zip by hand."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    return made.getvalue()


__all__ = [
    "PAGES", "PROGRAM", "LedgerError", "Verdicts", "audited", "entries", "packed", "rewritten",
    "standalone", "verdicts", "zipped",
]  # fmt: skip
