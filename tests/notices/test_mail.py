"""R67 by mail, to a real server: texts, templates, repeats, and what is refused."""

from __future__ import annotations

import email
import json
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from cli.notices.mail import Texts
from projections.notices.kinds import KINDS, Notice
from tests.cli.program import World, valid
from tests.notices.receivers import acme


class Postbox:
    """Keeps the mails that come; refuses some recipients."""

    def __init__(self) -> None:
        """Start empty."""
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take a recipient, unless it is nobody."""
        if address.startswith("nobody"):
            return "550 no such \x1b[31mmailbox"
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        """Take a mail."""
        found = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 taken"


@pytest.fixture
def post() -> Iterator[tuple[str, Postbox]]:
    """Run a mail server of this machine."""
    box = Postbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, server_hostname="test")
    controller.start()
    yield f"smtp://127.0.0.1:{port}", box
    controller.stop()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Acme on 15 June, told of a low balance and of a term that ends."""
    world = acme(tmp_path / "t.db")
    world.done("clock", "advance", "--to", "2025-06-15")
    return world


def test_a_mail_says_it_in_words_and_carries_the_notice(
    world: World, post: tuple[str, Postbox]
) -> None:
    url, box = post
    to = f"{url}/ops@example.com?from=billing@example.com"
    world.done("notify", "--to", to, "--kinds", "low_balance,expiry_7d")
    low, ahead = box.mails
    assert box.recipients == ["ops@example.com"] * 2
    assert low["Subject"] == "Balance of acme is low"
    assert low["From"] == "billing@example.com"
    text = low.get_body().get_content()  # type: ignore[union-attr]
    assert "300.00 CNY, below the threshold of 400.00 CNY" in text
    assert ahead["Subject"] == "i-1 expires in 7 days"
    [part] = list(ahead.iter_attachments())
    notice = valid(json.loads(part.get_content()))
    assert ahead["X-Tally-Notice"] == notice["id"]
    assert low["Message-ID"] != ahead["Message-ID"]
    assert world.json("notify", "--to", to, "--kinds", "low_balance")["sent"] == 0


def test_each_account_may_have_its_own_address(world: World, post: tuple[str, Postbox]) -> None:
    url, box = post
    world.done("notify", "--to", f"{url}?to={{account}}@example.com", "--kinds", "low_balance")
    assert box.recipients == ["acme@example.com"]


def test_without_a_recipient_it_goes_to_the_postmaster(
    world: World, post: tuple[str, Postbox]
) -> None:
    url, box = post
    world.done("notify", "--to", url, "--kinds", "low_balance")
    assert box.recipients == ["postmaster@[127.0.0.1]"]


def test_a_refused_recipient_is_a_failed_attempt(world: World, post: tuple[str, Postbox]) -> None:
    url, _ = post
    answer = world.json("notify", "--to", f"{url}/nobody@example.com", "--once", code=1)
    [failed] = answer["attempts"]
    assert failed["answer"].startswith("550 no such")
    assert failed["answer"].isprintable()


def test_no_server_and_no_encryption_are_failed_attempts(
    world: World, post: tuple[str, Postbox]
) -> None:
    url, box = post
    gone = world.json("notify", "--to", "smtp://127.0.0.1:1/a@b", "--once", code=1)
    assert "refused" in gone["attempts"][0]["answer"].lower()
    plain = world.json("notify", "--to", f"{url}/a@b?tls=required", "--once", code=1)
    assert "STARTTLS" in plain["attempts"][0]["answer"]
    assert box.mails == []


def test_templates_of_ones_own(world: World, post: tuple[str, Postbox], tmp_path: Path) -> None:
    url, box = post
    own = tmp_path / "texts"
    own.mkdir()
    text = "Subject: $account: 余额不足\n\n$available of $$ $nothing\n"
    (own / "low_balance.txt").write_text(text, encoding="utf-8")
    command = ("notify", "--to", f"{url}/a@b", "--templates", own, "--kinds", "low_balance")
    world.done(*command)
    assert box.mails[0]["Subject"] == "acme: 余额不足"
    assert box.mails[0].get_body().get_content().strip() == "300.00 of $"  # type: ignore[union-attr]
    for name, content in (
        ("low_balance.txt", b"no subject\n\nx"), ("low_balance.txt", b"Subject: x\n\n$ "),
        ("low_balance.txt", b"Subject: \xff\n\nx"), ("low_balanc.txt", b"Subject: x\n\nx"),
    ):  # fmt: skip
        for path in own.iterdir():
            path.unlink()
        (own / name).write_bytes(content)
        done = world.done(*command, code=2)
        assert done.err.count("\n") == 1
    world.done("notify", "--to", f"{url}/a@b", "--templates", tmp_path / "none", code=2)
    world.done("notify", "--to", "file:///x", "--templates", own, code=2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_words(kind: str) -> None:
    facts = {
        "available": "1.00", "threshold": "2.00", "currency": "CNY", "instance": "i-1", "item": "b",
        "overdue_since": "then", "expires_at": "then", "releases_at": "then", "reason": "X",
        "needed": "3.00", "months": 1, "price": "4.00", "number": 2, "days": 3,
    }  # fmt: skip
    notice = Notice("l:1:k", 1, kind, "acme", 0, 0, facts)
    subject, text = Texts(None, offset=0).of(notice)
    assert "acme" in text
    assert subject
    for line in (*text.splitlines(), subject):
        assert "  " not in line
        assert "$" not in line
