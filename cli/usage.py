"""What is wrong with a command line, and what to write: from click's errors, in our words."""

from __future__ import annotations

import re

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
        said, near = _bad_value(error, error.param)
        return said, near or see
    return _of_the_parser(error), see


def _bad_value(error: click.BadParameter, param: click.Parameter) -> tuple[str, str | None]:
    """Explain a value that an option or argument does not take."""
    where = param.get_error_hint(error.ctx).strip("'")
    if isinstance(error, click.MissingParameter):
        return _missing(error, where), None
    if isinstance(param.type, click.Choice):
        given = error.message.rpartition(" is not ")[0].strip("'\"")  # click keeps no value
        choices = [str(choice) for choice in param.type.choices]
        said = f"{where} cannot be {given!r}: it is one of {', '.join(choices)}"
        return said, did_you_mean(given, choices)
    if isinstance(param.type, type(click.INT)):
        return _outside(error, where, param.type), None
    return f"{where}: {error.message.rstrip('.')}", None


def _of_the_parser(error: click.ClickException) -> str:
    """Explain what click refuses before it looks at values."""
    if isinstance(error, click.BadOptionUsage):
        count = re.search(r"requires (an|\d+) argument", error.message)
        many = f"{count[1]} values" if count and count[1] != "an" else "a value"
        return f"{error.option_name} {'needs' if count else 'does not take'} {many}"
    extra = re.fullmatch(r"Got unexpected extra arguments? \((.+)\)", error.message)
    return f"too many arguments: {extra[1]}" if extra else error.format_message().rstrip(".")


def _outside(error: click.BadParameter, where: str, kind: click.types.IntParamType) -> str:
    """Return which numbers an option takes: click writes a formula, or the name of a type."""
    given = error.message.split(" ", 1)[0].strip("'\"")
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    if least is None and most is None:
        wanted = ""
    elif least is None or most is None:
        wanted = f", at least {least}" if most is None else f", at most {most}"
    else:
        wanted = f", from {least} to {most}"
    return f"{where} cannot be {given!r}: it is a whole number{wanted}"


def _missing(error: click.MissingParameter, where: str) -> str:
    """Name everything that is missing: what was given is read before."""
    ctx = error.ctx
    names = [
        param.get_error_hint(ctx).strip("'")
        for param in (ctx.command.params if ctx is not None else ())
        if param.required and ctx is not None and param.name not in ctx.params
    ]
    names = names if where in names else [where]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing"


def _options(ctx: click.Context | None) -> list[str]:
    """Name the options that a command may take."""
    return [
        name
        for param in (ctx.command.get_params(ctx) if ctx is not None else ())
        if isinstance(param, click.Option) and not param.hidden
        for name in (*param.opts, *param.secondary_opts)
    ]
