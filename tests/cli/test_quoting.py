"""What a message quotes of others is cut, and names no login."""

from __future__ import annotations

import pytest

from ledger.quoting import MESSAGE_MAX, address, bounded
from tests.cli.program import World

DIGITS = "9" * 100_000


@pytest.mark.parametrize(
    "words",
    [
        ("state", "a-1", "--at", DIGITS), ("log", "-n", DIGITS), ("diff", f"@{DIGITS}", "@1"),
        ("forecast", "--to", DIGITS), ("backtest", "--workers", DIGITS),
        ("why-not", "a-1", "renew", "--months", DIGITS), (DIGITS,), ("balances", f"--{DIGITS}"),
        ("bisect", "--expr", "not " * 5000 + "overdue", "a-1"), ("seal", "--key", DIGITS),
    ],
    ids=lambda words: " ".join(words)[:30],
)  # fmt: skip
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_message_stays_short_whatever_was_given(
    looked_at: World, words: tuple[str, ...], form: tuple[str, ...]
) -> None:
    told = looked_at.run(*words, *form)
    assert told.code in (2, 3)
    assert 0 < len(told.out + told.err) < 2 * MESSAGE_MAX


def test_what_is_short_is_left_alone() -> None:
    path = "/" + "/".join(["folder"] * 50)
    assert bounded(f"there is no file {path!r}") == f"there is no file {path!r}"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("tcp://10.0.0.5:8786", "tcp://10.0.0.5:8786"), ("local[2]", "local[2]"),
        ("tcp://u:hush@h:1", "tcp://***@h:1"), ("tcp://u:h@sh@h:1", "tcp://***@h:1"),
        ("sc://h:1/;token=hush", "sc://h:1/;***"), ("sc://h?token=hush", "sc://h?***"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_what_may_be_secret(given: str, shown: str) -> None:
    assert address(given) == shown
