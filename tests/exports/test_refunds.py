"""R48, R49: what a refund gives back stands on each order that it takes back."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from ledger import events as e
from ledger.errors import CorruptHistory
from ledger.events import RecordedEvent
from projections.refunds import Orders
from tests.cli.program import World

Rows = list[dict[str, str]]
OWN = {"account": "a-1"}


def on(day: str, **fields: object) -> dict[str, object]:
    return {"at": f"2025-{day}T10:00:00+08:00", **OWN, **fields}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Cancelled: whole within five days, partly used, with nothing left of one order, renewals."""
    made = World(tmp_path_factory.mktemp("refunds") / "t.db")
    buy = {"do": "purchase", "sku": "std", "months": 1}
    renew = {"do": "renew", "months": 1}
    made.take(
        *(
            {"at": "2025-01-05T10:00:00+08:00", "do": "set-price", "sku": sku,
             "monthly_price": price}
            for sku, price in (("std", "310"), ("big", "620"))
        ),
        on("01-05", do="open-account"),
        on("01-05", do="top-up", amount="9000", channel="c", serial="1"),
        on("01-05", do="grant-coupon", coupon="c-1", amount="100", ends="2026-01-01",
           order_types=["renew"]),
        *(on("01-05", instance=name, **buy) for name in ("whole", "used", "over", "late")),
        on("01-06", instances=["whole"], **renew), on("01-06", instances=["used"], **renew),
        on("01-06", instances=["late"], **renew), on("01-06", instances=["late"], **renew),
        on("01-07", do="cancel", instance="whole"),
        on("01-07", do="cancel-renewal", instance="late"),
        on("01-08", do="cancel-renewal", instance="late"),
        on("01-20", do="change-spec", instance="used", sku="big"),
        on("01-25", do="cancel", instance="used"),
        on("02-04", instances=["over"], coupon="none", **renew),
        on("02-20", do="cancel", instance="over"),
    )  # fmt: skip
    return made


def exported(world: World, form: str) -> Rows:
    return list(csv.DictReader(io.StringIO(world.done("export", "--format", form).out)))


def refunds(world: World) -> list[tuple[int, str, Decimal]]:
    return [
        (event["position"], event["instance"], Decimal(event["data"]["amount"]))
        for event in world.events("--type", "RefundIssued")
    ]


def test_each_order_has_its_own_row_and_the_rows_add_up_to_the_event(world: World) -> None:
    issued = {f"refund:{position}": amount for position, _, amount in refunds(world)}
    orders = {row["RecordID"]: row for row in exported(world, "alibaba-bills")}
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in orders.values():
        if row["Item"] == "Refund":
            record = ":".join(row["RecordID"].split(":")[:2])
            of = orders[row["RelatedRecordID"]]
            assert (row["InstanceID"], row["UsageStartTime"], row["UsageEndTime"]) == (
                of["InstanceID"], of["UsageStartTime"], of["UsageEndTime"])  # fmt: skip
            found[record][row["RelatedRecordID"]] = -Decimal(row["PretaxAmount"])
            assert -Decimal(row["PaymentAmount"]) <= Decimal(of["PaymentAmount"])
    assert {record: sum(parts.values()) for record, parts in found.items()} == issued
    by_instance = {
        orders[next(iter(parts))]["InstanceID"] + str(len(parts)): sorted(parts.values())
        for parts in found.values()
    }
    assert by_instance["whole2"] == [210, 310]  # the coupon part of the renewal stays (R41)
    # 310 for 32 days of which 20 have begun; a renewal that has not; a fee of 460.69 for 45 days
    # of which 5 have begun.
    assert by_instance["used3"] == [Decimal("116.25"), 310, Decimal("409.51")]
    assert set(by_instance) == {"whole2", "used3", "over1", "late1"}


def test_focus_hangs_each_part_on_its_order(world: World) -> None:
    rows = [row for row in exported(world, "focus") if row["x_RecordId"].startswith("refund:")]
    bills = [row for row in exported(world, "alibaba-bills") if row["Item"] == "Refund"]
    assert [(row["InvoiceId"], row["x_RecordId"], row["BilledCost"]) for row in rows] == [
        (row["RelatedRecordID"], row["RecordID"], row["PretaxAmount"]) for row in bills
    ]
    late = [row["InvoiceId"] for row in rows if row["ResourceId"] == "late"]
    assert len(set(late)) == len(late) == 2  # two cancelled renewals, each its own


@pytest.mark.parametrize("form", ["beancount", "hledger"])
def test_journals_name_the_orders(world: World, form: str, tmp_path: Path) -> None:
    path = tmp_path / "books"
    world.done("export", "--format", form, "-o", path)
    world.done("verify-export", path)
    bills = exported(world, "alibaba-bills")
    text = path.read_text(encoding="utf-8")
    for position, _, _ in refunds(world):
        parts = " + ".join(
            f"@{row['RelatedRecordID'].removeprefix('order:')} {-Decimal(row['PretaxAmount'])}"
            for row in bills if row["RecordID"].split(":")[:2] == ["refund", str(position)]
        )  # fmt: skip
        assert f"orders: {parts}" in text.replace('"', "")


@pytest.mark.parametrize("source", ["alibaba-bills", "focus"])
def test_a_part_that_a_statement_lacks_is_one_break_of_its_own(
    world: World, source: str, tmp_path: Path
) -> None:
    whole, lacking, summed = (tmp_path / name for name in ("whole", "lacking", "summed"))
    world.done("export", "--format", source, "-o", whole)
    assert world.json("reconcile", whole, "--source", source)["breaks"] == []
    name = "RecordID" if source == "alibaba-bills" else "x_RecordId"
    head, *rows = csv.reader(io.StringIO(whole.read_text(encoding="utf-8")))
    at = head.index(name)
    gone = next(row for row in rows if row[at].count(":") == 2)
    write(lacking, [head, *(row for row in rows if row is not gone)])
    (found,) = world.json("reconcile", lacking, "--source", source, code=1)["breaks"]
    assert (found["class"], found["key"]) == ("missing_at_provider", gone[at])
    # A file in which the refund was one row, as it was before: the parts add up to it.
    if source == "alibaba-bills":
        event = gone[at].rpartition(":")[0]
        parts = [row for row in rows if row[at].startswith(f"{event}:")]
        one = list(parts[-1])
        one[at] = event
        for place, column in enumerate(head):
            if column in ("PretaxGrossAmount", "PretaxAmount", "PaymentAmount"):
                one[place] = str(sum(Decimal(row[place]) for row in parts))
        write(summed, [head, one, *(row for row in rows if row not in parts)])
        assert world.json("reconcile", summed, "--source", source)["breaks"] == []


def write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_refund_that_its_orders_do_not_give_back_is_never_shown() -> None:
    orders = Orders()
    refund = e.RefundIssued(instance="i", reason="unused", amount=1)
    recorded = RecordedEvent(
        position=1, stream="account:a", version=1, effective_at=0, recorded_at=0, event=refund
    )
    with pytest.raises(CorruptHistory, match="@1 is not what its orders give back"):
        orders.take(recorded, "a")
