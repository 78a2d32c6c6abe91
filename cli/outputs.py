"""Every file and folder that a command writes: checked, written beside, then renamed.

Invariant: a target is checked before the command does anything, and again when it is opened; no
link, hard link or spelling of the ledger, its side files, a key or a policy passes. Content
appears under the name whole or not at all, and an error leaves nothing beside it. This module
must not know what is written.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import click

from cli.groups import Renamed
from cli.render import note
from cli.trusting import EVENT_SUFFIX, beside, key_file, policy_file
from ledger.errors import InvalidInput
from ledger.store import is_server
from ledger.store.beside import room_for, spare, sync, written_beside
from projections.columns import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cli.options import Output

SIDE_FILES: Final = ("-wal", "-shm", "-journal")
KEY, POLICY = "a private key", "a policy"
SEEN: Final = ".seen"  # beside a witness's key: what it has cosigned
_HEAD_BYTES: Final = 4096
_DATABASE: Final = (
    b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
)  # fmt: skip
_PRIVATE_KEY: Final = re.compile(rb"PRIVATE\+KEY\+|-----BEGIN [A-Z ]*PRIVATE KEY-----")
_POLICY: Final = re.compile(rb"^(?:log|witness) \S+\+[0-9a-f]{8}\+|^quorum \S+\s*$", re.MULTILINE)


class KeptPlace(NamedTuple):
    """A place that no output may name, and what it is."""

    path: Path
    what: str


def kept_places(
    location: str, key_place: str | None = None, policy_place: str | None = None
) -> list[KeptPlace]:
    """Return what belongs to a ledger: its file, side files, columns, keys and policies."""
    kept = []
    if not is_server(location):
        for path in {Path(location), _real(Path(location))}:
            kept.append(KeptPlace(path, "the ledger"))
            kept += [
                KeptPlace(Path(f"{path}{end}"), "a side file of the ledger") for end in SIDE_FILES
            ]
            kept.append(KeptPlace(Path(f"{path}.columns"), "the ledger's columns"))
    kept.append(KeptPlace(folder_of(location), "the ledger's columns"))
    for key in {beside(location, ".key"), key_file(location, key_place)}:
        kept.append(KeptPlace(key, KEY))
        kept.append(KeptPlace(key.with_name(f"{key.name}{SEEN}"), "what a witness's key has seen"))
        with suppress(OSError):
            rotated = re.compile(re.escape(key.name) + r"\.[0-9a-f]{8}")
            kept += [
                KeptPlace(path, "a private key that was rotated")
                for path in sorted(key.parent.iterdir()) if rotated.fullmatch(path.name)
            ]  # fmt: skip
    for policy in {beside(location, ".policy"), policy_file(location, policy_place)}:
        kept.append(KeptPlace(policy, POLICY))
    return kept


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _same(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one place, whether anything is there or not."""
    try:
        return one.samefile(other)
    except OSError:
        return _real(one) == _real(other)


class Target:
    """Where a command writes: a file, a folder, a pipe, or ``-`` for stdout."""

    def __init__(self, given: str, *, key: bool = False, policy: bool = False) -> None:
        """Remember the place as it was given, and whether a key or a policy may stand there."""
        self.given = given
        there = Path(given)
        odd = there.exists() and not (there.is_file() or there.is_dir())
        self.path = there if odd else _real(there)  # a pipe may have no other name
        self._may_be = (key, policy)
        self._kept: list[KeptPlace] | None = None
        self._out = sys.stdout  # messages may be redirected later, the content is not

    def __str__(self) -> str:
        """Return the place as it was given."""
        return self.given

    @property
    def stdout(self) -> bool:
        """Whether this is where stdout goes."""
        if self.given == "-":
            return True
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._out.fileno()))
        except (OSError, ValueError):
            return False

    def derived(self, suffix: str) -> Target:
        """Return the target of this name with a suffix; it is checked like this one."""
        made = Target(f"{self.given}{suffix}")
        made._kept = self._kept
        return made

    def check(self, kept: Iterable[KeptPlace]) -> None:
        """Refuse a place that must not be written. Raises: InvalidInput, OSError."""
        self._kept = list(kept)
        self._check()

    def check_new(self, kept: Iterable[KeptPlace]) -> None:
        """Refuse a place where no new ledger may lie. Raises: InvalidInput, OSError."""
        self._refuse_kept(kept)
        if not self.path.exists():
            self._check_parent()
        elif not self.path.is_file():
            raise self._refused("it is not a file")
        elif (head := _begins(self.path)) and not head.startswith(_DATABASE):
            raise self._refused("another file is there")

    def _check(self) -> None:
        assert self._kept is not None, "an output is checked before the command begins"  # noqa: S101 - our own bug
        if self.stdout:
            return
        self._refuse_kept(self._kept)
        if not self.path.exists():
            self._check_parent()
            return
        mode = self.path.stat().st_mode
        if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise self._refused("it is a device or a socket")
        if stat.S_ISREG(mode):
            self._refuse_content()

    def _refuse_kept(self, kept: Iterable[KeptPlace]) -> None:
        for place in kept:
            if any(_same(one, place.path) for one in (self.path, *self.path.parents)):
                raise self._refused(f"it is {place.what}")
        base = re.sub(r"-(?:wal|shm|journal)$", "", self.path.name)
        of = self.path.with_name(base)
        if base != self.path.name and of.is_file() and _begins(of).startswith(_DATABASE):
            raise self._refused(f"it is a side file of the database {str(of)!r}")

    def _refuse_content(self) -> None:
        head = _begins(self.path)
        if head.startswith(_DATABASE):
            raise self._refused("a database is there")
        key, policy = self._may_be
        if not key and _PRIVATE_KEY.search(head):
            raise self._refused("a private key is there")
        if not policy and _POLICY.search(head):
            raise self._refused("a policy of accepted keys is there")

    def _check_parent(self) -> None:
        if not self.path.parent.is_dir():
            msg = f"cannot write {self.given!r}: there is not a folder {str(self.path.parent)!r}"
            raise InvalidInput(msg, hint="make the folder first, or name another")

    def _refused(self, why: str) -> InvalidInput:
        msg = f"cannot write {self.given!r}: {why}"
        return InvalidInput(msg, hint="name another file; nothing was written")

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the target for its whole content. Raises: InvalidInput, OSError."""
        self._check()
        if self.stdout:
            yield self._out.buffer
            self._out.flush()
            return
        if self.path.is_dir():
            msg = f"cannot write {self.given!r}: it is a folder"
            raise InvalidInput(msg, hint="name a file in it")
        if self.path.exists() and not self.path.is_file():  # a pipe takes what it gets, as it comes
            with room_for(self.path), self.path.open("wb") as pipe:
                yield pipe
            return
        mode = stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else None
        with written_beside(self.path, mode=mode) as file:
            yield file

    def write(self, content: str | bytes) -> None:
        """Write the whole content."""
        with self.opened() as file:
            file.write(content.encode() if isinstance(content, str) else content)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield an empty folder to fill, which gets its name when all is in it.

        Raises: InvalidInput, OSError.
        """
        self._check()
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            msg = f"{self.given!r} is not an empty folder"
            raise InvalidInput(msg, hint="name a new one")
        part = spare(self.path)
        with room_for(self.path):
            part.mkdir()
            try:
                yield part
                for path in part.rglob("*"):
                    sync(path)
                sync(part)
                part.rename(self.path)
                sync(self.path.parent)
            finally:
                shutil.rmtree(part, ignore_errors=True)


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


@contextmanager
def secret(path: Path, text: str, *, replace: bool = False) -> Iterator[None]:
    """Write a file that only its owner may read; it gets its name when the body has ended.

    Raises: FileExistsError, OSError.
    """
    with written_beside(path, mode=0o600, replace=replace) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())  # a full disk shows before the body begins
        yield


def key_and_policy(
    location: str, key_place: str | None, policy_place: str | None
) -> tuple[Target, Target]:
    """Return the targets of a ledger's private key and of its policy, checked.

    Raises: InvalidInput, OSError.
    """
    kept = kept_places(location, key_place, policy_place)
    key = Target(str(key_file(location, key_place)), key=True)
    policy = Target(str(policy_file(location, policy_place)), policy=True)
    key.check(one for one in kept if one.what != KEY)
    policy.check(one for one in kept if one.what != POLICY)
    return key, policy


def printed(target: Target | None, print_: Callable[[], int]) -> int:
    """Print to stdout, or write into a file what would stand there, to the byte."""
    if target is None:
        return print_()
    page = StringIO()
    with redirect_stdout(page):
        code = print_()
    target.write(page.getvalue())
    note(f"wrote {target}")
    return code


class _TargetType(click.ParamType[Target]):
    """A click type: the command gets a :class:`Target` that was checked."""

    name = "output"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Target:
        """Make the target; ``cli.options`` checks it before the command begins."""
        del param, ctx
        return value if isinstance(value, Target) else Target(value)


def output_option(help_: str, *names: str, old: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """Return the option of a file that a command writes (``-o`` unless named otherwise)."""
    spelled = names or ("-o", "--output", "target")
    return click.option(
        *spelled, cls=Renamed, old=old, type=_TargetType(), metavar="FILE", help=help_
    )


def html_options(body: Callable[..., Any]) -> Callable[..., Any]:
    """Add --html, and -o for its file."""
    body = output_option("With --html: write the page to a file instead of stdout.")(body)
    return click.option("--html", "as_html", is_flag=True, help="A page with all figures.")(body)


def page_target(output: Output, target: Target | None, *, as_html: bool) -> Target | None:
    """Return where --html writes its page, if one is asked for. Raises: InvalidInput."""
    if target is not None and not as_html:
        raise InvalidInput(f"-o {target} names the file of a page", hint="add --html")
    if not as_html or target is not None:
        return target
    if not output.human:
        raise InvalidInput(f"--html and --{output.form} exclude each other", hint="add -o FILE")
    page = Target("-")
    page.check([])
    return page


def output_argument(name: str) -> Callable[[Any], Any]:
    """Return the argument of a file or folder that a command writes."""
    return click.argument(name, type=_TargetType())


def check_targets(location: str, options: dict[str, Any]) -> bool:
    """Check every target among a command's options; return whether one of them is stdout.

    Raises: InvalidInput, OSError.
    """
    targets = [option for option in options.values() if isinstance(option, Target)]
    if not targets:
        return False
    kept = kept_places(location, options.get("key_place"), options.get("policy_place"))
    for target in targets:
        target.check(kept)
        if "event_target" in options and options["event_target"] is None:
            target.derived(EVENT_SUFFIX).check(kept)
    named = [text for name, text in options.items() if name in _INPUTS and isinstance(text, str)]
    read = [Path(text) for text in named if text != "-" and Path(text).exists()]
    for number, target in enumerate(targets):
        if any(_same(target.path, one.path) for one in targets[:number]):
            msg = f"{target.given!r} is named for two outputs"
            raise InvalidInput(msg, hint="give each its own file")
        if any(_same(target.path, path) for path in read):
            msg = f"{target.given!r} is the file that this command reads"
            raise InvalidInput(msg, hint="name another file for the output")
    return any(target.stdout for target in targets)


_INPUTS: Final = frozenset(("file", "map_", "proof_file", "consistency"))
