"""What ``tally notify`` and ``tally run --notify`` share: the options, and the wiring."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger import clock as clocks
from ledger.errors import InvalidInput, NoSuchThing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.bootstrap import Session
    from cli.notices.channel import Channel
    from cli.notices.delivery import DeliveryLoop

SECRET_ENV = "TALLY_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_MAX_BYTES = 1 << 16


def notice_options(body: Callable[..., Any]) -> Callable[..., Any]:
    """Add --kinds, --since, --secret-env and --templates."""
    for option in (
        click.option("--templates", metavar="DIR",
                     help="Folder of your own mail texts: KIND.txt replaces the default."),
        click.option("--secret-env", metavar="NAME", default=SECRET_ENV, show_default=True,
                     help="Variable with the webhook secret, whsec_..., or a file that holds it."),
        click.option("--since", metavar="POSITION",
                     help="Begin after this event (default: where the channel began, else the "
                     "first event)."),
        click.option("--kinds", metavar="K,K", multiple=True,
                     help="Only these kinds of notices."),
    ):  # fmt: skip
        body = option(body)
    return body


def read_kinds(texts: Sequence[str]) -> frozenset[str]:
    """Read lists of kinds, all of them where there is none. Raises: InvalidInput."""
    from ledger.policy import did_you_mean  # noqa: PLC0415 - loaded when needed
    from projections.notices.kinds import KINDS  # noqa: PLC0415 - loaded when needed

    if not texts:
        return frozenset(KINDS)
    found = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    for kind in found:
        if kind not in KINDS:
            hint = did_you_mean(kind, list(KINDS)) or "kinds: " + ", ".join(KINDS)
            raise InvalidInput(f"{kind!r} is not a kind of notice", hint=hint)
    if not found:
        raise InvalidInput("--kinds names no kind", hint="kinds: " + ", ".join(KINDS))
    return frozenset(found)


def delivery(
    session: Session, to: str, *, kinds: Sequence[str], since: str | None, secret_env: str,
    templates: str | None,
) -> DeliveryLoop:  # fmt: skip
    """Open a channel and what waits for it. Raises: InvalidInput, NoSuchThing, OSError."""
    from cli.notices.delivery import DeliveryLoop  # noqa: PLC0415 - loaded when needed
    from projections.history.points import read_position  # noqa: PLC0415 - loaded when needed
    from projections.notices.outbox import Outbox  # noqa: PLC0415 - loaded when needed

    wanted = read_kinds(kinds)
    head = session.reader.head().position
    start = None if since is None else read_position(since, head)
    if start is not None and start > head:
        msg = f"there is no event @{start} yet, the head is @{head}"
        raise NoSuchThing(msg, hint="--since names an event, 0 for the beginning")
    real = session.config.clock != clocks.SIMULATED
    channel = open_channel(session, to, secret_env=secret_env, templates=templates)
    outbox = Outbox(session.store.reader, channel.name, kinds=wanted, since=start)
    now = session.ledger.now if real else lambda: session.now
    return DeliveryLoop(session.ledger, outbox, channel, now=now, real=real)


def open_channel(
    session: Session, to: str, *, secret_env: str, templates: str | None
) -> Channel:
    """Make the channel of an address. Raises: InvalidInput, OSError."""
    from cli.notices.channel import read_address  # noqa: PLC0415 - loaded when needed

    address = read_address(to)
    scheme = address.parts.scheme
    if scheme == "smtp":
        from cli.notices.mail import Mail, Texts  # noqa: PLC0415 - loaded when needed

        return Mail(address, Texts(templates, offset=session.offset))
    if templates is not None:
        raise InvalidInput(
            f"--templates are for mail, not for {scheme}://",
            hint="a program reads the facts of the notice",
        )
    if scheme == "file":
        from cli.notices.files import FileChannel  # noqa: PLC0415 - loaded when needed
        from cli.outputs import kept_places  # noqa: PLC0415 - loaded when needed

        return FileChannel(address, kept=kept_places(session.location))
    from cli.notices.web import Web, read_secrets  # noqa: PLC0415 - loaded when needed

    where = f"the variable {secret_env}"
    return Web(address, read_secrets(_secret(secret_env), where=where))


def _secret(name: str) -> str:
    """Read the webhook secret, or the file that the variable names. Raises: InvalidInput."""
    found = os.environ.get(name, "").strip()
    if not found:
        raise InvalidInput(
            f"there is no webhook secret: the variable {name} is not set",
            hint="every notice is signed; set it to whsec_..., or to a file that holds it",
        )
    if found.startswith("whsec_"):
        return found
    try:
        with Path(found).open("rb") as file:
            return file.read(_MAX_BYTES).decode("ascii", errors="replace")
    except (OSError, ValueError):
        raise InvalidInput(
            f"the variable {name} holds neither whsec_... nor the name of a file to read",
            hint="the secret is not shown here",
        ) from None
