"""Where a ledger is: a file, or a database of a server.

Invariant: what is neither a path nor a PostgreSQL URL is refused before anything is opened or
made, and no text that could hold a password is shown: a URL is taken apart by the driver's own
parser, and only what is known to be harmless is written again. The driver is loaded for a URL
alone.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from ledger.errors import InvalidInput

MEMORY: Final = ":memory:"
SCHEMES: Final = ("postgresql://", "postgres://")
HIDDEN: Final = "postgresql://***"
_ANY_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://")
# Other ways to name a database, which no file should be called by mistake.
_OTHERS: Final = re.compile(r"\s*(file|sqlite|jdbc|postgres|postgresql|mysql)[:+]", re.IGNORECASE)
_SETTING: Final = re.compile(
    r"(?:^|\s)(?:host|hostaddr|port|user|password|dbname|passfile|service|sslmode)\s*=",
    re.IGNORECASE,
)
# Parameters whose values are written again; of any other only the name is.
_HARMLESS: Final = frozenset(
    ("application_name", "client_encoding", "connect_timeout", "dbname", "host", "hostaddr",
     "port", "sslmode", "target_session_attrs", "user")
)  # fmt: skip
_PORT_MAX: Final = 65_535
_WRITE_IT: Final = (
    "write it like postgresql://user:password@host:5432/database, with special characters of the "
    "password as %XX"
)


def is_server(location: str) -> bool:
    """Return whether a location is a URL of a server."""
    return location[:16].lower().startswith(SCHEMES)


def place(text: str) -> str:
    """Read where a ledger is: a path as it is, a URL in one spelling. Raises: InvalidInput."""
    if not text or "\0" in text:
        raise InvalidInput("the name of a ledger is empty or contains NUL", hint=_HINT)
    if is_server(text):
        scheme, _, rest = text.partition("://")
        location = f"{scheme.lower()}://{rest}"
        parts(location)
        return location
    if text == MEMORY:
        msg = "a ledger in memory would be gone at the end of this command"
        raise InvalidInput(msg, hint="name a file with --ledger")
    found = _ANY_SCHEME.match(text) or _OTHERS.match(text)
    if found:
        msg = f"a ledger is a path or a postgresql:// URL, and {found[1].lower()}: is neither"
        raise InvalidInput(msg, hint=_HINT)
    if _SETTING.search(text):
        raise InvalidInput("a ledger is not named by key=value settings", hint=_WRITE_IT)
    return text


_HINT: Final = "give a path, or postgresql://user@host/database"


def parts(location: str) -> dict[str, str]:
    """Parse a URL as the driver does. Raises: InvalidInput, which shows nothing of it."""
    try:
        from psycopg import Error  # noqa: PLC0415 - the driver loads for a URL alone
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - as above
    except ImportError as missing:
        msg = f"a ledger on a server needs {missing.name}, which is not installed"
        raise InvalidInput(msg, hint="pip install 'tallystick[postgres]'") from None
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(location).items()}
    except (Error, UnicodeError):
        raise InvalidInput("the URL of the ledger cannot be read", hint=_WRITE_IT) from None
    wrong = _wrong(given)
    if wrong:
        raise InvalidInput(f"the URL of the ledger cannot be read: {wrong}", hint=_WRITE_IT)
    return given


def _wrong(given: dict[str, str]) -> str:
    """Return what no server has; often it is a part of a password that was not written as %XX."""
    for name in ("host", "dbname", "user"):
        if "@" in given.get(name, "") or re.search(r"[:/]\w*@", given.get(name, "")):
            return f"its {name} holds an @"
    for port in filter(None, given.get("port", "").split(",")):
        if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _PORT_MAX):
            return "its port is not a number up to 65535"
    timeout = given.get("connect_timeout", "0")
    if not (timeout.isascii() and timeout.isdigit()):
        return "its connect_timeout is not a number of seconds"
    return ""


def shown(location: str) -> str:
    """Write a location for people: never with a password or a setting that may be one."""
    if not is_server(location):
        return location
    try:
        given = parts(location)
    except InvalidInput:
        return HIDDEN
    if given.keys() <= _HARMLESS:
        return location
    user = quote(given.get("user", ""))
    user += ":***" if "password" in given else ""
    host, port = given.get("host", ""), given.get("port", "")
    socket = host.startswith("/")
    netloc = f"{user}@" if user else ""
    netloc += "" if socket else host + (f":{port}" if port and "," not in port else "")
    more = [] if not socket else [f"host={host}", *([f"port={port}"] if port else [])]
    more += [
        f"{name}={value if name in _HARMLESS else '***'}"
        for name, value in sorted(given.items())
        if name not in {"user", "password", "host", "port", "dbname"}
    ]
    query = f"?{'&'.join(more)}" if more else ""
    return f"postgresql://{netloc}/{quote(given.get('dbname', ''))}{query}"


def without_secrets(text: str, location: str) -> str:
    """Remove every value that may be secret from what a server says."""
    try:
        given = parts(location)
    except InvalidInput:
        return "it gives no reason that can be shown"
    for name, value in given.items():
        if name not in _HARMLESS and value:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text)
    return text


def name_of(location: str) -> str:
    """Return a file name for a server's database: for what would lie beside a file."""
    name = re.sub(r"[^\w.-]", "_", parts(location).get("dbname", ""))
    return name.lstrip(".") or "tally"
