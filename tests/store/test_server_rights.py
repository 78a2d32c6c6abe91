"""A server that lets nobody in, or nobody write: each has its own words, and can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.cli.program import SMALL, Done, tally
from tests.servers import Server

psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")

READ_ONLY = "&options=-c%20default_transaction_read_only%3Don"
LOOKS: list[tuple[str, ...]] = [
    ("status",), ("balances",), ("state", "a-1"), ("verify", "--deep"), ("recheck",), ("log",),
]  # fmt: skip
WRITES: list[tuple[str, ...]] = [
    ("record", "open-account", "--account", "new"), ("import", "{}/more.ndjson"),
    ("clock", "advance", "1d"), ("tag", "add", "x"), ("seal", "--key", "{}/t.key"),
    ("close", "2025-01", "--actor", "a"), ("projections", "rebuild"),
]  # fmt: skip


def run(url: str, *statements: str) -> None:
    """Run statements of whoever owns the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def as_role(url: str, role: str) -> str:
    """Return the URL of a database for a role."""
    there = urlsplit(url)
    return urlunsplit(there._replace(netloc=f"{role}@{there.netloc.rpartition('@')[2]}"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, and a command to record."""
    made = tmp_path_factory.mktemp("rights")
    (made / "more.ndjson").write_text('{"do":"open-account","account":"more"}\n')
    return made


@pytest.fixture(scope="module")
def place(server: Server, folder: Path) -> Iterator[str]:
    """A ledger on a server with a role that may log in, and nothing else."""
    url, role = server.database(), f"looker_{uuid4().hex}"
    for words in (
        ("init", "--clock", "simulated", "--start", "2025-01-01"), ("import", str(SMALL)),
        ("keys", "new", "--key", str(folder / "t.key"), "--trust", str(folder / "t.policy")),
        ("clock", "advance", "--to", "2025-04-01"), ("balances",), ("projections", "rebuild"),
    ):  # fmt: skip
        done = tally(*words, "--ledger", url, cwd=folder)
        assert done.code in (0, 4), done
    server.run(f"CREATE ROLE {role} LOGIN")
    yield url + f"#{role}"
    run(url, f"DROP OWNED BY {role}")
    server.run(f"DROP ROLE {role}")


def ask(words: tuple[str, ...], url: str, folder: Path) -> Done:
    """Ask the program."""
    given = [word.replace("{}", str(folder)) for word in words]
    return tally(*given, "--json", "--ledger", url, cwd=folder)


def refused(url: str, folder: Path, *, code: str, says: str) -> None:
    """Expect every command that writes to be refused in one way, recording nothing."""
    head = ask(("status",), url, folder).json["head"]
    for words in WRITES:
        done = ask(words, url, folder)
        assert done.code == 6, (words, done)
        assert done.json["code"] == code, (words, done)
        assert says in done.json["message"], (words, done)
    assert ask(("status",), url, folder).json["head"] == head


def test_a_server_that_takes_no_writes_can_be_read(place: str, folder: Path) -> None:
    owner = place.partition("#")[0]
    url = owner + READ_ONLY
    assert ask(("tag", "add", "behind"), owner, folder).code == 0  # the views are behind now
    for words in (*LOOKS[:3], *LOOKS[4:]):
        assert ask(words, url, folder).code == 0, words
    deep = ask(("verify", "--deep", "--trust", "{}/t.policy"), url, folder)
    assert deep.code == 0
    assert [one["name"] for one in deep.json["checks"] if one["skipped"]] == ["database", "views"]
    compared = ask(("replay", "--compare"), url, folder)
    assert (compared.code, compared.json["compared"]) == (1, False)
    assert "cannot be caught up here" in compared.err
    refused(url, folder, code="LEDGER_READ_ONLY", says="the server accepts no writes")


def test_a_role_without_rights_then_one_that_may_read_then_one_that_may_write(
    place: str, folder: Path
) -> None:
    owner, _, role = place.partition("#")
    url = as_role(owner, role)
    for words in (LOOKS[1], LOOKS[3], *WRITES[:2]):
        done = ask(words, url, folder)
        assert (done.code, done.json["code"]) == (6, "NO_RIGHTS"), (words, done)
        assert "permission denied" in done.json["message"]
    run(owner, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    for words in LOOKS:
        assert ask(words, url, folder).code == 0, words
    refused(url, folder, code="NO_RIGHTS", says="may not be written to: permission denied")
    run(owner, f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    for words in WRITES[:6]:
        assert ask(words, url, folder).code == 0, words
    rebuilt = ask(("projections", "rebuild"), url, folder)  # it drops and makes tables
    assert (rebuilt.code, rebuilt.json["code"]) == (6, "NO_RIGHTS")
    assert ask(("verify", "--trust", "{}/t.policy"), url, folder).code == 0


CONNECTIONS: dict[str, tuple[str, str, int, str]] = {
    "no such database": ("", "", 3, "LEDGER_NOT_FOUND"),
    "no such role": ("", "", 6, "NO_RIGHTS"),
    "no right to connect": (
        "REVOKE CONNECT ON DATABASE {db} FROM PUBLIC", "GRANT CONNECT ON DATABASE {db} TO PUBLIC",
        6, "NO_RIGHTS",
    ),
    "a role that may not log in": (
        "ALTER ROLE {role} NOLOGIN", "ALTER ROLE {role} LOGIN", 6, "NO_RIGHTS",
    ),
    "a database that is closed": (
        "ALTER DATABASE {db} ALLOW_CONNECTIONS false", "ALTER DATABASE {db} ALLOW_CONNECTIONS true",
        6, "NO_RIGHTS",
    ),
    "no connection left": (
        "ALTER ROLE {role} CONNECTION LIMIT 0", "ALTER ROLE {role} CONNECTION LIMIT -1",
        6, "SERVER_UNREACHABLE",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONNECTIONS)
def test_a_connection_that_is_refused(
    server: Server, place: str, folder: Path, name: str
) -> None:
    before, after, code, said = CONNECTIONS[name]
    owner, _, role = place.partition("#")
    database = urlsplit(owner).path.strip("/")
    url = as_role(owner, role)
    if name == "no such database":
        url = owner.replace(f"/{database}", "/nowhere")
    elif name == "no such role":
        url = as_role(owner, "nobody")
    elif before:
        server.run(before.format(db=database, role=role))
    try:
        for words in (("status",), ("record", "open-account", "--account", "x")):
            done = ask(words, url, folder)
            assert (done.code, done.json["code"]) == (code, said), (words, done)
    finally:
        if after:
            server.run(after.format(db=database, role=role))


def test_what_a_server_cannot_keep_names_its_line_and_what_came_before_stays(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"latin_{uuid4().hex}"
    server.run(f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' "
               "TEMPLATE template0")  # fmt: skip
    url = urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))
    done = ask(("init",), url, folder)
    assert (done.code, done.json["code"]) == (2, "CANNOT_KEEP")
    monkeypatch.setattr("ledger.store.postgres.ENCODING", "LATIN1")  # as an earlier version did
    assert ask(("init",), url, folder).code == 0
    names = ["a-1", "é", "a-3", "中", "a-5"]
    lines = [json.dumps({"do": "open-account", "account": one}) for one in names]
    (folder / "names.ndjson").write_text("\n".join(lines))
    done = ask(("import", "{}/names.ndjson"), url, folder)
    assert (done.code, done.json["code"]) == (2, "BAD_LINE")
    assert done.json["message"].startswith("line 4: ")
    kept = tally("balances", "--ndjson", "--ledger", url).rows
    assert [row["account"] for row in kept] == ["a-1", "a-3", "é"]
    lines[3] = '{"do":"open-account","account":"a-4"}'
    (folder / "names.ndjson").write_text("\n".join(lines))
    assert ask(("import", "{}/names.ndjson", "--resume"), url, folder).json["accepted"] == 2
    server.run(f"DROP DATABASE {name} WITH (FORCE)")
