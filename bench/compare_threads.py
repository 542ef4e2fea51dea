# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_threads.py - what more threads do: tables for more threads than CPUs, and for --scaling.

Rows of one workload differ in what follows the slash of their name, the number of threads; the work is the same,
shared among them."""
import statistics

from compare_report import BEHIND, TIME, align, cell, geomean, good_runs, names_of, ours_of, shown

FEW = 2
MANY = [16, 64]


def rows_by_workload(result):
    """{workload: {threads: row}}, of those with several."""
    found = {}
    for row in result["rows"]:
        workload, _, threads = row["name"].rpartition("/")
        if threads.isdecimal():
            found.setdefault(workload, {})[int(threads)] = row
    return {workload: rows for workload, rows in found.items() if len(rows) > 1}


def to_system(row, name):
    """Time under one allocator divided by that under the system's."""
    ours, system = cell(row, name, TIME), cell(row, "system", TIME)
    return ours / system if ours is not None and system is not None else None


def degradations(result, name):
    """(workload, threads, to_system there, to_system at FEW) for each workload that has both."""
    found = []
    for workload, rows in rows_by_workload(result).items():
        few = to_system(rows[FEW], name) if FEW in rows else None
        for threads in MANY:
            many = to_system(rows[threads], name) if threads in rows else None
            if few is not None and many is not None:
                found.append((workload, threads, many, few))
    return found


def oversubscription_lines(result, name):
    """The check: with many threads an allocator may not lose more against the system's than it does with two."""
    found = degradations(result, name)
    if not found or name == "system":
        return []
    table = [[f"time, {name} / system", "threads", "with so many", f"with {FEW}", "factor"]]
    for workload, threads, many, few in found:
        table.append([workload, str(threads), shown(many), shown(few), shown(many / few)])
    lines = align(table)
    worse = [entry for entry in found if entry[2] / entry[3] > BEHIND]
    lost = [entry for entry in worse if entry[2] > BEHIND]
    lines.append(f"factor over {BEHIND:.2f}, so worse against the system's malloc than with {FEW} threads: "
                 f"{listed(worse)}")
    lines.append(f"of these over {BEHIND:.2f} times the system's time: {listed(lost)}")
    return lines


def listed(entries):
    return ", ".join(f"{entry[0]}/{entry[1]}" for entry in entries) or "none"


def throughput(row, name):
    """Operations per second, printed by the workload; the median."""
    runs, _ = good_runs(row["runs"].get(name, []))
    values = [run["printed"].get("operations_per_second") for run in runs]
    values = [value for value in values if value]
    return statistics.median(values) if values else None


def common_workloads(result, workloads, counts):
    """Those that ran with all numbers of threads under every allocator: means are over the same."""
    rates = {workload: {name: [throughput(rows[count], name) for count in counts if count in rows]
                        for name in names_of(result)} for workload, rows in workloads.items()}
    compared = [name for name in names_of(result) if any(any(of_name[name]) for of_name in rates.values())]
    return [workload for workload, of_name in rates.items()
            if all(len(of_name[name]) == len(counts) and all(of_name[name]) for name in compared)]


def scaling_lines(result):
    """Throughput for each number of threads, relative to the fewest that the workload ran with."""
    workloads = rows_by_workload(result)
    counts = sorted({threads for rows in workloads.values() for threads in rows})
    if not counts:
        return []
    table = [["throughput, relative", "allocator", "threads", "millions/s", *(f"x{count}" for count in counts)]]
    gains = {(name, count): [] for name in names_of(result) for count in counts}
    common = common_workloads(result, workloads, counts)
    for workload, rows in workloads.items():
        least = min(rows)
        for name in names_of(result):
            base = throughput(rows[least], name)
            if base is None:
                continue
            line = [workload, name, str(least), shown(base / 1e6)]
            for count in counts:
                value = throughput(rows[count], name) if count in rows else None
                line.append(shown(value / base if value is not None else None))
                if value is not None and workload in common:
                    gains[name, count].append(value / base)
            table.append(line)
    for name in names_of(result):
        means = [shown(geomean(gains[name, count])) for count in counts]
        table.append(["geometric mean", name, str(counts[0]), "", *means])
    return [*align(table), f"geometric means over {len(common)} of {len(workloads)} workloads"]


def held_lines(result):
    """Of the graph that is thrown away: does a helper thread pay?"""
    rows = [row for row in result["rows"] if row["name"].startswith("graph_teardown")]
    names = names_of(result)
    table = [["throwing a graph away, s", *names]]
    for row in rows:
        for title, key in (("all", "seconds"), ("the builder is held", "held_seconds")):
            line = [f"{row['name']}: {title}"]
            for name in names:
                values = [run["printed"].get(key) for run in good_runs(row["runs"].get(name, []))[0]]
                values = [value for value in values if value is not None]
                line.append(shown(statistics.median(values), 3) if values else "-")
            table.append(line)
    return align(table) if len(table) > 1 else []


def thread_blocks(result):
    blocks = [held_lines(result)]
    if result.get("is_scaling"):
        blocks.append(scaling_lines(result))
    return blocks + [oversubscription_lines(result, name) for name in ours_of(result)]
