"""The shell: parses, calls, renders. No rule and no arithmetic on money lives here.

These are the program's first lines: Ctrl-C ends it quietly while the rest is still being loaded,
and the cycle collector does not look through what is loaded, neither then nor at the end: a third
of the time that a short command takes.
"""

import _signal  # type: ignore[import-not-found]  # all of signal takes a while to load
import os
import sys

INTERRUPTED = 130


def leave_quietly(*_: object) -> None:
    """End at once, without a traceback: nothing is open yet, or nothing any more."""
    os._exit(INTERRUPTED)


def end_quietly_on_ctrl_c() -> None:
    """From here on Ctrl-C ends the program at once, where it would be an exception."""
    ours = IS_THE_PROGRAM and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if ours:
        _signal.signal(_signal.SIGINT, leave_quietly)


def _is_the_program(started: str) -> bool:
    if "multiprocessing" in sys.modules:  # a worker of it has its name too
        return False
    return started == "-m" or os.path.basename(started) == "tally"  # noqa: PTH119 - no pathlib yet


IS_THE_PROGRAM = _is_the_program(sys.argv[0])
if IS_THE_PROGRAM:
    end_quietly_on_ctrl_c()

import atexit  # noqa: E402 - Ctrl-C comes first
import gc  # noqa: E402 - as above


def begin_collecting() -> None:
    """Let the collector work from here on, and leave alone what is loaded by now."""
    if IS_THE_PROGRAM:
        gc.freeze()
        gc.enable()


def leave_interrupted() -> None:
    """End with 130, whatever was interrupted; what is registered for the end is done."""
    if IS_THE_PROGRAM:
        # The interpreter would end itself by the signal where the key came while it evaluated text.
        atexit._run_exitfuncs()  # noqa: SLF001 - what it does itself at the end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)


def _end() -> None:
    gc.freeze()
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # all is done; the interpreter would take it up


if IS_THE_PROGRAM:
    gc.disable()
    atexit.register(_end)
