"""A vendor's file as lines of commands for ``tally import --from``, the same ones whenever asked.

What the lines say depends on where the clock stood and which accounts there were when the import
began. The first run notes both with what it records, so that ``--resume`` makes the same lines.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from cli.deliveries import Begun, importing, statement_file
from cli.render import note
from ledger.errors import BadLine
from ledger.importer import Origin
from ledger.outcomes import Result
from ledger.store.settings import SettingBroken
from projections.reconciliation.focus.delivery import sha256_of
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers import format_of, read_statement, source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cli.bootstrap import Session
    from ledger.outcomes import Outcome
    from projections.reconciliation.lines import Statement


class Converted(NamedTuple):
    """A vendor's file as lines of commands; ``repeats``: results of lines recorded already."""

    statement: Statement
    lines: Sequence[str]
    repeats: Mapping[int, Outcome]
    origin: Origin

    @property
    def new(self) -> BinaryIO:
        """The lines that are not recorded yet."""
        return io.BytesIO("".join(
            f"{line}\n" for number, line in enumerate(self.lines, 1) if number not in self.repeats
        ).encode())

    def with_repeats(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield the results of all lines, those of the new ones under their own numbers.

        Raises: BadLine, under its own number.
        """
        news = (number for number in range(1, len(self.lines) + 1) if number not in self.repeats)
        repeats = iter(sorted(self.repeats.items()))
        waiting = next(repeats, None)
        numbers = dict(enumerate(news, 1))
        try:
            for result in results:
                number = numbers[result.line]
                while waiting is not None and waiting[0] < number:
                    yield Result(*waiting)
                    waiting = next(repeats, None)
                yield result._replace(line=number)
        except BadLine as error:
            raise BadLine(line=numbers[error.line], error=error.error) from None
        while waiting is not None:
            yield Result(*waiting)
            waiting = next(repeats, None)


def converted(
    session: Session, file: str, name: str, *,
    resume: bool, account: str, encoding: str, dates_lost: bool,
) -> Converted:  # fmt: skip
    """Turn a vendor's file into lines of commands. Raises: SettingBroken."""
    body = statement_file(file, name)
    digest = _digest(body, repr((name, account, encoding, dates_lost)))
    key = f"import-of:{name}:{digest}"
    begun = _noted(session, key) if resume else None
    if begun is None:
        begun = Begun(session.reader.head().position, session.now, session.offset)
    try:
        statement = read_statement(
            body, name, offset=begun.offset, currency=session.config.currency,
            encoding=encoding, account=account,
        )  # fmt: skip
    except BadStatement as error:
        hint = remedy(body) if "--source" in (error.hint or "") else error.hint
        raise BadStatement(str(error), hint=hint) from None
    importer, statement, recorded = importing(
        session, statement, begun=begun, dates_lost=dates_lost
    )
    importer.origin = f"{Path(file).name} sha256:{sha256_of(body)}"
    lines = [json.dumps(one, ensure_ascii=False) for one in importer.commands(statement)]
    for said in importer.unsaid:
        note(f"note: {said}")
    origin = Origin(f"{name}:{digest}", key, msgspec.json.encode(begun).decode())
    repeats = {
        number: repeat for number, line in enumerate(lines, 1)
        if (repeat := recorded.repeat_of(line)) is not None
    }  # fmt: skip
    return Converted(statement, lines, repeats, origin)


def remedy(body: bytes | Path) -> str:
    """Return how the ledger takes a file of another kind than it was imported as."""
    found = source_of(body)
    if not found:
        return ""
    if not format_of(found).vendor:
        return f"it looks like {found}: compare it with tally reconcile --source {found} --propose"
    return f"it looks like {found}: use --from {found}"


def _digest(body: bytes | Path, options: str) -> str:
    """Hash a file, and how it is to be read."""
    digest = hashlib.sha256(options.encode())
    if isinstance(body, Path):
        with body.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    else:
        digest.update(body)
    return digest.hexdigest()


def _noted(session: Session, key: str) -> Begun | None:
    text = session.reader.meta(key)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Begun)
    except msgspec.DecodeError:
        want = "the head of the ledger when an import began"
        raise SettingBroken(key, value=text, want=want) from None
