"""Tests of the tree, the seals, the proofs, the verification and the evidence pack."""
