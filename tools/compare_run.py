#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_run.py - runs one program under several allocators, turn by turn; prints what each cost.

usage: tools/compare_run.py [--rounds N] [--lib NAME=PATH]... [--title TEXT] [--csv FILE]
                            -- PROGRAM ARGUMENTS

The first column is the system's allocator, then each --lib, preloaded; without --lib it is the
library of build/release; NAME=PATH,VARIABLE=VALUE sets variables too. The order is A B A B ...,
so that a noisy machine is noisy for all. Each cell is the median of the rounds, with the smallest
and largest in brackets; the ratio is that of the medians. All runs must print the same on standard
output and exit with 0, or the comparison fails. A program that takes no preloaded library is
refused. Ctrl-C ends early: the table is of the rounds that are complete.

peak memory is that of the largest process of PROGRAM and its children, as the kernel counted it.
"""
import argparse
import csv
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.dont_write_bytecode = True
import compare_allocators
import compare_outputs
import compare_preloading
import compare_runner
import compare_signals
from compare_allocators import OURS, OURS_PATH, PRELOAD, CannotCompare

BAR_WIDTH = 30

# name, how to get it from a line of `measure`, how to show it
METRICS = [
    ("wall time", lambda m: m["wall_s"], "s"),
    ("CPU time", lambda m: m["user_s"] + m["system_s"], "s"),
    ("peak memory", lambda m: m["peak_bytes"] / (1 << 20), "MiB"),
    ("page faults", lambda m: (m["minor_faults"] + m["major_faults"]) / 1000, "thousands"),
]


def find_program(built, source, work_folder):
    """One of ours: the built one, or one compiled now."""
    built = os.path.join(ROOT, "build", built)
    if os.access(built, os.X_OK):
        return built
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotCompare(f"no {os.path.relpath(built, ROOT)} and no C compiler to make it")
    made = os.path.join(work_folder, os.path.basename(built))
    command = [compiler, "-O1", "-D_GNU_SOURCE", "-pthread", os.path.join(ROOT, source), "-o", made, "-ldl"]
    if subprocess.run(command, check=False).returncode != 0:
        raise CannotCompare(f"{source} does not compile")
    return made


class Progress:
    """A bar with the time left on a terminal, else one line for each run."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.start = time.monotonic()
        self.is_terminal = sys.stdout.isatty()

    def step(self, text):
        self.done += 1
        if not self.is_terminal:
            print(f"  run {self.done} of {self.total}: {text}", flush=True)
            return
        left = (time.monotonic() - self.start) / self.done * (self.total - self.done)
        filled = BAR_WIDTH * self.done // self.total
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        line = f"  [{bar}] {self.done}/{self.total}, {left:.0f} s left, {text}"
        print(f"\r{line:<78.78}", end="", flush=True)

    def finish(self):
        if self.is_terminal:
            print("\r" + " " * 78 + "\r", end="", flush=True)


def run_once(measure, allocator, program, work_folder):
    """One measured run; returns (the measurements, hash of the output)."""
    result_path = os.path.join(work_folder, "result.json")
    output_path = os.path.join(work_folder, "output")
    command = [measure, result_path, *allocator.settings(), *program]
    with open(output_path, "wb") as output, \
         subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True) as process:
        try:
            process.wait()
        except BaseException:
            compare_runner.kill_group(process)
            raise
    if process.returncode != 0:
        under = allocator.path or "the system's allocator"
        raise CannotCompare(f"{program[0]} exits with {process.returncode} under {under}")
    with open(result_path, encoding="utf-8") as result:
        measured = json.load(result)
    with open(output_path, "rb") as output:
        return measured, hashlib.sha256(output.read()).hexdigest()


def run_all(allocators, rounds, program, check_output, results):
    """Fills results, {name: [measurements of each round]}."""
    hashes = set()
    progress = Progress(rounds * len(allocators))
    with tempfile.TemporaryDirectory(prefix="zcmalloc-compare-") as work_folder:
        measure = find_program("release/tools/measure", "tools/measure.c", work_folder)
        which_malloc = find_program("workloads/which_malloc", "bench/workloads/which_malloc.c", work_folder)
        compare_allocators.check_preloads(allocators, which_malloc)
        for number in range(rounds):
            for allocator in allocators:
                measured, output_hash = run_once(measure, allocator, program, work_folder)
                hashes.add(output_hash)
                if check_output and len(hashes) > 1:
                    raise CannotCompare(f"the output differs in round {number + 1} under {allocator.name}")
                results[allocator.name].append(measured)
                progress.step(f"{allocator.name} {measured['wall_s']:.2f} s")
    progress.finish()


def table_lines(results):
    names = list(results)
    cells = [["", *names, *(f"{name} / {names[0]}" for name in names[1:])]]
    for metric, value_of, unit in METRICS:
        row = [f"{metric}, {unit}"]
        medians = []
        for name in names:
            values = [value_of(measured) for measured in results[name]]
            medians.append(statistics.median(values))
            row.append(f"{medians[-1]:.2f} [{min(values):.2f} .. {max(values):.2f}]")
        for median in medians[1:]:
            row.append(f"{median / medians[0]:.2f}" if medians[0] > 0 else "-")
        cells.append(row)
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = []
    for row in cells:
        right = "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:]))
        lines.append(f"  {row[0]:<{widths[0]}}  {right}")
    lines.insert(1, "  " + "-" * (len(lines[0]) - 2))
    return lines


def write_csv(path, title, results):
    columns = ["wall_s", "user_s", "system_s", "peak_bytes", "minor_faults", "major_faults"]
    is_new = not os.path.exists(path) or os.path.getsize(path) == 0
    try:
        with open(path, "a", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            if is_new:
                writer.writerow(["title", "allocator", "round", *columns])
            for name, rounds in results.items():
                for number, measured in enumerate(rounds, 1):
                    writer.writerow([title, name, number, *(measured[column] for column in columns)])
    except OSError as reason:  # which does not name the file where it is full
        raise CannotCompare(f"{path} cannot be written: {reason.strerror}") from None


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each allocator (5)")
    parser.add_argument("--lib", action="append", metavar="NAME=PATH", help="a library to preload")
    parser.add_argument("--title", default="", help="printed above the table")
    parser.add_argument("--csv", metavar="FILE", help="append every single run to FILE")
    parser.add_argument("--any-output", action="store_true", help="runs may print different things")
    parser.add_argument("program", nargs=argparse.REMAINDER, help="-- PROGRAM ARGUMENTS")
    arguments = parser.parse_args()
    if arguments.program[:1] == ["--"]:
        del arguments.program[0]
    if not arguments.program or arguments.rounds < 1:
        parser.error("needs a program after --, and at least one round")
    return arguments


def chosen_allocators(pairs):
    chosen = [compare_allocators.Allocator("system", "")]
    chosen += [compare_allocators.named_library(pair, "--lib") for pair in pairs or [f"{OURS}={OURS_PATH}"]]
    compare_allocators.check_names(chosen)
    return chosen


def report(title, results, arguments):
    """Of complete rounds, so that each allocator's runs are of the same time."""
    rounds = min(map(len, results.values()))
    if rounds != 0:
        print("\n".join(table_lines({name: runs[:rounds] for name, runs in results.items()})))
        same = "" if arguments.any_output else "; all runs printed the same"
        count = "1 round" if rounds == 1 else f"{rounds} rounds"
        print(f"  median [smallest .. largest] of {count}, turn by turn{same}\n", flush=True)
    if arguments.csv:
        write_csv(arguments.csv, title, results)


def main():
    arguments = parse_arguments()
    compare_signals.end_as_by_ctrl_c()
    os.environ.pop(PRELOAD, None)
    title = arguments.title or " ".join(arguments.program)
    code = 0
    try:
        if arguments.csv:
            compare_outputs.check_file(arguments.csv)
        allocators = chosen_allocators(arguments.lib)
        compare_preloading.check_program(arguments.program[0])
        results = {allocator.name: [] for allocator in allocators}
        print(title, flush=True)
        try:
            run_all(allocators, arguments.rounds, arguments.program, not arguments.any_output, results)
        except KeyboardInterrupt:
            print("\ncompare_run: ended early; complete rounds count", file=sys.stderr)
            code = compare_signals.ENDED
        report(title, results, arguments)
    except (CannotCompare, OSError) as reason:
        print(f"compare_run: {reason}", file=sys.stderr)
        return code or 1
    except KeyboardInterrupt:
        print("compare_run: interrupted", file=sys.stderr)
        return compare_signals.ENDED
    return code


if __name__ == "__main__":
    sys.exit(main())
