"""Hypothesis strategies: plausible lives of one or two accounts, on instants that hurt.

Invariant: a step is plain data, so a failing example prints as something that can be read and
replayed. What a rule would refuse is generated as well. This file must not know any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.account.ordering import next_due
from ledger.errors import InvalidInput
from ledger.periods import SECOND, format_instant
from tests.given_when_then import A, RefusedWith, World, do, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.commands import AnyCommand
    from ledger.state import AccountState

MINUTE, HOUR, DAY = 60, 3600, 86_400
DUE, JUST_BEFORE = -1, -2  # gaps up to the next transition that is due, or to a second before it
STEPS_MIN, STEPS_MAX = 5, 30


class Pick(NamedTuple):
    """An id that is chosen when the step is played: the n-th of what is there, or a new one."""

    kind: str
    n: int


class Step(NamedTuple):
    """One command of a life.

    Attributes:
        gap: seconds since the one before, or DUE, or JUST_BEFORE.
        command: its name.
        fields: as a line of JSON has them; instants are seconds relative to the command.
        back: for a fact, how many seconds before its recording it was effective.

    """

    gap: int
    command: str
    fields: dict[str, Any]
    back: int | None = None


GAPS = st.sampled_from(
    (
        0, 0, 0, 0, 1, 10 * MINUTE, 30 * MINUTE, HOUR, HOUR, 4 * HOUR, 8 * HOUR, DAY - 1, DAY,
        DAY, 3 * DAY, 9 * DAY, 31 * DAY, DUE, DUE, DUE, JUST_BEFORE,
    )
)  # fmt: skip
BACK = st.sampled_from((None, None, None, 0, 1, HOUR, DAY, 9 * DAY))
AMOUNTS = st.sampled_from(("0.01", "5", "12.34", "40", "100", "160", "250", "1000", "0"))
SMALL = st.sampled_from(("0.01", "1", "5", "7.5", "12.34", "60"))
RATED = st.sampled_from(("0", "0.009", "7.5", "30", "99.999", "320.0000000001", "900"))
SKUS = st.sampled_from(("std", "std", "std", "pro", "free", "none"))
MONTHS = st.sampled_from((1, 1, 1, 2, 3, 12, 10))
COUPONS = st.sampled_from(("auto", "auto", "auto", "none")) | st.builds(
    Pick, st.just("coupons"), st.integers(0, 3)
)
CYCLE = st.sampled_from(
    (
        (-2 * HOUR, -HOUR), (-5 * HOUR, -4 * HOUR), (-2 * DAY, -DAY), (-HOUR, 0),
        (-HOUR, HOUR), (HOUR, 2 * HOUR),
    )
)  # fmt: skip


def _pick(*kinds: str) -> st.SearchStrategy[Pick]:
    return st.builds(Pick, st.sampled_from(kinds), st.integers(0, 5))


def _list(*kinds: str) -> st.SearchStrategy[list[Pick]]:
    return st.lists(_pick(*kinds), min_size=1, max_size=3)


def _fields(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(strategies)


def _cycle(name: str) -> st.SearchStrategy[dict[str, Any]]:
    rest = _fields(
        **{name: _pick("new", "new", "new", "bills")},
        instance=_pick("legacy", "legacy", "enterprise", "instances"),
        rated=RATED,
    )
    return st.builds(
        lambda cycle, fields: {**fields, "cycle_start": cycle[0], "cycle_end": cycle[1]},
        CYCLE, rest,
    )  # fmt: skip


COMMANDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "top-up": _fields(
        amount=AMOUNTS, channel=st.just("c"), serial=_pick(*["new"] * 8, "payments")
    ),
    "reverse-top-up": _fields(
        amount=SMALL | AMOUNTS, channel=st.just("c"), serial=_pick("payments")
    ),
    "grant-coupon": st.builds(
        lambda span, fields: {**fields, "starts": span[0], "ends": span[1]},
        st.sampled_from(
            ((0, 400 * DAY), (0, 20 * DAY), (DAY, 40 * DAY), (-9 * DAY, -DAY), (5 * DAY, 9 * DAY))
        ),
        _fields(
            coupon=_pick("new", "new", "new", "coupons"),
            amount=SMALL | AMOUNTS,
            minimum_spend=st.sampled_from(("0", "0", "20")),
            order_types=st.sampled_from(("all", "all", ["pay_as_you_go"], ["renew", "new"])),
        ),
    ),
    "record-usage": _cycle("usage"),
    "post-bill": _cycle("bill"),
    "credit-note": _fields(
        note=_pick(*["new"] * 8, "notes"), bill=_pick("bills"), amount=SMALL | AMOUNTS
    ),
    "activate-public": _fields(
        instance=_pick("new", "new", "instances"),
        kind=st.sampled_from(("public_legacy", "public_legacy", "public_new")),
    ),
    "start-trial": _fields(instance=_pick("new"), sku=SKUS),
    "purchase": _fields(
        instance=_pick("new", "new", "new", "instances"), sku=SKUS, months=MONTHS,
        auto_renew=st.booleans(), coupon=COUPONS,
    ),
    "renew": _fields(
        instances=_list("enterprise"), months=MONTHS, auto_renew=st.booleans(), coupon=COUPONS
    ),
    "enable-auto-renew": _fields(instances=_list("enterprise"), months=MONTHS),
    "modify-auto-renew": _fields(instances=_list("enterprise"), months=MONTHS),
    "disable-auto-renew": _fields(instances=_list("enterprise")),
    "freeze": _fields(instance=_pick("new_public")),
    "continue-trial": _fields(instance=_pick("frozen", "frozen", "instances")),
    "upgrade": _fields(
        instance=_pick("new_public", "legacy", "frozen", "restoring"), sku=SKUS, months=MONTHS,
        coupon=COUPONS,
    ),
    "change-spec": _fields(
        instance=_pick("enterprise"), sku=st.sampled_from(("pro", "pro", "std")), coupon=COUPONS
    ),
    "cancel": _fields(instance=_pick("enterprise", "enterprise", "instances")),
    "cancel-renewal": _fields(instance=_pick("enterprise")),
    "restore": _fields(instance=_pick("restoring", "restoring", "instances")),
    "set-alert": _fields(threshold=st.sampled_from(("0", "50", "50", "100", "200", None))),
    "set-price": _fields(
        sku=st.sampled_from(("std", "pro")), monthly_price=st.sampled_from(("90", "130", "0"))
    ),
}  # fmt: skip
FACTS = (
    "top-up", "reverse-top-up", "grant-coupon", "record-usage", "post-bill", "credit-note",
    "freeze", "restore",
)  # fmt: skip
_OFTEN = (
    *COMMANDS, *["top-up"] * 5, *["purchase"] * 2, *["renew"] * 3, *["record-usage"] * 2,
    *["post-bill"] * 4, *["credit-note"] * 3, *["reverse-top-up"] * 2, *["cancel-renewal"] * 2,
    *["restore"] * 2, *["grant-coupon"] * 2, *["set-alert"] * 2, "enable-auto-renew",
)  # fmt: skip
_SOON = st.sampled_from((0, 1, 60, HOUR, 5 * HOUR))
_SOME_BACK = st.sampled_from((None, 1, 60, 90, HOUR, 3 * HOUR, 3 * DAY))
_PRICE: tuple[str, dict[str, Any]] = ("set-price", {"sku": "pro", "monthly_price": "160"})
READINGS: dict[str, tuple[str, ...]] = {
    "calendar_offset": ("+08:00", "+00:00", "-05:30"),
    "bill_delay": ("4h", "0", "30min"),
    "overdue_grace_legacy": ("24h", "0", "3d"),
    "restore_delay": ("30min", "0"),
    "retention": ("15d", "0", "60d"),
    "trial_retention": ("15d", "0"),
    "expiry": ("next_midnight", "exact"),
    "auto_renew_first_day": ("9", "3", "30"),
    "auto_renew_time": ("08:00:00", "00:00:00"),
    "auto_renew_effective": ("next_day", "next_slot"),
    "coupon_pays_posted": ("false", "true"),
    "alert_reminders": ("5", "0", "2"),
    "five_day_refund": ("5d", "0"),
}


@st.composite
def _step(draw: st.DrawFn) -> Step:
    name = draw(st.sampled_from(_OFTEN))
    fields = dict(draw(COMMANDS[name]))
    if name != "set-price" and draw(st.integers(0, 9)) == 0:
        fields["account"] = "a-2"
    if draw(st.integers(0, 7)) == 0:
        fields["token"] = draw(st.sampled_from(("t-1", "t-2", "t-3", "t-4", "t-5", "t-6")))
    if name != "set-price" and draw(st.integers(0, 19)) == 0:
        fields["expected_version"] = Pick("version", draw(st.integers(0, 2)))
    return Step(draw(GAPS), name, fields, draw(BACK) if name in FACTS else None)


@st.composite
def _change(draw: st.DrawFn) -> Step:
    key = draw(st.sampled_from(sorted(READINGS)))
    value = draw(st.sampled_from(READINGS[key]))
    return Step(draw(GAPS), "set-policy", {"key": key, "value": value})


@st.composite
def _credited(draw: st.DrawFn) -> list[Step]:
    """Tell of a bill that coupons paid, and of the note that gives them back: all of it late."""
    amount = draw(st.sampled_from(("5", "12.34", "60")))
    ends = draw(st.sampled_from((HOUR, 90 * DAY)))
    coupon = {"amount": draw(SMALL), "starts": -DAY, "ends": ends}
    cycle = {"cycle_start": -9 * DAY, "cycle_end": -8 * DAY, "instance": Pick("legacy", 0)}
    return [
        Step(HOUR, "grant-coupon", {"coupon": Pick("new", 0), **coupon}, draw(_SOME_BACK)),
        Step(HOUR, "grant-coupon", {"coupon": Pick("new", 0), **coupon}, draw(_SOME_BACK)),
        Step(60, "post-bill", {"bill": Pick("new", 0), "rated": amount, **cycle}, draw(_SOME_BACK)),
        Step(draw(_SOON), "top-up", {"amount": draw(SMALL), "channel": "c",
                                     "serial": Pick("new", 0)}, draw(_SOME_BACK)),
        Step(draw(_SOON), "credit-note", {"note": Pick("new", 0), "bill": Pick("bills", -1),
                                          "amount": draw(st.sampled_from((amount, "5")))},
             draw(_SOME_BACK)),
    ]  # fmt: skip


@st.composite
def _outage(draw: st.DrawFn) -> list[Step]:
    """Tell of a stop for overdue, its end, and a restore fact that arrives late or not at all."""
    cycle = {"cycle_start": -9 * DAY, "cycle_end": -8 * DAY, "instance": Pick("legacy", 0)}
    restore = Step(60, "restore", {"instance": Pick("restoring", 0)}, draw(_SOME_BACK))
    upgrade = {"instance": Pick("restoring", 0), "sku": "free", "months": 1}
    between = draw(st.sampled_from(([], [Step(60, "upgrade", upgrade)])))
    return [
        Step(60, "post-bill", {"bill": Pick("new", 0), "rated": "320", **cycle}, draw(_SOME_BACK)),
        Step(DUE, "set-price", {"sku": "pro", "monthly_price": "130"}),
        Step(draw(_SOON), "top-up", {"amount": "1000", "channel": "c", "serial": Pick("new", 0)}),
        *between,
        *draw(st.sampled_from(([], [restore]))),
    ]


def late_lives() -> st.SearchStrategy[list[Step]]:
    """Return a life in which facts arrive late and overtake each other."""
    opening = [
        Step(0, "activate-public", {"instance": f"l-{n}", "kind": "public_legacy"})
        for n in range(3)
    ]
    part = _credited() | _outage() | _step().map(lambda one: [one])
    some = st.lists(part, min_size=1, max_size=5)
    return some.map(lambda parts: sum(parts, [*opening, Step(4 * DAY, *_PRICE)]))


def policies() -> st.SearchStrategy[dict[str, str]]:
    """Return the readings that a ledger begins with: the defaults most of the time."""
    other = {key: st.sampled_from(values) for key, values in READINGS.items()}
    return st.just({}) | st.fixed_dictionaries({}, optional=other)


def lives(*, changes: bool = True) -> st.SearchStrategy[list[Step]]:
    """Return a life: commands and (unless ``changes`` is off) changes of policy among them."""
    one = st.integers(0, 14).flatmap(lambda n: _change() if n == 0 and changes else _step())
    cash = st.sampled_from(("150", "400", "2000"))
    opening = st.builds(
        lambda amount, auto: [
            Step(0, "top-up", {"amount": amount, "channel": "c", "serial": "s-0"}),
            Step(0, "activate-public", {"instance": "l-1", "kind": "public_legacy"}),
            Step(0, "activate-public", {"instance": "n-1", "kind": "public_new"}),
            Step(HOUR, "purchase", {"instance": "e-1", "sku": "std", "months": 1,
                                    "auto_renew": auto}),
            Step(HOUR, "start-trial", {"instance": "e-2", "sku": "std"}),
        ],
        cash, st.booleans(),
    )  # fmt: skip
    sizes = st.integers(STEPS_MIN, STEPS_MAX)
    rest = sizes.flatmap(lambda n: st.lists(one, min_size=n, max_size=n))
    return st.builds(lambda first, then: first + then, opening, rest)


class Played(NamedTuple):
    """What became of a life."""

    world: World
    accepted: list[AnyCommand]
    refused: list[str]


def _there(state: AccountState, kind: str) -> list[str]:
    """List the ids of a kind that an account has, in the order they came."""
    if kind == "payments":
        return [serial for _, serial in state.payments]
    if kind == "bills":
        return list(state.bills)
    if kind == "coupons":
        return list(state.coupons)
    if kind == "notes":
        return sorted(state.notes)
    if kind == "instances":
        return list(state.instances)
    looks = {
        "legacy": ("kind", ("public_legacy",)),
        "new_public": ("kind", ("public_new",)),
        "enterprise": ("kind", ("enterprise", "trial")),
        "frozen": ("state", ("frozen",)),
        "restoring": ("state", ("restoring",)),
    }
    field, wanted = looks[kind]
    return [n for n, one in state.live.items() if getattr(one, field) in wanted]


def _choose(world: World, account: str, cell: object) -> object:
    """Put the id in the place of a pick."""
    if isinstance(cell, list):
        return list(dict.fromkeys(_choose(world, account, one) for one in cell))
    if not isinstance(cell, Pick):
        return cell
    state = world.states[account]
    if cell.kind == "version":
        return max(1, state.guard_version - cell.n // 2)
    if cell.kind == "new":
        return f"x-{len(world.log)}"
    there = _there(state, cell.kind)
    return there[cell.n % len(there)] if there else "nobody"


def command_of(world: World, step: Step) -> AnyCommand:
    """Make the command of a step, at its instant of the world's clock."""
    offset = world.config.policy.calendar_offset
    at = world.clock + step.gap * SECOND
    if step.gap < 0:
        dues = [next_due(state, world.config.policy) for state in world.states.values()]
        first = min((due.at for due in dues if due is not None), default=world.clock)
        at = max(world.clock, first - (SECOND if step.gap == JUST_BEFORE else 0))
    account = str(step.fields.get("account", A))
    fields = {name: _choose(world, account, cell) for name, cell in step.fields.items()}
    for name in ("starts", "ends", "cycle_start", "cycle_end"):
        if name in fields:
            fields[name] = format_instant(at + step.fields[name] * SECOND, offset)
    if step.back is not None:
        opened = world.states[account].opened_at or 0
        fields["effective_at"] = format_instant(max(opened, at - step.back * SECOND), offset)
    return do(step.command, format_instant(at, offset), **fields)


def live(life: list[Step], policy: dict[str, str], *, ticks: int = 1) -> Iterator[Played]:
    """Live a life in a new world, and show it after every step.

    ``ticks`` is in how many moves the clock goes on each time.
    """
    played = Played(World(policy, accounts=2), [], [])
    world = played.world
    for step in life:
        command = command_of(world, step)
        to = world.instant(str(command.at))
        for tick in range(1, ticks):
            passed = (to - world.clock) * tick // ticks // SECOND * SECOND
            world.move(world.clock + passed)
        try:
            world.when(command)
        except InvalidInput:
            continue
        finally:
            world.move(max(world.clock, to))  # a repeat leaves the clock where it is (R28)
        if isinstance(world.result, RefusedWith):
            played.refused.append(world.result.code)
        elif world.result != nothing:
            played.accepted.append(command)
        yield played


def play(life: list[Step], policy: dict[str, str], *, ticks: int = 1) -> Played:
    """Live a whole life in a new world."""
    *_, played = live(life, policy, ticks=ticks)
    return played


def again(command: AnyCommand, at: str) -> AnyCommand:
    """Make the same command, asked at another instant by somebody else."""
    return replace(command, at=at, actor="somebody else")
