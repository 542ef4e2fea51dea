# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_outputs.py - the files that bench/compare writes: can they be written, and then writes them.

Whether a file can be written is asked before anything runs, as a measurement may take hours. One that fails all the
same, as on a disk that is full by then, costs no other."""
import json
import os
import sys
import tempfile

import compare_charts
import compare_markdown
import compare_report
import compare_saved
from compare_allocators import CannotCompare


FORMAT = 1


def is_summary(svg_path):
    return svg_path.endswith(".svg")


def check_folder(folder, path):
    """By a file there: permissions do not tell it to root, and nothing tells it of every file system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as reason:
        raise CannotCompare(f"{path} cannot be written: {reason.strerror}") from None


def check_file(path):
    if os.path.isdir(path):
        raise CannotCompare(f"{path} cannot be written: it is a folder")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise CannotCompare(f"{path} cannot be written: it is read-only")
    if not os.path.exists(path) or os.path.isfile(path):  # else a pipe or a device
        check_folder(os.path.dirname(os.path.realpath(path)), path)


def check_new_folder(path):
    """One that may have to be made, and those above it too."""
    existing = os.path.abspath(path)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    check_folder(existing, path)


def check_all(arguments):
    """CannotCompare if one of the files that were asked for cannot be written."""
    for path in (arguments.json, arguments.csv, arguments.markdown):
        if path:
            check_file(path)
    for path in arguments.svg:
        (check_file if is_summary(path) else check_new_folder)(path)
    if arguments.markdown:
        compare_markdown.split_at_section(arguments.markdown)


def read_json(path):
    """What write_json wrote; CannotCompare if it is something else."""
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
    except (ValueError, RecursionError) as reason:  # no JSON, or no text
        raise CannotCompare(f"{path} is no JSON file: {reason}") from None
    lists = [result.get(key) for key in ("rows", "allocators")] if isinstance(result, dict) else [None]
    if any(not isinstance(each, list) for each in lists) or result.get("format") != FORMAT:
        raise CannotCompare(f"{path} is not of bench/compare --json")
    damage = compare_saved.damage(result)
    if damage:
        raise CannotCompare(f"{path} is damaged: {damage}")
    return result


def write_json(path, result):
    """Complete or not at all: a half-written file would lose the rounds before."""
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe or a device is not to be replaced
        with open(path, "w", encoding="utf-8") as out:
            json.dump(result, out)
        return
    real = os.path.realpath(path)  # a link stays one
    part = real + ".part"
    try:
        with open(part, "w", encoding="utf-8") as out:
            json.dump(result, out)
        os.replace(part, real)
    except OSError:
        if os.path.exists(part):
            os.remove(part)
        raise


class Keeper:
    """Writes the JSON file while the measuring goes on; if it cannot, it says so once."""

    def __init__(self, path):
        self.path = path
        self.has_complained = False

    def keep(self, result):
        if not self.path:
            return
        try:
            write_json(self.path, result)
        except OSError as reason:
            if not self.has_complained:
                print(f"\ncompare: {self.path} cannot be written, the measuring goes on: {reason.strerror}",
                      file=sys.stderr, flush=True)
            self.has_complained = True


class Writer:
    """Each file by itself. is_well: all that were asked for are there."""

    def __init__(self):
        self.is_well = True

    def attempt(self, write, *arguments):
        """What write returns, or None if it failed."""
        try:
            return write(*arguments)
        except (CannotCompare, OSError) as reason:
            print(f"compare: {reason}", file=sys.stderr)
            self.is_well = False
            return None


def draw(result, paths):
    """The files; none without matplotlib."""
    charts = compare_charts.draw_all(result, paths)
    print("\n" + ("no charts: no Python here has matplotlib" if charts is None else "\n".join(charts)))
    return charts or []


def print_report(result, has_all_tables):
    machine_text, rounds = compare_markdown.machine_text(result["machine"]), compare_markdown.rounds_of(result)
    print(f"{result['started']}, {machine_text}; rounds: {rounds}\n")
    print(compare_markdown.text_report(result, has_all_tables), flush=True)


def write_all(result, arguments):
    """Prints the tables and writes the files; returns whether all went well."""
    writer = Writer()
    if arguments.json:
        writer.attempt(write_json, arguments.json, result)
    writer.attempt(print_report, result, arguments.all_tables)
    if arguments.csv:
        writer.attempt(compare_report.write_csv, arguments.csv, result)
    charts = writer.attempt(draw, result, arguments.svg) if arguments.svg else []
    if arguments.markdown:
        if charts is None:
            print(f"compare: {arguments.markdown} is written without charts", file=sys.stderr)
            charts = []
        folders = [os.path.abspath(path) for path in arguments.svg if not is_summary(path)]
        embedded = [chart for chart in charts if os.path.dirname(os.path.abspath(chart)) in folders]
        told = [word for path in arguments.svg for word in ("--svg", path)] + ["--markdown", arguments.markdown]
        writer.attempt(compare_markdown.write_section, arguments.markdown, result, embedded, told)
    return writer.is_well
