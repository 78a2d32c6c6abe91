"""A real PostgreSQL for tests: the one that TALLY_TEST_POSTGRES names, or one that pgserver starts.

Every test gets a database of its own. Where there is neither, the tests are skipped and say so.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "TALLY_TEST_POSTGRES"


class Server:
    """A server that tests may make databases on."""

    def __init__(self, url: str, folder: Path | None = None, programs: Path | None = None) -> None:
        """Remember its address, and how to stop it where it is ours."""
        self.url = url
        self._folder = folder
        self._programs = programs

    def run(self, statement: str) -> None:
        """Run a statement of whoever keeps the server."""
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def database(self) -> str:
        """Make an empty database, and give its URL."""
        name = f"t{uuid4().hex}"
        self.run(f"CREATE DATABASE {name}")
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def restart(self) -> None:
        """Stop it at once, with all its connections, and start it again."""
        self.stop(mode="immediate")
        self.start()

    def stop(self, *, mode: str = "fast") -> None:
        """Stop it."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start it, for sockets in its own folder alone."""
        self._control("start", "-o", f'-h "" -k {self._folder}')

    def _control(self, *action: str) -> None:
        if self._folder is None or self._programs is None:
            pytest.skip(f"the server of {VARIABLE} is not ours to restart")
        control = [str(self._programs / "pg_ctl"), "-D", str(self._folder), "-w"]
        subprocess.run(
            _as_owner(self._folder, [*control, *action]), check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder,
        )  # fmt: skip


def _as_owner(folder: Path, command: list[str]) -> list[str]:
    """Run as who owns the server's files: PostgreSQL refuses to run as root."""
    owner = folder.stat().st_uid
    if owner == os.getuid():
        return command
    return ["setpriv", f"--reuid={owner}", "--clear-groups", *command]


@cache
def started() -> Server | str:
    """Return the server of this process, or why there is none."""
    if VARIABLE in os.environ:
        return Server(os.environ[VARIABLE])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pgserver  # noqa: PLC0415 - only where it is installed
            from pgserver._commands import POSTGRES_BIN_PATH  # noqa: PLC0415 - as above

            folder = Path(tempfile.mkdtemp(prefix="tally-pg-"))
            folder.chmod(0o755)
            server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    except (ImportError, OSError, subprocess.SubprocessError, RuntimeError) as error:
        return f"no PostgreSQL: {error} (name one in {VARIABLE})"
    return Server(server.get_uri(), folder / "data", Path(POSTGRES_BIN_PATH))


@pytest.fixture(scope="session")
def server() -> Server:
    """The server of this test process."""
    found = started()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A database that nobody has used."""
    url = server.database()
    yield url
    with suppress(Exception):  # a test that restarts the server may have left it down
        name = urlsplit(url).path.strip("/")
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


# --- Debian's own, which has the extensions that pgserver leaves out ------------------------------

NOBODY = 65534


def with_amcheck() -> Path | None:
    """Return the programs of a PostgreSQL that has amcheck, if Debian's package is here."""
    found = (
        path for path in Path("/usr/share/postgresql").glob("*/extension/amcheck.control")
        if Path(f"/usr/lib/postgresql/{path.parts[-3]}/bin/initdb").is_file()
    )  # fmt: skip
    last = max(found, default=None)
    return None if last is None else Path(f"/usr/lib/postgresql/{last.parts[-3]}/bin")


@pytest.fixture(scope="session")
def amcheck_server() -> Iterator[Server]:
    """Start a server that has amcheck, in a folder of its own, as nobody where we are root."""
    programs = with_amcheck()
    if programs is None:
        pytest.skip("no amcheck: make judges installs Debian's postgresql")
    with tempfile.TemporaryDirectory(prefix="tally-am-") as place:
        folder = Path(place) / "data"
        folder.mkdir(mode=0o700)
        Path(place).chmod(0o755)
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        made = [str(programs / "initdb"), "-D", str(folder), "-U", "postgres", "-A", "trust",
                "-E", "UTF8", "--locale=C", "--no-sync"]  # fmt: skip
        subprocess.run(
            _as_owner(folder, made), check=True, stdout=subprocess.DEVNULL, cwd=folder
        )
        server = Server(f"postgresql://postgres@/postgres?host={folder}", folder, programs)
        server.start()
        yield server
        server.stop(mode="immediate")
