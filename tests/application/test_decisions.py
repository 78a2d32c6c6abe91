"""Tags, reviews and notices are decisions like any other: due first, versions, refusals kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.decisions import Act
from ledger.decisions.reviewing import record_run, review
from ledger.decisions.tagging import add_tag
from ledger.errors import AlreadyExists, SelfReview
from ledger.events import RECONCILIATION_STREAM, BreakOpened, ReconciliationRun, TagAdded
from ledger.periods import DAY
from ledger.reconciling import RESOLVED, SIGNED_OFF, NewRun
from ledger.store.settings import CLOCK_KEY
from tallystick import Ledger, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger on which a slot is due on 12 June."""
    with Ledger.create(tmp_path / "l.db", clock="simulated", start="2025-05-20") as made:
        made.record_all(
            [
                {"do": "set-price", "sku": "std", "monthly_price": "500"},
                {"do": "open-account", "account": "a"},
                {"do": "top-up", "account": "a", "amount": "500", "channel": "c", "serial": "s"},
                {"do": "purchase", "account": "a", "instance": "i", "sku": "std", "months": 1,
                 "auto_renew": True},
            ]
        )  # fmt: skip
        yield made


def tag(name: str) -> TagAdded:
    """A tag of the first event."""
    return TagAdded(name=name, at=1, known_at=1, known_position=1, sealed=False)


def types(ledger: Ledger) -> list[str]:
    """The types of events in the log."""
    return [event.type for event in ledger.log().rows]


def test_what_is_due_is_recorded_before_a_tag(ledger: Ledger) -> None:
    """R57: the clock may have moved on in another process, with nothing run yet."""
    with ledger.application.store.writing() as writer:
        writer.set_meta(CLOCK_KEY, str(ledger.now + 26 * DAY))
    recorded = add_tag(ledger.application, tag("t"))
    assert types(ledger)[-4:] == ["AutoRenewFailed"] * 3 + ["TagAdded"]
    assert recorded.position == len(types(ledger))


def test_versions_go_on_where_another_process_left_them(ledger: Ledger) -> None:
    add_tag(ledger.application, tag("one"))
    with Ledger(ledger.location) as other:
        assert add_tag(other.application, tag("two")).version == 2
    assert add_tag(ledger.application, tag("three")).version == 3


def test_a_refused_tag_is_in_the_log_as_refused(ledger: Ledger) -> None:
    add_tag(ledger.application, tag("t"), actor="li")
    with pytest.raises(AlreadyExists):
        add_tag(ledger.application, tag("t"), actor="wang", reason="again")
    last = ledger.log().rows[-1]
    assert (last.type, last.actor, last.reason) == ("CommandRefused", "wang", "again")
    assert (last.data["code"], last.command) == ("ALREADY_EXISTS", "tag add")
    add_tag(ledger.application, tag("u"))
    assert types(ledger)[-2:] == ["CommandRefused", "TagAdded"]


def test_a_run_is_one_batch_and_a_review_continues_its_stream(ledger: Ledger) -> None:
    run = ReconciliationRun(
        run="r", source="s", sha256="0" * 64, currency="CNY", starts=0, ends=1, known_position=1,
        opening="0", movements="0", closing="0", ledger_balance="0", matches=(), breaks=("b",),
        file="f",
    )  # fmt: skip
    opened = BreakOpened(
        run="r", break_id="b", kind="amount", key="k", currency="CNY", delta="1", first_seen=0,
        ours=None, theirs=None, expected=False, of="", lines=(), candidates=(), near=(),
    )  # fmt: skip
    made = record_run(ledger.application, NewRun(run, [opened]), actor="li")
    assert [one.version for one in made] == [1, 2]
    assert made[1].cause == made[0].position
    resolved = review(ledger.application, "b", RESOLVED, actor="li", reason="paid")
    assert resolved.version == 3
    before = types(ledger)
    with pytest.raises(SelfReview):
        review(ledger.application, "b", SIGNED_OFF, actor="li", reason=None)
    assert types(ledger) == before
    signed = review(ledger.application, "b", SIGNED_OFF, actor="wang", reason=None)
    assert signed.version == 4


def test_nothing_is_recorded_where_deciding_fails(ledger: Ledger) -> None:
    act = Act(ledger.application, "x", actor=None, stream=RECONCILIATION_STREAM)
    before = types(ledger)
    with pytest.raises(ZeroDivisionError), act.deciding() as (_, now):
        act.record([tag("lost")], now=now)
        raise ZeroDivisionError
    assert types(ledger) == before
    with pytest.raises(Refused):
        ledger.record("renew", account="a", instances=["i"], months=1)
