"""Verification of a ledger: bytes, columns, tree, seals. It reads and never writes.

Invariant: it trusts nothing that is stored but what is signed; whatever is damaged ends in a
finding, not in an exception. It must not know the views: projections/evidence checks those.
"""
