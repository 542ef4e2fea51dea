# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_runner.py - runs one row under one allocator once and says what it cost.

The program is started by tools/measure, a small launcher: a program started from an interpreter would never
show a peak below the interpreter's own. Context switches are the launcher's and the program's together.
A run is disturbed if other processes, or the host of this virtual machine, used more than
DISTURBED_CPUS of a CPU meanwhile."""
import hashlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time

import compare_sampling
import compare_servers
from compare_allocators import PRELOAD

DISTURBED_CPUS = 0.15
QUIET_SAMPLE_S = 0.2


def cpu_seconds():
    """(busy, stolen) seconds of all CPUs since boot, or None."""
    try:
        with open("/proc/stat", encoding="ascii") as stat:
            ticks = [int(field) for field in stat.readline().split()[1:9]]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
    per_second = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / per_second, steal / per_second


def wait_for_quiet(patience_s):
    """Until other processes leave the CPUs alone, at most so long."""
    give_up = time.monotonic() + patience_s
    while patience_s > 0 and time.monotonic() < give_up:
        before = cpu_seconds()
        if before is None:
            return
        time.sleep(QUIET_SAMPLE_S)
        after = cpu_seconds()
        if sum(after) - sum(before) <= DISTURBED_CPUS * QUIET_SAMPLE_S:
            return


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_measured(process):
    """Waits for it; returns (exit code or minus the signal, its resources)."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used


def used_cpu_seconds():
    """By this process and by all that it has waited for: the row's and its clients'."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def clean_environment():
    """Without what would change an allocator."""
    prefixes = ("ZCMALLOC_", "MALLOC_", "MIMALLOC_", "TCMALLOC_", "GLIBC_TUNABLES", PRELOAD)
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def printed_numbers(text):
    """The workloads' lines NAME NUMBER, the last of a name, or NAME NUMBER NUMBER, a list of all."""
    single, pairs = {}, {}
    for line in text.splitlines():
        name, *rest = line.split() or [""]
        try:
            numbers = [float(number) for number in rest]
        except ValueError:
            continue
        if len(numbers) == 2:
            pairs.setdefault(name, []).append(numbers)
        elif len(numbers) == 1:
            single[name] = numbers[0]
    return {**single, **pairs}


class Runner:
    """Holds the scratch folder; use as a context."""

    def __init__(self, launcher, timeout_s, patience_s):
        self.launcher = launcher
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self.folder = tempfile.TemporaryDirectory(prefix="zcmalloc-compare-")
        self.environment = clean_environment()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self, row, allocator):
        settings = row.settings + allocator.settings()
        if not allocator.path and row.system_preload:
            settings.append(f"{PRELOAD}={row.system_preload}")
        with open(self.path("output"), "wb") as output, open(self.path("errors"), "wb") as errors:
            return subprocess.Popen(
                [self.launcher, self.path("result"), *settings, *row.command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                cwd=self.folder.name, env=self.environment, start_new_session=True,
            )

    @staticmethod
    def end(row, process):
        """A server by its own signal first: one that is killed leaves its shared memory and its lock file."""
        try:
            if row.server:
                compare_servers.stop_and_wait(row.server, process)
        finally:
            kill_group(process)

    def run_to_end(self, row, allocator):
        """(exit code, resources, the clients' seconds or None, samples); nothing of it runs on afterwards."""
        process = self.start(row, allocator)
        served, give_up = None, time.monotonic() + self.timeout_s
        timer = threading.Timer(self.timeout_s, self.end, [row, process])
        timer.daemon = True
        try:
            timer.start()  # here: a signal may come while it starts, and Python would wait for it in the end
            with compare_sampling.Sampler(process.pid, row.is_tree) as sampler:
                if row.server:
                    served = compare_servers.serve(row, allocator, process, self, sampler, give_up)
                code, used = wait_measured(process)
        except BaseException:
            try:
                self.end(row, process)
            finally:
                process.wait()
            raise
        finally:
            timer.cancel()
        return code, used, served, sampler

    def run(self, row, allocator):
        """One run as a dictionary; {"failed": why} if it did not end well."""
        try:
            return self.measured(row, allocator)
        except OSError as reason:  # which costs this run, and none of those before it
            return {"failed": str(reason)}

    def measured(self, row, allocator):
        begin = time.monotonic()
        try:
            if row.server and row.server.prepare:
                row.server.prepare(self.folder.name)
            wait_for_quiet(self.patience_s)
            if os.path.exists(self.path("result")):
                os.remove(self.path("result"))
            before, used_before, begin = cpu_seconds(), used_cpu_seconds(), time.monotonic()
            code, used, served, sampler = self.run_to_end(row, allocator)
        except compare_servers.ServerFailed as reason:
            is_late = time.monotonic() - begin >= self.timeout_s  # then it was the server that failed its clients
            return {"failed": f"stopped after {self.timeout_s:.0f} s" if is_late else str(reason)}
        wall, after = time.monotonic() - begin, cpu_seconds()
        with open(self.path("output"), "rb") as output:
            text = output.read()
        if code != 0 or not os.path.exists(self.path("result")):
            return {"failed": self.why(code, wall)}
        with open(self.path("result"), encoding="ascii") as result:
            run = json.load(result)
        run["voluntary_switches"], run["involuntary_switches"] = used.ru_nvcsw, used.ru_nivcsw
        run["switches"] = used.ru_nvcsw + used.ru_nivcsw
        run["printed"] = {} if row.must_agree else printed_numbers(text.decode(errors="replace"))
        run["output_sha256"] = hashlib.sha256(text).hexdigest() if row.must_agree else ""
        sampler.add_to(run)
        run["foreign_cpus"] = 0.0
        if before is not None:
            others = sum(after) - sum(before) - (used_cpu_seconds() - used_before)
            run["foreign_cpus"] = round(max(0.0, others) / max(wall, 1e-3), 3)
        self.set_time(row, run, served)
        return run

    @staticmethod
    def set_time(row, run, served):
        run["time_s"] = run["wall_s"]
        if served is not None:  # the clients' time: a server's own wall time holds its start and end
            run["time_s"] = served
        elif row.is_time_printed:
            run["time_s"] = run["printed"].get("seconds", run["wall_s"])

    def why(self, code, wall):
        if wall >= self.timeout_s:
            return f"stopped after {self.timeout_s:.0f} s"
        return f"exit code {code} {compare_servers.last_line(self.path('errors'))}".strip()
