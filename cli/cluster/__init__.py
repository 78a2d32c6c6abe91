"""Long folds in shares, in this process or by the workers of a Dask cluster.

Invariant: how many workers there are never shows on stdout. This package must not know what a
share holds beyond handing it to a task.
"""
