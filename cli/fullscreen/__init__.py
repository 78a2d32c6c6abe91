"""``tally debug --tui``: the debugger as a full screen, on the same session and the same words.

screen.py is the application (Textual, an extra), panes.py its scrolled lists, content.py what
they show. Invariant: each key runs a line of projections/history/words.py, so that whatever the
screen does a script can do as well; nothing is recorded.
"""
