"""Every command of ``tally`` by what it is for: its module and its short help."""

from __future__ import annotations

from typing import Final

GROUPS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Set up": {
        "demo": ("demo", "Make a ledger with a year of data and walk through it."),
        "init": ("init", "Make a new ledger."),
        "config": ("config", "Print every setting and where it comes from."),
        "copy": ("copy", "Copy a ledger: file to server, server to file."),
        "backup": ("backup", "Back up the whole ledger to a file."),
        "columns": ("columns", "Build a columnar copy, for questions about all accounts."),
        "completion": ("completion", "Print the completion script of a shell."),
        "help": ("help", "Show the help of a command: tally help record top-up."),
    },
    "Record": {
        "record": ("record", "Record one command."),
        "import": ("import_", "Record commands from a file or a pipe."),
        "clock": ("clock", "Show or move the ledger's clock."),
        "run": ("run", "Keep a system-clock ledger caught up."),
        "notify": ("notify", "Deliver notices to customers; list them."),
        "close": ("close", "Close a month, quarter or year; later facts are restatements."),
        "reopen": ("reopen", "Reopen the latest closed period."),
        "tag": ("tag", "Name a point in time."),
    },
    "Look": {
        "status": ("status", "Show head, clock, views, and what is due next."),
        "state": ("state", "Show one account: money, coupons, bills, instances."),
        "balances": ("balances", "Show every account's money, one row each."),
        "instances": ("instances", "Show every instance's state, one row each."),
        "lots": ("lots", "Show which receipt paid what, first in, first out."),
        "log": ("log", "Show events, in the order they were recorded."),
        "show": ("show", "Show one event with its cause, effects and bytes."),
        "periods": ("periods", "List every month: open, closed or reopened, and by whom."),
        "sql": ("sql", "Query the ledger in SQL, at any point."),
        "serve": ("serve", "Explore the ledger in the browser, read-only."),
        "schema": ("schema", "Print the JSON Schema of an answer or of a command."),
    },
    "Explain": {
        "why": ("why", "Explain a field: its causes, down to facts."),
        "why-not": ("why_not", "Show which rule refuses a command, and what would help."),
        "blame": ("blame", "Show for each field the event that last set it."),
        "last": ("last", "Show the last changes of one field."),
        "diff": ("diff", "Show what differs between two points; --bridge says why."),
    },
    "Hunt": {
        "trace": ("trace", "Show an expression's value over all history."),
        "bisect": ("bisect", "Find all events at which an expression flips."),
        "debug": ("debug", "Step through an account's history, both ways."),
        "check": ("check", "Evaluate standing checks: what must always hold."),
    },
    "Rehearse": {
        "whatif": ("whatif", "Change the past on a copy; nothing is written."),
        "forecast": ("forecast", "Run the rules ahead of the clock on a copy."),
        "backtest": ("backtest", "Decide all history under other rules: who would pay more?"),
    },
    "Prove": {
        "verify": ("verify", "Verify the whole ledger; name the kind and the place."),
        "recheck": ("recheck", "Decide the whole history again and compare."),
        "replay": ("replay", "Refold the whole log; --compare with the views."),
        "projections": ("projections", "List, check or rebuild the stored views."),
        "keys": ("keys", "Make, show or rotate the key that signs checkpoints."),
        "seal": ("seal", "Sign a checkpoint of the log."),
        "prove": ("prove", "Prove one event, or that an older checkpoint still holds."),
        "check-proof": ("check_proof", "Check a proof, offline, without a ledger."),
        "witness": ("witness", "Cosign a checkpoint as a second key holder."),
        "pack": ("pack", "Write the evidence pack of a period."),
        "verify-pack": ("verify_pack", "Verify an evidence pack."),
        "tiles": ("tiles", "Write the log as a directory that C2SP clients read."),
    },
    "Reconcile": {
        "reconcile": ("reconcile", "Compare a bank or vendor statement with the ledger."),
        "breaks": ("breaks", "List, resolve, sign off or reopen recorded breaks."),
    },
    "Hand over": {
        "report": ("report", "Show the trial balance, a statement and other reports."),
        "export": ("export", "Export the books or the log in another format."),
        "verify-export": ("verify_export", "Check that an export matches the ledger."),
    },
}  # fmt: skip
COMMANDS: Final = {name: entry for section in GROUPS.values() for name, entry in section.items()}
