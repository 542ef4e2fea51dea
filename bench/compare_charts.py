# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_charts.py - draws what bench/compare measured as SVG files, with matplotlib.

usage: compare_charts.py RESULT.json PATH...    a PATH that ends in .svg is the summary, else a folder for all
The charts have no background, and their lines and letters are turned light where the reader's page is dark, so
that they can stand in a README. Where this Python has no matplotlib, the system's is asked to run this file."""
import json
import os
import re
import subprocess
import sys
import tempfile

from compare_allocators import CannotCompare
from compare_report import RSS, TIME, common_rows, geomean, good_runs, groups_of, names_of, ours_of, ratios

SYSTEM_PYTHON = "/usr/bin/python3"
NO_MATPLOTLIB = 77  # exit code of this file; none that Python itself ends with
INK, RULE = "#1f2328", "#d0d7de"
DARK = {INK: "#e6edf3", RULE: "#30363d"}

OURS_COLOURS = ["#c2410c", "#7c2d12", "#f59e0b"]
OTHER_COLOURS = ["#9ca3af", "#3b6ea5", "#5a9a78", "#8a6fb0", "#5c6470", "#b08d57", "#4fa3b5"]
RATIO_SHOWN_MAX = 5.0
SHOWN_OVER_TIME_KIB = 20 << 10


def load_matplotlib():
    """The module, or None: charts are an extra."""
    try:
        import matplotlib
        matplotlib.use("svg")
        import matplotlib.pyplot
    except ImportError:
        return None
    matplotlib.rcParams.update({
        "svg.hashsalt": "zcmalloc", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
        "text.parse_math": False,  # a $ in an allocator's name is one
        "axes.spines.top": False, "axes.spines.right": False, "savefig.transparent": True,
        "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    })
    return matplotlib.pyplot


def colours(result):
    ours = iter(OURS_COLOURS * 8)
    others = iter(OTHER_COLOURS * 8)
    return {name: next(ours if name in ours_of(result) else others) for name in names_of(result)}


def adapt_to_dark(text):
    """The SVG with rules that swap ink and rule colours; none for the data's, which suit both."""
    rules = "".join(f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
                    for light, dark in DARK.items() for kind in ("fill", "stroke"))
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    # A hundredth of a point is enough. Not between the tags: an allocator may be named mine.2025.
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag.group()), text)
    text = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font: \1 sans-serif", text)
    licence = "<!-- SPDX-License-Identifier: MIT -->"
    return re.sub(r"(<svg [^>]*>)", lambda found: found.group(1) + licence + style, text, count=1)


def save(pyplot, figure, folder, name):
    path = os.path.join(folder, name)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as out:
        out.write(adapt_to_dark(text))
    return path


def draw_summary(pyplot, result, path):
    """For a README: one bar for each allocator in time, one in peak memory."""
    names, colour, rows = names_of(result), colours(result), common_rows(result)
    figure, both = pyplot.subplots(1, 2, figsize=(7.2, 0.45 + 0.27 * len(names)), sharey=True)
    for axes, metric in zip(both, (TIME, RSS)):
        means = [geomean(ratios(result, rows, metric)[name]) or 0 for name in names]
        axes.barh(range(len(names)), means, 0.7, color=[colour[name] for name in names])
        for index, mean in enumerate(means):
            axes.text(mean + max(means) * 0.01, index, f"{mean:.2f}", va="center", ha="left", fontsize=8.5)
        axes.set_title(f"{metric.title}, {len(rows)} rows", fontsize=9.5, loc="left")
        axes.set_xlim(0, max(means) * 1.15 or 1)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(length=0)
    both[0].set_yticks(range(len(names)), names)
    both[0].invert_yaxis()
    figure.text(0.5, 0.0, "geometric mean of the ratios to the best of each row; less is better, 1 is best",
                ha="center", va="top", fontsize=8)
    return save(pyplot, figure, *os.path.split(os.path.abspath(path)))


def draw_geomeans(pyplot, result, folder):
    """Bars: the mean ratio to the best, in time by group and in peak memory."""
    common = common_rows(result)
    sets = [(f"time,\n{group}", [row for row in common if row["group"] == group], TIME)
            for group in groups_of(result)]
    sets = [entry for entry in sets if entry[1]] + [("time,\nall", common, TIME), ("peak RSS,\nall", common, RSS)]
    names, colour = names_of(result), colours(result)
    figure, axes = pyplot.subplots(figsize=(1.6 + 1.3 * len(sets), 3.6))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        means = [geomean(ratios(result, rows, metric)[name]) or 0 for _, rows, metric in sets]
        at = [index + (place - (len(names) - 1) / 2) * width for index in range(len(sets))]
        axes.bar(at, means, width * 0.92, color=colour[name], label=name)
        for x, mean in zip(at, means):
            axes.text(x, mean, f"{mean:.2f}", ha="center", va="bottom", fontsize=6.5, rotation=90)
    axes.set_xticks(range(len(sets)), [title for title, _, _ in sets])
    axes.set_ylabel("ratio to the best of each row\n(geometric mean, 1 is best)")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.1)
    axes.legend(ncols=len(names), frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return save(pyplot, figure, folder, "geomeans.svg")


def draw_rows(pyplot, result, metric, folder, name):
    """Dots: each allocator's ratio in each row."""
    rows, colour = result["rows"], colours(result)
    by_name = ratios(result, rows, metric)
    figure, axes = pyplot.subplots(figsize=(7.5, 1.0 + 0.2 * len(rows)))
    for allocator in sorted(names_of(result), key=lambda each: each in ours_of(result)):
        for index, ratio in enumerate(by_name[allocator]):
            if ratio is None:
                continue
            is_outside = ratio > RATIO_SHOWN_MAX
            axes.plot(min(ratio, RATIO_SHOWN_MAX), index, ">" if is_outside else "o", color=colour[allocator],
                      markersize=7 if allocator in ours_of(result) else 5, clip_on=False,
                      label=allocator if index == 0 else None)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xlim(0.97, RATIO_SHOWN_MAX)
    ticks = [1, 1.2, 1.5, 2, 3, 4, 5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="both", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{metric.title}, ratio to the best of the row; arrows are beyond {RATIO_SHOWN_MAX:g}")
    handles = [pyplot.Line2D([], [], marker="o", linestyle="", color=colour[each], label=each)
               for each in names_of(result)]
    axes.legend(handles=handles, ncols=len(handles), frameon=False, loc="lower center",
                bbox_to_anchor=(0.4, 1.0))
    return save(pyplot, figure, folder, name)


def draw_idle(pyplot, result, folder):
    """Lines: the resident memory of grow_shrink_idle, of the first round."""
    rows = [row for row in result["rows"] if row["group"] == "idle memory"]
    if not rows:
        return None
    size = (1 + 3.8 * len(rows), 3)
    figure, all_axes = pyplot.subplots(1, len(rows), figsize=size, squeeze=False, sharey=True)
    for row, axes in zip(rows, all_axes[0]):
        for name in names_of(result):
            runs, _ = good_runs(row["runs"].get(name, []))
            samples = runs[0]["printed"].get("rss_mib", []) if runs else []
            axes.plot([at for at, _ in samples], [mib for _, mib in samples], marker=".",
                      color=colours(result)[name], label=name)
        axes.set_title(row["name"], fontsize=9)
        axes.set_xlabel("seconds")
        axes.set_ylim(bottom=0)
    all_axes[0][0].set_ylabel("resident memory, MiB")
    all_axes[0][-1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return save(pyplot, figure, folder, "idle_memory.svg")


def draw_over_time(pyplot, result, folder):
    """Small charts: the resident memory of each large row, of the first good round."""
    rows = [row for row in result["rows"] if largest_sample(row) >= SHOWN_OVER_TIME_KIB]
    if not rows:
        return None
    columns = min(4, len(rows))
    lines = -(-len(rows) // columns)
    figure, grid = pyplot.subplots(lines, columns, figsize=(2.2 * columns, 1.5 * lines), squeeze=False)
    flat = [axes for line in grid for axes in line]
    for axes in flat[len(rows):]:
        axes.set_visible(False)
    for row, axes in zip(rows, flat):
        for name in names_of(result):
            runs, _ = good_runs(row["runs"].get(name, []))
            samples = runs[0].get("rss_over_time", []) if runs else []
            axes.plot([at for at, _ in samples], [kib / 1024 for _, kib in samples], linewidth=1,
                      color=colours(result)[name], label=name)
        axes.set_title(row["name"], fontsize=7, pad=2)
        axes.tick_params(labelsize=6)
        axes.set_ylim(bottom=0)
    handles, labels = flat[0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(handles, labels, ncols=len(labels), frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.text(0.5, 0.0, "resident memory in MiB over seconds", ha="center", va="top", fontsize=8)
    return save(pyplot, figure, folder, "rss_over_time.svg")


def largest_sample(row):
    return max((kib for runs in row["runs"].values() for run in runs
                for _, kib in run.get("rss_over_time", [])), default=0)


def draw_folder(pyplot, result, folder):
    os.makedirs(folder, exist_ok=True)
    paths = [
        draw_geomeans(pyplot, result, folder),
        draw_rows(pyplot, result, TIME, folder, "time.svg"),
        draw_rows(pyplot, result, RSS, folder, "peak_rss.svg"),
        draw_idle(pyplot, result, folder),
        draw_over_time(pyplot, result, folder),
    ]
    return [path for path in paths if path is not None]


def draw_elsewhere(result, targets):
    """By the system's Python; None if it has no matplotlib either, CannotCompare if it could not draw."""
    if os.path.realpath(sys.executable) == os.path.realpath(SYSTEM_PYTHON) or not os.path.exists(SYSTEM_PYTHON):
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(result, file)
        file.flush()
        done = subprocess.run([SYSTEM_PYTHON, "-B", os.path.abspath(__file__), file.name, *targets],
                              capture_output=True, text=True, check=False)
    if done.returncode == NO_MATPLOTLIB:
        return None
    if done.returncode != 0:
        why = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise CannotCompare(f"the charts could not be drawn: {why[0]}")
    return done.stdout.splitlines()


def draw_all(result, targets):
    """Returns the files, or None without matplotlib."""
    pyplot = load_matplotlib()
    if pyplot is None:
        return draw_elsewhere(result, targets)
    paths = []
    for target in targets:
        if target.endswith(".svg"):
            paths.append(draw_summary(pyplot, result, target))
        else:
            paths += draw_folder(pyplot, result, target)
    return paths


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    if load_matplotlib() is None:
        return NO_MATPLOTLIB
    try:
        print("\n".join(draw_all(result, sys.argv[2:])))
    except OSError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
