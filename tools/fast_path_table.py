#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""fast_path_table.py - counts what malloc, free, and realloc of what fits execute when all goes well.

usage: fast_path_table.py LIBRARY                  prints the table
       fast_path_table.py LIBRARY --golden FILE    fails where a figure is above the file's

The fast path is what runs from the entry to the first ret with no conditional branch taken: the compiler
is told which way is likely, and a layout in which that is not so fails here too. Of operators that derive from others it
is a jump, and the path of those. x86-64 only.
"""
import re
import subprocess
import sys

FUNCTIONS = ["malloc", "free", "_Znwm", "_ZdlPv", "_Znam", "_ZdlPvm", "zc_malloc", "zc_free", "realloc", "zc_realloc"]
DERIVED = {"_Znam": "_Znwm", "_ZdlPvm": "_ZdlPv"}
COLUMNS = ["instructions", "branches", "loads", "stores", "calls", "pushes", "locked"]
# More than any of these may never be, whatever the golden file says.
LIMITS = {"malloc": 17, "free": 16, "_Znwm": 17, "_ZdlPv": 16, "_Znam": 17, "_ZdlPvm": 16}


def run(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def disassemble(library, name):
    """By address: where two names stand for one function objdump knows it by one of them only."""
    symbols = run(["nm", "-D", "-S", "--defined-only", library])
    found = re.search(rf"^(\w+) (\w+) [TW] {re.escape(name)}(@@\w+)?$", symbols, re.M)
    if not found:
        return []
    start, size = (int(word, 16) for word in found.groups()[:2])
    text = run(["objdump", "-d", "--no-show-raw-insn", f"--start-address={start:#x}",
                f"--stop-address={start + size:#x}", library])
    lines = re.findall(r"^\s+[0-9a-f]+:\s+(\S.*?)\s*(?:#.*)?$", text, re.M)
    # Some compilers mark each entry for the processor's sake (-fcf-protection): no work of ours.
    return [line for line in lines if line != "endbr64"]


def count(lines):
    figures = dict.fromkeys(COLUMNS, 0)
    for line in lines:
        figures["instructions"] += 1
        words = line.split(None, 1)
        operation = words[0]
        operands = words[1] if len(words) > 1 else ""
        if operation == "lock" or operation.startswith("xchg"):
            figures["locked"] += 1
        if operation.startswith("call"):
            figures["calls"] += 1
        if operation.startswith("push"):
            figures["pushes"] += 1
        if operation.startswith("j"):
            figures["branches"] += 1
        elif "(" in operands and not operation.startswith(("lea", "nop", "prefetch")):
            to_memory = operands.rstrip().endswith(")") and "," in operands
            reads = not (to_memory and operation.startswith("mov"))
            writes = to_memory and not operation.startswith(("cmp", "test"))
            figures["loads"] += reads
            figures["stores"] += writes
        if operation.startswith("ret"):
            return figures
        if operation == "jmp":
            break
    raise SystemExit("no ret on the straight path")


def count_function(library, name):
    """None: the library has no such function."""
    lines = disassemble(library, name)
    if not lines:
        return None
    if name not in DERIVED:
        return count(lines)
    if not lines[0].startswith("jmp"):
        raise SystemExit(f"{name} does not begin with a jump")
    figures = count_function(library, DERIVED[name])
    figures["instructions"] += 1
    figures["branches"] += 1
    return figures


def read_golden(path):
    golden = {}
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if words and not line.startswith("#") and words[0] != "function":
            golden[words[0]] = dict(zip(COLUMNS, map(int, words[1:])))
    return golden


def main():
    library = sys.argv[1]
    golden = read_golden(sys.argv[3]) if len(sys.argv) == 4 else {}
    failed = False
    print(f"{'function':<12}" + "".join(f"{column:>14}" for column in COLUMNS))
    for name in FUNCTIONS:
        figures = count_function(library, name)
        if figures is None:
            if name in golden:
                print(f"  {name}: not found")
                failed = True
            continue
        print(f"{name:<12}" + "".join(f"{figures[column]:>14}" for column in COLUMNS))
        if figures["instructions"] > LIMITS.get(name, 99):
            print(f"  {name}: more than {LIMITS[name]} instructions")
            failed = True
        for column, most in golden.get(name, {}).items():
            if figures[column] > most:
                print(f"  {name}: {column} {figures[column]}, golden {most}")
                failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
