"""PlainLedger: the whole rulebook again, slow and simple, to judge the product by.

Invariant: nothing here comes from the product; only RULEBOOK.md and INTERFACE.md were read.
Everything is a plain record that is changed in place; there are no events to fold and no snapshots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import plain_alerts, plain_orders, plain_renewal, plain_service, plain_wallet
from .plain_calendar import read_instant, written, written_or_none
from .plain_commands import Command, read_command, same_request, with_checked_amounts
from .plain_due import Due, next_due
from .plain_errors import Refused, UsageError
from .plain_money import yuan
from .plain_policy import SLOT_KEYS, read_policy
from .plain_records import Accepted, Account, Book, Coupon, Entry, Instance, Payment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

__all__ = ["PlainLedger", "UsageError"]

# Each decides one command of an account: refuses before it changes anything, returns its warnings.
DECIDERS: Mapping[str, Callable[[Book, Account, Command], int]] = {
    "top-up": plain_wallet.top_up,
    "reverse-top-up": plain_wallet.reverse_top_up,
    "grant-coupon": plain_wallet.grant_coupon,
    "record-usage": plain_wallet.record_usage,
    "post-bill": plain_wallet.post_bill,
    "credit-note": plain_wallet.credit_note,
    "activate-public": plain_service.activate_public,
    "freeze": plain_service.freeze,
    "continue-trial": plain_service.continue_trial,
    "restore": plain_service.restore,
    "start-trial": plain_orders.start_trial,
    "purchase": plain_orders.purchase,
    "renew": plain_orders.renew,
    "upgrade": plain_orders.upgrade,
    "change-spec": plain_orders.change_spec,
    "cancel": plain_orders.cancel,
    "cancel-renewal": plain_orders.cancel_renewal,
    "enable-auto-renew": plain_renewal.enable_or_modify,
    "modify-auto-renew": plain_renewal.enable_or_modify,
    "disable-auto-renew": plain_renewal.disable,
    "set-alert": plain_alerts.set_alert,
}


class PlainLedger:
    """A simulated ledger: commands in, results and states out."""

    def __init__(self, start: str, policy: dict[str, str] | None = None) -> None:
        self._book = Book(read_instant(start), policy)

    @property
    def journal(self) -> list[Entry]:
        """The events it would have recorded, in order."""
        return self._book.journal

    @property
    def clock(self) -> str:
        """The present instant."""
        return written(self._book.clock)

    def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command line: move the clock to its `at`, then decide it."""
        read = read_command(command)
        first = self._first_result(read)
        if first:  # R28: before the clock is moved
            return {"ok": True, "duplicate": True, "warnings": first.warnings}
        if read.get("effective_at", read["at"]) > read["at"]:
            raise UsageError("effective_at lies after the recorded instant")
        self._move(read["at"])
        try:
            warnings = self._decide(read)
        except Refused as refused:
            account = self._book.accounts.get(read.get("account", ""))
            words: dict[str, object] = {"command": read["do"], "code": refused.code}
            self._book.record(account, "CommandRefused", words)
            return {"ok": False, "code": refused.code}
        return {"ok": True, "duplicate": False, "warnings": warnings}

    def advance(self, to: str) -> None:
        """Move the clock, running what falls due up to and including that instant."""
        self._move(read_instant(to))

    def close(self, end: str, actor: str) -> None:
        """R61: a month that ends at that instant is closed; the others came before it."""
        self._book.closes.append((read_instant(end), actor))
        self._book.record(None, "PeriodClosed", {"end": end})

    def reopen(self) -> None:
        """R63: the latest closed month takes facts again."""
        self._book.closes.pop()
        self._book.record(None, "PeriodReopened", {})

    def state(self, account: str) -> dict[str, Any]:
        """`tally.state/1` now, less schema and point; LookupError if there is no such account."""
        book, found = self._book, self._book.accounts[account]
        threshold = found.alert.threshold
        return {
            **_money(found),
            "alert": {
                "threshold": None if threshold is None else yuan(threshold),
                "raised": found.alert.raised_at is not None,
            },
            "coupons": [_coupon(book, one) for _, one in sorted(found.coupons.items())],
            "unpaid": [
                {
                    "item": item.item,
                    "kind": item.kind,
                    "amount": yuan(item.amount),
                    "outstanding": yuan(item.outstanding),
                    "posted_at": written(item.posted_at),
                    "late": item.late,
                }
                for _, item in sorted(found.items.items())
                if item.outstanding > 0
            ],
            "instances": [_instance(book, one) for _, one in sorted(found.instances.items())],
        }

    def balances(self) -> list[dict[str, Any]]:
        """The rows of `balances --ndjson`, by account."""
        rows = []
        for _, account in sorted(self._book.accounts.items()):
            coupons = sum(coupon.remaining for coupon in account.coupons.values())
            rows.append({**_money(account), "coupons": yuan(coupons)})
        return rows

    def _move(self, to: datetime) -> None:
        """R57: everything due up to `to`, one at a time, in the order of section 3."""
        book = self._book
        if to < book.clock:
            raise UsageError(f"the clock stands at {self.clock}; it does not go back")
        coming = {name: next_due(book, one) for name, one in sorted(book.accounts.items())}
        while True:
            name, due = _first(coming)
            if due is None or due.at > to:
                break
            account = book.accounts[name]
            before = account.available()
            book.clock = due.at
            due.run()
            if account.available() != before:  # R52: a transition is a batch
                plain_alerts.evaluate(book, account)
            coming[name] = next_due(book, account)
        book.clock = to

    def _first_result(self, read: Command) -> Accepted | Payment | None:
        """R3, R28: what an accepted command gave, where this one is a true repeat of it."""
        accepted = self._accepted(read)
        if accepted:
            return accepted if same_request(accepted.command, read) else None
        if read["do"] != "top-up" or read["account"] not in self._book.accounts:
            return None
        try:
            return plain_wallet.same_payment(self._book, with_checked_amounts(read))
        except Refused:
            return None

    def _accepted(self, read: Command) -> Accepted | None:
        """R28: the command that has used up the token of this one."""
        return self._book.tokens.get((read.get("account"), read.get("token", "")))

    def _decide(self, read: Command) -> int:
        """The checks in their order, of what is not a repeat; the number of warnings."""
        book = self._book
        if self._accepted(read):
            raise Refused("TOKEN_REUSED")
        c = with_checked_amounts(read)
        account = self._account(c)
        if account and c.get("expected_version", account.fact_version) < account.fact_version:
            raise Refused("CONCURRENT_MODIFICATION")  # R58
        before = {one.account: one.available() for one in book.accounts.values()}
        warnings = self._apply(account, c)
        if "token" in read:  # R28: used up by the first accepted command, even one without effect
            book.tokens[read.get("account"), read["token"]] = Accepted(read, warnings)
        touched = [account] if account else sorted(book.accounts.values(), key=lambda a: a.account)
        for one in touched:
            self._finish_batch(one, before.get(one.account, 0))
        return warnings

    def _account(self, c: Command) -> Account | None:
        """The account a command is about; None where it is about none, or about to be opened."""
        name = c.get("account")
        if name is None or (c["do"] == "open-account" and name not in self._book.accounts):
            return None
        if name not in self._book.accounts:
            raise Refused("UNKNOWN_ACCOUNT")
        account = self._book.accounts[name]
        plain_wallet.not_before(c.get("effective_at", self._book.clock), account.opened_at)
        return account

    def _apply(self, account: Account | None, c: Command) -> int:
        if account and c["do"] != "open-account":
            return DECIDERS[c["do"]](self._book, account, c)
        if c["do"] == "open-account":
            if account:
                raise Refused("ALREADY_EXISTS")
            opened = Account(c["account"], self._book.clock)
            self._book.accounts[opened.account] = opened
            self._book.record(opened, "AccountOpened", {"currency": c["currency"]})
        elif c["do"] == "set-price":
            self._book.prices[c["sku"]] = c["monthly_price"]
            words = {"sku": c["sku"], "monthly_price": yuan(c["monthly_price"])}
            self._book.record(None, "PriceSet", words)
        else:
            self._set_policy(c)
        return 0

    def _set_policy(self, c: Command) -> None:
        """Section 4: holds from now on for everything not yet done."""
        book = self._book
        texts = {**book.policy_texts, c["key"]: c["value"]}
        book.policy = read_policy(texts)
        book.policy_texts = texts
        if c["key"] in SLOT_KEYS:
            book.slots_changed_at = book.clock
        if c["key"] == "alert_reminders":
            book.reminders_changed_at = book.clock
        book.record(None, "PolicyAdopted", {c["key"]: c["value"]})

    def _finish_batch(self, account: Account, available_before: int) -> None:
        """What a command makes due at once is of its batch; then the alert, then reminders."""
        book = self._book
        while (due := next_due(book, account, reminders=False)) and due.at <= book.clock:
            due.run()
        if account.available() != available_before:
            plain_alerts.evaluate(book, account)
        while (due := next_due(book, account)) and due.at <= book.clock:
            due.run()


def _first(coming: Mapping[str, Due | None]) -> tuple[str, Due | None]:
    """The earliest over all accounts; accounts do not touch each other, so ties go by name."""
    found: Iterable[tuple[str, Due]] = [(name, due) for name, due in coming.items() if due]
    return min(found, key=lambda pair: (pair[1].at, pair[0]), default=("", None))


def _money(account: Account) -> dict[str, Any]:
    return {
        "account": account.account,
        "currency": "CNY",
        "cash": yuan(account.cash),
        "outstanding": yuan(account.outstanding()),
        "available": yuan(account.available()),
        "overdue": account.overdue,
        "overdue_since": written_or_none(account.overdue_since()),
    }


def _coupon(book: Book, coupon: Coupon) -> dict[str, Any]:
    status = "active"
    if book.clock < coupon.starts:
        status = "pending"
    elif book.clock >= coupon.ends:
        status = "ended"
    return {
        "coupon": coupon.coupon,
        "amount": yuan(coupon.amount),
        "remaining": yuan(coupon.remaining),
        "forfeited": yuan(coupon.forfeited),
        "starts": written(coupon.starts),
        "ends": written(coupon.ends),
        "status": status,
    }


def _instance(book: Book, one: Instance) -> dict[str, Any]:
    slot = plain_renewal.next_slot(book, one)
    return {
        "instance": one.instance,
        "kind": one.kind,
        "state": one.state,
        "available": one.state == "running",
        "sku": one.sku,
        "expires_at": written_or_none(one.expires_at),
        "releases_at": written_or_none(plain_service.releases_at(book, one)),
        "restored_at": written_or_none(plain_service.restored_at(book, one)),
        "auto_renew": {
            "enabled": one.auto_months is not None,
            "months": one.auto_months,
            "next_attempt_at": written_or_none(slot[1] if slot else None),
        },
    }
