"""What identifies a payment: references with the scope of what they name, and ordinals.

A bank's transaction id, a UETR or a provider's serial names one payment for ever. An entry's
reference names a booking, a batch's many payments, an instruction's may come again each month
(a standing order), a mandate's with each collection.
Invariant: only a TRANSACTION reference proves a repeat or matches across periods; an INSTRUCTION
matches within the date window; BATCH and MANDATE identify nothing. What has no name of its own is
named by a hash of what it says and by the n-th of its equals, so that the same file read again
gives the same names, whatever the order of its rows.
This module must not know a file format, and nothing of matching.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from projections.reconciliation.lines import Line

TRANSACTION, ENTRY, BATCH, INSTRUCTION, MANDATE = range(5)
SCOPES: Final = ("transaction", "entry", "batch", "instruction", "mandate")
# Ends the serial or the bill's id of what makes good a difference: it belongs to what it follows.
DIFFERENCE: Final = ":difference"
HASH_DIGITS: Final = 12


class Reference(NamedTuple):
    """A name that a payment carries, and what that name is of."""

    text: str
    scope: int = TRANSACTION

    @property
    def identifies(self) -> bool:
        """Whether it can name one payment at all: a batch and a mandate name many."""
        return self.scope not in (BATCH, MANDATE)


def proofs(line: Line) -> list[str]:
    """Return the names that prove which payment a line is, in any period."""
    found = [one.text for one in line.references if one.scope == TRANSACTION]
    if line.number:
        found.append(line.number)
    if line.name:
        found.append(line.name)
    return found


def hints(line: Line) -> list[str]:
    """Return the names that say so within the date window alone."""
    return [one.text for one in line.references if one.scope in (ENTRY, INSTRUCTION)]


def explicit(line: Line) -> bool:
    """Return whether a line names its payment outright: then another name means another payment."""
    return line.firm or any(one.scope == TRANSACTION for one in line.references)


def serial_of(line: Line) -> str:
    """Return the serial under which a statement's line is booked."""
    named = min((one.text for one in line.references if one.scope == TRANSACTION), default="")
    return named or line.number or line.name or line.key


def name_of(line: Line) -> str:
    """Name a line for a person to point at: the place in our log, or the statement's own name."""
    return line.place if line.place.startswith("@") else line.order or serial_of(line)


def names_of(lines: Sequence[Line]) -> list[str]:
    """Name lines, each with a name of its own: equal ones are told apart by their ordinal."""
    plain = [name_of(line) for line in lines]
    return [
        name if nth == 1 else f"{name}#{nth}"
        for name, nth in zip(plain, ordinals(plain), strict=True)
    ]


def order_of(line: Line) -> tuple[object, ...]:
    """Sort lines by what they say, never by where they stand."""
    return (
        line.instant, line.key, line.amount, line.currency, line.account, line.order,
        sorted(line.references), line.kind, line.group, line.status, line.text, line.name,
        line.number, line.statement, line.channel, line.instance, line.fee, line.starts, line.ends,
        line.payer, line.payer_account,
    )  # fmt: skip


def ordinals(keys: Iterable[Hashable]) -> list[int]:
    """Number each key among its equals, from 1."""
    seen: dict[Hashable, int] = {}
    found = []
    for key in keys:
        seen[key] = nth = seen.get(key, 0) + 1
        found.append(nth)
    return found


def digest(said: Iterable[object]) -> str:
    """Return a short hash of what is said."""
    return hashlib.sha256("\n".join(map(str, said)).encode()).hexdigest()[:HASH_DIGITS]


def numbered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Name the lines that have no name of their own; two equal ones are two."""
    from msgspec.structs import replace  # noqa: PLC0415 - for nameless lines alone

    nameless = [
        n for n, line in enumerate(lines)
        if not line.name and not line.number and not _named(line)
    ]
    if not nameless:
        return tuple(lines)
    nameless.sort(key=lambda n: (lines[n].payer, lines[n].payer_account))  # tells equals apart
    hashes = [digest(_content(lines[n])) for n in nameless]
    found = list(lines)
    for n, hashed, nth in zip(nameless, hashes, ordinals(hashes), strict=True):
        found[n] = replace(lines[n], name=f"line-{hashed}-{nth}")
    return tuple(found)


def _named(line: Line) -> bool:
    if line.number or line.order:
        return True
    references = line.references
    return any(one.scope == TRANSACTION for one in references) if references else False


def _content(line: Line) -> tuple[object, ...]:
    return (
        line.statement, line.instant, line.amount, line.currency, line.account, line.group,
        line.kind, line.status, line.text, line.channel, line.instance, line.fee, line.starts,
        line.ends, *sorted(f"{one.scope} {one.text}" for one in line.references),
    )  # fmt: skip


def owner_of(line: Line, accounts: AbstractSet[str]) -> str:
    """Find the account that a line names: in a column, else in the payer's words or name."""
    if line.account:
        return line.account
    return account_in(line.text, accounts) or account_in(line.payer, accounts)


def account_in(text: str, accounts: AbstractSet[str]) -> str:
    """Find the one account that a payer named; none where there are several."""
    words = {word.strip(".,;:/()") for word in text.split()}
    named = words & accounts
    return min(named) if len(named) == 1 else ""
