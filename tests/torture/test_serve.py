"""``tally serve`` killed, or on a full disk: the ledger stays, and so do the answers."""

from __future__ import annotations

import shutil
import threading
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import World, tally
from tests.explorer.lively import serving
from tests.torture.worlds import ROUNDS, bodies, chance, copied, fill, prepare, told, whole

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")

if TYPE_CHECKING:
    from pathlib import Path

ASKED = ("/api/balances", "/api/state/a-1", "/api/instances", "/accounts", "/account/a-1", "/books")
KILLS = 2


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger that is copied for every torture."""
    return prepare(tmp_path_factory.mktemp("serve"))


def asked(address: str) -> dict[str, tuple[int, bytes]]:
    """Ask for pages and answers: status and body; what cannot be asked any more is left out."""
    found = {}
    for path in ASKED:
        try:
            with urllib.request.urlopen(address + path, timeout=20) as answer:  # noqa: S310 - our own
                found[path] = (answer.status, answer.read())
        except urllib.error.HTTPError as error:
            found[path] = (error.code, error.read())
        except OSError:  # it is killed
            return found
    return found


def test_a_killed_explorer_leaves_the_ledger_and_its_writer_alone(
    base: Path, tmp_path: Path
) -> None:
    expected = copied(base, tmp_path / "expected")
    assert tally("import", expected / "more.ndjson", "--ledger", expected / "t.db").code == 0
    draw, counts = chance("serve"), Counter[str]()
    for round_ in range(KILLS * ROUNDS):
        folder = copied(base, tmp_path / str(round_))
        with serving(World.at(folder / "t.db")) as (process, address):
            killer = threading.Timer(draw.uniform(0.0, 0.6), process.kill)
            looks = [threading.Thread(target=asked, args=(address,)) for _ in range(3)]
            for one in (killer, *looks):
                one.start()
            done = tally("import", folder / "more.ndjson", "--ledger", folder / "t.db")
            for one in (killer, *looks):
                one.join()
        assert done.code == 0, done
        assert bodies(folder) == bodies(expected)
        assert whole(folder).code == 0
        shutil.rmtree(folder)
        counts["answers unchanged"] += 1
    told("kill serve", counts)


def test_an_explorer_on_a_full_disk_answers_as_before_or_says_why(base: Path, disk: Path) -> None:
    draw, counts = chance("disk serve"), Counter[str]()
    for round_ in range(ROUNDS):
        folder = copied(base, disk / str(round_))
        with serving(World.at(folder / "t.db")) as (_, address):
            before = asked(address)
            assert {status for status, _ in before.values()} == {200}
        filler = fill(folder, left=draw.choice((0, 4, 40)))
        with serving(World.at(folder / "t.db")) as (_, address):
            full = asked(address)
            filler.unlink()
            assert asked(address) == before
        for path, (status, body) in full.items():
            assert status == 200 or b"no room" in body, (path, status, body[:500])
            assert status != 200 or body == before[path][1], path
            assert b"Traceback" not in body
            counts["answers unchanged" if status == 200 else "an error that says so"] += 1
        assert bodies(folder) == bodies(base)
        assert whole(folder).code == 0
        shutil.rmtree(folder)
    told("full disk serve", counts)
