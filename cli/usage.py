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
            return _missing(error, where), see
        if isinstance(error.param.type, click.Choice):
            given = error.message.rpartition(" is not ")[0].strip("'\"")  # click keeps no value
            choices = [str(choice) for choice in error.param.type.choices]
            said = f"{where} cannot be {given!r}: it is one of {', '.join(choices)}"
            return said, did_you_mean(given, choices) or see
        if isinstance(error.param.type, click.IntRange):
            return _outside(error, where, error.param.type), see
    return error.format_message().rstrip("."), see


def _outside(error: click.BadParameter, where: str, bounds: click.IntRange) -> str:
    """Return which numbers an option takes: click writes a formula, or the name of a type."""
    given = error.message.split(" ", 1)[0].strip("'\"")
    if bounds.min is None or bounds.max is None:
        wanted = f"at least {bounds.min}" if bounds.max is None else f"at most {bounds.max}"
    else:
        wanted = f"from {bounds.min} to {bounds.max}"
    return f"{where} cannot be {given!r}: it is a whole number, {wanted}"


def _missing(error: click.MissingParameter, where: str) -> str:
    """Name everything that is missing: what was given is read before."""
    ctx = error.ctx
    names = [
        one.get_error_hint(ctx).strip("'")
        for one in (ctx.command.params if ctx is not None else ())
        if one.required and ctx is not None and one.name not in ctx.params
    ]
    names = names if where in names else [where]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing"


def _options(ctx: click.Context | None) -> list[str]:
    """Name the options that a command may take."""
    return [
        name
        for one in (ctx.command.get_params(ctx) if ctx is not None else ())
        if isinstance(one, click.Option) and not one.hidden
        for name in (*one.opts, *one.secondary_opts)
    ]
