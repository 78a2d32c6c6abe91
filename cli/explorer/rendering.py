"""Writes a page: its parts' answers at one point, in one frame.

Invariant: all that comes from a ledger is escaped by the template; the only markup that is not is
drawn by projections/html, which escapes it. This module must not know a route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.bootstrap import Session
from cli.errors import EXPECTED, error_shown, exit_code
from cli.explorer import links, shown
from cli.explorer.asking import words_of
from cli.trusting import read_policy
from ledger.errors import ExtraMissing, LedgerError
from ledger.proof.notes import read_base64
from ledger.proof.proofs import Inclusion, check_inclusion, read_proof
from projections.history.points import Point as Asked
from projections.html.balance import balance
from projections.html.lanes import lanes
from projections.html.river import river
from projections.html.svg import joined
from projections.reports.timeline import timeline

try:
    from jinja2 import Environment, PackageLoader
except ImportError as missing:
    raise ExtraMissing(package=missing.name or "jinja2", extra="serve") from None

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cli.explorer.answers import Answers, Stamp
    from cli.explorer.asking import Reply
    from cli.explorer.pages import Given, Page, PagePart
    from projections.html.svg import Markup

Json = dict[str, Any]
MENU: Final = (
    ("/", "Overview", "o"), ("/accounts", "Accounts", "a"), ("/instances", "Instances", "i"),
    ("/books", "Books", "b"), ("/reconciliations", "Reconciliations", "r"),
    ("/periods", "Periods", "p"), ("/compare", "Compare", "c"), ("/sql", "SQL", "s"),
)  # fmt: skip


class Renderer:
    """One explorer's pages."""

    def __init__(self, answers: Answers) -> None:
        """Load the template once."""
        self._answers = answers
        self._checked: tuple[int, bool] | None = None  # the last check: up to where, did it hold
        templates = Environment(
            loader=PackageLoader("cli.explorer"), autoescape=True, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        templates.globals.update(address=links.address, menu=MENU)
        self._template = templates.get_template("page.html")

    def page(
        self, make: Callable[[Given], Page], path: str, query: dict[str, str],
        named: dict[str, str],
    ) -> tuple[int, str]:  # fmt: skip
        """Return the exit code of the page's first command, and the page."""
        point = {key: query[key] for key in links.POINT if query.get(key)}
        given = {**query, **named}
        try:
            stamp, here = self._answers.look(point)
        except EXPECTED as error:
            return exit_code(type(error)), self._template.render(
                title="This cannot be shown", error=error_shown(error), path=path, point={},
                parts=[], given={}, here=None, page=None,
            )  # fmt: skip
        page = make({**given, "seen_at": here.at})
        asked = shown.PageAddress(path, point, query)
        parts: list[Json] = []
        codes: list[int] = []
        for part in page.parts:
            if part.shape == "drawings":  # no answer is asked for: it would be made twice
                if not any(codes):  # the account is there
                    parts.append(self._drawn(part, asked, stamp))
                continue
            options = [*part.options, *(point.items() if part.timed else ())]
            if isinstance(words_of(part.name, part.arguments, options), str):
                continue  # a command that this version does not have
            reply = self._answers.reply(stamp, part.name, part.arguments, options)
            codes.append(reply.code)
            parts.append(self._part(part, reply, asked))
        text = self._template.render(
            title=page.title, parts=parts, point=point, path=path, page=page, given=given,
            here=here, error=None, asked=asked,
        )
        return (codes[0] if codes else 0), text

    def _part(self, part: PagePart, reply: Reply, asked: shown.PageAddress) -> Json:
        answer = reply.json
        made: Json = {"part": part, "failed": None, "figures": [], "table": None}
        if part.shape == "proof":
            return {**made, "proof": _checked(self._answers.location, reply)}
        if answer.get("schema") == "tally.error/1":
            return {**made, "failed": answer}
        made["answer"] = answer
        return {**made, **self._shape(part, answer, asked)}

    def _shape(self, part: PagePart, answer: Json, asked: shown.PageAddress) -> Json:
        shape = part.shape
        if shape == "figures":
            return {"figures": shown.figures(part, answer, asked)}
        if shape == "payload":
            held = answer.get(part.rows)
            return {"payload": shown.flat(held) if held else None}
        if shape == "tree":
            return {"tree": shown.cut(part, answer["causes"], asked)}
        if shape == "standing":
            return {"standing": answer, "checked": self._checked}
        if part.name == "verify":
            self._checked = (int(answer["events"]), bool(answer["ok"]))
        return {"table": shown.table(part, shown.arranged(shape, answer), asked),
                "bridges": answer["rows"][:40] if shape == "bridge" else []}  # fmt: skip

    def _drawn(self, part: PagePart, asked: shown.PageAddress, stamp: Stamp) -> Json:
        (name,) = part.arguments
        axes = {"at": "at", "known_at": "known-at", "as_of": "as-of", "position": "position"}
        key = ("drawn", name, *(f"--{axes[one]}={at}" for one, at in sorted(asked.point.items())))
        try:
            text = self._answers.drawn(
                stamp, key, lambda: _drawing(self._answers.location, name, asked.point)
            )
        except LedgerError as error:
            return {"part": part, "failed": error_shown(error)}
        return {"part": part, "drawn": text}

    def proof(self, position: str, file: str) -> tuple[int, bytes]:
        """Return the exit code and the bytes of a file about an event."""
        if file not in ("proof", "bytes"):
            return 3, b"there is no such file\n"
        try:
            reply = self._answers.reply(self._answers.stamp(), "prove", (position,), ())
        except EXPECTED as error:
            return exit_code(type(error)), f"{error}\n".encode()
        if reply.code:
            said = reply.json
            return reply.code, f"{said['message']}; {said['hint']}\n".encode()
        return 0, _files(reply)[0 if file == "proof" else 1]


def _drawing(location: str, account: str, point: Mapping[str, str]) -> Markup:
    """Draw an account up to a point. Raises: LedgerError."""
    with Session(location) as session:
        found = timeline(session.reader, account, session.at(Asked(**point) if point else None))
        offset = session.offset
        pieces = [balance(found, offset)]
        if found.instances:
            pieces.append(lanes(found, offset))
        return joined((*pieces, river(found, offset, listed=False)))


def _files(reply: Reply) -> tuple[bytes, bytes]:
    """Return the proof and the event's bytes out of ``tally prove --json``."""
    return reply.json["proof"].encode(), read_base64(reply.json["event"])


def _checked(location: str, reply: Reply) -> Json:
    """Return whether a proof holds, and who signed it; or why it cannot be said."""
    if reply.code:
        return {"ok": None, "said": reply.json["message"], "hint": reply.json["hint"]}
    text, body = _files(reply)
    try:
        proof = read_proof(text.decode())
        assert isinstance(proof, Inclusion)  # noqa: S101 - it was made for an event
        accepted = check_inclusion(proof, body, read_policy(location, None))
    except (LedgerError, OSError) as error:
        return {"ok": False, "said": str(error), "hint": ""}
    checkpoint = accepted.checkpoint
    return {
        "ok": True, "origin": checkpoint.origin, "size": checkpoint.size,
        "signed_by": [key.name for key in accepted.keys],
    }  # fmt: skip
