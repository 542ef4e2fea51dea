# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_signals.py - a measurement that is told to end, or whose terminal is gone, ends as by Ctrl-C."""
import signal

OTHERS = [signal.SIGTERM, signal.SIGHUP]


def end(_number, _frame):
    """Once: a second one, as of a terminal that goes away, would end the cleaning up."""
    for each in OTHERS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def end_as_by_ctrl_c():
    for each in OTHERS:
        if signal.getsignal(each) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(each, end)
