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
    if outcome.refused is not None and outcome.refused.facts:
        shown["facts"] = dict(outcome.refused.facts)
    shown["positions"] = list(outcome.positions)
    return shown


def result_line(outcome: Outcome) -> str:
    """Describe in one line what became of a command."""
    at = ", ".join(f"@{position}" for position in outcome.positions)
    where = f" [{at}]" if at else ""
    if not outcome.ok:
        said = f"{outcome.message}; {outcome.hint}"
        return f"refused {outcome.code} ({outcome.rule}): {said}{where}"
    if outcome.duplicate:
        return f"duplicate: the original result applies{where}"
    return f"recorded {at}" if at else "accepted"
