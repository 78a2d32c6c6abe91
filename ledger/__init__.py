"""The write side: facts, the rules that make them, and the log that keeps them.

Nothing here knows of projections or of the command line.
"""
