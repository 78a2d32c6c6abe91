"""A ledger with something on every page, and names, reasons and bank lines that attack it."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.cli.program import COMMAND, World, environment, lines
from tests.explorer.generated import BEGIN, DAYS, generated, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = "<img src=x onerror=\"window.hacked='1'\"><script>window.hacked='2'</script>'&"
_MAP = """\
[columns]
date = "Date"
amount = "Amount"
reference = "Ref"
text = "Text"
account = "Who"
"""


def lively(folder: Path) -> World:
    """Make it: three currencies, late facts, closes, a reconciliation with breaks, a seal."""
    world = generated(folder / "lively.db", 7)
    at = written(BEGIN + timedelta(days=DAYS))
    world.done("import", "-", stdin=lines(
        {"at": at, "do": "open-account", "account": HOSTILE, "reason": HOSTILE, "actor": HOSTILE},
        {"at": at, "do": "top-up", "account": HOSTILE, "amount": "12.50", "channel": "bank",
         "serial": HOSTILE, "reason": HOSTILE},
        {"at": at, "do": "top-up", "account": HOSTILE, "amount": "1", "channel": "bank",
         "serial": "late", "effective_at": written(BEGIN + timedelta(days=DAYS))},
        {"at": at, "do": "grant-coupon", "account": HOSTILE, "coupon": HOSTILE, "amount": "3",
         "ends": written(BEGIN + timedelta(days=DAYS + 20))},
        {"at": at, "do": "activate-public", "account": HOSTILE, "instance": HOSTILE,
         "kind": "public_new"},
    ))  # fmt: skip
    (folder / "map.toml").write_text(_MAP, encoding="utf-8")
    quoted = HOSTILE.replace('"', '""')
    (folder / "bank.csv").write_text(
        "Date,Amount,Ref,Text,Who\n"
        f'2025-04-11,77.70,"R1 {quoted}","{quoted}","{quoted}"\n2025-04-11,13.00,R2,plain,x\n',
        encoding="utf-8",
    )
    world.run(
        "reconcile", folder / "bank.csv", "--source", "csv", "--map", folder / "map.toml",
        "--record", "--actor", HOSTILE,
    )  # fmt: skip
    world.done("keys", "new")
    world.done("seal")
    world.done("projections", "list")
    return world


@contextmanager
def serving(world: World, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Explore a ledger in a process of its own; give the process and the address."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--ledger", str(world.path), *more],
        env=environment(), text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said
        try:
            yield process, found[0]
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def served(world: World, *more: str) -> Iterator[str]:
    """Explore a ledger in a process of its own; give the address."""
    with serving(world, *more) as (_, address):
        yield address
