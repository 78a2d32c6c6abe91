"""Speed, measured beside a peer in the same run: ``make bench`` writes docs/BENCHMARKS.md.

Machines are shared and noisy, so every claim is a ratio within one run; a figure alone says
nothing. CI runs these at a small size, for correctness only.
"""
