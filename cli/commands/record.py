"""``tally record``: one command, its options derived from the declarations that import uses."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, get_args, get_origin

import click
import msgspec
from msgspec.structs import replace

from cli.errors import DONE, REFUSED
from cli.groups import Commands
from cli.happened import write_balance, write_happened
from cli.options import Output, tally_command
from cli.render import write
from ledger import codec
from ledger import commands as c
from ledger.events import ACCOUNT_PREFIX
from ledger.policy import did_you_mean
from projections.answers.results import Result
from projections.point import Asked
from projections.snapshots import look_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from cli.bootstrap import Session
    from ledger.outcomes import Outcome

_SHARED = ("at", "effective_at", "override", "actor", "reason", "token", "expected_version")
_HELP = {
    "account": "Id of the account.",
    "amount": "Major units, such as 100.00.",
    "at": "Instant of the command (simulated clock; default: now).",
    "auto_renew": "Renew it one month each; left out, the flag stays.",
    "bill": "Id of the bill.",
    "channel": "Half of the payment's key.",
    "coupon": "auto, none, or a coupon's id.",
    "currency": "ISO 4217 code (default: the ledger's).",
    "cycle_end": "The first instant not in the cycle.",
    "cycle_start": "The first instant in the cycle.",
    "ends": "The first instant not in it; of a bare date, the next day.",
    "instance": "Id of the instance.",
    "key": "Which policy value.",
    "kind": "public_new or public_legacy.",
    "minimum_spend": "Only for bills and orders of at least this.",
    "monthly_price": "Major units, such as 500.00.",
    "note": "Id of the credit note.",
    "order_types": "new, renew, upgrade, pay_as_you_go (default: all).",
    "products": "iot_enterprise, iot_public (default: all).",
    "rated": "Major units, up to 10 decimals; billed rounded down.",
    "serial": "The other half of the payment's key.",
    "sku": "What is bought; its price must be set.",
    "starts": "The first instant in it (default: now).",
    "usage": "Id of the usage, and of its bill.",
    "value": "Written like 15d, 30min, 08:00:00 or true.",
    "effective_at": "When the fact was true, if it is recorded late.",
    "override": "Record it although its period is closed (needs actor, reason).",
    "actor": "Who asks.",
    "reason": "Why.",
    "token": "Makes the command safe to repeat.",
    "expected_version": "Refuse if the account has moved past this version.",
    "instances": "One or many: i-1,i-2 or repeated.",
    "threshold": "An amount, or none to switch the alert off.",
    "months": "Number of months.",
}
_OWN_HELP = {
    ("grant-coupon", "coupon"): "Id of the new coupon.",
    ("set-price", "sku"): "The product that the price is for.",
}

# What the example of each command's help writes for a field that it must have.
SAMPLES = {
    "account": "a-1", "amount": "100", "bill": "b-1", "channel": "alipay", "coupon": "c-1",
    "cycle_end": "2025-01-07", "cycle_start": "2025-01-06", "ends": "2025-12-31",
    "instance": "i-1", "instances": "i-1,i-2", "key": "retention", "kind": "public_new",
    "monthly_price": "500", "months": "1", "note": "n-1", "rated": "12.5", "serial": "T1",
    "sku": "std", "threshold": "100", "usage": "u-1", "value": "30d",
}  # fmt: skip
_WIDTH = 78


def example_of(kind: type[c.Command]) -> str:
    """Write a command with the fields that it must have, in lines that end with a backslash."""
    words = ["tally", "record", str(kind.__struct_config__.tag)]
    words += [
        f"--{field.name.replace('_', '-')} {SAMPLES[field.name]}"
        for field in msgspec.structs.fields(kind)
        if field.required
    ]
    shown = [" "]
    for word in words:
        if len(shown[-1]) + len(word) + 3 > _WIDTH:
            shown.append("     ")
        shown[-1] += f" {word}"
    return " \\\n".join(shown)


def _is_list(hint: Any) -> bool:
    options = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return any(get_origin(option) is list for option in options)


def options_of(kind: type[c.Command]) -> list[click.Parameter]:
    """Derive a command's options from its declaration."""
    tag = str(kind.__struct_config__.tag)
    hints = typing.get_type_hints(kind)
    fields = msgspec.structs.fields(kind)
    ordered = [f for f in fields if f.name not in _SHARED]
    ordered += [f for f in fields if f.name in _SHARED]
    made: list[click.Parameter] = []
    for field in ordered:
        option = f"--{field.name.replace('_', '-')}"
        told = _OWN_HELP.get((tag, field.name), _HELP[field.name])
        settings: dict[str, Any] = {"help": told}
        if hints[field.name] is bool:
            made.append(click.Option([f"{option}/--no-{option[2:]}"], default=None, help=told))
            continue
        if hints[field.name] in (int, int | None):
            settings["type"] = int
        elif _is_list(hints[field.name]):
            settings["multiple"] = True
            settings["metavar"] = "A,B"
        made.append(click.Option([option], required=field.required, **settings))
    return made


def fields_of(kind: type[c.Command], options: dict[str, Any]) -> dict[str, object]:
    """Turn options as click gives them into the fields of a command line."""
    hints = typing.get_type_hints(kind)
    fields: dict[str, object] = {"do": str(kind.__struct_config__.tag)}
    for name, given in options.items():
        if given is None or given == ():
            continue
        if isinstance(given, tuple):
            fields[name] = [part for text in given for part in text.split(",") if part]
            if fields[name] == ["all"] and name != "instances":
                fields[name] = "all"
        elif name == "threshold" and given in ("none", "null", "off"):
            fields[name] = None
        elif hints[name] is bool or isinstance(given, int):
            fields[name] = given
        else:
            fields[name] = str(given)
    return fields


def _record_one(kind: type[c.Command]) -> click.Command:
    name = str(kind.__struct_config__.tag)

    @tally_command()
    def run(session: Session, output: Output, *, dry_run: bool, **options: Any) -> int:
        wanted = c.from_fields(fields_of(kind, options))
        if dry_run:
            return _rehearse(session, output, wanted)
        outcome = _with_the_nearest(session, wanted, _execute(session, wanted))
        if not output.answered(Result.of(outcome)):
            write(_line(outcome))
            if outcome.ok and not outcome.duplicate:
                _write_happened(session, wanted, outcome)
            for warning in outcome.warnings:
                write(f"warning: {warning}")
        return DONE if outcome.ok else REFUSED

    about = (kind.__doc__ or "").splitlines()[0]
    made = click.command(name, help=f"{about}\n\n\b\nExample:\n{example_of(kind)}")(run)
    said = "Show what would happen; record nothing."
    dry_run = click.Option(["--dry-run"], is_flag=True, help=said)
    made.params = [*options_of(kind), dry_run, *made.params]
    return made


def _execute(session: Session, wanted: c.AnyCommand) -> Outcome:
    outcomes, failure = session.ledger.execute([wanted])
    if failure is not None:
        raise failure
    session.catch_views_up()
    return outcomes[0]


_UNKNOWN = {
    "UNKNOWN_ACCOUNT": "account", "UNKNOWN_BILL": "bill", "UNKNOWN_INSTANCE": "instance",
    "NOT_RENEWABLE": "instance", "UNKNOWN_SKU": "sku",
}  # fmt: skip


def _with_the_nearest(session: Session, wanted: c.AnyCommand, outcome: Outcome) -> Outcome:
    """Add to the hint of a refusal the nearest name, where a name is not known."""
    field = _UNKNOWN.get(outcome.code or "")
    if field is None:
        return outcome
    known = _names(session, field, getattr(wanted, "account", ""))
    given = [getattr(wanted, field, None), *getattr(wanted, "instances", ())]
    unknown = next((name for name in given if name is not None and name not in known), None)
    near = did_you_mean(str(unknown), sorted(known)) if unknown is not None else None
    return outcome if near is None else outcome._replace(hint=f"{near} {outcome.hint}")


def _names(session: Session, field: str, account: str) -> Collection[str]:
    """List the names that a field may have."""
    if field == "account":
        names = session.reader.streams(ACCOUNT_PREFIX)
        return [name.removeprefix(ACCOUNT_PREFIX) for name in names]
    if field == "sku":
        return session.config.prices
    state = look_at(session.reader, account, session.point(Asked()))
    if state is None:
        return ()
    return state.instances if field == "instance" else state.bills


def _write_happened(session: Session, wanted: c.AnyCommand, outcome: Outcome) -> None:
    """Write what the command led to, and the account's money before and after."""
    if not outcome.positions:
        return
    first, last = outcome.positions[0], outcome.positions[-1]
    made = codec.decode_all(session.reader.bodies(after=first - 1, until=last))
    account = getattr(wanted, "account", None)
    currency = session.currencies.of(account).currency
    write_happened(map(session.currencies.event, made), currency)
    if account is None:
        return
    around = [
        look_at(session.reader, account, session.point(Asked(position=position)))
        for position in (first - 1, last)
    ]
    before, after = ((one.cash, one.outstanding) if one is not None else None for one in around)
    write_balance(before, after, currency)


def _rehearse(session: Session, output: Output, wanted: c.AnyCommand) -> int:
    """Show what recording a command now would do; nothing is written."""
    from ledger.outcomes import Outcome, warnings  # noqa: PLC0415 - for --dry-run alone
    from ledger.rehearsal.why_not import dry_run  # noqa: PLC0415 - as above

    answer = dry_run(session.reader, c.normalise(wanted, session.offset), clock=session.now)
    if answer.refused is not None:
        outcome, events = Outcome.of(answer.refused, ()), []
    else:
        restated = map(session.config.closes.warning, answer.made)
        said = [*warnings(answer.made), *(one for one in restated if one is not None)]
        outcome = Outcome(ok=True, duplicate=answer.duplicate, warnings=said)
        events = [session.currencies.event(one) for one in answer.made]
    outcome = _with_the_nearest(session, wanted, outcome)
    if output.answered(replace(Result.of(outcome), dry_run=True, events=events)):
        return DONE if outcome.ok else REFUSED
    write(f"dry run, nothing is recorded: {_line(outcome)}")
    if outcome.ok and not outcome.duplicate:
        write_happened((replace(event, position=None) for event in events), answer.currency)
        write_balance(answer.before, answer.after, answer.currency)
    for warning in outcome.warnings:
        write(f"warning: {warning}")
    return DONE if outcome.ok else REFUSED


def _line(outcome: Outcome) -> str:
    """Describe in one line what became of a command."""
    at = ", ".join(f"@{position}" for position in outcome.positions)
    where = f" [{at}]" if at else ""
    if not outcome.ok:
        said = f"{outcome.message}; {outcome.hint}"
        return f"refused {outcome.code} ({outcome.rule}): {said}{where}"
    if outcome.duplicate:
        return f"duplicate: the original result applies{where}"
    return f"recorded {at}" if at else "accepted"


def _sections() -> dict[str, dict[str, str]]:
    kinds = c.COMMANDS.items()
    return {"Commands": {name: (kind.__doc__ or "").splitlines()[0] for name, kind in kinds}}


def _load(name: str) -> click.Command | None:
    """Make a command of INTERFACE section 3 from its declaration."""
    return _record_one(c.COMMANDS[name]) if name in c.COMMANDS else None


@click.group("record", cls=Commands, sections=_sections, load=_load)
def command() -> None:
    """Record one command.

    \b
    Examples:
      tally record open-account --account a-1
      tally record top-up --account a-1 --amount 100 --channel alipay --serial T1
      tally record renew --account a-1 --instances i-1,i-2 --months 1
    """
