"""Two deliveries of one month against each other: what was added, is gone, or was changed.

Providers restate: yesterday's file of a month is not today's. A charge is the same in both where
all columns that identify it are; rows equal in those are told apart by their ordinal.
Invariant: old + added - gone + changed = new, by currency and to the last decimal, where old and
new are sums of the files and not of what was found.
This package must not know the ledger.
"""
