"""What DoltLite does with the same balances; run by a Python that has it, without our code.

``python doltlite_peer.py DAYS DATABASE ACCOUNT`` prints seconds as JSON.
"""

import doltlite  # type: ignore[import-not-found]  # isort: skip - it replaces SQLite: first

import json
import sqlite3
import sys
import time
from pathlib import Path

assert doltlite.__name__  # noqa: S101 - it is imported for its effect
UPSERT = (
    "INSERT INTO balances VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE "
    "SET cash = excluded.cash, outstanding = excluded.outstanding"
)
QUESTIONS = {
    "history": "SELECT * FROM dolt_diff_balances WHERE to_account = ?1",
    "as_of": "SELECT * FROM dolt_at_balances(?2) WHERE account = ?1",
    "diff": "SELECT * FROM dolt_diff_balances(?2, ?3) WHERE to_account = ?1",
}


def main() -> None:
    """Commit every day, then ask."""
    days = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    connection = sqlite3.connect(sys.argv[2], isolation_level=None)
    connection.execute(
        "CREATE TABLE balances (account TEXT PRIMARY KEY, cash INT NOT NULL, outstanding INT)"
    )
    begun = time.process_time()
    for number, day in enumerate(days):
        connection.execute("BEGIN")
        connection.executemany(UPSERT, [(account, *sums) for account, sums in day.items()])
        connection.execute("COMMIT")
        connection.execute("SELECT dolt_commit('-A', '-m', ?)", (f"day {number}",)).fetchall()
    found = {"commits": time.process_time() - begun}
    commits = [row[0] for row in connection.execute("SELECT commit_hash FROM dolt_log")]
    values = (sys.argv[3], commits[len(commits) // 2], commits[0])
    for name, question in QUESTIONS.items():
        found[name] = min(_spent(connection, question, values) for _ in range(5))
    sys.stdout.write(json.dumps(found))


def _spent(connection: sqlite3.Connection, question: str, values: tuple[str, ...]) -> float:
    begun = time.process_time()
    wanted = max(number for number in (1, 2, 3) if f"?{number}" in question)
    rows = connection.execute(question, values[:wanted]).fetchall()
    assert rows, question  # noqa: S101 - a benchmark of nothing
    return time.process_time() - begun


main()
