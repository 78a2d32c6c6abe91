"""The real program for tests: in this process for speed, or as a process of its own.

In process it is still ``cli.main.main()``: the same arguments, streams and exit code.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from cli.commands.schema import schema_of
from cli.main import main

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "cli.main")
START = "2025-01-01T00:00:00+08:00"

Json = dict[str, Any]


class Done(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """The one JSON object on stdout."""
        answer: Json = json.loads(self.out)
        return answer

    @property
    def rows(self) -> list[Json]:
        """One JSON object a line on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment() -> dict[str, str]:
    """80 columns, no colour, nobody's ledger, and pipes that Python buffers as it always does."""
    kept = {
        name: text for name, text in os.environ.items()
        if not name.startswith("TALLY") and name != "PYTHONUNBUFFERED"
    }  # fmt: skip
    return {**kept, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}


def tally(*arguments: object, stdin: bytes | str = b"", cwd: Path | None = None) -> Done:
    """Run the program in this process."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    streams = (sys.argv, sys.stdin, sys.stdout, sys.stderr)
    before = dict(os.environ)
    here = Path.cwd()
    stopper = signal.getsignal(signal.SIGTERM)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code = 0
    sys.argv = ["tally", *map(str, arguments)]
    sys.stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    sys.stdout, sys.stderr = out, err
    os.environ.update(environment())
    try:
        if cwd is not None:
            os.chdir(cwd)
        main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    finally:
        sys.argv, sys.stdin, sys.stdout, sys.stderr = streams
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
        signal.signal(signal.SIGTERM, stopper)
    texts = []
    for stream in (out, err):
        stream.flush()
        raw = stream.buffer
        assert isinstance(raw, io.BytesIO)
        texts.append(raw.getvalue().decode())
    return Done(code, *texts)


def tally_process(
    *arguments: object, stdin: bytes | str = b"", cwd: Path | None = None, **more: str
) -> Done:
    """Run the program as a process of its own."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=given, capture_output=True, cwd=cwd, timeout=300, check=False,
        env={**environment(), **more},
    )  # fmt: skip
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@cache
def schema(name: str) -> Json:
    """One of the schemas that ship with the program, as it prints them."""
    return schema_of(name)


def valid(answer: Json) -> Json:
    """Fail unless the answer fits the shipped schema that it names; return it back."""
    name, _, version = str(answer["schema"]).removeprefix("tally.").partition("/")
    assert version == "1"
    problems = [
        f"{'/'.join(map(str, problem.absolute_path))}: {problem.message}"
        for problem in Draft202012Validator(schema(name)).iter_errors(answer)
    ]
    assert not problems, f"tally.{name}/1: {problems[:3]}"
    return answer


def lines(*commands: Json) -> str:
    """Commands as an import reads them."""
    return "".join(json.dumps(command) + "\n" for command in commands)


class World:
    """A ledger file and the program pointed at it; what answers JSON is held to its schema."""

    def __init__(
        self, path: Path, *, start: str | None = START, policy: Json | None = None
    ) -> None:
        """Make the ledger: simulated from ``start``, or with the system clock for None."""
        self.path = path
        arguments = ["--clock", "simulated", "--start", start] if start else []
        for key, text in (policy or {}).items():
            arguments += ["--policy", f"{key}={text}"]
        self.done("init", *arguments)

    @classmethod
    def at(cls, path: Path) -> World:
        """A ledger that is there already."""
        world = cls.__new__(cls)
        world.path = path
        return world

    def run(self, *arguments: object, stdin: bytes | str = b"") -> Done:
        """Run one command on this ledger."""
        return tally(*arguments, "--ledger", self.path, stdin=stdin)

    def process(self, *arguments: object, stdin: bytes | str = b"") -> Done:
        """Run one command on this ledger in a process of its own."""
        return tally_process(*arguments, "--ledger", self.path, stdin=stdin)

    def done(self, *arguments: object, stdin: bytes | str = b"", code: int = 0) -> Done:
        """Run one command that must end with this exit code."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.code == code, (arguments, ended)
        return ended

    def json(self, *arguments: object, stdin: bytes | str = b"", code: int = 0) -> Json:
        """Run one command with --json; its answer fits its schema."""
        ended = self.done(*arguments, "--json", stdin=stdin, code=code)
        assert ended.out.count("\n") == 1
        return valid(ended.json)

    def rows(self, *arguments: object, stdin: bytes | str = b"", code: int = 0) -> list[Json]:
        """Run one command with --ndjson."""
        return self.done(*arguments, "--ndjson", stdin=stdin, code=code).rows

    def take(self, *commands: Json, code: int = 0) -> list[Json]:
        """Import commands and give what became of each line."""
        results = self.rows("import", "-", stdin=lines(*commands), code=code)
        return [valid(result) for result in results]

    def record(self, *arguments: object, code: int = 0) -> Json:
        """Record one command."""
        return self.json("record", *arguments, code=code)

    def state(self, account: str, *arguments: object) -> Json:
        """One account."""
        return self.json("state", account, *arguments)

    def events(self, *arguments: object) -> list[Json]:
        """The log."""
        return [valid(event) for event in self.rows("log", *arguments)]


SMALL = ROOT / "tests" / "golden" / "small.ndjson"
SMALL_EVENTS = 38


def small(path: Path) -> World:
    """Two accounts in January 2025: coupons, a stop, a late top-up, failed renewals, a debt."""
    world = World(path)
    world.done("import", SMALL, code=4)
    world.done("clock", "advance", "--to", "2025-02-21T12:00:00+08:00")
    return world
