"""Reconciliation: what others say happened, held against the ledger, to the last unit."""
