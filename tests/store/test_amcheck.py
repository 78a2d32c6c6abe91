"""amcheck looks where no query goes: a page whose neighbours are wrong answers all the same."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.program import SMALL, tally
from tests.servers import Server
from tests.store.test_server_place import failed, run, verified

psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")

PAGE = 8192
INDEX = "events_by_effective_at"


def spoil(server: Server, url: str) -> None:
    """Let the first leaf of an index have a left neighbour: a walk to the right never looks."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        (name,) = connection.execute("SELECT pg_relation_filepath(%s)", (INDEX,)).fetchone()
    path = Path(parse_qs(urlsplit(url).query)["host"][0]) / name
    server.stop()
    raw = bytearray(path.read_bytes())
    special = PAGE + int.from_bytes(raw[PAGE + 16 : PAGE + 18], "little")
    assert raw[special : special + 4] == bytes(4), "the first leaf, which has no left neighbour"
    raw[special] = 1
    with path.open("r+b") as file:
        file.write(raw)
    server.start()


def test_a_page_that_no_query_reads_is_found_where_amcheck_is(
    amcheck_server: Server, tmp_path: Path
) -> None:
    url = amcheck_server.database()
    for arguments in (
        ("init", "--clock", "simulated", "--start", "2025-01-01"), ("import", str(SMALL)),
        ("balances",),
    ):  # fmt: skip
        done = tally(*arguments, "--ledger", url, cwd=tmp_path)
        assert done.code in (0, 4), done
    run(url, "CREATE EXTENSION amcheck")
    assert failed(verified(url, "--deep", code=0)) == {}
    spoil(amcheck_server, url)
    answer = verified(url, code=5)
    assert failed(answer) == {"indexes": ("modified", None)}
    (said,) = [check for check in answer["checks"] if not check["ok"]]
    assert INDEX in str(said)
    run(url, "DROP EXTENSION amcheck")
    verified(url, code=0)  # whoever asks rows alone cannot know
    run(url, "CREATE EXTENSION amcheck", f"REINDEX INDEX {INDEX}")
    verified(url, "--deep", code=0)
