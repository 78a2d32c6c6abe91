"""The books: every event as balanced postings, and what follows from them.

Invariant: nothing in here is stored; a point in time and the log give the same books for ever.
This package must not know the command line, nor how an event was decided.
"""
