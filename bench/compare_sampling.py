# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_sampling.py - the resident memory of a running program over time, from /proc; nothing elsewhere.

One process: its RSS every PERIOD_S. A tree (a server that forks): the sum of the proportional set sizes,
so that pages which processes share count once; that is dear to ask for, so every TREE_PERIOD_S.
Costs: a thread that reads one small file per process and sample, some 0.1 ms each."""
import os
import threading
import time

PERIOD_S = 0.02
TREE_PERIOD_S = 0.1
KEPT_COUNT = 40  # of each run in the JSON file: the largest of as many spans of time
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def read_text(path):
    """None if the process is gone, or is not ours to look at."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def children_of(pid):
    """Of its main thread."""
    text = read_text(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in text.split()] if text else []


def descendants_of(pid):
    found, waiting = [], children_of(pid)
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += children_of(child)
    return found


def resident_bytes(pid):
    text = read_text(f"/proc/{pid}/statm")
    return int(text.split()[1]) * PAGE_BYTES if text else 0


def proportional_bytes(pid):
    text = read_text(f"/proc/{pid}/smaps_rollup") or ""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def thinned(samples, count=KEPT_COUNT):
    """At most count of them; the largest of each span, so that no peak is lost."""
    if len(samples) <= count:
        return samples
    edges = [len(samples) * number // count for number in range(count + 1)]
    return [max(samples[begin:end], key=lambda sample: sample[1]) for begin, end in zip(edges, edges[1:])]


class Sampler:
    """Samples what the launcher with this process id started, while in its context."""

    def __init__(self, launcher_pid, is_tree):
        self.launcher_pid, self.is_tree = launcher_pid, is_tree
        self.samples = []  # (seconds, bytes)
        self.begin = time.monotonic()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.sample_until_over, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def sample(self):
        if self.is_tree:
            total = sum(map(proportional_bytes, descendants_of(self.launcher_pid)))
        else:
            # The largest, as for the peak: a compiler's driver starts the compiler.
            total = max(map(resident_bytes, descendants_of(self.launcher_pid)), default=0)
        if total > 0:
            self.samples.append((time.monotonic() - self.begin, total))

    def sample_until_over(self):
        while not self.is_over.wait(TREE_PERIOD_S if self.is_tree else PERIOD_S):
            self.sample()

    def add_to(self, run):
        """For trees the peak too: the kernel keeps only that of the largest process."""
        if not self.samples:
            return
        values = [value for _, value in self.samples]
        run["mean_bytes"] = round(sum(values) / len(values))
        run["rss_over_time"] = [[round(at, 3), value >> 10] for at, value in thinned(self.samples)]  # KiB
        if self.is_tree:
            run["peak_bytes"] = max(values)
