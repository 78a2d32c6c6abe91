"""Every command of ``tally`` by what it is for: its module and its short help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cli.groups import Table

GROUPS: Final[Table] = {
    "Set up": {
        "demo": ("demo", "Make a ledger of a year and walk through it."),
        "init": ("init", "Make a new ledger."),
        "config": ("config", "Every setting in force, and where it comes from."),
        "copy": ("copy", "Copy a ledger: file to server, server to file."),
        "backup": ("backup", "Back up the whole ledger to a file."),
        "columns": ("columns", "Columnar copy, for fast questions about the whole ledger."),
        "completion": ("completion", "Print the completion script of a shell."),
        "help": ("help", "The help of a command, such as: tally help record top-up."),
    },
    "Record": {
        "record": ("record", "Record one command."),
        "import": ("import_", "Record commands from a file or a pipe."),
        "clock": ("clock", "Show or move the ledger's clock."),
        "run": ("run", "Keep a system-clock ledger caught up."),
        "notify": ("notify", "Deliver notices to customers; list them."),
        "close": ("close", "Close a month, quarter or year; late facts then restate it."),
        "reopen": ("reopen", "Reopen the latest closed period."),
        "tag": ("tag", "Name a point in time."),
    },
    "Look": {
        "status": ("status", "Head, clock, views, and what is due next."),
        "state": ("state", "One account: money, coupons, bills, instances."),
        "balances": ("balances", "Every account's money, one row each."),
        "instances": ("instances", "Every instance's state, one row each."),
        "lots": ("lots", "Which receipt paid what, first in, first out."),
        "log": ("log", "Events, in the order they were recorded."),
        "show": ("show", "One event whole."),
        "periods": ("periods", "Every month: open, closed or reopened, and by whom."),
        "sql": ("sql", "Ask in SQL, at any point."),
        "serve": ("serve", "Explore the ledger in the browser, read-only."),
        "schema": ("schema", "The JSON Schema of an answer or of a command."),
    },
    "Explain": {
        "why": ("why", "The causes of a field, down to facts."),
        "why-not": ("why_not", "Which rule refuses a command, and what would help."),
        "blame": ("blame", "Each field and the event that last set it."),
        "last": ("last", "The last changes of one field."),
        "diff": ("diff", "What differs between two points; --bridge says why."),
    },
    "Hunt": {
        "trace": ("trace", "An expression's value over all history."),
        "bisect": ("bisect", "All events at which an expression flips."),
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
        "verify-pack": ("verify_pack", "Verify an evidence pack with our own code."),
        "tiles": ("tiles", "Write the log as a directory that C2SP clients read."),
    },
    "Reconcile": {
        "reconcile": ("reconcile", "Compare a bank or vendor statement with the ledger."),
        "breaks": ("breaks", "List, resolve, sign off or reopen recorded breaks."),
    },
    "Hand over": {
        "report": ("report", "Trial balance, statement and other pages of the books."),
        "export": ("export", "Export the books or the log in another format."),
        "verify-export": ("verify_export", "Check that an export matches the ledger."),
    },
}  # fmt: skip
COMMANDS: Final = {name: entry for section in GROUPS.values() for name, entry in section.items()}
