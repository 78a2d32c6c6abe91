"""``tally serve``: a read-only explorer in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.render import note
from ledger.errors import ExtraMissing, InvalidInput
from ledger.quoting import quoted

if TYPE_CHECKING:
    from cli.bootstrap import Session

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=8321, show_default=True,
              metavar="N", help="Port; 0 picks a free one.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--token", envvar="TALLY_SERVE_TOKEN",
              help="Token that every request must carry (or TALLY_SERVE_TOKEN).")  # fmt: skip
@tally_command()
def command(
    session: Session, _output: Output, *, port: int, host: str, token: str | None
) -> None:
    """Explore the ledger in a browser, read-only.

    Every page has two sliders: when it was true, and when it was known. A page's address
    contains both, so a link always shows the same figures. /api/NAME/ARGUMENTS gives what
    tally NAME ARGUMENTS --json prints.

    \b
    Examples:
      tally serve
      tally serve --port 9000
      TALLY_SERVE_TOKEN=... tally serve --host 10.0.0.5
    """
    if host not in LOOPBACK and not token:
        msg = f"{host!r} is reachable from other machines"
        raise InvalidInput(msg, hint="give a token: TALLY_SERVE_TOKEN=..., or use 127.0.0.1")
    head = session.reader.head()  # a ledger that cannot be read is told here
    from cli.explorer.app import Explorer  # noqa: PLC0415 - an extra
    from cli.explorer.guarding import LOCAL  # noqa: PLC0415 - an extra

    try:
        import uvicorn  # noqa: PLC0415 - an extra
    except ImportError:
        raise ExtraMissing(package="uvicorn", extra="serve") from None
    import socket  # noqa: PLC0415 - for a server alone

    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # who follows the address before the server runs waits, and is answered
    except (OSError, UnicodeError) as error:  # a name that cannot be one
        listening.close()
        why = getattr(error, "strerror", None) or error
        msg = f"cannot listen on {quoted(host)}, port {port}: {why}"
        raise InvalidInput(msg, hint="choose another --port or --host") from None
    shown = f"[{host}]" if ":" in host else host
    names = LOCAL if host in LOOPBACK else (*LOCAL, shown)
    explorer = Explorer(session.location, hosts=names, token=token)
    note(f"exploring @{head.position} at http://{shown}:{listening.getsockname()[1]}/; "
         "Ctrl-C ends it")  # fmt: skip
    config = uvicorn.Config(
        explorer.application(), log_level="error", access_log=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listening])
