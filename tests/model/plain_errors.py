"""The two ways a command can fail in the plain model."""

from __future__ import annotations


class UsageError(Exception):
    """Not a command at all, or one that could not have been meant: INTERFACE exit 2."""


class Refused(Exception):
    """Refused by a rule; `code` is one of RULEBOOK section 5."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
