"""Reconciliation: what others say happened, compared with the ledger, to the last unit."""
