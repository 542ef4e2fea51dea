# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_rows.py - what bench/compare runs: the workloads with their arguments, and how to build them."""
import dataclasses
import os
import shlex
import shutil
import subprocess

from compare_allocators import ROOT, CannotCompare, package_version

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

    def version(self):
        """Of an installed program; the workloads are of this tree."""
        return "" if self.command[0].startswith(BUILT) else package_version(find_last_program(self.command))


def find_last_program(command):
    """The program that is meant, where another one, such as setpriv, starts it."""
    return [word for word in command if word.startswith("/") and os.access(word, os.X_OK) and os.path.isfile(word)][-1]


# workload, mode or "", thread counts; 16 and 64 are more than most machines have cores
WORKLOADS = [
    ("fixed_sizes", "", (1, 2, 16, 64)),
    ("random_sizes", "", (1, 2, 16, 64)),
    ("batch_free", "", (1, 2, 16, 64)),
    ("size_runs", "", (1, 2, 16, 64)),
    ("symbolic", "", (1, 2)),
    ("mixed_sizes", "", (1, 2, 16, 64)),
    ("web_server", "", (1, 2, 16, 64)),
    ("calloc_heavy", "", (1, 2)),
    ("calloc_heavy", "gaps", (1,)),
    ("graph_teardown", "same", (1,)),
    ("graph_teardown", "helper", (1,)),
    ("realloc_growth", "doubling", (1,)),
    ("realloc_growth", "lines", (1,)),
    ("realloc_growth", "pages", (1, 2)),
    ("large_blocks", "pages", (1, 2)),
    ("large_blocks", "sparse", (1, 2)),
    ("producer_consumer", "", (2, 16, 64)),
    ("thread_handover", "", (2, 16, 64)),
    ("rptest_like", "", (2, 16, 64)),
    ("thread_churn", "", (1, 2, 16, 64)),
    ("false_sharing", "active", (2,)),
    ("false_sharing", "passive", (2,)),
    ("grow_shrink_idle", "short", (1, 2)),
]

THREADED = [(workload, mode) for workload, mode, counts in WORKLOADS
            if max(counts) > 1 and workload != "grow_shrink_idle"]
PAIRED = ["producer_consumer"]  # an even number of threads, so at least two
HUGE_MIB = 2048
SCALING_COUNTS = (1, 2, 4, 8, 16)


def group_of(workload, mode, threads):
    if workload == "grow_shrink_idle":
        return "idle memory"
    if mode == "helper":  # the second thread is the helper
        return "2 threads"
    return "1 thread" if threads == 1 else f"{threads} threads"


def workload_row(workload, mode, threads, is_quick):
    name = f"{workload}-{mode}/{threads}" if mode else f"{workload}/{threads}"
    command = [os.path.join(BUILT, workload), "--threads", str(threads)]
    command += ["--mode", mode] if mode else []
    command += ["--seconds", "0.02"] if is_quick else []
    group = group_of(workload, mode, threads)
    return Row(name, group, command, is_time_printed=group == "idle memory")


def workload_rows(is_quick, counts=()):
    """is_quick: a moment each, to see that all works; the numbers mean nothing. counts: instead of the default
    ones, of the workloads that can have several threads, and of those only."""
    rows = []
    for workload, mode, usual in WORKLOADS:
        if counts and (workload, mode) not in THREADED:
            continue
        least = 2 if workload in PAIRED else 1
        rows += [workload_row(workload, mode, threads, is_quick) for threads in counts or usual if threads >= least]
    return rows


def huge_rows():
    """A graph of 2 GiB, twice: the second is built while a helper, if there is one, frees the first."""
    for mode in ("same", "helper"):
        row = workload_row("graph_teardown", mode, 1, False)
        row.name, row.group = f"graph_teardown-{mode}-2gib/1", "2 GiB"
        row.command += ["--size-mib", str(HUGE_MIB), "--iterations", "2"]
        yield row


def is_newer(source, target):
    return not os.path.exists(target) or os.path.getmtime(source) > os.path.getmtime(target)


def first_of(*names):
    """A list of the first that is installed, or of none."""
    return [name for name in names if shutil.which(name)][:1]


def compile_to(target, source, compiler):
    """Whoever looks for it finds it complete, or the one before: several comparisons may begin at a time."""
    part = f"{target}.{os.getpid()}"
    try:
        if subprocess.run([*compiler, *FLAGS, source, "-o", part, "-ldl"], check=False).returncode != 0:
            raise CannotCompare(f"{os.path.relpath(source, ROOT)} does not compile")
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)


def build():
    """Compiles what is out of date; returns the folder."""
    compiler = shlex.split(os.environ.get("CC", "")) or first_of("cc", "gcc", "clang")
    if not compiler or shutil.which(compiler[0]) is None:
        raise CannotCompare(f"no C compiler {' '.join(compiler)} to build bench/workloads with")
    os.makedirs(BUILT, exist_ok=True)
    header = os.path.join(SOURCES, "workload.h")
    sources = [os.path.join(SOURCES, name) for name in sorted(os.listdir(SOURCES)) if name.endswith(".c")]
    sources.append(os.path.join(ROOT, "tools", "measure.c"))
    for source in sources:
        target = os.path.join(BUILT, os.path.splitext(os.path.basename(source))[0])
        if is_newer(source, target) or is_newer(header, target):
            compile_to(target, source, compiler)
    return BUILT
