"""What would become of a command, and what would have had it accepted: ``tally.why_not/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import commands as c
from ledger import requests
from ledger.errors import REFUSALS, NoSuchThing
from ledger.events import CommandRefused, account_of
from ledger.rehearsal import why_not as deciding
from ledger.rehearsal.flip import RecordedDecision, flips
from projections.answers.rehearsing import Refusal, WhyNot
from projections.rehearsing.said import command_line, cure_of, flip_of, refusal_of

if TYPE_CHECKING:
    from projections.answers.why import Flip
    from projections.history.why import FieldCauses
    from projections.view import LedgerView


def why_not(view: LedgerView, account: str, command: c.AnyCommand) -> WhyNot:
    """Decide an account's command on a copy at the ledger's clock. Raises: InvalidInput."""
    c.normalise(command, view.offset)
    answer = deciding.try_now(view.reader, command, now=view.now)
    write, refused = view.currencies.of(account), answer.refused
    cures = deciding.cures(view.reader, command, answer, now=view.now)
    return WhyNot(
        account=account, at=write.typed.instant(view.now),
        command=command_line(command, at=None, offset=view.offset), position=None,
        accepted=refused is None, duplicate=answer.duplicate,
        refused=None if refused is None else refusal_of(refused, write), currency=write.currency,
        events=[] if refused else [view.event(one) for one in answer.made],
        cures=[cure_of(cure, write) for cure in cures],
    )  # fmt: skip


def why_refused(view: LedgerView, account: str, position: int) -> WhyNot:
    """Explain a refusal of the past. Raises: NoSuchThing."""
    recorded = deciding.recorded_refusal(view.reader, position)
    if account_of(recorded.stream) != account:
        msg = f"the refusal @{position} is not in the log of account {account!r}"
        raise NoSuchThing(msg, hint=f"see: tally show {position}")
    write, event = view.currencies.of(account), recorded.event
    assert isinstance(event, CommandRefused)  # noqa: S101 - just asked for
    command = requests.from_request(recorded.request)
    remedy = next((kind.remedy for kind in REFUSALS if kind.code == event.code), "")
    return WhyNot(
        account=account, at=write.typed.instant(recorded.effective_at),
        command=command_line(command, at=None, offset=view.offset), position=position,
        accepted=False, duplicate=False,
        refused=Refusal(
            code=event.code, message=event.message, rule=event.rule,
            needed=write.typed.some(event.needed), available=write.typed.some(event.available),
            hint=remedy,
        ),
        currency=write.currency, events=[],
        flips=[flip_of(flip, write) for flip in flips(RecordedDecision(view.reader, recorded))],
    )  # fmt: skip


def flips_of(view: LedgerView, account: str, found: FieldCauses) -> list[Flip]:
    """Return the least changes that would have altered what explains a field; none of a sum."""
    decision = found.decision
    if decision is None or account_of(decision.stream) is None:
        return []
    tried = flips(RecordedDecision(view.reader, decision), root=found.causes_of.root(decision))
    write = view.currencies.of(account)
    return [flip_of(one, write) for one in tried]
