"""What a close looks at before it: its checklist (R65), and its seal and pack afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.program import World, tally
from tests.cli.test_closing import story, top_up

if TYPE_CHECKING:
    from pathlib import Path


def test_the_checklist_has_a_line_a_check_with_its_figure(tmp_path: Path) -> None:
    """R65: everything due has run, views equal a refold, books balance."""
    world = story(tmp_path)
    answer = world.json("close", "2025-03", "--check")
    assert (answer["ok"], answer["period"]) == (True, "2025-03")
    assert {check["name"]: (check["ok"], check["figure"]) for check in answer["checks"]} == {
        "months close in order": (True, "2025-03"),
        "everything due has run": (True, "0 waiting"),
        "views equal a refold": (True, "6 rows"), "books balance": (True, "0.00"),
    }  # fmt: skip
    assert world.events()[-1]["type"] != "PeriodClosed", "only printed"


def test_a_source_that_is_required_holds_the_close_up(tmp_path: Path) -> None:
    """R65: CHECKLIST_OPEN unless overridden with actor and reason; the event keeps it."""
    world = story(tmp_path, close_requires="camt053")
    answer = world.json("close", "2025-03", "--check", code=1)
    assert answer["checks"][-1] == {
        "name": "camt053 reconciled", "ok": False, "figure": "no run covers 2025-03"
    }
    refused = world.run("close", "2025-03", "--actor", "ops/lin", "--json")
    assert (refused.code, refused.json["code"]) == (4, "CHECKLIST_OPEN")
    assert world.events()[-1]["data"]["code"] == "CHECKLIST_OPEN"
    without = world.run("close", "2025-03", "--actor", "ops/lin", "--override", "--json")
    assert without.json["code"] == "CHECKLIST_OPEN", "an override says why"
    closed = world.json("close", "2025-03", "--actor", "ops/lin", "--override", "--reason", "x")
    assert closed["open_points"] == ["camt053 reconciled"]
    data = world.events("--type", "PeriodClosed")[-1]["data"]
    assert (data["override"], data["open_points"]) == (True, ["camt053 reconciled"])


def reconciled(
    world: World, folder: Path, rows: str, *narrowed: str, actor: str = "bank/ann"
) -> str:
    """Record a run of a bank's CSV over March; return its name."""
    (folder / "bank.csv").write_text(f"Date,Amount,Reference\n{rows}")
    (folder / "map.toml").write_text(
        '[columns]\ndate = "Date"\namount = "Amount"\nreference = "Reference"\n'
    )
    world.run(
        "reconcile", folder / "bank.csv", "--source", "csv", "--map", folder / "map.toml",
        "--period", "2025-03", "--record", "--actor", actor, *narrowed,
    )  # fmt: skip
    runs = world.json("report", "reconciliation")["runs"]
    return str(runs[-1]["run"])


def figure(world: World) -> tuple[bool, str]:
    """Return the line of the checklist about the bank's CSV."""
    check = world.run("close", "2025-03", "--check", "--json").json["checks"][-1]
    return check["ok"], check["figure"]


def test_a_run_that_somebody_else_signed_off_lets_the_month_close(tmp_path: Path) -> None:
    """R65: it covers the period, nothing unexplained, no break open, signed off as a whole."""
    world = story(tmp_path, close_requires="csv")
    paid = top_up("12", "X9", "2025-04-01T00:00:00+08:00", effective_at="2025-03-09T10:00:00")
    world.take(paid)
    run = reconciled(world, tmp_path, "2025-03-09,12.00,X9\n")
    assert figure(world) == (False, f"run {run} is not signed off")
    assert world.run("breaks", "sign-off", run, "--actor", "bank/ann", "--json").code == 4
    world.done("breaks", "sign-off", run, "--actor", "bank/bob", "--reason", "agrees")
    assert figure(world) == (True, "unexplained 0.00, 0 breaks open")
    assert world.json("close", "2025-03", "--actor", "ops/lin")["open_points"] == []


def test_an_open_break_holds_a_close_up_and_its_maker_may_not_override(tmp_path: Path) -> None:
    """R65: CHECKLIST_OPEN; the override needs an actor who recorded none of the runs."""
    world = story(tmp_path, close_requires="csv")
    run = reconciled(world, tmp_path, "2025-03-09,12.00,unknown\n")
    assert figure(world) == (False, f"run {run} has 1 open break")
    why = ("--override", "--reason", "the bank's error", "--json")
    for actor, code in (("bank/ann", 4), ("ops/lin", 0)):
        done = world.run("close", "2025-03", "--actor", actor, *why)
        assert done.code == code, done
        if code:
            assert done.json["code"] == "CHECKLIST_OPEN"


def test_a_run_that_was_narrowed_stands_for_no_whole_statement(tmp_path: Path) -> None:
    """R65: --item never covers; --channel only where the file has some of it."""
    world = story(tmp_path, close_requires="csv")
    world.take(
        {"do": "top-up", "at": "2025-04-01T00:00:00+08:00", "account": "a-1", "amount": "12",
         "channel": "bank", "serial": "X9", "effective_at": "2025-03-09T10:00:00"},
        top_up("99", "PHANTOM", "2025-04-01T00:00:00+08:00", effective_at="2025-03-10T10:00:00"),
    )  # fmt: skip

    def said(rows: str, *narrowed: str) -> tuple[bool, str]:
        run = reconciled(world, tmp_path, rows, *narrowed)
        world.done("breaks", "sign-off", run, "--actor", "bank/bob", "--reason", "seen")
        ok, text = figure(world)
        return ok, text.replace(run, "RUN")

    assert said("", "--channel", "wire") == (
        False, "run RUN compares channel wire and nothing else"
    )  # fmt: skip
    rows = "2025-03-09,12.00,X9\n"
    assert said("", "--item", "nothing") == (
        False, "run RUN compares item nothing and nothing else"
    )  # fmt: skip
    assert said(rows, "--channel", "bank") == (
        True, "unexplained 0.00, 0 breaks open, channel bank"
    )  # fmt: skip
    assert world.json("report", "reconciliation")["runs"][-1]["only"] == ["channel bank"]


def test_a_file_of_one_account_stands_for_no_other_account(tmp_path: Path) -> None:
    """R65: a vendor's file of one account covers that one; all that moved must be covered."""
    world = story(tmp_path, close_requires="alibaba-transactions")
    late = ("2025-04-01T00:00:00+08:00", "2025-03-09T10:00:00+08:00")
    world.take(*(
        {**top_up("12", serial, late[0], effective_at=late[1]), "account": account}
        for account, serial in (("a-1", "X1"), ("a-2", "X2"))
    ))  # fmt: skip

    def signed_off(*paid: tuple[str, str]) -> tuple[bool, str]:
        path = tmp_path / "paid.csv"
        path.write_text(
            "OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,"
            "TransactionChannelSN,Amount,Currency\n" + "".join(
                f"{owner},N{serial},2025-03-09 10:00:00,Payment,Income,{serial},12.00,CNY\n"
                for owner, serial in paid
            )
        )  # fmt: skip
        world.done("reconcile", path, "--source", "alibaba-transactions", "--period", "2025-03",
                   "--record", "--actor", "v/ann")  # fmt: skip
        run = world.json("report", "reconciliation")["runs"][-1]
        assert run["only"] == ([f"account {paid[0][0]}"] if len(paid) == 1 else [])
        world.done("breaks", "sign-off", run["run"], "--actor", "v/bob", "--reason", "agrees")
        return figure(world)

    assert signed_off(("a-1", "X1")) == (False, "no run of 2025-03 speaks of a-2")
    good = "unexplained 0.00, 0 breaks open"
    assert signed_off(("a-2", "X2")) == (True, f"{good}, account a-1, account a-2")
    assert signed_off(("a-1", "X1"), ("a-2", "X2")) == (True, good)


def test_a_narrowed_run_resolves_no_break_that_it_did_not_look_at(tmp_path: Path) -> None:
    """R65: a break of the whole run stays open."""
    world = story(tmp_path, close_requires="csv")
    rows = "2025-03-09,12.00,unknown\n"
    run = reconciled(world, tmp_path, rows)
    reconciled(world, tmp_path, rows, "--item", "nothing")
    world.done("breaks", "sign-off", run, "--actor", "bank/bob", "--reason", "seen")
    assert [row["status"] for row in world.json("breaks", "list")["rows"]] == ["open"]
    assert not figure(world)[0]


def test_a_later_run_with_a_break_holds_the_close_up_though_an_earlier_one_is_signed_off(
    tmp_path: Path,
) -> None:
    """R65: no open break: of the bank's corrected file neither."""
    world = story(tmp_path, close_requires="csv")
    world.take(top_up("12", "X9", "2025-04-01T00:00:00+08:00", effective_at="2025-03-09T10:00:00"))
    run = reconciled(world, tmp_path, "2025-03-09,12.00,X9\n")
    world.done("breaks", "sign-off", run, "--actor", "bank/bob", "--reason", "agrees")
    assert figure(world)[0]
    corrected = reconciled(world, tmp_path, "2025-03-09,12.00,X9\n2025-03-11,3.00,new\n")
    assert figure(world) == (False, f"run {corrected} has 1 open break")


def test_a_run_that_was_loosened_says_so_on_the_checklist(tmp_path: Path) -> None:
    """R65: a payment that is 'on its way' for a year is a matter for who signs off."""
    world = story(tmp_path, close_requires="csv")
    world.take(top_up("12", "X9", "2025-04-01T00:00:00+08:00", effective_at="2025-03-09T10:00:00"))
    run = reconciled(world, tmp_path, "", "--transit-days", "365", "--tolerance", "0.05")
    world.done("breaks", "sign-off", run, "--actor", "bank/bob", "--reason", "agrees")
    said = "unexplained 0.00, 0 breaks open, transit-days 365, tolerance 0.05"
    assert figure(world) == (True, said)


def test_a_close_can_seal_and_pack_at_once(tmp_path: Path) -> None:
    """R61: the checkpoint is kept in the ledger, `-o` names the pack; a missing key comes first."""
    world = story(tmp_path)
    arguments = ("close", "2025-03", "--seal", "--pack", "-o", tmp_path / "m.zip", "--actor", "x")
    assert world.run(*arguments).code == 3, "there is no key"
    assert world.events()[-1]["type"] != "PeriodClosed"
    world.done("keys", "new")
    answer = world.json(*arguments)
    assert answer["checkpoint"]["size"] == answer["position"]
    again = world.run(*arguments, "--json")
    assert (again.code, "tally pack --period 2025-03" in again.json["hint"]) == (4, True)
    assert (tmp_path / "m.zip").stat().st_size > 1000
    status = world.json("status")
    assert status["last_seal"]["size"] == answer["position"]
    check = status["last_check"]
    assert (check["position"], check["period"]) == (answer["position"], "2025-03")
    assert check["open_points"] == answer["open_points"]


def test_a_pack_of_no_given_name_replaces_none(tmp_path: Path) -> None:
    """The pack that was handed over stays; the error comes before anything is closed."""
    world = story(tmp_path)
    world.done("keys", "new")
    handed = tmp_path / "pack-2025-03.zip"
    handed.write_bytes(b"handed over")
    done = tally("close", "2025-03", "--pack", "--actor", "x", "--ledger", world.path, cwd=tmp_path)
    assert (done.code, "exists" in done.err) == (2, True)
    assert world.events()[-1]["type"] != "PeriodClosed"
    assert handed.read_bytes() == b"handed over"
