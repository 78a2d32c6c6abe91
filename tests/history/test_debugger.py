"""The debugger: every place is the same however it was reached, and every word works backwards."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from ledger.account import fold
from ledger.errors import InvalidInput, LedgerError, NoSuchThing
from ledger.store import open_reader
from projections.answers.terms import Formatter
from projections.answers.why import Explained
from projections.history.compiling import parse_name
from projections.history.debugger import Debugger
from projections.history.fields import Look, Name, read_all, written
from projections.history.points import here
from projections.history.timeline import AccountTimeline
from projections.history.walk import KNOWN, Walk
from projections.history.why import told as told_of
from projections.history.why import why
from projections.history.words import HELP, DebugWords, complete
from projections.point import Point
from tests.history.histories import OFFSET, Naive, at, clock, lived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader

WRITE = Formatter(offset=OFFSET, currency="CNY")
Told = tuple["Reader", Naive]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    reader = open_reader(str(lived(tmp_path_factory.mktemp("debug") / "lived.db", seed=5)))
    yield reader, Naive(reader)
    reader.close()


def accounts(reader: Reader) -> list[str]:
    return [stream.removeprefix("account:") for stream in reader.streams()]


def busiest(naive: Naive, reader: Reader) -> str:
    return max(accounts(reader), key=lambda one: len(naive.selected(f"account:{one}", at(reader))))


def session(reader: Reader, account: str) -> DebugWords:
    around = here(reader, clock=clock(reader), offset=OFFSET)
    return DebugWords(Debugger(reader, account, here=around, currency="CNY"))


def run(words: DebugWords, line: str) -> dict[str, Any]:
    shown = words.run(line)
    assert shown is not None
    return shown.plain()


def flat(look: Look) -> dict[str, Any]:
    return {str(name): written(name, cell, WRITE) for name, cell in read_all(look)}


def known_at(naive: Naive, account: str, place: int, reader: Reader) -> dict[str, Any]:
    """Return every field right after the account's event at a place, from nothing."""
    head = at(reader)
    opened = naive.selected(f"account:{account}", head)
    first = min(one.position for one in opened)
    steps = sorted(
        [*opened, *(p for p in naive.selected("policy", head) if p.position > first)],
        key=lambda one: one.position,
    )
    if not place:
        return {}
    last = steps[place - 1]
    return naive.flat(
        account, Point(head.at, last.recorded_at, last.position, everything=False)
    )


def test_a_frame_shows_what_a_full_fold_shows(told: Told) -> None:
    """Each place of a shuffled tour, with frames close together, against a fold from nothing."""
    reader, naive = told
    for account in accounts(reader):
        timeline = AccountTimeline(reader, account, until=reader.head().position)
        timeline.spacing = 7
        places = list(range(len(timeline) + 1))
        Random(1).shuffle(places)
        for place in places[:60]:
            assert flat(timeline.seek(place)) == known_at(naive, account, place, reader), place


def test_a_full_fold_and_a_frame_go_on_alike(told: Told) -> None:
    """Events still apply to a frame: it forgets only what is never shown."""
    reader, _ = told
    for account in accounts(reader):
        timeline = AccountTimeline(reader, account, until=reader.head().position)
        timeline.spacing = 5
        own = [one for one in map(timeline.event, range(1, len(timeline) + 1)) if one is not None]
        state = fold(account, [one for one in own if one.stream != "policy"])
        head = len(timeline)
        look = timeline.seek(head)
        assert flat(look) == flat(Look(state, timeline.policy(head), look.seen_at))


def test_stepping_back_undoes_stepping(told: Told) -> None:
    reader, naive = told
    words = session(reader, busiest(naive, reader))
    forward = [run(words, "s") for _ in range(80)]
    back = [run(words, "s-") for _ in range(80)]
    for one, other in zip(forward[:-1], reversed(back[:-1]), strict=True):
        assert {**one, "word": ""} == {**other, "word": ""}
    assert words.debugger.place == 0


def test_changes_at_each_stop_are_the_difference_of_the_states(told: Told) -> None:
    reader, naive = told
    account = busiest(naive, reader)
    words = session(reader, account)
    before: dict[str, Any] = {}
    for place in range(1, 120):
        shown = run(words, "s")
        after = known_at(naive, account, place, reader)
        expected = {
            name: (before.get(name), after.get(name))
            for name in {**before, **after}
            if before.get(name) != after.get(name) and not name.endswith(".status")
        }
        found = {
            change["field"]: (change["from"], change["to"])
            for change in shown["changes"]
            if not change["field"].endswith(".status")
        }
        assert found == expected
        before = after


def test_continue_stops_at_every_change_of_a_watch_both_ways(told: Told) -> None:
    reader, naive = told
    account = busiest(naive, reader)
    words = session(reader, account)
    words.debugger.timeline.spacing = 13
    run(words, "w cash < 100")
    walk = Walk(reader, account, at(reader), axis=KNOWN)
    places, held, place = [], None, 0
    for recorded in walk.steps():
        if recorded.stream == "policy" and walk.look.state.opened_at is None:
            continue
        place += 1
        now = walk.look.state.cash < 100_00
        if held is None:  # that the account is opened is not a change of a watch
            held = now
        if now is not held:
            places.append(place)
            held = now
    forward = []
    while (shown := run(words, "c"))["because"] != ["the end"]:
        assert shown["because"] == ["watch cash < 100"]
        forward.append(words.debugger.place)
    back = []
    while (shown := run(words, "c-"))["because"] != ["the beginning"]:
        back.append(words.debugger.place)
    assert forward == places
    assert back == list(reversed(places))


def test_breaks_conditions_focus_and_last_change(told: Told) -> None:
    reader, naive = told
    account = busiest(naive, reader)
    words = session(reader, account)
    run(words, "b BillPosted if outstanding > 0")
    shown = run(words, "c")
    assert shown["type"] == "BillPosted"
    assert shown["happened"]["data"]["amount"] != "0.00"
    run(words, "b - 1")
    assert run(words, "b")["items"] == []
    touched = run(words, "n cash")
    assert any(change["field"] == "cash" for change in touched["changes"])
    run(words, "g head")
    first = run(words, "l cash")
    second = run(words, "l cash")
    assert second["event"] < first["event"]
    assert run(words, "<")["event"] == first["event"]
    assert run(words, ">")["event"] == second["event"]
    run(words, "mark here")
    run(words, "s 3")
    assert run(words, "g here")["event"] == second["event"]
    difference = run(words, "diff head")
    assert difference["show"] == "diff"
    assert run(words, "y cash")["causes"][0]["position"] == second["position"]
    assert run(words, "p cash")["value"] == run(words, "p")["fields"]["cash"]


def test_display_shows_at_each_stop_and_old_is_before_the_event(told: Told) -> None:
    reader, naive = told
    words = session(reader, busiest(naive, reader))
    run(words, "d cash - old(cash)")
    run(words, "d delta(cash)")
    moved = 0
    for _ in range(60):
        shown = run(words, "n cash")
        change = next((one for one in shown["changes"] if one["field"] == "cash"), None)
        if change is None or change["from"] is None:
            continue
        one, other = (cell["value"] for cell in shown["displays"])
        assert one == other
        moved += one != "0.00"
    assert moved


def test_an_empty_line_repeats_and_a_comment_does_nothing(told: Told) -> None:
    reader, naive = told
    words = session(reader, busiest(naive, reader))
    run(words, "s 2")
    run(words, "")
    assert words.run("# a remark") is None
    assert words.debugger.place == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x", "no command"), ("s many", "not a number"), ("b Bill", "no event type"),
        ("w cash >", "syntax error"), ("p cahs", "did you mean cash"), ("g", "goes to"),
        ("g soon", "not a point"), ("g @99999999", "no position"), ("l", "needs an expression"),
        ("<", "no place further back"), (">", "no place further forward"),
        ("w - 4", "no number 4"), ("l cash", "did not change"), ("g tag:x", "no tag"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_explained(told: Told, line: str, said: str) -> None:
    reader, naive = told
    words = session(reader, busiest(naive, reader))
    with pytest.raises((InvalidInput, NoSuchThing)) as caught:
        run(words, line)
    assert said in f"{caught.value} {getattr(caught.value, 'hint', '')}"
    assert isinstance(caught.value, LedgerError)


def test_every_word_has_help_and_can_be_completed(told: Told) -> None:
    reader, naive = told
    words = session(reader, busiest(naive, reader))
    assert run(words, "?")["words"] == HELP
    run(words, "g head")
    assert complete(words.debugger, "p ca") == ["cash"]
    assert "s-" in complete(words.debugger, "s")
    assert complete(words.debugger, "b OverdueSt") == ["OverdueStarted"]
    assert complete(words.debugger, 'w instances["')


def test_names_are_fields() -> None:
    assert str(Name("state", "instances", 'a"b')) == 'instances["a\\"b"].state'


def test_y_is_as_deep_as_why(told: Told) -> None:
    reader, naive = told
    account = busiest(naive, reader)
    words = session(reader, account)
    run(words, "g head")
    debugger = words.debugger
    last = debugger.timeline.event(debugger.place)
    assert last is not None
    point = Point(last.recorded_at, last.recorded_at, last.position, everything=False)
    for field in ("cash", "overdue_since"):
        found = why(reader, account, parse_name(field), point, debugger.write)
        assert found is not None
        explained = Explained(schema="tally.why/1", **told_of(found, debugger.write))
        assert run(words, f"y {field}")["explained"] == explained.plain()
    root = run(words, "y")["explained"]["causes"][0]
    assert root["position"] == last.position
    while root["causes"]:
        root = root["causes"][0]
    assert root["fact"] or root["command"] is None


def test_a_watch_does_not_stop_where_the_account_is_opened(told: Told) -> None:
    reader, naive = told
    words = session(reader, busiest(naive, reader))
    for text in ("cash", "overdue", "cash < 100"):
        run(words, f"w {text}")
    first = run(words, "c")
    assert first["event"] > 1
    assert [change["field"] for change in first["changes"]]
