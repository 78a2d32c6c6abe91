"""The books as other programs read them: judged by them, byte by byte the same, bound to the log.

bean-check, hledger and ledger run as separate programs, where they are installed.
"""

from __future__ import annotations

import csv
import os
import random
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.journal.chart import BookAccount
from projections.journal.heading import read_heading
from projections.journal.transactions import safe_name
from tests.books.worlds import HARD, hard_lines
from tests.cli.program import World

DATES = ("2025-03-31", "2025-07-15", "2025-11-30")
UTF8 = {**os.environ, "LC_ALL": "C.UTF-8"}


def exported(world: World, form: str, folder: Path, *arguments: object) -> Path:
    path = folder / f"books.{form}"
    world.done("export", "--format", form, "-o", path, *arguments)
    return path


def judged(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, env=UTF8, check=False
    )


def ours(world: World, date: str) -> dict[tuple[str, str], str]:
    """Our balances at the end of a day, by the name that the export gives an account."""
    rows = world.json("report", "trial-balance", "--at", date)["rows"]
    found = {}
    for row in rows:
        parts = row["account"].split(":")
        owned = next((n for n in (2, 3, 4) if ":".join(parts[:n]) in OWNED), len(parts))
        account = BookAccount(":".join(parts[:owned]), ":".join(parts[owned:]))
        found[safe_name(account), row["commodity"]] = row["balance"]
    return found


OWNED = {
    "Assets:PSP", "Assets:Receivable", "Assets:Clearing:Reversal", "Liabilities:Wallet",
    "Liabilities:Deferred", "Income:Usage", "Income:Subscription", "Equity:Coupon:Outstanding",
}  # fmt: skip


def as_number(text: str) -> str:
    """Drop zeroes that only the scale asks for."""
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0", "-") else text


@pytest.mark.parametrize("name", ["year", "hard"])
def test_hledger_accepts_the_books(
    name: str, hledger: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = exported(request.getfixturevalue(name), "hledger", tmp_path)
    done = judged(*hledger, "-f", path, "check", "-s")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["year", "hard"])
def test_ledger_accepts_the_same_text(
    name: str, ledger_cli: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = exported(request.getfixturevalue(name), "hledger", tmp_path)
    done = judged(*ledger_cli, "-f", path, "--strict", "--pedantic", "bal", "--empty")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["year", "hard"])
def test_beancount_accepts_the_books(
    name: str, beancheck: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = exported(request.getfixturevalue(name), "beancount", tmp_path)
    done = judged(*beancheck, path)
    assert (done.returncode, done.stderr) == (0, "")


def test_hledger_comes_to_our_balances(year: World, hledger: list[str], tmp_path: Path) -> None:
    path = exported(year, "hledger", tmp_path)
    for date in DATES:
        after = day_after(date)
        done = judged(*hledger, "-f", path, "bal", "--flat", "-N", "-E", "-e", after, "-O", "csv")
        rows = list(csv.reader(done.stdout.splitlines()))[1:]
        theirs = {(row[0], row[1].split()[-1]): as_number(row[1].split()[0])
                  for row in rows if row[1] != "0"}  # fmt: skip
        wanted = {key: as_number(text) for key, text in ours(year, date).items()}
        assert theirs == {key: text for key, text in wanted.items() if text != "0"}


def test_ledger_comes_to_our_balances(year: World, ledger_cli: list[str], tmp_path: Path) -> None:
    path = exported(year, "hledger", tmp_path)
    for date in DATES:
        done = judged(
            *ledger_cli, "-f", path, "bal", "--flat", "--no-total", "-e", day_after(date),
            "--balance-format", "%(account)|%(display_total)\n",
        )  # fmt: skip
        rows = [line.split("|") for line in done.stdout.splitlines() if "|" in line]
        theirs = {(row[0], row[1].split()[-1]): as_number(row[1].split()[0])
                  for row in rows if row[1].strip() != "0"}  # fmt: skip
        wanted = {key: as_number(text) for key, text in ours(year, date).items()}
        assert theirs == {key: text for key, text in wanted.items() if text != "0"}


def test_beancount_comes_to_our_balances(
    year: World, beancheck: list[str], tmp_path: Path
) -> None:
    """Our own balances are added as assertions, without a tolerance."""
    path = exported(year, "beancount", tmp_path)
    with path.open("a", encoding="utf-8") as file:
        for date in DATES:
            for (name, commodity), text in ours(year, date).items():
                file.write(f"{day_after(date)} balance {name}  {text} ~ 0 {commodity}\n")
    assert judged(*beancheck, path).returncode == 0
    with path.open("a", encoding="utf-8") as file:
        (name, commodity), text = next(iter(ours(year, DATES[0]).items()))
        file.write(f"{day_after(DATES[0])} balance {name}  {text}0000000001 ~ 0 {commodity}\n")
    assert judged(*beancheck, path).returncode != 0


def day_after(date: str) -> str:
    head, day = date[:8], int(date[8:])
    return {"2025-03-31": "2025-04-01", "2025-11-30": "2025-12-01"}.get(
        date, f"{head}{day + 1:02d}"
    )


def changed_digits(path: Path, count: int) -> list[tuple[str, str]]:
    """Change one digit of one amount, at random places; return the line and the changed text."""
    text = path.read_text(encoding="utf-8")
    places = [
        place
        for found in re.finditer(r"-?\d+\.\d{10}", text)
        for place in range(*found.span())
        if text[place].isdigit() and "format" not in text[text.rfind("\n", 0, place) : place]
    ]
    draw = random.Random(2025)
    changed = []
    for place in draw.sample(places, count):
        digit = str((int(text[place]) + draw.randint(1, 9)) % 10)
        line = text[text.rfind("\n", 0, place) + 1 : text.find("\n", place)]
        changed.append((line, text[:place] + digit + text[place + 1 :]))
    return changed


@pytest.mark.parametrize("who", ["hledger", "ledger_cli", "beancheck"])
def test_a_changed_digit_of_any_amount_is_noticed(
    who: str, hard: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    program: list[str] = request.getfixturevalue(who)
    form = "beancount" if who == "beancheck" else "hledger"
    path = exported(hard, form, tmp_path)
    command: list[Any] = {
        "hledger": [*program, "-f", path, "check", "-s"],
        "ledger_cli": [*program, "-f", path, "--strict", "--pedantic", "bal"],
        "beancheck": [*program, path],
    }[who]
    assert judged(*command).returncode == 0
    for line, text in changed_digits(path, 12):
        path.write_text(text, encoding="utf-8")
        assert judged(*command).returncode != 0, line


@pytest.mark.parametrize("form", ["hledger", "beancount"])
def test_an_export_holds_until_anything_is_changed(form: str, hard: World, tmp_path: Path) -> None:
    path = exported(hard, form, tmp_path)
    raw = path.read_bytes()
    assert hard.json("verify-export", path)["ok"] is True
    draw = random.Random(7)
    for place in draw.sample(range(len(raw)), 40):
        bad = bytearray(raw)
        bad[place] ^= 1
        path.write_bytes(bad)
        error = hard.run("verify-export", path, "--json").json
        assert error["exit"] in (2, 5), place
        assert error["exit"] == 5 or place < 20  # the first line says what file it is
    for wrong in (raw[:-1], raw + b"\n", raw.replace(b"\n", b"\r\n")):
        path.write_bytes(wrong)
        hard.done("verify-export", path, code=5)


def test_a_heading_that_was_made_to_fit_is_still_wrong(hard: World, tmp_path: Path) -> None:
    path = exported(hard, "hledger", tmp_path)
    raw = path.read_bytes()
    heading = read_heading(raw)
    body = raw[len(str(heading).encode()) :].replace(b"9.0000000000", b"8.0000000000")
    second = 1_000_000
    for made, said in (
        (heading._replace(digest=sha256(body).hexdigest()), "recomputed to match"),
        (heading._replace(size=heading.size + 1), "this log has"),
        (heading._replace(size=heading.size - 1), "another log"),
        (heading._replace(root="A" * 43 + "="), "another log"),
        (heading._replace(known_at=heading.known_at + second), "instants"),
        (heading._replace(known_at=0), "instants"),
        (heading._replace(at=heading.at + second), "instants"),
        (heading._replace(form="abacus/1"), "an unknown format"),
    ):
        path.write_bytes(str(made).encode() + body)
        error = hard.run("verify-export", path, "--json").json
        assert (error["exit"], error["schema"]) == (5, "tally.error/1"), said
        assert said in error["message"]


def test_an_export_of_another_ledger_is_not_this_ones(
    hard: World, year: World, tmp_path: Path
) -> None:
    assert "another log" in year.done(
        "verify-export", exported(hard, "beancount", tmp_path), code=5
    ).err  # fmt: skip


def test_an_export_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    """What is recorded later changes no export of an earlier point, and each can be checked."""
    world = World(tmp_path / "again.db", start="2025-01-01T00:00:00+08:00")
    lines = hard_lines()
    world.done("import", "-", stdin=lines)
    points = (("--as-of", "2025-01-07"), ("--position", "20"), ("--at", "2025-01-08::@25"))
    before = [exported(world, "hledger", tmp_path, *point).read_bytes() for point in points]
    assert len(set(before)) == 3
    world.done("clock", "advance", "40d")
    assert [exported(world, "hledger", tmp_path, *point).read_bytes() for point in points] == before
    for raw in before:
        (tmp_path / "old.journal").write_bytes(raw)
        assert world.json("verify-export", tmp_path / "old.journal")["ok"]


def test_another_calendar_later_does_not_change_an_export(tmp_path: Path) -> None:
    world = World(tmp_path / "moved.db", start="2025-01-01T00:00:00+08:00")
    world.done("import", "-", stdin=hard_lines())
    path = exported(world, "beancount", tmp_path, "--as-of", "2025-01-12")
    world.record("set-policy", "--key", "calendar_offset", "--value=-05:00")
    assert world.json("verify-export", path)["ok"]


def test_stdout_is_the_file(hard: World, tmp_path: Path) -> None:
    path = exported(hard, "beancount", tmp_path, "--at", "2025-01-31")
    done = hard.process("export", "--format", "beancount", "--at", "2025-01-31")
    assert done.out.encode() == path.read_bytes()
    answer = hard.json("export", "--format", "beancount", "-o", path)
    assert answer["bytes"] == path.stat().st_size
    assert answer["sha256"] == read_heading(path.read_bytes()).digest


def test_what_is_no_export_is_said(hard: World, tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("; tally is not a poem\n")
    hard.done("verify-export", tmp_path / "poem.txt", code=2)
    hard.done("verify-export", tmp_path / "missing", code=3)
    hard.done("export", "--format", "abacus", code=2)
    hard.done("export", "--format", "hledger", "--json", code=2)
    hard.done("export", "--format", "hledger", "--at", "2031-01-01", code=3)


def test_a_ledger_without_events_of_money_has_empty_books(tmp_path: Path) -> None:
    world = World(tmp_path / "new.db")
    path = exported(world, "beancount", tmp_path)
    assert len(path.read_text().splitlines()) == 7
    assert world.json("verify-export", path)["ok"]
    assert world.json("report", "trial-balance")["rows"] == []


def original(name: str) -> str:
    """Read a safe name back: what proves that the spelling is injective."""
    raw, left = bytearray(), name.removeprefix("Id-")
    while left:
        if left.startswith("--"):
            raw, left = raw + b"-", left[2:]
        elif left.startswith("-"):
            raw, left = raw + bytes.fromhex(left[1:3]), left[3:]
        else:
            raw, left = raw + left[0].encode(), left[1:]
    return raw.decode()


@given(st.text(min_size=1).filter(lambda one: one.encode("utf-8", "ignore").decode() == one))
def test_an_account_can_be_read_back_from_its_name(owner: str) -> None:
    name = safe_name(BookAccount("Assets:Receivable", owner)).removeprefix("Assets:Receivable:")
    assert original(name) == owner
    assert re.fullmatch(r"[A-Z][A-Za-z0-9-]*", name)


def test_the_real_ids_stand_in_the_metadata(hard: World, tmp_path: Path) -> None:
    text = exported(hard, "hledger", tmp_path).read_text(encoding="utf-8")
    for name in HARD:
        assert f"; id: {name}\naccount " in text
