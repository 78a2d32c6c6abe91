"""``tally report``: what a person and a program get, and that it agrees with the other answers."""

from __future__ import annotations

import contextlib
import csv
import json
import random
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.envelopes import batches
from ledger.events import ACCOUNT_PREFIX
from ledger.state import AccountState
from ledger.store import open_reader
from projections.journal.identities import IDENTITIES, Customer, broken_at
from projections.point import history
from tests.cli.program import World, valid
from tests.history.histories import at as point_of
from tests.proof.worlds import rebuild_tree, rewrite

REPORTS = ("trial-balance", "rollforward", "overdue", "deferred", "coupons")
POINTS: tuple[tuple[str, ...], ...] = (
    (), ("--at", "2025-06-30"), ("--as-of", "2025-06-30"), ("--position", "4000"),
    ("--at", "2025-04-30::2025-09-01"),
)  # fmt: skip
DAY = 86_400_000_000


def total(rows: list[dict[str, str]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal())


def balance(world: World, root: str, *point: str) -> Decimal:
    rows = world.json("report", "trial-balance", *point)["rows"]
    return total([row for row in rows if row["account"].startswith(root)], "balance")


@pytest.mark.parametrize("point", POINTS, ids=" ".join)
def test_the_trial_balance_agrees_with_the_balances(year: World, point: tuple[str, ...]) -> None:
    trial = year.json("report", "trial-balance", *point)
    assert trial["balanced"] is True
    assert {one["difference"] for one in trial["totals"]} == {"0.00"}
    booked = {row["account"]: Decimal(row["balance"]) for row in trial["rows"]}
    rows = year.rows("balances", *point)
    for row in rows:
        name = row["account"]
        assert -booked.get(f"Liabilities:Wallet:{name}", 0) == Decimal(row["cash"])
        assert booked.get(f"Assets:Receivable:{name}", 0) == Decimal(row["outstanding"])
        assert booked.get(f"Equity:Coupon:Outstanding:{name}", 0) == Decimal(row["coupons"])
    wallets = [name for name in booked if name.startswith("Liabilities:Wallet")]
    assert len(wallets) <= len(rows)


@pytest.mark.parametrize("point", POINTS, ids=" ".join)
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_holds_at_every_point(
    year: World, name: str, point: tuple[str, ...]
) -> None:
    answer = year.json("report", name, *point)
    assert answer["point"]["position"] > 0
    assert answer["rows"] == year.rows("report", name, *point)
    page = year.done("report", name, *point).out
    assert max(len(line) for line in page.splitlines()) <= 80


def test_the_closing_of_a_month_is_the_opening_of_the_next(year: World) -> None:
    closing: dict[str, str] = {}
    for month in range(1, 13):
        answer = year.json("report", "rollforward", "--period", f"2025-{month:02d}")
        assert answer["adds_up"] is True
        opening = {one["control"]: one["opening"] for one in answer["controls"]}
        for control, amount in closing.items():
            assert opening[control] == amount
        closing = {one["control"]: one["closing"] for one in answer["controls"]}
    assert Decimal(closing["Liabilities:Wallet"]) == balance(year, "Liabilities:Wallet")


def test_what_was_not_known_yet_is_neither_opening_nor_movement(year: World) -> None:
    """A month asked for with what was known before it began: nothing moves in it."""
    asked = ("report", "rollforward", "--period", "2025-06", "--known-at", "2025-03-31")
    then = year.json("report", "rollforward", "--as-of", "2025-03-31")
    closing = {control["control"]: control["closing"] for control in then["controls"]}
    for control in year.json(*asked)["controls"]:
        assert control["movements"] == "0.00"
        assert control["opening"] == control["closing"] == closing[control["control"]]


def test_a_roll_forward_adds_its_lines_up(year: World) -> None:
    answer = year.json("report", "rollforward", "--period", "2025-05", "a-005")
    for control in answer["controls"]:
        lines = [row for row in answer["rows"] if row["control"] == control["control"]]
        assert [lines[0]["line"], lines[-1]["line"]] == ["opening", "closing"]
        assert total(lines[:-1], "amount") == Decimal(lines[-1]["amount"])
        assert control["adds_up"] is True


def test_a_statement_adds_up_and_ends_at_the_state(year: World) -> None:
    for name in ("a-005", "a-021"):
        answer = year.json("report", "statement", name, "--from", "2025-03-01")
        for part in ("cash", "outstanding", "available", "coupons"):
            running = Decimal(answer["opening"][part])
            for line in answer["lines"]:
                running += Decimal(line["change"][part])
                assert running == Decimal(line["balance"][part])
            assert running == Decimal(answer["closing"][part])
        state = year.state(name)
        for part in ("cash", "outstanding", "available"):
            assert answer["closing"][part] == state[part]
        before = year.state(name, "--at", "2025-02-28")
        assert answer["opening"]["cash"] == before["cash"]


def test_overdue_lists_who_is_overdue(year: World) -> None:
    answer = year.json("report", "overdue", "--at", "2025-06-30")
    expected = year.rows("balances", "--overdue", "--at", "2025-06-30")
    assert [row["account"] for row in answer["rows"]] == [row["account"] for row in expected]
    for row, other in zip(answer["rows"], expected, strict=True):
        assert row["outstanding"] == other["outstanding"]
        assert sum(map(Decimal, row["ages"].values())) == Decimal(row["outstanding"])
        assert total(row["items"], "outstanding") == Decimal(row["outstanding"])


def test_deferred_is_the_account_of_the_books(year: World) -> None:
    answer = year.json("report", "deferred", "--at", "2025-08-15")
    assert answer["ties"] is True
    booked = -balance(year, "Liabilities:Deferred", "--at", "2025-08-15")
    assert total(answer["rows"], "deferred") == booked
    for row in year.rows("report", "deferred", "--all"):
        parts = [Decimal(row[name]) for name in ("earned", "deferred", "refunded")]
        assert sum(parts) == Decimal(row["cash"])


def test_coupons_are_face_used_forfeited_left(year: World) -> None:
    answer = year.json("report", "coupons")
    assert answer["ties"] is True
    for row in answer["rows"]:
        parts = [Decimal(row[name]) for name in ("used", "forfeited", "remaining")]
        assert sum(parts) == Decimal(row["amount"])


def test_the_worked_figures_of_the_hard_ledger(hard: World) -> None:
    """Terms of 500.00 from 01-10 to 02-11: two run out, one is refunded whole (R48)."""
    day = "2025-01-20T00:00:00+08:00"
    rows = {row["instance"]: row for row in hard.rows("report", "deferred", "--all", "--at", day)
            if row["order"] == "new"}  # fmt: skip
    assert rows["e-1"]["earned"] == "156.25"  # 10 of 32 days
    assert rows["e-2"] | {"earned": "0.00", "deferred": "0.00", "refunded": "500.00"} == rows["e-2"]
    before = hard.rows("report", "deferred", "--at", "2025-01-12T00:00:00+08:00")
    assert [row["earned"] for row in before if row["order"] == "new"] == ["31.25"] * 3
    end = {row["account"]: row["balance"] for row in hard.rows("report", "trial-balance")}
    assert end["Liabilities:Deferred:iot_enterprise"] == "0.00"
    assert end["Income:Subscription:iot_enterprise"] == "-1000.00"
    # 700.00 a month over 30 days, and over 58: what a release leaves of a fee is earned (R23).
    assert end["Income:Fees:Upgrade"] == "-2053.33"
    assert end["Income:Usage:iot_public"] == "-6.1234567891"
    assert end["Income:Discount:RoundDown"] == "0.0034567891"


def test_a_reversal_is_value_dated_and_its_debt_is_not(hard: World) -> None:
    odd = 'b中"q'
    at = hard.rows("report", "trial-balance", odd, "--at", "2025-01-07")
    found = {row["account"]: row["balance"] for row in at}
    owed = found[f"Assets:Clearing:Reversal:{odd}"]
    assert Decimal(owed) > 0
    assert found[f"Assets:Receivable:{odd}"] == "0.00"
    later = {row["account"]: row["balance"] for row in hard.rows("report", "trial-balance", odd)}
    assert later[f"Assets:Clearing:Reversal:{odd}"] == "0.00"
    assert later[f"Assets:Receivable:{odd}"] == owed
    assert later[f"Assets:PSP:c {odd}"] == "0.00"


def test_the_fee_of_a_cancelled_renewal_is_deferred_until_the_release(hard: World) -> None:
    last = {"--at": "2025-02-25", "released": "2025-02-26"}
    before = hard.rows("report", "deferred", "a-1", "--at", last["--at"])
    assert [(row["instance"], row["order"]) for row in before] == [("e-3", "upgrade")]
    assert hard.rows("report", "deferred", "a-1", "--at", last["released"]) == []
    deep = hard.json("verify", "--deep")
    checks = {check["name"]: check["ok"] for check in deep["checks"]}
    assert checks["deferred_is_unearned"] is True
    assert all(checks[found.__name__] for found in IDENTITIES)


def test_a_file_holds_what_stdout_shows(year: World, tmp_path: Path) -> None:
    for form in ("--json", "--ndjson", "--csv"):
        target = tmp_path / "report"
        done = year.done("report", "overdue", "--at", "2025-06-30", form, "-o", target)
        assert done.out == ""
        assert target.read_text() == year.done("report", "overdue", "--at", "2025-06-30", form).out
    valid(json.loads(year.done("report", "overdue", "--json").out))


def test_csv_holds_plain_cells(year: World) -> None:
    for name in ("overdue", "statement a-021", "trial-balance", "deferred", "coupons"):
        text = year.done("report", *name.split(), "--at", "2025-06-30", "--csv").out
        assert "{" not in text, name
        head, *rows = csv.reader(text.splitlines())
        assert rows, name
        assert {len(row) for row in rows} == {len(head)}
    statement = year.rows("report", "statement", "a-021")
    assert statement == year.json("report", "statement", "a-021")["lines"]


def test_what_cannot_be_asked_is_said(year: World) -> None:
    assert year.done("report", "statement", "a-999", code=3).err.count("\n") == 1
    year.done("report", "statement", code=2)
    assert "did you mean overdue" in year.done("report", "overdu", code=2).err
    year.done("report", "rollforward", "--period", "2025-13", code=2)
    year.done("report", "rollforward", "--period", "2027-01", code=3)
    year.done("report", "rollforward", "--period", "2025-01", "--at", "2025-02-01", code=2)
    year.done("report", "rollforward", "--from", "2025-03-01", "--at", "2025-02-01", code=2)
    year.done("report", "trial-balance", "--at", "2031-01-01", code=3)


def test_every_identity_holds_at_random_points_of_the_year(year: World) -> None:
    """Known after any batch, true at any instant by then and for a month beyond."""
    reader = open_reader(str(year.path))
    draw = random.Random(60)
    clock = point_of(reader).at
    for stream in reader.streams():
        events = list(history(reader, stream, point_of(reader)))
        by_position = sorted(events, key=lambda one: one.position)
        ends = [batch[-1] for batch in batches(by_position)]
        for last in draw.sample(ends, min(6, len(ends))):
            instant = draw.choice(events).effective_at + draw.randrange(30) * DAY
            point = point_of(reader, position=last.position, at=min(instant, clock))
            seen = list(history(reader, stream, point))
            if any(type(one.event).__name__ == "AccountOpened" for one in seen):
                account = stream.removeprefix(ACCOUNT_PREFIX)
                assert broken_at(AccountState(account), seen, point.seen_at) == [], (point, account)


def test_verify_deep_names_the_first_position_that_breaks_the_books(
    hard: World, tmp_path: Path
) -> None:
    """A refund that was moved to another instance: every total of the fold stays as it was."""
    path = tmp_path / "moved.db"
    with contextlib.closing(sqlite3.connect(hard.path)) as source:
        source.execute("VACUUM INTO ?", (str(path),))
    refund = next(event for event in hard.events("a-1") if event["type"] == "RefundIssued"
                  and event["instance"] == "e-2")  # fmt: skip
    rewrite(path, refund["position"], event={"instance": "e-3"})
    rebuild_tree(path)
    deep = World.at(path).json("verify", "--deep", code=1)
    broken = {check["name"]: check["first_bad"] for check in deep["checks"] if not check["ok"]}
    assert broken["deferred_is_unearned"] == refund["position"] + 1  # the end of its batch
    assert set(broken) <= {"deferred_is_unearned"}


def test_a_posting_that_is_lost_is_named() -> None:
    """An identity that cannot fail proves nothing: each breaks on a false figure of its own."""
    one = Customer(AccountState("a-1"))
    one.state.currency = "CNY"
    assert all(found(one) for found in IDENTITIES)
    one.state.cash = one.state.outstanding = 1
    broken = {found.__name__ for found in IDENTITIES if not found(one)}
    assert broken == {"wallet_is_cash", "receivable_is_outstanding"}
