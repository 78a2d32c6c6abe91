"""R67: at least once, in order per account, again after a failure, each attempt an event."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.notices.channel import read_address
from cli.notices.delivery import ATTEMPTS, DeliveryLoop
from cli.notices.files import FileChannel
from cli.notices.web import Web, read_secrets
from ledger.application import Ledger
from ledger.errors import InvalidInput
from ledger.store import open_store
from projections.notices.kinds import KINDS
from projections.notices.outbox import Outbox
from tests.cli.program import Json, World, tally, tally_process, valid
from tests.notices.receivers import SECRET, Receiver, acme, receiver, told


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that the receivers know."""
    monkeypatch.setenv("TALLY_WEBHOOK_SECRET", SECRET)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Acme on 14 June: the alert, five reminders, a term that ends in a week."""
    world = acme(tmp_path / "t.db")
    world.done("clock", "advance", "--to", "2025-06-14")
    return world


def attempts(world: World, *arguments: object) -> list[Json]:
    """Every attempt that the log knows."""
    return [valid(row) for row in world.rows("notify", "--list", *arguments)]


def test_a_webhook_is_signed_and_told_once(world: World) -> None:
    with receiver() as hook:
        answer = world.json("notify", "--to", hook.url)
        assert (answer["sent"], answer["failed"], answer["waiting"]) == (7, 0, 0)
        assert [one["kind"] for one in hook.taken] == [
            "low_balance", *["low_balance_reminder"] * 5, "expiry_7d",
        ]  # fmt: skip
        assert hook.broken_signatures == 0
        assert world.json("notify", "--to", hook.url)["sent"] == 0
        assert len(hook.seen) == 7
    for one in hook.taken:
        valid(one)


def test_sent_is_per_channel(world: World, tmp_path: Path) -> None:
    first, second = tmp_path / "1.ndjson", tmp_path / "2.ndjson"
    world.done("notify", "--to", f"file://{first}")
    world.done("notify", "--to", f"file://{second}")
    assert first.read_bytes() == second.read_bytes() != b""


def test_a_first_delivery_begins_behind_since_and_stays_there(
    world: World, tmp_path: Path
) -> None:
    """A notice ahead of an end is sent later on, though its event lies before."""
    path = tmp_path / "n.ndjson"
    head = world.events()[-1]["position"]
    since = world.events("--type", "LowBalanceReminderSent")[2]["position"]
    world.done("notify", "--to", f"file://{path}", "--since", since)
    assert [one["kind"] for one in told(path)] == ["low_balance_reminder"] * 2 + ["expiry_7d"]
    assert int(told(path)[-1]["id"].split(":")[1]) < since < head
    world.done("notify", "--to", f"file://{path}")
    assert len(told(path)) == 3
    world.done("notify", "--to", f"file://{path}", "--since", "99", code=3)


def test_a_failure_holds_back_its_account_alone(world: World) -> None:
    world.take(
        {"do": "open-account", "account": "b"},
        {"do": "top-up", "account": "b", "amount": "9", "channel": "x", "serial": "2"},
        {"do": "set-alert", "account": "b", "threshold": "8"},
        {"do": "reverse-top-up", "account": "b", "amount": "5", "channel": "x", "serial": "2"},
    )
    with receiver() as hook:
        low = world.json("notify", "--to", hook.url, "--kinds", "low_balance")
        assert low["sent"] == 2
        reminder = world.events("acme", "--type", "LowBalanceReminderSent")[1]["position"]
        hook.refused = {f"{hook.taken[0]['id'].split(':')[0]}:{reminder}:low_balance_reminder"}
        answer = world.json("notify", "--to", hook.url, "--once", code=1)
        assert (answer["sent"], answer["failed"], answer["waiting"]) == (1, 1, 5)
        again = world.json("notify", "--to", hook.url, "--once", code=1)
        assert (again["sent"], again["failed"]) == (0, 1)
        hook.refused = set()
        assert world.json("notify", "--to", hook.url)["waiting"] == 0
        positions = [int(one["id"].split(":")[1]) for one in hook.taken if one["account"] == "acme"]
    assert positions[:-1] == sorted(positions[:-1])
    tries = [row for row in attempts(world, "acme") if row["notice"].split(":")[1] == str(reminder)]
    assert [(row["attempt"], row["taken"]) for row in tries] == [(1, False), (2, False), (3, True)]
    assert tries[0]["answer"].startswith("503")


def test_five_attempts_then_the_account_is_left_until_the_next_call(
    world: World, tmp_path: Path
) -> None:
    store = open_store(str(world.path))
    with receiver() as hook:
        hook.manner = "nothing"
        channel = Web(read_address(hook.url), read_secrets(SECRET, where="here"))
        outbox = Outbox(store.reader, channel.name, kinds=KINDS)
        now = store.reader.head().recorded_at
        work = DeliveryLoop(
            Ledger(store), outbox, channel, now=lambda: now, real=False, back_off=(0,) * 5
        )
        made = list(work.patiently())
        assert len(made) == work.failed == ATTEMPTS == 5
        assert len(outbox) == 6
        hook.manner = "take"
        assert len(list(work.ready())) == 6  # the rest after five attempts is over too
        channel.close()
    store.close()
    assert [row["attempt"] for row in attempts(world)][:6] == [1, 2, 3, 4, 5, 6]
    del tmp_path


def test_it_waits_between_attempts(world: World) -> None:
    """The second attempt comes a second after the first."""
    with receiver() as hook:
        hook.refused = {"x"}
        done = world.json("notify", "--to", hook.url, "--once")
        assert done["sent"] == 7
        world.done("clock", "advance", "--to", "2025-06-18")
        hook.manner = "redirect"
        failed = world.json("notify", "--to", hook.url, "--once", code=1)
        assert failed["attempts"][0]["answer"] == "302 Found; redirects are not followed"
        hook.manner = "take"
        world.done("notify", "--to", hook.url)
        assert [one["kind"] for one in hook.taken][-1] == "expiry_3d"


@pytest.mark.parametrize(
    "manner", ["control", "garbage", "huge", "headers", "lying", "nothing", "redirect", "drip"]
)
def test_a_hostile_answer_is_bounded_and_kept_as_one_plain_line(
    world: World, manner: str
) -> None:
    with receiver() as hook:
        hook.manner = manner
        store = open_store(str(world.path))
        channel = Web(read_address(hook.url), read_secrets(SECRET, where="here"), seconds=1)
        outbox = Outbox(store.reader, channel.name, kinds=["low_balance"])
        now = store.reader.head().recorded_at
        work = DeliveryLoop(Ledger(store), outbox, channel, now=lambda: now, real=False)
        [recorded] = work.once()
        store.close()
        channel.close()
    answer = recorded.event.answer  # type: ignore[union-attr]
    assert work.failed == (manner != "lying")
    assert answer
    assert len(answer) <= 200
    assert answer.isprintable()


def test_a_receiver_that_is_not_there_is_a_failed_attempt(world: World) -> None:
    with receiver() as hook:
        url = hook.url
    answer = world.json("notify", "--to", url, "--once", code=1)
    assert "refused" in answer["attempts"][0]["answer"].lower()


def test_no_secret_is_shown_or_kept(world: World) -> None:
    with receiver() as hook:
        url = hook.url.replace("http://", "http://me:hunter2@") + "?token=hunter3"
        done = world.done("notify", "--to", url)
        assert hook.taken
    listed = world.done("notify", "--list", "--json").out + world.done("log", "--ndjson").out
    for text in (done.out, done.err, listed, world.path.read_bytes().decode("latin-1")):
        assert "hunter" not in text
        assert SECRET not in text
    assert "me:***@127.0.0.1" in listed
    assert "token=***" in listed


def test_the_secret_may_be_in_a_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    with receiver() as hook:
        os.environ["OTHER"] = str(tmp_path / "secret")
        world.done("notify", "--to", hook.url, "--secret-env", "OTHER")
        assert (len(hook.taken), hook.broken_signatures) == (7, 0)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("http://example.com/x", "unencrypted"), ("https:///x", "no host"),
        ("ftp://h/x", "'ftp'"), ("nonsense", "no scheme"), ("https://h:99999/", "cannot be read"),
        ("https://h/\n", "cannot be read"), ("file:///", "no file"), ("https://[::1", "cannot"),
        ("smtp://h/a@b?tls=maybe", "tls"), ("smtp://h/a@b?x=1", "no 'x'"),
        ("smtp://h/two@b,c@d", "not a mail address"), ("smtp://h/a%0ab@c", "not a mail address"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_a_usage_error(world: World, to: str, said: str) -> None:
    done = world.done("notify", "--to", to, code=2)
    assert said in done.err
    assert done.err.count("\n") == 1


def test_there_is_no_webhook_without_a_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TALLY_WEBHOOK_SECRET")
    assert "TALLY_WEBHOOK_SECRET" in world.done("notify", "--to", "https://h/", code=2).err
    monkeypatch.setenv("TALLY_WEBHOOK_SECRET", "whsec_!")
    assert "whsec_!" not in world.done("notify", "--to", "https://h/", code=2).err


def test_a_kind_that_is_none_and_a_missing_address(world: World) -> None:
    done = world.done("notify", "--to", "file:///x", "--kinds", "overdu", code=2)
    assert "overdue" in done.err
    world.done("notify", code=2)
    world.done("notify", "--to", "file:///x", "acme", code=2)
    world.done("notify", "--list", "nobody", code=3)


def test_what_had_we_told_them_by_then(world: World, tmp_path: Path) -> None:
    path = tmp_path / "n.ndjson"
    world.done("notify", "--to", f"file://{path}")
    world.done("clock", "advance", "--to", "2025-06-20")
    world.done("notify", "--to", f"file://{path}")
    by_then = attempts(world, "acme", "--known-at", "2025-06-14")
    assert len(by_then) == 7
    assert len(attempts(world, "acme")) == 9
    assert attempts(world, "--kinds", "expiry_3d")[0]["tried_at"] == "2025-06-20T00:00:00+08:00"
    assert "9 notices sent, 9 attempts" in world.done("notify", "--list", "acme").out


def test_a_file_must_be_one_of_its_own(world: World, tmp_path: Path) -> None:
    before = world.path.read_bytes()
    world.done("notify", "--to", f"file://{world.path}", code=2)
    assert world.path.read_bytes() == before
    os.mkfifo(tmp_path / "pipe")
    world.done("notify", "--to", f"file://{tmp_path / 'pipe'}", code=2)
    world.done("notify", "--to", f"file://{tmp_path}", code=2)
    world.done("notify", "--to", "file:///dev/full", code=2)


def test_a_torn_line_is_ended_before_the_next(world: World, tmp_path: Path) -> None:
    path = tmp_path / "n.ndjson"
    path.write_text('{"schema":"tally.not')
    world.done("notify", "--to", f"file://{path}", "--kinds", "expiry_7d")
    assert path.read_text().count("\n") == 2


def test_a_full_disk_is_a_failed_attempt(world: World, tmp_path: Path) -> None:
    channel = FileChannel(read_address(f"file://{tmp_path / 'n.ndjson'}"))
    os.close(channel._file)
    channel._file = os.open("/dev/full", os.O_RDWR)
    assert stat.S_ISCHR(os.fstat(channel._file).st_mode)
    store = open_store(str(world.path))
    outbox = Outbox(store.reader, channel.name, kinds=["low_balance"])
    now = store.reader.head().recorded_at
    work = DeliveryLoop(Ledger(store), outbox, channel, now=lambda: now, real=False)
    [recorded] = work.once()
    store.close()
    channel.close()
    assert recorded.event.answer == "No space left on device"  # type: ignore[union-attr]


def test_moving_the_clock_replaying_and_copying_send_nothing(
    world: World, tmp_path: Path
) -> None:
    """R67; the copy carries what was sent, and goes on from there."""
    with receiver() as hook:
        world.done("notify", "--to", hook.url)
        seen = len(hook.seen)
        world.done("clock", "advance", "--to", "2025-06-22")
        world.done("replay", "--compare")
        world.done("projections", "rebuild")
        world.done("whatif", "--skip", "5")
        world.done("forecast", "--to", "2025-08-01")
        world.done("recheck")
        world.done("verify", "--deep")
        copied = tmp_path / "copy.db"
        assert tally("copy", world.path, copied).code == 0
        assert len(hook.seen) == seen
        copy = World.at(copied)
        answer = copy.json("notify", "--to", hook.url)
        assert [one["kind"] for one in answer["attempts"]] == ["expiry_3d", "expiry_1d", "expired"]
        assert len({one["id"] for one in hook.seen}) == len(hook.seen)


def test_run_delivers_while_it_keeps_a_ledger_caught_up(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start=None)
    world.take(
        {"do": "open-account", "account": "b"},
        {"do": "top-up", "account": "b", "amount": "9", "channel": "x", "serial": "2"},
        {"do": "set-alert", "account": "b", "threshold": "8"},
        {"do": "reverse-top-up", "account": "b", "amount": "5", "channel": "x", "serial": "2"},
    )
    with receiver() as hook:
        world.json("run", "--once", "--notify", hook.url)
        assert [one["kind"] for one in hook.taken] == ["low_balance"]
        done = tally_process(
            "run", "--notify", hook.url, "--until", "2025-01-01", "--ledger", world.path,
            TALLY_WEBHOOK_SECRET=SECRET,
        )  # fmt: skip
        assert (done.code, len(hook.seen)) == (0, 1)


def test_a_kept_connection_that_was_let_go_of_is_made_again(world: World) -> None:
    """The receiver hangs up after each answer without saying so: no attempt fails for that."""
    with receiver() as hook:
        hook.manner = "hang up"
        answer = world.json("notify", "--to", hook.url, "--kinds", "low_balance_reminder",
                            "--kinds", "low_balance,expiry_7d")  # fmt: skip
        assert (answer["sent"], answer["failed"], len(hook.taken)) == (7, 0, 7)


def test_https_is_verified(world: World) -> None:
    """A receiver that speaks no TLS, or whose certificate nobody signed, gets nothing."""
    with receiver() as hook:
        answer = world.json("notify", "--to", hook.url.replace("http:", "https:"), "--once", code=1)
        assert answer["failed"] == 1
        assert not hook.seen
    assert isinstance(hook, Receiver)


def test_an_address_shows_its_shape() -> None:
    assert read_address("https://u:p@h/x?a=1&b=2").name == "https://u:***@h/x?a=***&b=***"
    assert read_address("smtp://u:p@h:25/a@b?from=c@d").name == "smtp://u:***@h:25/a@b?from=c@d"
    with pytest.raises(InvalidInput):
        read_address("http://10.0.0.1/x")
    assert read_address("http://[::1]:80/x").loopback
