"""The same decider on a fork in memory: recheck, what-if, forecast, flip, why-not.

What was recorded is decided again from its facts: the requests of accepted and refused commands
in the order of positions, each at its instant, and the clock. Invariant: nothing here writes.
"""
