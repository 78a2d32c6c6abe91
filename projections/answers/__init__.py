"""Answers: what the read side gives, as structs whose JSON is that of INTERFACE section 4.

Invariant: money is an exact decimal with its currency in the same object; instants are written in
the ledger's offset; lists are sorted by id. What makes an answer formats, and decides nothing.
"""
