"""What became of a command, as INTERFACE section 3 writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.outcomes import Outcome

RESULT_COLUMNS = (
    "line", "ok", "duplicate", "positions", "warnings", "code", "message", "rule", "hint",
)  # fmt: skip


def result_json(outcome: Outcome, line: int | None = None) -> dict[str, Any]:
    """Return ``tally.result/1``."""
    shown: dict[str, Any] = {"schema": "tally.result/1"}
    if line is not None:
        shown["line"] = line
    shown["ok"] = outcome.ok
    if outcome.ok:
        shown["duplicate"] = outcome.duplicate
        shown["positions"] = list(outcome.positions)
        shown["warnings"] = list(outcome.warnings)
        return shown
    shown["code"] = outcome.code
    shown["message"] = outcome.message
    shown["rule"] = outcome.rule
    shown["hint"] = outcome.hint
    shown["positions"] = list(outcome.positions)
    return shown


def result_line(outcome: Outcome) -> str:
    """Describe in one line what became of a command."""
    at = ", ".join(f"@{position}" for position in outcome.positions) or "nothing to record"
    if not outcome.ok:
        return f"refused {outcome.code} ({outcome.rule}): {outcome.message}; {outcome.hint} [{at}]"
    if outcome.duplicate:
        return f"duplicate: the original result applies [{at}]"
    return f"recorded {at}"
