"""What shows that the log is unchanged: tree, nodes, tiles, proofs, notes, seals, trust.

Everything here is about bytes. This package must not know what an event means, nor where keys are.
"""
