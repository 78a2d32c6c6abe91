"""Where a ledger is: a file, or a database of a server."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_SCHEMES = ("postgresql://", "postgres://")


def is_server(location: str) -> bool:
    """Say whether a location is a URL of a server."""
    return location.startswith(_SCHEMES)


def shown(location: str) -> str:
    """Write a location for people: never with a password."""
    if not is_server(location):
        return location
    parts = urlsplit(location)
    if parts.password is None:
        return location
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))


def name_of(location: str) -> str:
    """Give the name of a server's database, for what lies beside a file otherwise."""
    return urlsplit(location).path.strip("/") or "tally"
