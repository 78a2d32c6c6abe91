"""``tally``: the group of all commands, each loaded only when it is called.

Invariant: a usage error is one clear message (with --json one object) and exit code 2; nothing
a user types ends in a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import NoReturn, TextIO

import click

from cli import INTERRUPTED, end_quietly_on_ctrl_c, leave_interrupted, leave_quietly
from cli.groups import Commands
from cli.listing import COMMANDS, GROUPS
from cli.settings import ledger_option, remember


def _sections() -> dict[str, dict[str, str]]:
    return {
        title: {name: said for name, (_, said) in own.items()} for title, own in GROUPS.items()
    }


def _load(name: str) -> click.Command | None:
    if name not in COMMANDS:
        return None
    made: click.Command = import_module(f"cli.commands.{COMMANDS[name][0]}").command
    return made


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click calls it so
    if not wanted or ctx.resilient_parsing:
        return
    from cli.release import UNKNOWN, release  # noqa: PLC0415 - loaded when needed

    known = release()
    sys.stdout.write("tally, run from its source\n" if known == UNKNOWN else f"tally {known}\n")
    ctx.exit()


@click.group(
    cls=Commands, sections=_sections, load=_load,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Start here: tally demo. Read commands accept --at, --known-at, --position "
    "or --as-of: a point in time.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version and exit.",
)  # fmt: skip
@ledger_option("The ledger; may also stand after the command.")
@click.option("--no-pager", is_flag=True, help="Do not page long output.")
@click.pass_context
def tally(ctx: click.Context, ledger: str | None, *, no_pager: bool) -> None:
    """Keep a billing ledger, and ask for any of its numbers at any instant."""
    remember(ctx, ledger)
    if no_pager:
        from cli.paging import switch_off  # noqa: PLC0415 - only where it is asked for

        switch_off(ctx)


def main() -> NoReturn:
    """Run ``tally`` and leave with its exit code."""
    try:
        _mend_streams()
        if signal.getsignal(signal.SIGINT) is leave_quietly:  # from here on a command ends itself
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _run(sys.stdout, as_json="--json" in sys.argv)
    except (click.Abort, KeyboardInterrupt):
        end_quietly_on_ctrl_c()  # the key may come twice
        sys.stderr.write("interrupted\n")
        leave_interrupted()
        _leave(INTERRUPTED)


def _run(out: TextIO, *, as_json: bool) -> NoReturn:
    try:
        _check_arguments()
        if "_TALLY_COMPLETE" in os.environ:
            from cli.completing import register  # noqa: PLC0415 - for a shell alone

            register()
        tally.main(prog_name="tally", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        _leave(done.exit_code)
    except SystemExit:
        if sys.stdout is not out:  # click met a closed pipe, and would exit with status 1
            _leave(0)
        raise
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
    """Refuse bytes that are not text. Raises: click.UsageError."""
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
    from cli.usage import explained  # noqa: PLC0415 - only on the way to an error
    from ledger.quoting import bounded  # noqa: PLC0415 - as above

    message, hint = map(bounded, explained(error))
    if as_json:
        from cli.options import Output  # noqa: PLC0415 - as above
        from projections.answers.results import ErrorShown  # noqa: PLC0415 - as above

        Output("json").object(ErrorShown(code="USAGE", exit=2, message=message, hint=hint))
    else:
        from cli.render import note  # noqa: PLC0415 - only on the way to an error

        note(f"error: {message}; {hint}")
    _leave(2)


def _leave(code: int) -> NoReturn:
    end_quietly_on_ctrl_c()
    sys.exit(code)


if __name__ == "__main__":
    main()
