#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_run.py - runs one program under several allocators, turn by turn; prints what each cost.

usage: tools/compare_run.py [--rounds N] [--lib NAME=PATH]... [--title TEXT] [--csv FILE]
                            -- PROGRAM ARGUMENTS

The first column is the system's allocator, then each --lib, preloaded; without --lib it is the
library of build/release. The order is A B A B ..., so that a noisy machine is noisy for all. Each
cell is the median of the rounds, with the smallest and largest in brackets; the ratio is that of
the medians. All runs must print the same on standard output and exit with 0, or the comparison
fails.

peak memory is that of the largest process of PROGRAM and its children, as the kernel counted it.
"""
import argparse
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
IS_DARWIN = sys.platform == "darwin"
PRELOAD = "DYLD_INSERT_LIBRARIES" if IS_DARWIN else "LD_PRELOAD"
SUFFIX = ".dylib" if IS_DARWIN else ".so"
DEFAULT_LIBRARY = os.path.join(ROOT, "build", "release", "libzcmalloc" + SUFFIX)
BAR_WIDTH = 30

# name, how to get it from a line of `measure`, how to show it
METRICS = [
    ("wall time", lambda m: m["wall_s"], "s"),
    ("CPU time", lambda m: m["user_s"] + m["system_s"], "s"),
    ("peak memory", lambda m: m["peak_bytes"] / (1 << 20), "MiB"),
    ("page faults", lambda m: (m["minor_faults"] + m["major_faults"]) / 1000, "thousands"),
]


class CannotCompare(Exception):
    """Its text is the one sentence for the user."""


def find_measure(work_folder):
    """The launcher of build/release, or one compiled now."""
    built = os.path.join(ROOT, "build", "release", "tools", "measure")
    if os.access(built, os.X_OK):
        return built
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotCompare("no build/release/tools/measure and no C compiler to make it")
    made = os.path.join(work_folder, "measure")
    source = os.path.join(ROOT, "tools", "measure.c")
    subprocess.run([compiler, "-O1", "-D_GNU_SOURCE", source, "-o", made], check=True)
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


def run_once(measure, library, program, work_folder):
    """One measured run; returns (the measurements, hash of the output)."""
    result_path = os.path.join(work_folder, "result.json")
    output_path = os.path.join(work_folder, "output")
    settings = [f"{PRELOAD}={library}"] if library else []
    with open(output_path, "wb") as output:
        done = subprocess.run(
            [measure, result_path, *settings, *program],
            stdin=subprocess.DEVNULL,
            stdout=output,
            check=False,
        )
    if done.returncode != 0:
        under = library or "the system's allocator"
        raise CannotCompare(f"{program[0]} exits with {done.returncode} under {under}")
    with open(result_path, encoding="utf-8") as result:
        measured = json.load(result)
    with open(output_path, "rb") as output:
        return measured, hashlib.sha256(output.read()).hexdigest()


def run_all(variants, rounds, program, check_output):
    """Returns {name: [measurements of each round]}."""
    results = {name: [] for name, _ in variants}
    hashes = set()
    progress = Progress(rounds * len(variants))
    with tempfile.TemporaryDirectory(prefix="zcmalloc-compare-") as work_folder:
        measure = find_measure(work_folder)
        for number in range(rounds):
            for name, library in variants:
                measured, output_hash = run_once(measure, library, program, work_folder)
                results[name].append(measured)
                hashes.add(output_hash)
                progress.step(f"{name} {measured['wall_s']:.2f} s")
                if check_output and len(hashes) > 1:
                    raise CannotCompare(f"the output differs in round {number + 1} under {name}")
    progress.finish()
    return results


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
    is_new = not os.path.exists(path)
    with open(path, "a", encoding="utf-8") as out:
        if is_new:
            out.write("title,allocator,round,wall_s,user_s,system_s,")
            out.write("peak_bytes,minor_faults,major_faults\n")
        for name, rounds in results.items():
            for number, m in enumerate(rounds, 1):
                out.write(
                    f"{title},{name},{number},{m['wall_s']},{m['user_s']},{m['system_s']},"
                    f"{m['peak_bytes']},{m['minor_faults']},{m['major_faults']}\n"
                )


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


def chosen_variants(pairs):
    variants = [("system", None)]
    for pair in pairs or [f"zcmalloc={DEFAULT_LIBRARY}"]:
        name, equals, path = pair.partition("=")
        path = os.path.abspath(path)
        if not equals or not os.access(path, os.R_OK):
            raise CannotCompare(f"no library at {path} (--lib NAME=PATH)")
        if any(separator in path for separator in ": "):
            raise CannotCompare(f"{path} cannot be preloaded: it holds a space or a colon")
        variants.append((name, path))
    return variants


def main():
    arguments = parse_arguments()
    os.environ.pop(PRELOAD, None)
    try:
        variants = chosen_variants(arguments.lib)
        title = arguments.title or " ".join(arguments.program)
        print(title, flush=True)
        results = run_all(variants, arguments.rounds, arguments.program, not arguments.any_output)
    except CannotCompare as reason:
        print(f"compare_run: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncompare_run: interrupted", file=sys.stderr)
        return 130
    print("\n".join(table_lines(results)))
    same = "" if arguments.any_output else "; all runs printed the same"
    rounds = f"{arguments.rounds} rounds, turn by turn"
    print(f"  median [smallest .. largest] of {rounds}{same}\n", flush=True)
    if arguments.csv:
        write_csv(arguments.csv, title, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
