"""Files that banks, vendors and providers deliver, as the readers take them.

A FOCUS file is handed over by its path, for it is read piece by piece; any other is read whole.
This module must not know what is in a file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.errors import InvalidInput
from projections.reconciliation.readers import format_of

BYTES_MAX = 1 << 30


def statement_file(file: str, source: str) -> bytes | Path:
    """Read a file, or give its path. Raises: OSError, InvalidInput."""
    return delivered(file) if format_of(source).pieces else _whole(file)


def delivered(file: str) -> bytes | Path:
    """Return the path of a file that is read piece by piece, or the bytes of a pipe."""
    path = Path(file)
    return path if path.is_file() else _whole(file)


def _whole(file: str) -> bytes:
    path = Path(file)
    stream = sys.stdin.buffer if file == "-" else path.open("rb")
    with stream:
        body = stream.read(BYTES_MAX + 1)
    if len(body) > BYTES_MAX:
        raise InvalidInput("the file is larger than 1 GiB", hint="reconcile month by month")
    return body
