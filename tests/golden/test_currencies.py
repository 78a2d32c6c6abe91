"""The transcripts again, on a ledger of three currencies: 0, 2 and 3 digits.

An account's money is written in its own currency wherever it stands, in every command.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.program import World
from tests.conftest import Golden
from tests.golden.test_transcripts import check, transcript

HERE = Path(__file__).resolve().parent / "currencies"
DAY = "2025-01-10T00:00:00+08:00"
OPENED = (("yen", "JPY", "1234"), ("yuan", "CNY", "1234.56"), ("dinar", "KWD", "1234.567"))
TRANSCRIPTS: dict[str, tuple[str, ...]] = {
    "clock": ("clock advance 15d",),
    "record": (
        "record top-up --account yen --amount 1 --channel card --serial N1",
        "record top-up --account yen --amount 1.5 --channel card --serial N2",
        "record top-up --account dinar --amount 0.001 --channel card --serial N3",
        "record top-up --account dinar --amount 0.0001 --channel card --serial N4",
        "record top-up --account yuan --amount 0.001 --channel card --serial N5",
        "record credit-note --account dinar --note n-1 --bill b-dinar --amount 2000",
    ),
    "state": ("state yen", "state dinar", "state yuan --json"),
    "balances": ("balances", "balances --csv", "balances --below 300"),
    "log": ("log", "log yen --ndjson -n 1", "log dinar --type BillPosted --csv"),
    "show": ("show 10", "show 15"),
    "why": ("why yen.cash", "why dinar.cash", "lots dinar", "lots yen"),
    "history": (
        "diff 2025-01-03 2025-01-12 dinar --bridge", "trace cash yen", "blame yen.cash",
        "last dinar.cash", "bisect --expr cash<500 yen",
    ),
    "rehearsals": (
        "whatif yen --skip 9", "forecast --to 2025-03-01 dinar",
        "why-not yen top-up --amount 1.5 --channel c --serial s",
    ),
    "reports": (
        "report trial-balance", "report statement dinar", "report statement yen",
        "report rollforward", "report overdue", "report coupons",
    ),
    "notices": ("notify --to file://n.ndjson --kinds low_balance", "notify --list"),
}  # fmt: skip


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three accounts with the same story, each in its currency."""
    world = World(tmp_path_factory.mktemp("three") / "tally.db", start="2025-01-01")
    for name, currency, amount in OPENED:
        world.take(
            {"do": "open-account", "account": name, "currency": currency},
            {"do": "set-alert", "account": name, "threshold": "400"},
            {"do": "top-up", "account": name, "amount": amount, "channel": "card", "serial": name},
            {"do": "grant-coupon", "account": name, "coupon": "c", "amount": "5",
             "ends": "2025-01-31"},
            {"do": "activate-public", "account": name, "instance": "p", "kind": "public_legacy"},
            {"do": "record-usage", "account": name, "usage": f"b-{name}", "instance": "p",
             "rated": "1000.12345", "cycle_start": "2025-01-01", "cycle_end": "2025-01-20"},
        )  # fmt: skip
    world.done("clock", "advance", "--to", DAY)
    return world


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_in_three_currencies(
    name: str, three: World, tmp_path: Path, golden: Golden
) -> None:
    shutil.copyfile(three.path, tmp_path / "tally.db")
    if name not in ("clock", "record"):
        World.at(tmp_path / "tally.db").done("clock", "advance", "--to", "2025-01-25")
    text = transcript(TRANSCRIPTS[name], tmp_path).replace(str(tmp_path), "FOLDER")
    if name != "log":  # its CSV
        check(text)
    golden(HERE / f"{name}.txt", text)
