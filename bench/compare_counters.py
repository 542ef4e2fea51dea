# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_counters.py - bench/compare --counters: where the time of many threads goes.

Each row runs three times under each allocator: as it is, for times and context switches; under strace, which
counts its system calls (futex: a thread waits for a lock, or wakes another); and under perf, which samples
where it runs. A tool that is missing, or does not work on this machine, is named in one line and left out.
A run under strace is far slower than one without: read its counts, not its times."""
import os
import re
import shutil
import subprocess

from compare_report import align, shown
from compare_runner import kill_group

COUNTS = (16,)
SYMBOL_COUNT = 5
TOOL_TIMEOUT_S = 300
CALLS = ["futex", "mmap", "munmap", "madvise", "mremap", "mprotect", "sched_yield"]
LOCK = re.compile(r"(?<![bc])lock|mutex|futex|spin|lll_", re.IGNORECASE)  # not block, not clock
PERF_EVENTS = ["cycles", "cpu-clock", "cpu-clock:u"]


def output_of(command, **options):
    """(whether it ended well, standard output, standard error)"""
    try:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", start_new_session=True, **options) as process:
            try:
                output, errors = process.communicate(timeout=TOOL_TIMEOUT_S)
            except BaseException:
                kill_group(process)  # the tool alone would leave behind what it watches
                raise
    except (OSError, subprocess.TimeoutExpired):
        return False, "", ""
    return process.returncode == 0, output, errors


def strace_works():
    return shutil.which("strace") is not None and output_of(["strace", "-f", "-c", "true"])[0]


def perf_event(folder):
    """(the event to sample by or None, a line about what perf cannot do here or None)"""
    if shutil.which("perf") is None:
        return None, "perf is not installed: no symbols"
    _, _, counted = output_of(["perf", "stat", "-e", "instructions", "true"])
    has_hardware = "instructions" in counted and "<not supported>" not in counted
    data = os.path.join(folder, "perf.data")
    for event in PERF_EVENTS if has_hardware else PERF_EVENTS[1:]:
        if output_of(["perf", "record", "-q", "-e", event, "-o", data, "true"])[0]:
            note = None if has_hardware else "perf counts no instructions on this machine: symbols are sampled by time"
            return event, note
    return None, "perf cannot sample on this machine: no symbols"


def count_calls(runner, row, allocator):
    """{system call: how often} of a run under strace, or None."""
    table = runner.path("strace")
    settings = [word for setting in row.settings + allocator.settings() for word in ("-E", setting)]
    command = ["strace", "-f", "-c", "-qq", "-o", table, "-e", "trace=" + ",".join(CALLS), *settings, *row.command]
    is_well, _, _ = output_of(command, env=runner.environment, cwd=runner.folder.name)
    return parse_strace(open_text(table)) if is_well else None


def open_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def parse_strace(text):
    """Of lines: % time, seconds, usecs/call, calls, [errors,] syscall."""
    found = dict.fromkeys(CALLS, 0)
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[-1] in found and words[3].isdigit():
            found[words[-1]] = int(words[3])
    return found


def top_symbols(runner, row, allocator, event):
    """[(percent, where)], the dearest first; of a run under perf."""
    data = runner.path("perf.data")
    # Started by env: perf itself shall not run under the allocator.
    command = ["perf", "record", "-q", "-e", event, "-o", data, "--", "env",
               *row.settings, *allocator.settings(), *row.command]
    if not output_of(command, env=runner.environment, cwd=runner.folder.name)[0]:
        return None
    report = ["perf", "report", "-q", "--stdio", "--no-children", "-F", "overhead,dso,symbol", "-i", data,
              "--percent-limit", "0.5"]
    return parse_perf(output_of(report)[1])


def parse_perf(text):
    """Of lines: 12.34%  library.so  [.] symbol"""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*([0-9.]+)%\s+(\S+)\s+\[(.)\]\s+(.*\S)", line)
        if match:
            place = "kernel" if match.group(3) == "k" else match.group(2)
            found.append((float(match.group(1)), place, match.group(4).split("  ")[0]))
    return found[:SYMBOL_COUNT]


def symbol_lines(row, allocator, symbols):
    if not symbols:
        return [f"{row.name} {allocator.name}: perf found nothing"]
    is_lock = bool(LOCK.search(symbols[0][2]))
    head = f"{row.name} {allocator.name}:" + (" A LOCK IS THE TOP COST" if is_lock else "")
    return [head, *(f"  {percent:5.1f} %  {place:<24.24} {symbol}" for percent, place, symbol in symbols)]


def show_all(runner, rows, allocators):
    """Prints a table of counts for each row, then the symbols; returns whether no run failed."""
    is_well = True
    event, note = perf_event(runner.folder.name)
    has_strace = strace_works()
    if note:
        print(note)
    if not has_strace:
        print("strace is not installed or not allowed here: no counts of system calls")
    for row in rows:
        if row.server:
            continue
        table = [[row.name, "time, s", "user, s", "system, s", "waits", "preempted", *(CALLS if has_strace else [])]]
        symbols = []
        for allocator in allocators:
            run = runner.run(row, allocator)
            if "failed" in run:
                symbols.append(f"FAILED {row.name} under {allocator.name}: {run['failed']}")
                is_well = False
                continue
            line = [allocator.name, *(shown(run[key]) for key in ("time_s", "user_s", "system_s")),
                    str(run["voluntary_switches"]), str(run["involuntary_switches"])]
            if has_strace:
                calls = count_calls(runner, row, allocator)
                line += [str(calls[call]) if calls else "-" for call in CALLS]
            table.append(line)
            if event:
                symbols += symbol_lines(row, allocator, top_symbols(runner, row, allocator, event))
        print("\n" + "\n".join([*align(table), *symbols]), flush=True)
    return is_well
