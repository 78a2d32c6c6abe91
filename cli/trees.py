"""Explanations for people: a tree of causes, or a column of parts with its sum.

Invariant: only renders what the JSON answer holds. Lines fit 80 columns where ids allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from cli.render import strong, write
from ledger.quoting import plural
from projections.pages import short

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from projections.answers.events import Show
    from projections.answers.why import CashThere, Cause, Explained, Flip, Why

PARTS_SHOWN = 12  # of a long sum: the last ones; --all shows every one
CASH_SHOWN = 5
LOTS_SHOWN = 4


def render_sum(answer: Why | Explained, *, show_all: bool) -> None:
    """Print the parts of a sum, each with what led to it, and the check."""
    causes = answer.causes
    shown = causes if show_all else causes[-PARTS_SHOWN:]
    hidden = len(causes) - len(shown)
    width = max((len(signed(cause.delta)) for cause in causes), default=4)
    if hidden:
        write(f"  {'...':>{width}}  {hidden} earlier parts (tally why --all shows them)")
    for node in shown:
        write(f"  {signed(node.delta):>{width}}  {_line(node)}")
        _flow(node, f"  {'':>{width}}    ")
        inner = node.causes
        while inner:
            write(f"  {'':>{width}}    from {_line(inner[0])}")
            inner = inner[0].causes
    verdict = "adds up" if answer.adds_up else "DOES NOT ADD UP"
    write(f"  {answer.sum:>{width}}  sum, {verdict}")


def render_tree(nodes: Sequence[Cause], indent: str = "") -> None:
    """Print causes below what they caused."""
    for i, node in enumerate(nodes):
        last = i == len(nodes) - 1
        write(f"{indent}{'└' if last else '├'} {_line(node)}")
        below = indent + ("  " if last else "│ ")
        if node.needed is not UNSET:
            write(f"{below}  needed {node.needed}, there was {node.available}")
        if node.cash:
            _cash(node.cash, below)
        _flow(node, f"{below}  ")
        render_tree(node.causes, below)


def _cash(cash: CashThere, indent: str) -> None:
    parts = cash.parts
    write(f"{indent}  of it cash {cash.value}, the sum of {plural(len(parts), 'event')}:")
    if len(parts) > CASH_SHOWN:
        write(f"{indent}    ... {len(parts) - CASH_SHOWN} earlier")
    for part in parts[-CASH_SHOWN:]:
        write(f"{indent}    {signed(part.delta):>10}  @{part.position} {part.type}")


def _flow(node: Cause, indent: str) -> None:
    """Return which receipts paid, and what a payment that is charged back had paid (R66)."""
    for said, parts in flow_lines(node):
        write(f"{indent}{said} {parts}")


def flow_lines(node: Cause | Show) -> list[tuple[str, str]]:
    """Return where an event's cash came from: a few of many."""
    lots = [f"@{one.position} {one.amount}" for one in node.lots or ()]
    paid = [f"{one.item} {one.amount}" for one in node.had_paid or ()]
    found = [("paid from lot", lots), ("which had paid", paid)]
    return [
        (said, ", ".join(parts[:LOTS_SHOWN]) + (" ..." if len(parts) > LOTS_SHOWN else ""))
        for said, parts in found
        if parts
    ]


def _line(node: Cause) -> str:
    asked = f"  {node.command}" if node.fact else ""
    again = "  (see above)" if node.again else ""
    return (
        f"@{node.position} {strong(node.type)}  {short(node.effective_at)}"
        f"  {node.rule}{asked}{again}"
    )


def signed(amount: Decimal | None) -> str:
    """Write an amount with its sign."""
    return "" if amount is None else f"{amount:+f}"


def render_flips(flips: Sequence[Flip], nothing: str) -> None:
    """Print the changes that would have changed the decision, least first."""
    if not flips:
        write(f"flip: {nothing}")
    for i, flip in enumerate(flips):
        write(f"{'flip:' if not i else '  or:'} {_proposal(flip)}")
        write(f"      {flip.try_}")


def _proposal(flip: Flip) -> str:
    by = short(flip.by)
    if flip.insert is UNSET:
        return f"without the command @{flip.skip}"
    if flip.amount is not None:
        what = "a top-up" if flip.kind == "top-up" else "a coupon"
        return f"{what} of {flip.amount} {flip.currency} by {by}"
    return f"{flip.insert['do']} by {by}"
