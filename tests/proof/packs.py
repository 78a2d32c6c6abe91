"""Packs to look at and to tamper with: made, rewritten entry by entry, judged both ways."""

from __future__ import annotations

import contextlib
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
from projections.evidence.again import MANIFEST_SIGNED, verify_pack
from tests.cli.program import ROOT, World, valid

standalone: Any = importlib.import_module("projections.evidence.standalone")  # untyped on purpose
PROGRAM = ROOT / "projections" / "evidence" / "standalone.py"
MANIFEST, SIGNATURE = "manifest.json", "manifest.note"
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


def rewritten(
    path: Path, content: dict[str, bytes], *, fit: bool = False, signed: bool = True
) -> Path:
    """Write a pack of other files; ``fit`` makes the manifest name them as they are.

    ``signed`` leaves the signature in, which then is of another manifest.
    """
    content = dict(content)
    if not signed:
        content.pop(SIGNATURE, None)
    if fit:
        manifest = json.loads(content[MANIFEST])
        manifest["files"] = {
            name: {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
            for name, raw in sorted(content.items()) if name not in (MANIFEST, SIGNATURE)
        }  # fmt: skip
        content[MANIFEST] = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in content.items():
            archive.writestr(name, raw)
    return path


def verdicts(path: Path) -> Verdicts:
    """Judge a pack both ways in this process; both answers have the one shape."""
    found: list[str | None] = []
    for way in (lambda: standalone.verify(path, []), lambda: verify_pack(path).plain()):
        try:
            answer = valid(json.loads(json.dumps(way())))
        except (standalone.Nothing, InvalidInput):
            found.append("no pack")
            continue
        bad = [check["name"] for check in answer["checks"] if not check["ok"]]
        assert answer["ok"] == (not bad)
        assert all(check["said"].isprintable() for check in answer["checks"])
        if answer["signed"] is False:  # said of every pack without a signature, good or bad
            bad.remove(MANIFEST_SIGNED)
        found.append(bad[0] if bad else None)
    return Verdicts(*found)


def audited(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run verify.py as a stranger would: isolated, no site packages, from any folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def audited_here(*arguments: object) -> tuple[int, str]:
    """Run verify.py in this process: its exit code, and what it printed."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        code = standalone.main([str(argument) for argument in arguments])
    for stream in streams:
        stream.seek(0)
    return code, "".join(stream.read() for stream in streams)


def zipped(write: Callable[[zipfile.ZipFile], None]) -> bytes:
    """Make a zip by hand."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    return made.getvalue()


__all__ = [
    "MANIFEST", "MANIFEST_SIGNED", "PAGES", "PROGRAM", "SIGNATURE", "LedgerError", "Verdicts",
    "audited", "audited_here", "entries", "packed", "rewritten", "standalone", "verdicts", "zipped",
]  # fmt: skip
