"""``debug --tui``: what the keys show, as the line debugger shows it, on 80 by 24."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ledger.certain import certain
from ledger.store import open_reader
from projections.history.debugger import Debugger
from projections.history.points import here
from projections.history.words import DebugWords
from projections.printable import width
from tests.cli.program import COMMAND, ROOT, World, environment, small, tally
from tests.history.histories import OFFSET, clock, lived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ledger.store import Reader

pytest.importorskip("textual")
from cli.fullscreen import content
from cli.fullscreen.screen import KEYS, FullScreen

ACCOUNT = "a-002"
SIZE = (80, 24)
Screen = tuple[FullScreen, list[str]]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    opened = open_reader(str(lived(tmp_path_factory.mktemp("tui") / "lived.db", seed=5)))
    yield opened
    opened.close()


def debugger(reader: Reader) -> Debugger:
    around = here(reader, clock=clock(reader), offset=OFFSET)
    return Debugger(reader, ACCOUNT, here=around, currency="CNY")


def seen(app: FullScreen) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return ["".join(part.text for part in strip).rstrip() for strip in strips]


def play(reader: Reader, *presses: str, size: tuple[int, int] = SIZE) -> Screen:
    """Press keys, a word after a colon typed letter by letter; return the screen."""

    async def run() -> Screen:
        own = open_reader(reader.location)
        app = FullScreen(debugger(own))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            for press in presses:
                if press.startswith(":"):
                    await pilot.press("colon", *(_key(one) for one in press[1:]), "enter")
                else:
                    await pilot.press(press)
                await pilot.pause()
            await pilot.pause()
            lines = seen(app)
        own.close()
        return app, lines

    # A loop of its own thread: a browser's driver may have left one running in this one.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, run()).result()


def _key(letter: str) -> str:
    return {" ": "space", "@": "at", "<": "less_than_sign", "_": "underscore",
            '"': "quotation_mark", "[": "left_square_bracket", "]": "right_square_bracket",
            "-": "minus", ".": "full_stop"}.get(letter, letter)  # fmt: skip


def test_a_screen_of_80_by_24(reader: Reader, golden: Callable[[Path, str], None]) -> None:
    walks = {
        "the end": (),
        "three back": ("S", "S", "S"),
        "a watch, and back to its change": ("tab", "down", "w", "C"),
        "why the field under the cursor": ("tab", "down", "y"),
        "a break, a display and a word": ("b", "tab", "down", "d", ":p cash < 200"),
        "a word that is wrong": (":p csh",),
        "the keys": ("question_mark",),
    }
    pages = [
        "\n".join([f"== {title}: {' '.join(keys)}", *play(reader, *keys)[1]])
        for title, keys in walks.items()
    ]
    golden(ROOT / "tests" / "golden" / "full-screen.txt", "\n\n".join(pages) + "\n")


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        (["home", "s", "s"], ["g head", "g start", "s", "s"]),
        (["S", "S", "s"], ["g head", "s-", "s-", "s"]),
        ([":w cash", "C", "C", "c"], ["g head", "w cash", "c-", "c-", "c"]),
        (["N", "N", "n"], ["g head", "n- any", "n- any", "n any"]),
        ([":l cash", ":l cash", "less_than_sign", "greater_than_sign"],
         ["g head", "l cash", "l cash", "<", ">"]),
        ([":b TopUpReceived", "C", ":mark m", "home", ":g m"],
         ["g head", "b TopUpReceived", "c-", "mark m", "g start", "g m"]),
    ],
)  # fmt: skip
def test_keys_are_words(reader: Reader, keys: list[str], lines: list[str]) -> None:
    """The same engine: a screen stands where a script of the same words stands."""
    app, _ = play(reader, *keys)
    words = DebugWords(debugger(reader))
    shown = None
    for line in lines:
        shown = words.run(line)
    assert app.debugger.where() == words.debugger.where()
    assert app.debugger.stop() == words.debugger.stop()
    assert [one.text for one in app._said] == content.said(certain(shown))


def test_what_was_changed_is_what_the_debugger_says_changed(reader: Reader) -> None:
    session = debugger(reader)
    for place in range(len(session.timeline) + 1):
        session.go(place)
        lines = content.state_at(session, set(), set(), 40)
        marked = {line.name for line in lines if line.tone == content.CHANGED and line.name}
        assert marked == {change.name for change in session.changes(place) if change.name.field}
        assert all(width(line.text) <= 40 for line in lines)


def test_a_member_unfolds_and_folds_up(reader: Reader) -> None:
    _, folded = play(reader)
    _, unfolded = play(reader, "tab", "end", "enter")
    _, again = play(reader, "tab", "end", "enter", "enter")
    assert not any("auto_renew.enabled" in line for line in folded)
    assert any("▾ instances" in line for line in unfolded)
    assert [line[40:] for line in again[3:10]] == [line[40:] for line in folded[3:10]]


def test_late_events_and_breaks_are_marked(reader: Reader) -> None:
    session = debugger(reader)
    late = [
        place for place in range(1, len(session.timeline) + 1)
        if (one := session.timeline.event(place)) and one.effective_at < one.recorded_at
    ]  # fmt: skip
    assert late
    assert content.event_at(session, late[0], 39).tone == content.LATE
    assert content.event_at(session, late[0], 39).text.endswith(" late")
    session.go(late[0])
    DebugWords(session).run(f"b {session.stop().type}")
    assert content.event_at(session, late[0], 39).text.startswith("▶●")


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (30, 12)])
def test_every_key_can_be_pressed_at_every_size(reader: Reader, size: tuple[int, int]) -> None:
    text = """
        S n N c C l escape L escape w W d D b B y equals_sign p home s end tab down w y l W tab up
        pageup pagedown tab question_mark colon up down escape g escape m escape less_than_sign
        greater_than_sign ctrl+c
    """
    app, lines = play(reader, *text.split(), size=size)
    assert app.return_code in {None, 0}
    assert len(lines) == size[1]
    assert all(width(line) <= size[0] for line in lines)


def test_the_line_remembers_and_completes(reader: Reader) -> None:
    app, lines = play(reader, ":p cash", "home", "colon", "up", "enter")
    assert app._said[0].text.startswith("cash = ")
    app, lines = play(reader, "colon", "g", "space", "h", "tab", "enter")
    assert app.debugger.place == len(app.debugger.timeline)
    assert any("@1965" in line for line in lines)


def test_what_each_key_does_is_said() -> None:
    named = {key for keys, _ in KEYS for key in keys.split()}
    spelled = {"less_than_sign": "<", "greater_than_sign": ">", "equals_sign": "=",
               "question_mark": "?", "colon": ":"}  # fmt: skip
    bound = {
        spelled.get(key, key)
        for one in FullScreen.BINDINGS if not isinstance(one, tuple) for key in one.key.split(",")
    } - {"up", "down", "pageup", "pagedown", "enter", "space", "escape", "ctrl+c"}  # fmt: skip
    assert bound | {"tab"} == named


def test_names_of_others_move_no_cursor(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    world.record("open-account", "--account", "a-1", "--at", "2025-01-01")
    world.record("top-up", "--account", "a-1", "--amount", "5", "--channel", "x",
                 "--serial", "s", "--at", "2025-01-02",
                 "--reason", "\x1b[2J\u202eevil")  # fmt: skip
    opened = open_reader(str(world.path))
    around = here(opened, clock=clock(opened), offset=OFFSET)
    session = Debugger(opened, "a-1", here=around, currency="CNY")
    shown = [*content.said(session.step(2)), *content.said(session.why(""))]
    assert any("evil" in line for line in shown)
    lines = [one.text for one in content.state_at(session, set(), set(), 40)]
    assert not any("\x1b" in line or "\u202e" in line for line in [*shown, *lines])
    opened.close()


def test_without_a_terminal_it_says_so(tmp_path: Path) -> None:
    world = small(tmp_path / "t.db")
    done = tally("debug", "a-1", "--tui", "--ledger", world.path)
    assert done.code == 2
    assert "needs a terminal" in done.err
    done = tally("debug", "a-1", "--tui", "--json", "--ledger", world.path)
    assert done.code == 2
    assert done.json["code"] == "INVALID_INPUT"


def test_on_a_real_terminal_q_leaves_and_nothing_is_written(tmp_path: Path) -> None:
    world = small(tmp_path / "t.db")
    before = world.path.read_bytes()
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, "debug", "a-1", "--tui", "--ledger", str(world.path)],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**environment(), "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while b"answer" not in written:
        written += os.read(mine, 65536)
    os.write(mine, b"q")
    try:
        while os.read(mine, 65536):
            pass
    except OSError:
        pass  # the other end is gone
    assert process.wait(20) == 0
    os.close(mine)
    assert world.path.read_bytes() == before
