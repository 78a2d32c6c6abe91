"""A file in several currencies: each has a proof, and nothing of one hides in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.periods import HOUR
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import ControlTotalWrong
from projections.reconciliation.readers import read_statement
from tests.cli.program import World

MAP = """\
[columns]
date = "Date"
amount = "Amount"
id = "Id"
currency = "Cur"
balance = "Left"
"""
HEAD = "Date,Amount,Id,Cur,Left\n"
ROWS = (
    "2025-03-10,10.00,C1,CNY,110.00\n2025-03-11,5.00,C2,CNY,115.00\n"
    "2025-03-10,20.00,E1,EUR,220.00\n2025-03-12,7.00,E2,EUR,227.00\n"
)
VENDOR = (
    "OwnerID,TransactionNumber,TransactionTime,TransactionType,TransactionFlow,"
    "TransactionChannelSN,Amount,Currency,Balance\n"
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two accounts in two currencies, with a payment of each that the file lacks."""
    made = World(tmp_path / "t.db", start="2025-01-01T00:00:00+08:00")
    opened = {"at": "2025-01-01T00:00:00+08:00", "do": "open-account"}
    made.take({**opened, "account": "ann"}, {**opened, "account": "eva", "currency": "EUR"})
    paid = [("2025-02-10", "ann", "100.00", "C0"), ("2025-02-10", "eva", "200.00", "E0"),
            ("2025-03-10", "ann", "10.00", "C1"), ("2025-03-10", "eva", "20.00", "E1"),
            ("2025-03-15", "eva", "9.00", "E9")]  # fmt: skip
    made.take(*(
        {"at": f"{day}T10:00:00+08:00", "do": "top-up", "account": account, "amount": amount,
         "serial": serial, "channel": "bank"} for day, account, amount, serial in paid
    ))  # fmt: skip
    made.done("clock", "advance", "--to", "2025-04-10")
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    (tmp_path / "bank.csv").write_text(HEAD + ROWS, encoding="utf-8")
    return made


def test_each_currency_has_a_proof_that_closes(world: World, tmp_path: Path) -> None:
    asked = ("reconcile", tmp_path / "bank.csv", "--source", "csv", "--map", tmp_path / "map.toml")
    found = world.json(*asked, code=1)
    proofs = {proof["currency"]: proof for proof in found["proofs"]}
    assert list(proofs) == ["CNY", "EUR"]
    assert [proofs["EUR"][name] for name in ("opening", "movements", "closing")] == [
        "200.00", "27.00", "227.00",
    ]  # fmt: skip
    assert proofs["EUR"]["ledger_balance"] == "229.00"
    assert proofs["EUR"]["reconciling_items"] == [
        {"item": "missing_at_provider", "amount": "-9.00"},
        {"item": "missing_in_ledger", "amount": "7.00"},
    ]  # fmt: skip
    assert {proof["unexplained"] for proof in found["proofs"]} == {"0.00"}
    assert {name: found[name] for name in proofs["CNY"]} == proofs["CNY"]
    # What only we have in the other currency is a break too.
    assert [(one["class"], one["key"]) for one in found["breaks"]] == [
        ("missing_in_ledger", "C2"), ("missing_in_ledger", "E2"), ("missing_at_provider", "E9"),
    ]  # fmt: skip
    for page in (world.done(*asked, code=1).out, world.done(*asked, "--html", code=1).out):
        assert "roof, in EUR" in page
        assert "229.00" in page


def test_a_chain_that_breaks_in_the_other_currency_is_refused() -> None:
    with pytest.raises(ControlTotalWrong, match="line 5"):
        read_statement((HEAD + ROWS.replace("227.00", "228.00")).encode(), "csv",
                       offset=8 * HOUR, currency="CNY", column_map=MAP)  # fmt: skip


def _vendor(*rows: tuple[str, str, str]) -> str:
    return VENDOR + "".join(
        f"ann,N{n},2025-03-{n:02d} 10:00:00,Payment,Income,S{n},{amount},{code},{left}\n"
        for n, (amount, code, left) in enumerate(rows, 1)
    )


def test_a_vendors_balances_are_held_where_rows_carry_them() -> None:
    def read(body: str) -> tuple[bool, dict[str, str], dict[str, str]]:
        found = read_statement(
            body.encode(), "alibaba-transactions", offset=8 * HOUR, currency="CNY"
        )
        openings, elsewhere = (
            {name: write_amount(held, "CNY") for name, held in one.items()}
            for one in (found.openings, found.elsewhere)
        )
        return found.balances, openings, elsewhere

    sparse = [("10.00", "CNY", ""), ("5.00", "CNY", "115.00"), ("1.00", "CNY", "116.00")]
    assert read(_vendor(*sparse)) == (True, {"ann": "100.00"}, {})
    with pytest.raises(ControlTotalWrong, match="line 4"):
        read(_vendor(*sparse[:2], ("1.00", "CNY", "117.00")))
    assert read(_vendor(*sparse, ("2.00", "USD", "32.00"))) == (
        True, {"ann": "100.00"}, {"USD": "30.00"},
    )  # fmt: skip
    with pytest.raises(ControlTotalWrong):
        read(_vendor(*sparse, ("2.00", "USD", "32.00"), ("2.00", "USD", "33.00")))
