"""The decisions, one family a file. Families do not import each other; ``payment`` serves all.

Each file reads in one order: what it decides, its decisions, its due transitions. Every decision
checks in the order of RULEBOOK section 5 before it emits anything: a refusal leaves no trace.
"""
