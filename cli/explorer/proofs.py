"""An event's proof: as a file to take away, and checked as ``tally check-proof`` checks it.

Invariant: the bytes are those that ``tally prove`` writes. This module must not know a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.trusting import read_policy
from ledger.errors import LedgerError
from ledger.proof.notes import read_base64
from ledger.proof.proofs import Inclusion, check_inclusion, read_proof

if TYPE_CHECKING:
    from cli.explorer.asking import Reply

Json = dict[str, Any]


def files(reply: Reply) -> tuple[bytes, bytes]:
    """Return the proof and the event's bytes out of ``tally prove --json``."""
    return reply.json["proof"].encode(), read_base64(reply.json["event"])


def checked(location: str, reply: Reply) -> Json:
    """Return whether a proof holds, and who signed it; or why it cannot be said."""
    if reply.code:
        return {"ok": None, "said": reply.json["message"], "hint": reply.json["hint"]}
    text, body = files(reply)
    try:
        proof = read_proof(text.decode())
        assert isinstance(proof, Inclusion)  # noqa: S101 - it was made for an event
        accepted = check_inclusion(proof, body, read_policy(location, None))
    except (LedgerError, OSError) as error:
        return {"ok": False, "said": str(error), "hint": ""}
    checkpoint = accepted.checkpoint
    return {
        "ok": True, "origin": checkpoint.origin, "size": checkpoint.size,
        "signed_by": [key.name for key in accepted.keys],
    }  # fmt: skip
