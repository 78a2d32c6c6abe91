"""``tally verify``: the whole ledger, from the bytes to what is derived from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.errors import BROKEN, DONE, FOUND
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import table, write
from cli.trusting import check_accepts, policy_option, read_checkpoint_text, read_policy
from ledger.proof.notes import write_base64
from ledger.proof.seals import last_seal
from ledger.proof.trust import NoAcceptedKey
from ledger.quoting import plural
from ledger.verification.whole import verify
from projections.answers.keeping import JournalShown
from projections.answers.proving import Verified, VerifiedCheck
from projections.evidence.deep import check_derived, check_view_checkpoints
from projections.layout import whole_oddities
from projections.pages import cell

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from ledger.verification.findings import CheckResult


@click.command("verify")
@click.option("--since", metavar="CHECKPOINT", help="Compare with a checkpoint kept elsewhere.")
@click.option("--deep", is_flag=True, help="Refold too: views, invariants, period closes.")
@policy_option
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, since: str | None, deep: bool, policy_place: str | None
) -> int:
    """Verify bytes, columns, tree, root, signatures and consistency with every checkpoint.

    Prints the kind of tampering and the first bad position. Exits with 5 if the log is broken,
    with 1 if only derived data has drifted.

    \b
    Examples:
      tally verify
      tally verify --since spring.checkpoint --deep
    """
    policy = read_policy(session.location, policy_place)
    kept = read_checkpoint_text(since) if since is not None else None
    reader = session.reader
    oddities = whole_oddities(reader.connection)
    if not oddities:  # seals are read from a layout that is ours alone
        check_accepts(policy, reader.connection)
    if kept is not None and not policy.logs:
        raise NoAcceptedKey(str(since))
    with Progress("verify") as progress:
        verified = verify(
            reader, policy, oddities=oddities, since=kept, location=session.location,
            progress=progress,
        )  # fmt: skip
    checks = list(verified.checks)
    if verified.whole:
        views = check_view_checkpoints(reader)
        checks.append(views)
        if deep:
            stands = not (views.ok and verified.events) or session.views_caught_up()
            with Progress("refold") as progress:
                checks += check_derived(reader, progress, views_stand=stands)
            from projections.columns.compare import check_columns  # noqa: PLC0415 - only for --deep

            with Progress("columns") as progress:
                checks.append(check_columns(reader, verified.root, progress))
    seal = last_seal(reader.connection) if verified.whole else None
    answer = Verified(
        ok=all(check.ok for check in checks),
        events=verified.events,
        root=write_base64(verified.root),
        sealed=seal.size if seal is not None else None,
        deep=deep,
        journal=JournalShown.of(reader),
        checks=[_shown(check) for check in checks],
    )
    if not output.answered(answer, "checks"):
        _page(answer, whole=verified.whole)
    if not verified.whole:
        return BROKEN
    return DONE if answer.ok and verified.events else FOUND


def _shown(check: CheckResult) -> VerifiedCheck:
    fault = check.fault
    return VerifiedCheck(
        name=check.name, ok=check.ok, checked=check.checked,
        first_bad=fault and fault.position, kind=fault and fault.kind, sentence=check.sentence,
        said=fault and fault.said, skipped=check.skipped,
    )  # fmt: skip


def _holds(check: VerifiedCheck) -> str:
    return "skipped" if check.skipped else "yes" if check.ok else "NO"


def _page(answer: Verified, *, whole: bool) -> None:
    table(
        ("check", "count", "holds"), [(one.name, one.checked, _holds(one)) for one in answer.checks]
    )
    write()
    for one in answer.checks:
        if one.skipped:
            write(f"{one.name}: skipped, {one.skipped}")
        if not one.ok:
            where = f" from @{one.first_bad}" if one.first_bad is not None else ""
            write(f"{one.name}: {cell(one.kind or 'drifted')}{where}: {one.said}")
    if answer.ok and answer.journal is not None and answer.journal.said:
        write(f"journal: {answer.journal.said}")
    if answer.ok:
        said = "no event is sealed" if answer.sealed is None else f"sealed up to @{answer.sealed}"
        write(f"{plural(answer.events, 'event')} unchanged, {said}")
        if answer.sealed is None:
            write("next: tally keys new, then tally seal, and give the checkpoint to someone else")
    else:
        write("the log is broken" if not whole else "the log is intact; derived data drifted")
