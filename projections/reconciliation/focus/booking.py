"""A FOCUS file as commands: each charge is a bill, and what takes back is a note on one.

A bill is rated with up to ten decimals and rounded down by the ledger, which keeps what it cut
(R8). A credit is a note on the bill of its invoice, else on what else its account was billed;
what no bill is large enough for is money that the provider owes: a top-up of CREDITS.
Invariant: importing a file into an empty ledger and reconciling the same file finds no break.
This module must not know the ledger: it makes commands of a statement alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ledger.money import RATED_SCALE
from ledger.periods import local_date
from projections.movements import CREDITS
from projections.reconciliation.amounts import SCALE, from_minor, write_amount
from projections.reconciliation.focus.fitting import part_name, serial_of
from projections.reconciliation.imports import NAMELESS, Importer
from projections.reconciliation.lines import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.answers.terms import Json
    from projections.reconciliation.imports import Left
    from projections.reconciliation.lines import Line, Statement

_RATED: int = SCALE // 10**RATED_SCALE


class FocusImporter(Importer):
    """Makes commands of the charges of a FOCUS file."""

    _reserved: dict[tuple[str, str], int]
    _waiting: set[tuple[str, str]]

    def commands(self, statement: Statement) -> Iterator[Json]:
        """Yield the commands of a statement, in the order of their instants."""
        lines = tuple(line for line in statement.lines if line.kind != ROUNDING)
        self._reserved, self._waiting = {}, set()
        # Credits are spread over the file's own bills, so that the same file has the same notes.
        self.known = self.known._replace(bills={}, notes={})
        self._invoices = {(line.account, line.order): line.group for line in lines}
        for line in lines:  # an invoice's bills are first for its own credits
            if line.amount < 0:
                mine = (line.account, line.group)
                self._reserved[mine] = self._reserved.get(mine, 0) - line.amount
        for line in statement.lines:
            if line.kind == ROUNDING:
                self.unsaid.append(
                    f"{line.key} in {line.account or NAMELESS}: "
                    f"{write_amount(line.amount, line.currency)} {line.currency} is less than the "
                    "ledger's bills and notes can hold; the bills keep it as round-down discount"
                )
        yield from self._charges(msgspec.structs.replace(
            statement, lines=lines,
            closing=sum(line.amount for line in lines if line.currency == statement.currency),
        ))  # fmt: skip

    def _charged(self, line: Line) -> bool:
        return line.amount > 0 or line.coupons > 0 or line.gross >= 0

    def _rated(self, line: Line) -> int:
        """Return what is rated: the exact cost, to the tenth decimal."""
        gross = line.amount + line.coupons if line.firm else line.gross
        return gross - gross % _RATED

    def _ends(self, line: Line) -> int:
        return super()._ends(line) if line.firm else max(line.ends, line.instant)

    def _instance_of(self, line: Line) -> str:
        """Name an instance a month: one that an unpaid month stopped is billed no more (R18)."""
        month = local_date(line.instant, self.write.offset)[:7]
        return line.instance or f"vendor-{month}"

    def _credit(self, line: Line, left: Left) -> Iterator[Json]:
        """Credit the bills of its invoice, then the account's others."""
        minor = from_minor(1, line.currency)
        account, note = line.account or NAMELESS, line.order or line.key
        rest, count = -line.amount // minor * minor, 0
        self._reserved[line.account, line.group] += line.amount
        for bill in self._bills(line, account, left):
            taken = min(rest, self._free(line, bill[2], account, left) // minor * minor)
            if taken > 0:
                left[bill[1]].remove(bill[2])
                size, name, posted = bill[2]
                left[bill[1]].append((size - taken, name, posted))
                yield self._said(
                    "credit-note", max(line.instant, posted), account=account,
                    note=part_name(note, count), bill=name,
                    amount=write_amount(taken, line.currency), **self._rows(line),
                )  # fmt: skip
                rest, count = rest - taken, count + 1
        if rest:
            yield self._said(
                "top-up", line.instant, account=account, channel=CREDITS,
                serial=serial_of(account, part_name(note, count)),
                amount=write_amount(rest, line.currency), **self._rows(line),
            )  # fmt: skip

    def _free(self, line: Line, bill: tuple[int, str, int], account: str, left: Left) -> int:
        """Return what a credit may take of a bill: what another invoice wants of its own stays."""
        invoice = self._invoices.get((line.account, bill[1]), "")
        wanted = self._reserved.get((line.account, invoice), 0)
        if invoice == line.group or not wanted:
            return bill[0]
        there = sum(
            size for where, bills in left.items() if where[0] == account
            for size, name, _ in bills if self._invoices.get((line.account, name), "") == invoice
        )  # fmt: skip
        return min(bill[0], there - wanted)

    # An account that the ledger has may be overdue, and an instance of it is then out of service
    # at once; what ran before the ledger knew it is billed all the same (R18). So an instance is
    # made just before its first bill, and bills have the date of the import.

    def _instance(self, account: str, instance: str, instant: int) -> Iterator[Json]:
        if self._opened.get(account) == 0:
            self._waiting.add((account, instance))
        else:
            yield from super()._instance(account, instance, instant)

    def _charge(self, line: Line, left: Left) -> Iterator[Json]:
        there = (line.account or NAMELESS, self._instance_of(line))
        if there in self._waiting:
            yield from super()._instance(*there, line.instant)
        yield from super()._charge(line, left)

    def _said(self, command: str, instant: int, **fields: object) -> Json:
        said = super()._said(command, instant, **fields)
        if self._opened.get(str(fields["account"])) == 0:
            said.pop("effective_at", None)
        return said

    def _bill(
        self, line: Line, account: str, bill: str, instance: str, *, ends: int, rated: str
    ) -> Json:
        posted = super()._bill(line, account, bill, instance, ends=ends, rated=rated)
        return {**posted, **self._rows(line)}

    def _rows(self, line: Line) -> Json:
        """Return which rows of which file are behind a bill or a note."""
        return {"reason": f"{self.origin}, {line.place}"} if self.origin else {}

    def _bills(
        self, line: Line, account: str, left: Left
    ) -> list[tuple[int, tuple[str, str], tuple[int, str, int]]]:
        """Return the bills to credit on, the best first."""

        def nearness(bill: tuple[int, tuple[str, str], tuple[int, str, int]]) -> tuple[object, ...]:
            size, (_, instance), (_, name, _) = bill
            invoice = self._invoices.get((line.account, name), "")
            return (
                name != line.group, not line.group or invoice != line.group,
                instance != self._instance_of(line), -size, name,
            )  # fmt: skip

        found = [
            (one[0], where, one) for where, bills in left.items() if where[0] == account
            for one in bills
        ]  # fmt: skip
        return sorted(found, key=nearness)
