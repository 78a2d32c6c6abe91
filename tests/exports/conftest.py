"""The ledgers of the books' tests, to export from."""

from tests.books.conftest import hard, year

__all__ = ["hard", "year"]
