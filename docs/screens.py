"""``make screens``: pictures of every page of the explorer, light, dark and on a telephone.

They show the demo year with three closed months, two reconciliations, a late payment and a seal.
Chromium is driven as in the tests (docs/decisions/0027); pictures are WebP, a few KB each.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "screens"
INDEX: Final = ROOT / "docs" / "SCREENS.md"
TALLY: Final = (sys.executable, "-m", "cli.main")
QUERY: Final = """\
SELECT account, a.cash AS known_then, b.cash AS known_now
FROM balances_at('2025-03-31', '2025-03-31') AS a
JOIN balances_at('2025-03-31', 'head') AS b USING (account) WHERE a.cash <> b.cash"""
POINT: Final = "at=2025-10-31"
# name -> (what it shows, where it is)
PAGES: Final = {
    "overview": ("Overview", "/"),
    "accounts": ("Accounts, the largest debt first", "/accounts?sort.accounts=-outstanding"),
    "instances": ("Instances", "/instances?state=running"),
    "overdue": ("Who owed on 31 October", f"/overdue?{POINT}"),
    "account": ("An account through its time", "/account/a-003#balance-title"),
    "statement": ("Its statement", "/account/a-003/statement"),
    "lots": ("Which receipt paid what", "/account/a-003/lots"),
    "log": ("Its log", "/account/a-003/log"),
    "fields": ("What last set each field", "/account/a-003/fields"),
    "why": ("Why a figure is what it is", "/why/a-003/cash"),
    "event": ("An event, before and after, with its proof", "/event/3178"),
    "books": ("The trial balance", "/books"),
    "rollforward": ("The roll-forward", "/books/rollforward"),
    "deferred": ("Deferred revenue", "/books/deferred"),
    "coupons": ("Coupons", "/books/coupons"),
    "reconciliations": ("Reconciliations and breaks", "/reconciliations"),
    "break": ("A break with both sides", "/break/FIRST"),
    "periods": ("Periods", "/periods"),
    "period": ("What restated a closed period", "/period/2025-02"),
    "compare": ("Two points and the bridge between them",
                "/compare?a=2025-02-28::2025-03-01&b=2025-02-28&account=a-003"),
    "sql": ("SQL at any point", f"/sql?{urlencode({'query': QUERY})}"),
    "check": ("The whole ledger verified", "/check"),
}  # fmt: skip
FORMS: Final = (("light", 1120, 600), ("dark", 1120, 600), ("390", 390, 760))
QUALITY: Final = 20


def tally(*arguments: str, folder: Path) -> str:
    """Run the program in a folder; what it finds (exit 1) is not a fault here."""
    done = subprocess.run(  # noqa: S603 - our own program
        [*TALLY, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode > 1:
        sys.exit(f"tally {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def prepared(folder: Path) -> None:
    """Make the ledger that the pictures show."""
    statements = ROOT / "fixtures" / "statements"
    actor = ("--actor", "ops/lin", "--ledger", "tally-demo.db")
    tally("demo", folder=folder)
    for month in ("2025-01", "2025-02", "2025-03"):
        tally("close", month, "--override", "--reason", "month end", *actor, folder=folder)
    for name, kind in (("bank.xml", "camt053"), ("bills.csv", "alibaba-bills")):
        tally("reconcile", str(statements / name), "--source", kind, "--record", *actor,
              folder=folder)  # fmt: skip
    tally("record", "top-up", "--account", "a-003", "--amount", "15.00", "--channel", "bank",
          "--serial", "B-LATE", "--effective-at", "2025-02-10", "--reason", "found in March",
          *actor, folder=folder)  # fmt: skip
    for words in (("keys", "new"), ("seal",), ("balances",)):
        tally(*words, "--ledger", "tally-demo.db", folder=folder)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Explore the ledger."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [*TALLY, "serve", "--port", "0", "--ledger", "tally-demo.db"], cwd=folder, text=True,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        found = re.search(r"http://\S+:\d+", process.stderr.readline())
        if found is None:
            sys.exit("tally serve did not begin")
        try:
            yield found[0]
        finally:
            process.terminate()


def shot(page: Any, name: str, form: tuple[str, int, int]) -> int:  # noqa: ANN401 - not typed
    """Write a picture of what stands on the page; return its size."""
    kind, _, _ = form
    taken = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": QUALITY}
    )
    raw = base64.b64decode(taken["data"])
    (FOLDER / f"{name}-{kind}.webp").write_bytes(raw)
    return len(raw)


def index() -> str:
    """Write the page of pictures."""
    lines = [
        "# The explorer in pictures", "",
        "Every page of `tally serve` on the demo year: light, dark, and 390 pixels wide.",
        "Written by `make screens`. What the pages are: [EXPLORER](EXPLORER.md).",
    ]  # fmt: skip
    for name, (said, _) in PAGES.items():
        pictures = " ".join(f"![{said}, {kind}](screens/{name}-{kind}.webp)" for kind, *_ in FORMS)
        lines += ["", f"## {said}", "", pictures]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make all pictures and their page."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra
    except ImportError:
        sys.exit("screens: playwright is missing: make judges")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    FOLDER.mkdir(exist_ok=True)
    size = 0
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        folder = Path(place)
        prepared(folder)
        rows = tally("breaks", "list", "--ndjson", "--ledger", "tally-demo.db", folder=folder)
        first = re.findall(r'"break": "(\w+)"', rows)[-1]
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with served(folder) as site:
            for form in FORMS:
                kind, width, height = form
                scheme = "dark" if kind == "dark" else "light"
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                for name, (_, path) in PAGES.items():
                    page.goto(site + path.replace("FIRST", first))
                    size += shot(page, name, form)
                page.close()
        browser.close()
    INDEX.write_text(index(), encoding="utf-8")
    sys.stdout.write(f"{len(PAGES) * len(FORMS)} pictures, {size // 1024} KB\n")


if __name__ == "__main__":
    main()
