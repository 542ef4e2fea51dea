# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_report.py - what bench/compare makes of its measurements: tables, geometric means, CSV.

A result is what the JSON file holds: {"allocators": [...], "rows": [{"name", "group", "runs": {name: [...]}}]}
A cell is the median of a row's runs under one allocator; of the undisturbed ones if there are at least two.
A ratio is a cell divided by the smallest cell of its row, so 1.00 is the best allocator of the row.
"NAME / other" is one of ours divided by the best of those that are not ours: below 1.00 it leads.
"in pairs" is the median of such ratios, each of two runs of the same round, which lie close together in time: where the
machine is fast and slow by turns they scatter less than the medians of all runs. In brackets, between which ratios that
median lies with 95 % probability, whatever the distribution: by the sign test, so from the k-th smallest to the k-th
largest; of fewer than six pairs, all of them. Where rows go on until that interval says enough (--settle), it is looked
at after each round: each look may be wrong with its share of the 5 % only, for the chances that one is wrong add up."""
import csv
import math
import statistics

from compare_runner import DISTURBED_CPUS

MIB = 1 << 20
RSS_NOTABLE_BYTES = 20 * MIB  # below, what a process is made of outweighs what it allocates
BEHIND = 1.10
UNSURE = 0.05
LEAN_PEERS = ["jemalloc", "tcmalloc", "mimalloc"]  # the fast ones, of which the leanest is to be reached


class Metric:
    def __init__(self, title, unit, value_of, scale=1.0, floor=0.0):
        self.title, self.unit, self.value_of, self.scale = title, unit, value_of, scale
        self.floor = floor  # so small that it counts as this much: a ratio needs something to divide by


TIME = Metric("time", "s", lambda run: run["time_s"])
CPU = Metric("CPU time", "s", lambda run: run["user_s"] + run["system_s"], floor=0.01)
RSS = Metric("peak RSS", "MiB", lambda run: run["peak_bytes"], 1 / MIB)
# A run that is over before the first sample has only its peak.
MEAN_RSS = Metric("RSS over time", "MiB", lambda run: run.get("mean_bytes", run["peak_bytes"]), 1 / MIB)
FAULTS = Metric("page faults", "thousands", lambda run: run["minor_faults"] + run["major_faults"], 1e-3, 1)
SWITCHES = Metric("context switches", "", lambda run: run["switches"], 1, 1)
METRICS = [TIME, CPU, RSS, MEAN_RSS, FAULTS, SWITCHES]


def good_runs(runs):
    """Those to take numbers from, and whether the machine was quiet for them."""
    ended = [run for run in runs if "failed" not in run]
    quiet = [run for run in ended if run["foreign_cpus"] <= DISTURBED_CPUS]
    return (quiet, True) if len(quiet) >= 2 else (ended, len(quiet) == len(ended))


def cell(row, name, metric, pick=statistics.median):
    """None if the allocator never ended this row, or has not come to it."""
    runs, _ = good_runs(row["runs"].get(name, []))
    if not runs:
        return None
    return max(pick([metric.value_of(run) for run in runs]), metric.floor)


def spread(row, name, metric):
    """From the smallest to the largest of the runs, as a part of the median."""
    runs, _ = good_runs(row["runs"].get(name, []))
    values = [max(metric.value_of(run), metric.floor) for run in runs]
    return (max(values) - min(values)) / statistics.median(values) if values else 0.0


def names_of(result):
    return [allocator["name"] for allocator in result["allocators"]]


def ours_of(result):
    return [allocator["name"] for allocator in result["allocators"] if allocator["is_ours"]]


def peers_of(result):
    """All but ours and the system's."""
    return [allocator["name"] for allocator in result["allocators"]
            if not allocator["is_ours"] and allocator["path"]]


def groups_of(result):
    """By number of threads, then the others."""
    def order(group):
        number = group.split()[0]
        return (0, int(number)) if "thread" in group and number.isdecimal() else (1, 0)
    found = list(dict.fromkeys(row["group"] for row in result["rows"]))
    return sorted(found, key=order)


def best_other(result, row, metric, pick=statistics.median):
    """The name of the best of those that are not ours, or None."""
    cells = {other: cell(row, other, metric, pick) for other in names_of(result) if other not in ours_of(result)}
    cells = {other: value for other, value in cells.items() if value is not None}
    return min(cells, key=cells.get) if cells else None


def to_other(result, row, name, metric, pick=statistics.median):
    """The value under one of ours divided by the best of those that are not ours."""
    value, other = cell(row, name, metric, pick), best_other(result, row, metric, pick)
    return value / cell(row, other, metric, pick) if value is not None and other is not None else None


def pairs_to_other(result, row, name, metric):
    """Ratios of the runs of one of ours to the best other's of the same round; undisturbed ones if there are two."""
    other = best_other(result, row, metric)
    both = zip(row["runs"].get(name, []), row["runs"].get(other, []))
    both = [pair for pair in both if all("failed" not in run for run in pair)]
    quiet = [pair for pair in both if all(run["foreign_cpus"] <= DISTURBED_CPUS for run in pair)]
    return [max(metric.value_of(mine), metric.floor) / max(metric.value_of(theirs), metric.floor)
            for mine, theirs in (quiet if len(quiet) >= 2 else both)]


def looks_of(result):
    """How often a row may be asked whether it is decided."""
    return result.get("looks", 1)


def pairs_least(looks):
    """So many are needed for an interval that sure: six for one look."""
    return math.ceil(1 + math.log2(looks / UNSURE))


def interval(values, looks=1):
    """(low, high), see above."""
    ordered = sorted(values)
    count = len(ordered)
    below, outside = 0, 1  # of 2 ** count: how likely at most so many values lie below the median
    most = int(UNSURE / 2 / looks * 2**20) * 2**count >> 20
    while outside + math.comb(count, below + 1) <= most:
        below += 1
        outside += math.comb(count, below)
    return ordered[below], ordered[count - 1 - below]


def pairs_text(ratios_of_pairs, looks=1):
    if not ratios_of_pairs:
        return "-"
    low, high = interval(ratios_of_pairs, looks)
    return f"{statistics.median(ratios_of_pairs):.2f} ({low:.2f}-{high:.2f})"


def is_undecided(result, row):
    """Whether any of ours takes over BEHIND times as long as the best other is not known yet."""
    looks = looks_of(result)
    for name in ours_of(result):
        found = pairs_to_other(result, row, name, TIME)
        if found:
            low, high = interval(found, looks)
            if len(found) < pairs_least(looks) or low <= BEHIND < high:
                return True
    return False


def geomean(values):
    values = [value for value in values if value is not None and value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def common_rows(result):
    """Those that every allocator ended, but for one that ended none: means over others would compare unlike things."""
    ended = [{name for name in names_of(result) if good_runs(row["runs"].get(name, []))[0]} for row in result["rows"]]
    compared = set().union(*ended)
    return [row for row, names in zip(result["rows"], ended) if names == compared and names]


def rows_text(result):
    """Which rows a mean is over."""
    count, total = len(common_rows(result)), len(result["rows"])
    return f"all {total} rows" if count == total else f"the {count} of {total} rows that every allocator ended"


def ratios(result, rows, metric, pick=statistics.median):
    """{allocator: its ratio to the best of the row, for each row}; and {"NAME / other": ...} for ours."""
    found = {name: [] for name in columns_of(result)}
    for row in rows:
        cells = {name: cell(row, name, metric, pick) for name in names_of(result)}
        known = [value for value in cells.values() if value is not None]
        for name, value in cells.items():
            found[name].append(None if value is None else value / min(known))
        for name in ours_of(result):
            found[f"{name} / other"].append(to_other(result, row, name, metric, pick))
    return found


def columns_of(result):
    return [*names_of(result), *(f"{name} / other" for name in ours_of(result))]


def shown(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def align(table):
    """First column left, the others right; a rule under the first line."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = []
    for line in table:
        rest = "  ".join(f"{text:>{width}}" for text, width in zip(line[1:], widths[1:]))
        lines.append(f"{line[0]:<{widths[0]}}  {rest}".rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def metric_table(result, metric):
    """A line for each row: the best value, each allocator's ratio to it; of times, in pairs too."""
    names, looks = names_of(result), looks_of(result)
    paired = [name for name in ours_of(result) if metric is TIME and len(ours_of(result)) < len(names)]
    by_name = ratios(result, result["rows"], metric)
    unit = f", {metric.unit}" if metric.unit else ""
    in_pairs = [f"{name}, in pairs" for name in paired]
    table = [[f"{metric.title}{unit}", "best", *columns_of(result), *in_pairs, "spread"]]
    for index, row in enumerate(result["rows"]):
        cells = [cell(row, name, metric) for name in names]
        known = [value for value in cells if value is not None]
        if not known:
            continue
        is_quiet = all(good_runs(runs)[1] for runs in row["runs"].values())
        wide = max(spread(row, name, metric) for name in names)
        table.append([
            row["name"] + ("" if is_quiet else " ~"), f"{min(known) * metric.scale:.3g}",
            *(shown(by_name[column][index]) for column in columns_of(result)),
            *(pairs_text(pairs_to_other(result, row, name, metric), looks) for name in paired),
            f"{wide * 100:.0f} %",
        ])
    return align(table)


def geomean_table(result):
    """A line for each metric and group."""
    columns = columns_of(result)
    table = [["geometric mean of the ratios", "rows", *columns]]

    def add(title, rows, metric, pick=statistics.median):
        if rows:
            by_name = ratios(result, rows, metric, pick)
            means = [shown(geomean(by_name[column]), 3) for column in columns]
            table.append([title, str(len(rows)), *means])

    rows = common_rows(result)
    for group in groups_of(result):
        add(f"time, {group}", [row for row in rows if row["group"] == group], TIME)
    add("time, all", rows, TIME)
    add("time, all, by each cell's minimum", rows, TIME, min)
    add("CPU time", rows, CPU)
    add("CPU time, by minimum", rows, CPU, min)
    add("peak RSS, all", rows, RSS)
    notable = [row for row in rows if smallest_peak(result, row) >= RSS_NOTABLE_BYTES]
    add("peak RSS, rows from 20 MiB up", notable, RSS)
    add("RSS over time, mean", rows, MEAN_RSS)
    add("page faults", rows, FAULTS)
    add("context switches", rows, SWITCHES)
    return [*align(table), *([] if len(rows) == len(result["rows"]) else [f"over {rows_text(result)}"])]


def smallest_peak(result, row):
    peaks = [cell(row, name, RSS) for name in names_of(result)]
    return min((peak for peak in peaks if peak is not None), default=0)


def idle_table(result):
    """How much memory stays after a program has shrunk; what grow_shrink_idle prints at its stages."""
    stages = ["grown", "shrunk", "idle", "empty"]
    names = names_of(result)
    table = [["resident memory over time, MiB", *names]]
    for row in result["rows"]:
        for stage in stages:
            line = []
            for name in names:
                runs, _ = good_runs(row["runs"].get(name, []))
                values = [run["printed"].get(f"rss_{stage}_mib") for run in runs]
                values = [value for value in values if value is not None]
                line.append(f"{statistics.median(values):.0f}" if values else "-")
            if any(text != "-" for text in line):
                table.append([f"{row['name']} {stage}", *line])
    return align(table) if len(table) > 1 else []


def behind_lines(result, metric, name):
    """The rows in which this one of ours is over BEHIND times the best other, by medians or, of times, in pairs."""
    lines, counts, looks = [], {"medians": 0, "pairs": 0, "surely": 0}, looks_of(result)
    for row in result["rows"]:
        ratio = to_other(result, row, name, metric)
        if ratio is None:
            continue
        found = pairs_to_other(result, row, name, metric) if metric is TIME else []
        middle = statistics.median(found) if found else 0
        counts["medians"] += ratio > BEHIND
        counts["pairs"] += middle > BEHIND
        counts["surely"] += len(found) >= pairs_least(looks) and interval(found, looks)[0] > BEHIND
        if max(ratio, middle) > BEHIND:
            in_pairs = f", in pairs {pairs_text(found, looks)}" if found else ""
            lines.append((ratio, f"  {row['name']:<28} {ratio:.2f} times {best_other(result, row, metric)}{in_pairs}"))
    lines.sort(reverse=True)
    rows = "1 row" if counts["medians"] == 1 else f"{counts['medians']} rows"
    head = f"{metric.title}: {rows} in which {name} is over {BEHIND:.2f} times the best other"
    if metric is TIME:
        head += f"; {counts['pairs']} in pairs, {counts['surely']} of them with 95 % certainty"
    return [head, *(text for _, text in lines)]


def mean_quotient(result, name, peer, metric):
    """Geometric mean of name's values divided by peer's."""
    pairs = [(cell(row, name, metric), cell(row, peer, metric)) for row in common_rows(result)]
    return geomean([mine / theirs for mine, theirs in pairs if mine is not None and theirs is not None])


def goal_lines(result, name):
    """Where this one of ours stands against the best single peer in time, and the leanest fast one in memory."""
    lines = []
    lean = [peer for peer in peers_of(result) if peer in LEAN_PEERS]
    for metric, peers, title in ((TIME, peers_of(result), "best single peer"), (RSS, lean, "leanest fast peer")):
        quotients = {peer: mean_quotient(result, name, peer, metric) for peer in peers}
        quotients = {peer: quotient for peer, quotient in quotients.items() if quotient is not None}
        if quotients:
            peer = max(quotients, key=quotients.get)
            lines.append(f"{metric.title}: {name} needs {quotients[peer]:.2f} of the {title}, {peer}, "
                         f"in geometric mean over {rows_text(result)}")
    return lines


def failure_lines(result):
    lines = []
    for row in result["rows"]:
        for name, runs in row["runs"].items():
            reasons = [run["failed"] for run in runs if "failed" in run]
            if reasons:
                count = f"{len(reasons)} of {len(runs)}"
                lines.append(f"FAILED {row['name']} under {name}, {count}: {reasons[0]}")
        hashes = {run["output_sha256"] for runs in row["runs"].values() for run in good_runs(runs)[0]}
        if len(hashes) > 1:
            lines.append(f"FAILED {row['name']}: the runs do not all print the same")
    return lines


def noise_line(result):
    runs = [run for row in result["rows"] for listed in row["runs"].values() for run in listed
            if "failed" not in run]
    disturbed = sum(run["foreign_cpus"] > DISTURBED_CPUS for run in runs)
    return (f"{len(runs)} runs, {disturbed} while others used more than {DISTURBED_CPUS} of a CPU; "
            "~ marks rows that rest on such runs")


def write_csv(path, result):
    columns = ["time_s", "wall_s", "user_s", "system_s", "peak_bytes", "mean_bytes", "minor_faults", "major_faults",
               "voluntary_switches", "involuntary_switches", "switches", "foreign_cpus", "failed"]
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["row", "group", "allocator", "run", *columns])
        for row in result["rows"]:
            for name, runs in row["runs"].items():
                for number, run in enumerate(runs, 1):
                    values = [run.get(column, "") for column in columns]
                    writer.writerow([row["name"], row["group"], name, number, *values])
