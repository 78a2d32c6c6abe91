"""``tally``: the group of all commands, each loaded only when it is called.

Invariant: a usage error is one clear message (with --json one object) and exit code 2; nothing
a user types ends in a traceback.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from typing import Any, NoReturn

import click

from cli import leave_quietly
from cli.settings import ledger_option, remember

# name -> (module, short help): help and suggestions without importing a single command.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Make a new ledger."),
    "import": ("import_", "Record commands from a file or a pipe."),
    "record": ("record", "Record one command."),
    "clock": ("clock", "Show or move the ledger's clock."),
    "run": ("run", "Keep a system-clock ledger caught up."),
    "notify": ("notify", "Tell customers: deliver notices, list what was told."),
    "status": ("status", "Head, clock, views, and what is due next."),
    "demo": ("demo", "Make a ledger of a year and walk through it."),
    "state": ("state", "One account: money, coupons, bills, instances."),
    "balances": ("balances", "Every account's money, one row each."),
    "instances": ("instances", "Every instance's state, one row each."),
    "lots": ("lots", "Which receipt paid what, first in, first out."),
    "log": ("log", "Events, in the order they were recorded."),
    "show": ("show", "One event whole."),
    "sql": ("sql", "Ask in SQL, at any point."),
    "serve": ("serve", "Explore the ledger in the browser, read-only."),
    "tag": ("tag", "Name a point in time."),
    "diff": ("diff", "What differs between two points; --bridge says why."),
    "blame": ("blame", "Each field and the event that last set it."),
    "last": ("last", "The last changes of one field."),
    "trace": ("trace", "An expression's value over all history."),
    "bisect": ("bisect", "All events at which an expression flips."),
    "debug": ("debug", "Step through an account's history, both ways."),
    "why": ("why", "The causes of a field, down to facts."),
    "why-not": ("why_not", "Which rule refuses a command, and what would help."),
    "whatif": ("whatif", "Change the past on a copy; nothing is written."),
    "forecast": ("forecast", "Run the rules ahead of the clock on a copy."),
    "backtest": ("backtest", "Decide all history again: what would it cost whom?"),
    "recheck": ("recheck", "Decide the whole history again and compare."),
    "replay": ("replay", "Refold the whole log; --compare with the views."),
    "projections": ("projections", "List, check or rebuild the stored views."),
    "columns": ("columns", "The log as columns, to ask the whole ledger fast."),
    "keys": ("keys", "Make, show or rotate the key that signs checkpoints."),
    "seal": ("seal", "Sign a checkpoint of the log."),
    "prove": ("prove", "Prove one event, or that an older checkpoint still holds."),
    "check-proof": ("check_proof", "Check a proof, offline, without a ledger."),
    "witness": ("witness", "Cosign a checkpoint as a second key holder."),
    "verify": ("verify", "Verify the whole ledger; name the kind and the place."),
    "check": ("check", "Judge standing checks: what must always hold."),
    "close": ("close", "Close a month, quarter or year; late facts then restate it."),
    "reopen": ("reopen", "Reopen the latest closed period."),
    "periods": ("periods", "Every month: open, closed or reopened, and by whom."),
    "pack": ("pack", "Write the evidence pack of a period."),
    "verify-pack": ("verify_pack", "Verify an evidence pack with our own code."),
    "reconcile": ("reconcile", "Hold a bank's or vendor's file against the ledger."),
    "breaks": ("breaks", "List, resolve, sign off or reopen recorded breaks."),
    "tiles": ("tiles", "Write the log as a directory that C2SP clients read."),
    "report": ("report", "Trial balance, statement and other pages of the books."),
    "export": ("export", "The books or the log in a format of others."),
    "verify-export": ("verify_export", "Check that an export is what the ledger says."),
    "copy": ("copy", "Copy a ledger: file to server, server to file."),
    "backup": ("backup", "Write the whole ledger to one more file."),
    "schema": ("schema", "The JSON Schema of an answer or of a command."),
    "config": ("config", "Every setting in force, and where it comes from."),
    "completion": ("completion", "Print the completion script of a shell."),
}


class Tally(click.Group):
    """A group that knows its commands by name and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command by name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(_no_command(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


def _no_command(name: str) -> str:
    from ledger.policy import did_you_mean  # noqa: PLC0415 - only on the way to an error

    near = did_you_mean(name, list(COMMANDS))
    return f"no command {name!r}" + (f"; {near}" if near else "; see: tally --help")


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click calls it so
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - loaded when needed

    try:
        sys.stdout.write(f"tally {version('tallystick')}\n")
    except PackageNotFoundError:
        sys.stdout.write("tally, run from its source\n")
    ctx.exit()


@click.group(
    cls=Tally,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Start here: tally demo. Looks take --at, --known-at, --position or --as-of.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version and exit.",
)  # fmt: skip
@ledger_option("The ledger, as after the command.")
@click.pass_context
def tally(ctx: click.Context, ledger: str | None) -> None:
    """Keep a billing ledger whose every number can be asked for, at any instant."""
    remember(ctx, ledger)


def main() -> NoReturn:
    """Run ``tally`` and leave with its exit code."""
    as_json = "--json" in sys.argv
    _mend_streams()
    try:
        if signal.getsignal(signal.SIGINT) is leave_quietly:  # from here on a command ends itself
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _check_arguments()
        tally.main(prog_name="tally", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        _leave(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        _leave(130)
    except click.ClickException as error:
        _usage(error, as_json=as_json)
    except BrokenPipeError:
        from cli.options import close_quietly  # noqa: PLC0415 - only on the way to an error

        close_quietly()
    except OSError as error:  # what no command was there to say, such as --help on a full disk
        from cli.options import fail  # noqa: PLC0415 - only on the way to an error

        fail(error, as_json=as_json)
    _leave(0)


def _mend_streams() -> None:
    """Write UTF-8 wherever we are, and go on where the caller closed a stream."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123 - till the end
        elif mode == "w":
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _check_arguments() -> None:
    """Refuse bytes that are no text. Raises: click.UsageError."""
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            msg = f"{argument!r} is not UTF-8 text"
            raise click.UsageError(msg) from None


def _usage(error: click.ClickException, *, as_json: bool) -> NoReturn:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is not None and isinstance(error, click.exceptions.NoArgsIsHelpError):
        if not as_json:
            sys.stderr.write(ctx.get_help() + "\n")
            _leave(2)
        error = click.UsageError("Missing command.", ctx)
    hint = f"see: {ctx.command_path} --help" if ctx is not None else "see: tally --help"
    message = error.format_message()
    if as_json:
        shown: dict[str, Any] = {
            "schema": "tally.error/1", "code": "USAGE", "exit": 2,
            "message": message, "hint": hint,
        }  # fmt: skip
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    else:
        from cli.render import note  # noqa: PLC0415 - only on the way to an error

        note(f"error: {message.rstrip('.')}; {hint}")
    _leave(2)


def _leave(code: int) -> NoReturn:
    sys.exit(code)


if __name__ == "__main__":
    main()
