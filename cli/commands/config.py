"""``tally config``: every setting in force, and where it comes from."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.paging import VARIABLE as PAGER
from cli.paging import pager
from cli.render import coloured, table
from cli.settings import DEFAULT, ENVIRONMENT, SettingInForce, ledger_setting
from cli.trusting import KEY_VARIABLE, POLICY_VARIABLE, is_key_text, key_file, policy_file
from ledger.store import shown
from projections.answers.keeping import Setting as SettingShown
from projections.answers.keeping import Settings

if TYPE_CHECKING:
    from cli.bootstrap import Session

WEBHOOK_VARIABLE = "TALLY_WEBHOOK_SECRET"


@click.command("config")
@tally_command(rows=True)
def command(session: Session, output: Output) -> None:
    """Print every setting in force and where it comes from; secrets are never printed.

    A setting comes from an option, the environment, the nearest tally.toml, or the default.

    \b
    Examples:
      tally config
      tally config --json
    """
    found = [SettingShown(**setting._asdict()) for setting in _settings(session)]
    if not output.answered(Settings(settings=found), "settings"):
        rows = [(one.name, one.value, one.where or one.source) for one in found]
        table(("setting", "value", "from"), rows)


def _settings(session: Session) -> list[SettingInForce]:
    ctx = click.get_current_context()
    ledger = ledger_setting(ctx.params.get("ledger"), ctx)
    location = session.location
    key = os.environ.get(KEY_VARIABLE)
    inline = key is not None and is_key_text(key)
    return [
        ledger._replace(value=shown(location)),
        _variable("key", "the key itself" if inline else str(key_file(location, None)),
                  KEY_VARIABLE),
        _variable("policy", str(policy_file(location, os.environ.get(POLICY_VARIABLE))),
                  POLICY_VARIABLE),
        _variable("webhook_secret", "set" if os.environ.get(WEBHOOK_VARIABLE) else None,
                  WEBHOOK_VARIABLE),
        _variable("pager", None if (words := pager()) is None else shlex.join(words), PAGER),
        _variable("colour", "yes" if coloured() else "no", "NO_COLOR"),
    ]  # fmt: skip


def _variable(name: str, value: str | None, variable: str) -> SettingInForce:
    if os.environ.get(variable):
        return SettingInForce(name, value, ENVIRONMENT, variable)
    return SettingInForce(name, value, DEFAULT)
