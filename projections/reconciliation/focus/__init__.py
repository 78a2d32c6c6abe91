"""FOCUS Cost and Usage of any provider and edition, read by columns: rows summed to charges.

A delivery has millions of rows and a few hundred charges, so an engine (``by_columns`` DuckDB,
``by_rows`` plain Python) sums the rows of each key and nothing else is kept of them.
Invariant: both engines give the same parts of a file; every sum is exact.
This package must not know the ledger; ``booking`` makes commands of charges alone.
"""
