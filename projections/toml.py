"""Reads a small TOML text of a person: one clear error, whatever it holds.

Invariant: no error of the parser, of its recursion or of a number comes out as itself. The parser
is loaded when a text is there. This module must not know what the keys mean.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.errors import InvalidInput

BYTES_MAX: Final = 1 << 20


def read_toml(raw: bytes, what: str) -> dict[str, Any]:
    """Read a TOML text; ``what`` names it in errors. Raises: InvalidInput."""
    import tomllib  # noqa: PLC0415 - loaded where there is a file

    if len(raw) > BYTES_MAX:
        raise InvalidInput(f"{what} is larger than 1 MiB", hint="is it the right file?")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidInput(f"{what} is not UTF-8 text", hint="save it as UTF-8") from None
    except RecursionError:
        raise InvalidInput(f"{what} is nested too deeply", hint="see toml.io") from None
    except ValueError as error:  # of the parser, or of a number with thousands of digits
        said = str(error).partition("\n")[0][:200]
        raise InvalidInput(f"{what} is not valid TOML: {said}", hint="see toml.io") from None
