"""``tally debug``: step through one account's history, forwards and backwards."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from cli.debugging import page, prompt
from cli.errors import DONE, error_line, error_shown, exit_code
from cli.line_history import keep_lines
from cli.options import Output, account_argument, tally_command
from cli.render import flush, note
from ledger.errors import ExtraMissing, InvalidInput, LedgerError, NoSuchThing
from ledger.quoting import plural
from projections.answers.hunting import Debugged, Word
from projections.history.debugger import Debugger
from projections.history.words import DebugWords, complete
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session

Line = tuple[str, str]  # where it stands, what it says


@click.command("debug")
@account_argument()
@click.option("-x", "scripts", multiple=True, type=click.Path(exists=True, dir_okay=False),
              metavar="FILE", help="A script of debugger commands; repeatable.")  # fmt: skip
@click.option("--tui", is_flag=True, help="Step on a full screen: every key works backwards too.")
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, account: str, scripts: tuple[str, ...], tui: bool
) -> int:
    """Step through an account's history, in the order in which it was recorded.

    Commands come from -x files, from standard input, or are typed; ? lists them.
    --json gives one object at the end, --ndjson one per command; --tui uses a full screen.

    \b
    Examples:
      tally debug a-1
      tally debug a-1 --tui
      tally debug a-1 -x hunt.txt --json
      printf 'w overdue\\nc\\nc-\\n' | tally debug a-1
    """
    currency = session.state(account, session.point(Asked())).currency
    debugger = Debugger(
        session.reader, account, here=session.here(), currency=currency
    )
    if tui:
        return _full_screen(debugger, output, scripts)
    shell = _Shell(debugger, output)
    typed = sys.stdin.isatty() and not scripts
    try:
        code = shell.run(_typed(debugger)) if typed else shell.run_script(_scripted(scripts))
    finally:
        if output.form == "json":
            output.object(
                Debugged(account=account, currency=currency, answers=shell.answers)
            )
    return code


def _full_screen(debugger: Debugger, output: Output, scripts: tuple[str, ...]) -> int:
    if scripts or not output.human:
        msg = "--tui is for a person: it takes no -x, --json or --ndjson"
        raise InvalidInput(msg, hint="leave --tui out, and the same words run as a script")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        msg = "--tui needs a terminal"
        raise InvalidInput(msg, hint="leave --tui out to read words from standard input")
    try:
        from cli.fullscreen.screen import FullScreen  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ExtraMissing(package=error.name or "textual", extra="tui") from None
    return FullScreen(debugger).run() or DONE


class _Shell:
    """Runs lines and writes what they show."""

    def __init__(self, debugger: Debugger, output: Output) -> None:
        self.debugger = debugger
        self.words = DebugWords(debugger)
        self.output = output
        self.answers: list[Word] = []

    def run(self, lines: Iterator[Line]) -> int:
        """Run what is typed: an error is said, and the next line may do better."""
        for _, line in lines:
            try:
                if self.do(line):
                    break
            except LedgerError as error:
                note(error_line(error))
            except KeyboardInterrupt:
                note("interrupted; q leaves")
        return DONE

    def run_script(self, lines: Iterator[Line]) -> int:
        """Run what is written: the first error ends it, and names its line."""
        for place, line in lines:
            if self.output.human and line.strip():
                sys.stdout.write(f"{prompt(self.debugger)} {line}\n")
            try:
                if self.do(line):
                    break
            except (InvalidInput, NoSuchThing) as error:
                self._failed(place, line, error)
                return exit_code(error)
        return DONE

    def do(self, line: str) -> bool:
        """Run one line; return whether it was the last."""
        shown = self.words.run(line)
        if shown is None:
            return False
        self._give(shown)
        return shown.show == "end"

    def _give(self, shown: Word) -> None:
        if self.output.human:
            page(shown)
        elif self.output.form == "json":
            self.answers.append(shown)
        else:
            self.output.rows([shown])
            flush()

    def _failed(self, place: str, line: str, error: LedgerError) -> None:
        note(f"{place}: {error_line(error)}")
        if not self.output.human:
            said = asdict(error_shown(error))
            self._give(Word(word=line, show="error", schema="tally.error/1", **said))


def _scripted(scripts: tuple[str, ...]) -> Iterator[Line]:
    for path in scripts:
        with click.open_file(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield f"{path}:{number}", line.rstrip("\n")
    if not scripts:
        for number, line in enumerate(sys.stdin, 1):
            yield f"stdin:{number}", line.rstrip("\n")


def _typed(debugger: Debugger) -> Iterator[Line]:
    """Read lines from a terminal, with history and completion where readline is there."""
    _complete_with(debugger)
    events = plural(len(debugger.timeline), "event")
    sys.stdout.write(f"{events} of {debugger.account}; ? for help\n")
    while True:
        try:
            line = input(f"{prompt(debugger)} ")
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:  # the line is dropped, the session goes on
            sys.stdout.write("\n")
            continue
        yield "", line


def _complete_with(debugger: Debugger) -> None:
    try:
        import readline  # noqa: PLC0415 - it takes hold of the terminal
    except ImportError:
        return
    found: list[str] = []

    def completer(_: str, state: int) -> str | None:
        if state == 0:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            found[:] = complete(debugger, line)
        return found[state] if state < len(found) else None

    readline.set_completer(completer)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete")
    keep_lines("debug")
