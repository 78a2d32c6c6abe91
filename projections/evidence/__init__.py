"""Evidence: what follows from the log, compared with it, and the pack that an auditor takes away.

Invariant: it only reads, and every figure in it can be derived again from the events in it.
"""
