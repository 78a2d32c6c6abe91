"""The form of commands: lines, ids, and the messages about mistakes."""
