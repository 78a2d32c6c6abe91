"""What is wrong with a command line, and what to write: from click's errors, in our words."""

from __future__ import annotations

import click

from ledger.policy import did_you_mean


class WrongWord(click.UsageError):
    """A word that names nothing, with what may have been meant."""

    def __init__(self, message: str, ctx: click.Context, hint: str | None) -> None:
        """Keep the remedy apart from the message."""
        super().__init__(message, ctx)
        self.hint = hint


def explained(error: click.ClickException) -> tuple[str, str]:
    """Return what is wrong, and what to do next: the nearest word, or where the help is."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    see = f"see: {ctx.command_path} --help" if ctx is not None else "see: tally --help"
    if isinstance(error, WrongWord):
        return error.message, error.hint or see
    if isinstance(error, click.NoSuchOption):
        near = did_you_mean(error.option_name, _options(ctx))
        return f"no option {error.option_name!r}", near or see
    if isinstance(error, click.BadParameter) and error.param is not None:
        where = error.param.get_error_hint(ctx).strip("'")
        if isinstance(error, click.MissingParameter):
            return f"{where} is missing", see
        if isinstance(error.param.type, click.Choice):
            given = error.message.rpartition(" is not ")[0].strip("'\"")  # click keeps no value
            choices = [str(choice) for choice in error.param.type.choices]
            said = f"{where} cannot be {given!r}: it is one of {', '.join(choices)}"
            return said, did_you_mean(given, choices) or see
    return error.format_message().rstrip("."), see


def _options(ctx: click.Context | None) -> list[str]:
    """Name the options that a command may take."""
    return [
        name
        for one in (ctx.command.get_params(ctx) if ctx is not None else ())
        if isinstance(one, click.Option) and not one.hidden
        for name in (*one.opts, *one.secondary_opts)
    ]
