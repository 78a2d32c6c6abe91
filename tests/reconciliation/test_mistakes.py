"""Mistakes that a comparison could make in silence: each is a break or a tie, never a match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import World
from tests.reconciliation.camt_files import balance, detail, entry, message, month, statement

DAY = "2025-03-10"
FOCUS = (
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,"
    "BillingPeriodStart,BillingAccountId,InvoiceId\n"
)


class Bank:
    """A ledger of three accounts, with payments."""

    def __init__(self, folder: Path, *payments: tuple[str, str, str, str, str]) -> None:
        self.folder, self.world = folder, World(folder / "t.db", start="2025-01-01T00:00:00+08:00")
        opened = [
            {"at": "2025-01-01T00:00:00+08:00", "do": "open-account", "account": name,
             "currency": "EUR"} for name in ("ann", "bob", "cid")
        ]  # fmt: skip
        self.world.take(*opened, *(
            {"at": f"{day}T10:00:00+08:00", "do": "top-up", "account": account, "amount": amount,
             "serial": serial, "channel": channel}
            for day, account, amount, serial, channel in payments
        ))  # fmt: skip
        self.world.done("clock", "advance", "--to", "2025-04-01")

    def asked(self, body: str, *more: object, source: str = "camt053") -> dict[str, Any]:
        path = self.folder / "file"
        path.write_text(body, encoding="utf-8")
        done = self.world.run("reconcile", path, "--source", source, "--json", *more)
        return done.json

    def proposed(self, body: str) -> str:
        path = self.folder / "file"
        path.write_text(body, encoding="utf-8")
        return self.world.run("reconcile", path, "--source", "camt053", "--propose").out


def _said(words: str) -> str:
    return f"<RmtInf><Ustrd>{words}</Ustrd></RmtInf>"


@pytest.mark.parametrize(
    "who", [_said("bob"), "<RltdPties><Dbtr><Pty><Nm>bob</Nm></Pty></Dbtr></RltdPties>"]
)
def test_who_names_another_account_has_not_paid_this_ones(tmp_path: Path, who: str) -> None:
    bank = Bank(tmp_path, (DAY, "ann", "50.00", "A-1", "bank"))  # bob has paid nothing yet
    found = bank.asked(month(entry("50.00", detail("50.00", more=who)), closing="50.00"))
    assert found["classes"] == {"missing_at_provider": 1, "missing_in_ledger": 1}


def test_one_serial_in_two_channels_is_a_tie_until_the_channel_is_said(tmp_path: Path) -> None:
    bank = Bank(
        tmp_path, (DAY, "ann", "50.00", "X", "bank"), (DAY, "bob", "50.00", "X", "alipay")
    )
    body = month(entry("50.00", detail("50.00", refs="<TxId>X</TxId>")), closing="50.00")
    assert bank.asked(body)["classes"] == {"ambiguous": 1}
    assert bank.asked(body, "--channel", "bank")["breaks"] == []


def test_a_reversal_of_last_month_is_proposed_for_whose_payment_it_names(tmp_path: Path) -> None:
    bank = Bank(tmp_path, ("2025-02-10", "ann", "60.00", "P", "bank"))
    back = entry(
        "-60.00", detail("-60.00", refs="<EndToEndId>P</EndToEndId>"), day="2025-03-12",
        more="<RvslInd>true</RvslInd>",
    )  # fmt: skip
    held = balance("OPBD", "60.00", "2025-03-01"), balance("CLBD", "0.00", "2025-03-31")
    proposed = bank.proposed(message(statement(*held, back)))
    assert '"do": "reverse-top-up", "account": "ann"' in proposed
    assert bank.world.run("import", "-", stdin=proposed).code == 0
    assert bank.asked(message(statement(*held, back)))["breaks"] == []


def _tiny(cost: str, count: int) -> str:
    return FOCUS + "".join(
        f"{cost},EUR,Usage,2025-03-10T00:00:00Z,2025-03-11T00:00:00Z,2025-03-01T00:00:00Z,ann,I{n}\n"
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("cost", "count", "classes"),
    [
        ("0.009", 100, {"missing_in_ledger": 1}),  # nearly a minor unit of each
        ("0.005", 100, {}),  # what rounding down comes to on average
        ("-0.009", 100, {"missing_in_ledger": 1}),
        ("0.009", 5, {}),  # small in sum
    ],
)
def test_what_rounding_cut_off_is_capped_in_sum(
    tmp_path: Path, cost: str, count: int, classes: dict[str, int]
) -> None:
    bank = Bank(tmp_path)
    found = bank.asked(_tiny(cost, count), source="focus")
    assert found["classes"] == classes
    assert found["unexplained"] == "0.00"


def test_a_moment_that_is_none_is_refused_before_it_is_compared_or_imported(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    body = _tiny("1.00", 1).replace("2025-03-11T00", "2025-03-11T30")
    says = "row 2, ChargePeriodEnd: '2025-03-11T30:00:00Z' is not an instant"
    assert bank.asked(body, source="focus")["message"] == says
    refused = bank.world.run("import", "--from", "focus", tmp_path / "file", "--json")
    assert (refused.code, refused.json["message"]) == (2, says)
