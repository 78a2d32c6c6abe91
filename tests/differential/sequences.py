"""Random command sequences that look for trouble: boundary instants, tiny amounts, late facts.

A sequence is a function of its seed alone. Instants come close to what is due next (one second
before, at it, one second after), ids are few so that they collide, and money is always short.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ledger.account.ordering import next_due
from ledger.periods import DAY, HOUR, MINUTE, SECOND, format_instant

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.state import AccountState

OFFSET = 8 * HOUR
ACCOUNTS = ("a", "b")
SKUS = ("std", "pro")
MONTHS = (1, 1, 1, 2, 3, 9, 10, 12)
POLICIES = (
    ("bill_delay", ("0", "1h", "4h")),
    ("overdue_grace_legacy", ("0", "1h", "24h", "3d")),
    ("restore_delay", ("0", "10min", "30min")),
    ("retention", ("0", "3d", "15d", "60d")),
    ("trial_retention", ("0", "15d")),
    ("expiry", ("next_midnight", "exact")),
    ("auto_renew_first_day", ("9", "3", "30")),
    ("auto_renew_last_day", ("1", "2")),
    ("auto_renew_time", ("08:00:00", "20:30:15")),
    ("auto_renew_effective", ("next_day", "next_slot")),
    ("coupon_pays_posted", ("false", "true")),
    ("alert_reminders", ("5", "0", "2")),
    ("five_day_refund", ("5d", "0", "40d")),
)


def first_policy(chance: random.Random) -> dict[str, str]:
    """Choose the readings a sequence starts with; mostly the defaults."""
    return {key: chance.choice(values) for key, values in POLICIES if chance.random() < 0.15}


class Sequence:
    """Makes one command after the other, looking at the ledger to come close to its edges."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        """Start with two accounts and two prices."""
        self.chance = random.Random(seed)
        self.ledger = ledger
        self.serial = 0
        self.past: list[dict[str, Any]] = []
        self.first: list[dict[str, Any]] = [
            {"do": "open-account", "account": "a"},
            {"do": "open-account", "account": "b"},
            {"do": "set-price", "sku": "std", "monthly_price": "30.00"},
            {"do": "set-price", "sku": "pro", "monthly_price": "50.01"},
        ]
        for account in ACCOUNTS[: self.chance.randrange(3)]:  # some start rich
            amount = self.chance.choice(("100", "500", "2000"))
            self.first.append(
                {"do": "top-up", "account": account, "amount": amount, "channel": "gift",
                 "serial": account}
            )  # fmt: skip

    def instant(self) -> int:
        """Choose the next command's instant."""
        chance, now = self.chance, self.ledger.now()
        if not self.past and chance.random() < 0.7:
            return now + 60 * DAY  # room for facts that arrive late
        edges = [
            due.at
            for state in self.ledger.states.values()
            if state is not None
            and (due := next_due(state, self.ledger.config.policy)) is not None
        ]
        if edges and chance.random() < 0.5:
            return max(now, chance.choice(edges) + chance.choice((-SECOND, 0, 0, SECOND)))
        step = chance.choice(
            (0, 0, 0, 0, SECOND, 20 * SECOND, MINUTE, 30 * MINUTE, HOUR, HOUR, 4 * HOUR, DAY, DAY,
             3 * DAY, 10 * DAY if chance.random() < 0.7 else 31 * DAY)
        )  # fmt: skip
        return now + step

    def next(self) -> dict[str, Any]:
        """Return the next command line."""
        chance = self.chance
        if self.first:
            command = self.first.pop(0)
            return {**command, "at": format_instant(self.ledger.now(), OFFSET)}
        at = self.instant()
        if self.past and chance.random() < 0.06:
            back = chance.choice((0, 0, SECOND, DAY))  # true repeats come whenever they like (R28)
            command = {**chance.choice(self.past), "at": format_instant(at - back, OFFSET)}
            if "effective_at" not in command:
                return command
        account = chance.choice(ACCOUNTS)
        state = self.ledger.states.get(account)
        command = self._make(account, state, at)
        command["at"] = format_instant(at, OFFSET)
        if chance.random() < 0.12:
            command["token"] = f"t{chance.randrange(6)}"
        self.past.append(command)
        return command

    def _amount(self) -> str:
        return self.chance.choice(
            ("0.01", "5", "20.00", "29.99", "30", "30.00", "50.01", "60", "100", "0", "-1", "1.001")
            if self.chance.random() < 0.3
            else ("10.00", "30.00", "45.5", "80", "300")
        )

    def _late(self, at: int, command: dict[str, Any]) -> dict[str, Any]:
        if self.chance.random() < 0.25:
            back = self.chance.choice((0, SECOND, HOUR, DAY, 9 * DAY, 40 * DAY))
            command["effective_at"] = format_instant(at - back, OFFSET)
        return command

    def _instance(self, state: AccountState | None) -> str:
        if state is not None and state.instances and self.chance.random() < 0.93:
            live = list(state.live) or list(state.instances)
            return self.chance.choice(live)
        return f"i{self.chance.randrange(5)}"

    def _cycle(self, at: int) -> dict[str, str]:
        end = at + self.chance.choice((-5 * HOUR, -4 * HOUR - SECOND, -4 * HOUR, -HOUR, 0, HOUR))
        start = end - self.chance.choice((HOUR, DAY, 3 * DAY, 0) if self.chance.random() < 0.2
                                         else (HOUR, DAY))  # fmt: skip
        rated = self.chance.choice(("0", "0.009", "7.129999", "20.00", "33.3333333333", "61"))
        return {
            "cycle_start": format_instant(start, OFFSET),
            "cycle_end": format_instant(end, OFFSET),
            "rated": rated,
        }

    def _make(self, account: str, state: AccountState | None, at: int) -> dict[str, Any]:
        chance = self.chance
        kind = chance.choices(tuple(_MAKERS), tuple(weight for weight, _ in _MAKERS.values()))[0]
        if kind in _NEED_INSTANCE and not (state and state.live) and chance.random() < 0.9:
            kind = chance.choice(("purchase", "purchase", "start-trial", "activate-public"))
        return {"do": kind, **_MAKERS[kind][1](self, account, state, at)}

    def _new_serial(self) -> str:
        self.serial += 1
        return f"s{self.serial if self.chance.random() < 0.9 else self.chance.randrange(9)}"


def _known(chance: random.Random, names: Any, fallback: str) -> str:
    names = list(names)
    return chance.choice(names) if names and chance.random() < 0.9 else fallback


def _instances(self: Sequence, state: AccountState | None) -> list[str]:
    if self.chance.random() < 0.6:
        return [self._instance(state)]
    names = list(state.live) if state is not None else []
    self.chance.shuffle(names)
    return names[: self.chance.randrange(4)]


def _top_up(self: Sequence, account: str, _: Any, at: int) -> dict[str, Any]:
    return self._late(at, {"account": account, "amount": self._amount(), "channel": "bank",
                           "serial": self._new_serial()})  # fmt: skip


def _reverse(self: Sequence, account: str, state: AccountState | None, at: int) -> dict[str, Any]:
    serial = _known(self.chance, (key[1] for key in (state.payments if state else ())), "s1")
    return self._late(at, {"account": account, "channel": "bank", "serial": serial,
                           "amount": self._amount()})  # fmt: skip


def _coupon(self: Sequence, account: str, _: Any, at: int) -> dict[str, Any]:
    chance = self.chance
    ends = at + chance.choice((0, HOUR, DAY, 3 * DAY, 40 * DAY))
    command: dict[str, Any] = {
        "account": account, "coupon": f"c{chance.randrange(8)}", "amount": self._amount(),
        "ends": format_instant(ends, OFFSET),
    }  # fmt: skip
    if chance.random() < 0.3:
        command["ends"] = command["ends"][:10]
    if chance.random() < 0.3:
        starts = at + chance.choice((-DAY, 0, SECOND, DAY, 5 * DAY))
        command["starts"] = format_instant(starts, OFFSET)
    if chance.random() < 0.3:
        command["products"] = chance.choice((["iot_public"], ["iot_enterprise"]))
    if chance.random() < 0.3:
        command["order_types"] = chance.choice((["new"], ["renew", "upgrade"], ["pay_as_you_go"]))
    if chance.random() < 0.3:
        command["minimum_spend"] = chance.choice(("0", "7.12", "30", "30.01", "61.00"))
    return self._late(at, command)


def _usage(self: Sequence, account: str, state: AccountState | None, at: int) -> dict[str, Any]:
    return self._late(at, {"account": account, "usage": f"u{self.chance.randrange(30)}",
                           "instance": self._instance(state), **self._cycle(at)})  # fmt: skip


def _bill(self: Sequence, account: str, state: AccountState | None, at: int) -> dict[str, Any]:
    return self._late(at, {"account": account, "bill": f"u{self.chance.randrange(30)}",
                           "instance": self._instance(state), **self._cycle(at)})  # fmt: skip


def _note(self: Sequence, account: str, state: AccountState | None, at: int) -> dict[str, Any]:
    bill = _known(self.chance, state.bills if state else (), "u1")
    return self._late(at, {"account": account, "note": f"n{self.chance.randrange(20)}",
                           "bill": bill, "amount": self._amount()})  # fmt: skip


def _public(self: Sequence, account: str, _: Any, __: int) -> dict[str, Any]:
    kind = self.chance.choice(("public_new", "public_legacy", "public_legacy"))
    return {"account": account, "instance": f"i{self.chance.randrange(6)}", "kind": kind}


def _purchase(self: Sequence, account: str, _: Any, __: int) -> dict[str, Any]:
    return {"account": account, "instance": f"i{self.chance.randrange(6)}",
            "sku": self.chance.choice((*SKUS, "none") if self.chance.random() < 0.1
                                      else ("std", "std", "pro")),
            "months": self.chance.choice(MONTHS), "auto_renew": self.chance.random() < 0.5,
            **_pays(self)}  # fmt: skip


def _pays(self: Sequence) -> dict[str, str]:
    if self.chance.random() < 0.7:
        return {}
    return {"coupon": self.chance.choice(("auto", "none", f"c{self.chance.randrange(8)}"))}


def _trial(self: Sequence, account: str, _: Any, __: int) -> dict[str, Any]:
    return {"account": account, "instance": f"i{self.chance.randrange(6)}",
            "sku": self.chance.choice(SKUS)}  # fmt: skip


def _renew(self: Sequence, account: str, state: AccountState | None, _: int) -> dict[str, Any]:
    return {"account": account, "instances": _instances(self, state),
            "months": self.chance.choice(MONTHS),
            **({"auto_renew": True} if self.chance.random() < 0.3 else {}),
            **_pays(self)}  # fmt: skip


def _auto(self: Sequence, account: str, state: AccountState | None, _: int) -> dict[str, Any]:
    return {"account": account, "instances": _instances(self, state),
            "months": self.chance.choice((1, 2, 3, 6, 5))}  # fmt: skip


def _off(self: Sequence, account: str, state: AccountState | None, _: int) -> dict[str, Any]:
    return {"account": account, "instances": _instances(self, state)}


def _one(self: Sequence, account: str, state: AccountState | None, _: int) -> dict[str, Any]:
    return {"account": account, "instance": self._instance(state)}


def _fact(self: Sequence, account: str, state: AccountState | None, at: int) -> dict[str, Any]:
    return self._late(at, _one(self, account, state, at))


def _upgrade(self: Sequence, account: str, state: AccountState | None, _: int) -> dict[str, Any]:
    return {"account": account, "instance": self._instance(state),
            "sku": self.chance.choice(SKUS), "months": self.chance.choice(MONTHS),
            **_pays(self)}  # fmt: skip


def _spec(self: Sequence, account: str, state: AccountState | None, _: int) -> dict[str, Any]:
    return {"account": account, "instance": self._instance(state),
            "sku": self.chance.choice(("pro", "pro", "std")), **_pays(self)}  # fmt: skip


def _alert(self: Sequence, account: str, _: Any, __: int) -> dict[str, Any]:
    return {"account": account, "threshold": self.chance.choice((None, "0", "10", "30.00", "100"))}


def _price(self: Sequence, _: str, __: Any, ___: int) -> dict[str, Any]:
    return {"sku": self.chance.choice(SKUS),
            "monthly_price": self.chance.choice(("0", "29.99", "30", "50.01", "70"))}  # fmt: skip


def _policy(self: Sequence, _: str, __: Any, ___: int) -> dict[str, Any]:
    key, values = self.chance.choice(POLICIES)
    return {"key": key, "value": self.chance.choice(values)}


_MAKERS: dict[str, tuple[float, Any]] = {
    "top-up": (14, _top_up), "reverse-top-up": (3, _reverse), "grant-coupon": (6, _coupon),
    "record-usage": (10, _usage), "post-bill": (7, _bill), "credit-note": (4, _note),
    "activate-public": (6, _public), "purchase": (8, _purchase), "start-trial": (4, _trial),
    "renew": (8, _renew), "enable-auto-renew": (4, _auto), "modify-auto-renew": (2, _auto),
    "disable-auto-renew": (2, _off), "freeze": (2, _fact), "continue-trial": (3, _one),
    "upgrade": (3, _upgrade), "change-spec": (6, _spec), "cancel": (3, _one),
    "cancel-renewal": (6, _one), "restore": (2, _fact), "set-alert": (4, _alert),
    "set-price": (1, _price), "set-policy": (1.5, _policy),
}  # fmt: skip



_NEED_INSTANCE = frozenset(
    ("record-usage", "post-bill", "renew", "enable-auto-renew", "modify-auto-renew",
     "disable-auto-renew", "freeze", "continue-trial", "upgrade", "change-spec", "cancel",
     "cancel-renewal", "restore", "credit-note")
)  # fmt: skip
