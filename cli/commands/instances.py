"""``tally instances``: every instance's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.options import Output, engine_options, point_options, tally_command
from cli.render import point_line, short, table, write
from cli.restatements import restated_at, say_restated
from ledger.account import (
    FROZEN,
    RELEASED,
    RESTORING,
    RUNNING,
    STOPPED_EXPIRED,
    STOPPED_OVERDUE,
)
from projections.answers import instance_json, point_json
from projections.view import SPARK, SQL, VIEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.bootstrap import Session
    from ledger.account import AccountState
    from projections.point import Point

STATES = (RUNNING, STOPPED_OVERDUE, STOPPED_EXPIRED, RESTORING, FROZEN, RELEASED)


@click.command("instances")
@click.option("--state", type=click.Choice(STATES), help="Only instances in this state.")
@click.option("--expiring-before", metavar="T", help="Only terms that end before T.")
@engine_options
@tally_command(rows=True, point=True)
def command(
    session: Session,
    output: Output,
    *,
    state: str | None,
    expiring_before: str | None,
    engine: str | None,
    master: str,
    **options: Any,
) -> None:
    """Show every instance's state, one row each.

    \b
    Examples:
      tally instances --state stopped_overdue
      tally instances --expiring-before 2025-07-01
      tally instances --as-of 2025-03-31 --ndjson
    """
    point = points.asked(session, **point_options(options))
    before = None
    if expiring_before is not None:
        before = points.read_start(expiring_before, session.offset)
    session.note_what_is_due()
    derivation = session.derivation(point, engine)
    restated = restated_at(session, "instances", point)

    def wanted() -> Iterator[dict[str, Any]]:
        for row, expires_at in _rows(session, point, state, derivation, master=master):
            ends = expires_at is not None and row["state"] != RELEASED
            if before is None or (ends and expires_at is not None and expires_at < before):
                yield row

    if output.form in ("ndjson", "csv"):
        output.rows(wanted())
        say_restated(restated, human=False)
    elif output.human:
        write(point_line(point_json(point, session.offset)))
        table(
            ("account", "instance", "kind", "state", "expires", "releases"),
            [
                (row["account"], row["instance"], row["kind"], row["state"],
                 short(row["expires_at"]), short(row["releases_at"]))
                for row in wanted()
            ],
        )  # fmt: skip
        say_restated(restated, human=True)
    else:
        told = {} if restated is None else {"restated": restated}
        output.object(
            {"schema": "tally.instances/1", "point": point_json(point, session.offset),
             "derivation": derivation, "rows": list(wanted()), **told}
        )  # fmt: skip


def _rows(
    session: Session, point: Point, state: str | None, derivation: str, *, master: str
) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Fold the accounts that may have such an instance; at the head the view names them."""
    policy = session.catalog_at(point).policy
    if derivation in (SQL, SPARK):
        columns = session.columns(point, derivation, master=master)
        accounts: Iterable[AccountState] = (one.account for one in columns.instances(point))
    elif derivation == VIEW:
        where = ("state = ?", (state,)) if state is not None else ("", ())
        names = dict.fromkeys(str(row[0]) for row in session.views().rows("instances", *where))
        accounts = (session.state(name, point) for name in names)
    else:
        accounts = session.states(point)
    for account in accounts:
        for name, instance in sorted(account.instances.items()):
            if state is None or instance.state == state:
                row = {"account": account.account, **instance_json(account, name, policy)}
                yield row, instance.expires_at
