# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_signals.py - a measurement that is told to end, or whose terminal is gone, ends as by Ctrl-C."""
import signal

ENDED = 130  # the exit code, as a shell has it
OTHERS = [signal.SIGTERM, signal.SIGHUP]


def end(_number, _frame):
    """Once: a second one, as of a terminal that goes away, would end the cleaning up."""
    for each in OTHERS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def end_at_once():
    """By Ctrl-C, without Python's traceback."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_as_by_ctrl_c():
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in OTHERS:
        if signal.getsignal(each) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(each, end)
