"""One command a module: parse, call, render."""
