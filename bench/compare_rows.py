# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_rows.py - what bench/compare runs: the workloads with their arguments, and how to build them."""
import dataclasses
import os
import shutil
import subprocess

from compare_allocators import ROOT, CannotCompare

SOURCES = os.path.join(ROOT, "bench", "workloads")
BUILT = os.path.join(ROOT, "build", "workloads")
# Else compilers remove pairs of malloc and free.
FLAGS = ["-O2", "-std=gnu11", "-D_GNU_SOURCE", "-pthread", "-fno-builtin-malloc", "-fno-builtin-calloc",
         "-fno-builtin-realloc", "-fno-builtin-free"]


@dataclasses.dataclass
class Row:
    """One line of the tables: a command, run under each allocator."""

    name: str
    group: str
    command: list
    settings: list = dataclasses.field(default_factory=list)  # NAME=VALUE for the program
    system_preload: str = ""  # for a program that brings an allocator of its own
    is_time_printed: bool = False  # the program's own "seconds" count, not the process's wall time
    must_agree: bool = False  # all runs must print the same
    server: object = None  # for a program that must be talked to: see compare_servers.py
    is_tree: bool = False  # its memory is that of several processes together


# workload, mode or "", thread counts
WORKLOADS = [
    ("fixed_sizes", "", (1, 2, 16)),
    ("random_sizes", "", (1, 2, 16)),
    ("batch_free", "", (1, 2, 16)),
    ("symbolic", "", (1, 2)),
    ("mixed_sizes", "", (1, 2, 16)),
    ("web_server", "", (1, 2, 16)),
    ("calloc_heavy", "", (1, 2)),
    ("graph_teardown", "same", (1,)),
    ("graph_teardown", "helper", (1,)),
    ("realloc_growth", "doubling", (1,)),
    ("realloc_growth", "lines", (1,)),
    ("realloc_growth", "pages", (1, 2)),
    ("large_blocks", "pages", (1, 2)),
    ("large_blocks", "sparse", (1, 2)),
    ("producer_consumer", "", (2, 16)),
    ("thread_handover", "", (2, 16)),
    ("rptest_like", "", (2, 16)),
    ("thread_churn", "", (1, 2, 16)),
    ("false_sharing", "active", (2,)),
    ("false_sharing", "passive", (2,)),
    ("grow_shrink_idle", "short", (1, 2)),
]


def group_of(workload, mode, threads):
    if workload == "grow_shrink_idle":
        return "idle memory"
    if mode == "helper":  # the second thread is the helper
        return "2 threads"
    return "1 thread" if threads == 1 else f"{threads} threads"


def workload_rows(quick):
    """quick: a moment each, to see that all works; the numbers mean nothing."""
    rows = []
    for workload, mode, counts in WORKLOADS:
        for threads in counts:
            name = f"{workload}-{mode}/{threads}" if mode else f"{workload}/{threads}"
            command = [os.path.join(BUILT, workload), "--threads", str(threads)]
            command += ["--mode", mode] if mode else []
            command += ["--seconds", "0.02"] if quick else []
            group = group_of(workload, mode, threads)
            rows.append(Row(name, group, command, is_time_printed=group == "idle memory"))
    return rows


def is_newer(source, target):
    return not os.path.exists(target) or os.path.getmtime(source) > os.path.getmtime(target)


def build():
    """Compiles what is out of date; returns the folder."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotCompare("no C compiler to build bench/workloads with")
    os.makedirs(BUILT, exist_ok=True)
    header = os.path.join(SOURCES, "workload.h")
    sources = [os.path.join(SOURCES, name) for name in sorted(os.listdir(SOURCES)) if name.endswith(".c")]
    sources.append(os.path.join(ROOT, "tools", "measure.c"))
    for source in sources:
        target = os.path.join(BUILT, os.path.splitext(os.path.basename(source))[0])
        if is_newer(source, target) or is_newer(header, target):
            command = [compiler, *FLAGS, source, "-o", target, "-ldl"]
            if subprocess.run(command, check=False).returncode != 0:
                raise CannotCompare(f"{os.path.relpath(source, ROOT)} does not compile")
    return BUILT
