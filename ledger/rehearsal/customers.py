"""How customers are assumed to answer what a backtest does to them: rules, never guesses.

A rule says what a customer reacts to, how much is topped up and how soon. It is asked only about
events that the recorded history does not have: what really happened was answered by what the
customer really did. So a backtest under the recorded policy changes nothing, whatever the rules.
This module must not know how a history is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger import events as e
from ledger.errors import InvalidInput
from ledger.events import account_of
from ledger.money import to_minor
from ledger.periods import DAY
from ledger.policy import did_you_mean, parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.events import RecordedEvent
    from ledger.state import AccountState

# What a rule may react to, and the event that it is.
OCCASIONS: Final[dict[str, type[e.Event]]] = {
    "auto_renew_failed": e.AutoRenewFailed,
    "overdue": e.OverdueStarted,
    "service_stopped": e.ServiceStopped,
}
SHORT: Final = "short"
CHANNEL: Final = "backtest"  # of the payments that only a backtest knows
_FIELDS: Final = ("on", "amount", "within", "accounts")


class Rule(NamedTuple):
    """One assumption.

    Attributes:
        on: a key of ``OCCASIONS``.
        within: how long the customer takes, in microseconds.
        amount: decimal text in major units, or ``short`` for what is missing at that time.
        accounts: whom it is about; everybody where it is None.

    """

    on: str
    within: int
    amount: str = SHORT
    accounts: frozenset[str] | None = None

    def concerns(self, recorded: RecordedEvent) -> bool:
        """Return whether the rule reacts to an event."""
        return isinstance(recorded.event, OCCASIONS[self.on]) and (
            self.accounts is None or account_of(recorded.stream) in self.accounts
        )

    def size(self, state: AccountState, event: e.Event, *, coupon_part: int) -> int:
        """Return what is topped up, in minor units; 0 if nothing is missing any more.

        ``coupon_part``: what a coupon would have paid of a renewal that failed.
        """
        if self.amount != SHORT:
            return to_minor(_decimal(self.amount), state.currency)
        missing = state.outstanding - state.cash
        if isinstance(event, e.AutoRenewFailed):
            instance = state.instances.get(event.instance)
            if instance is not None and instance.expires_at == event.expires_at:
                missing += event.needed - coupon_part
        return max(0, missing)


def topping_up(within: int = DAY) -> tuple[Rule, ...]:
    """Return the rule of a customer who keeps auto-renewal alive by paying what is short."""
    return (Rule("auto_renew_failed", within),)


def read_rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read the rules of a TOML document, a ``[[rule]]`` each. Raises: InvalidInput."""
    unknown = [name for name in document if name != "rule"]
    rules = document.get("rule")
    if unknown or not isinstance(rules, list) or not rules:
        msg = f"{unknown[0]!r} is not part of a file of rules" if unknown else "there is no rule"
        raise InvalidInput(msg, hint='write: [[rule]] on = "auto_renew_failed" within = "24h"')
    return tuple(_rule(given, number) for number, given in enumerate(rules, 1))


def _rule(given: object, number: int) -> Rule:
    where = f"rule {number}"
    if not isinstance(given, dict):
        msg = f"{where} is not a table"
        raise InvalidInput(msg, hint='write: [[rule]] on = "auto_renew_failed" within = "24h"')
    for name in given:
        if name not in _FIELDS:
            hint = did_you_mean(name, list(_FIELDS)) or f"fields: {', '.join(_FIELDS)}"
            msg = f"{where}: unknown field {name!r}"
            raise InvalidInput(msg, hint=hint)
    on, within, amount = given.get("on"), given.get("within", "24h"), given.get("amount", SHORT)
    if on not in OCCASIONS:
        msg = f"{where}: on = {on!r} is not something that customers react to"
        raise InvalidInput(msg, hint=f"use one of: {', '.join(OCCASIONS)}")
    if not isinstance(within, str) or not isinstance(amount, str):
        msg = f"{where}: within and amount are texts"
        raise InvalidInput(msg, hint='within = "24h", amount = "short" or amount = "100.00"')
    if amount != SHORT:
        _decimal(amount)
    accounts = given.get("accounts")
    if accounts is not None and (
        not isinstance(accounts, list) or not all(isinstance(name, str) for name in accounts)
    ):
        msg = f"{where}: accounts is not a list of ids"
        raise InvalidInput(msg, hint='accounts = ["a-1", "a-2"]')
    return Rule(on, parse_duration(within), amount, frozenset(accounts) if accounts else None)


def _decimal(text: str) -> Any:  # noqa: ANN401 - Decimal is loaded when it is needed
    from decimal import Decimal  # noqa: PLC0415 - only where a rule states an amount

    whole, _, part = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (part.isdigit() or "." not in text)):
        msg = f"{text!r} is not an amount"
        raise InvalidInput(msg, hint='write it like "100.00", or "short" for what is missing')
    return Decimal(text)
