# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_charts.py - draws what bench/compare measured as SVG files, with matplotlib if it is there."""
import os

from compare_report import GROUPS, RSS, TIME, geomean, good_runs, names_of, ours_of, ratios

OURS_COLOURS = ["#c2410c", "#7c2d12", "#f59e0b"]
OTHER_COLOURS = ["#9ca3af", "#3b6ea5", "#5a9a78", "#8a6fb0", "#5c6470", "#b08d57", "#4fa3b5"]
RATIO_SHOWN_MAX = 5.0


def load_matplotlib():
    """The module, or None: charts are an extra."""
    try:
        import matplotlib
        matplotlib.use("svg")
        import matplotlib.pyplot
    except ImportError:
        return None
    matplotlib.rcParams.update({
        "svg.hashsalt": "zcmalloc", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    })
    return matplotlib.pyplot


def colours(result):
    ours = iter(OURS_COLOURS * 8)
    others = iter(OTHER_COLOURS * 8)
    return {name: next(ours if name in ours_of(result) else others) for name in names_of(result)}


def save(pyplot, figure, folder, name):
    path = os.path.join(folder, name)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return path


def draw_geomeans(pyplot, result, folder):
    """Bars: the mean ratio to the best, in time by group and in peak memory."""
    present = [group for group in GROUPS if any(row["group"] == group for row in result["rows"])]
    sets = [(f"time,\n{group}", [row for row in result["rows"] if row["group"] == group], TIME)
            for group in present]
    sets += [("time,\nall", result["rows"], TIME), ("peak RSS,\nall", result["rows"], RSS)]
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
    axes.grid(axis="both", color="#e5e7eb", linewidth=0.6)
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


def draw_all(result, folder):
    """Returns the files, or None without matplotlib."""
    pyplot = load_matplotlib()
    if pyplot is None:
        return None
    os.makedirs(folder, exist_ok=True)
    paths = [
        draw_geomeans(pyplot, result, folder),
        draw_rows(pyplot, result, TIME, folder, "time.svg"),
        draw_rows(pyplot, result, RSS, folder, "peak_rss.svg"),
        draw_idle(pyplot, result, folder),
    ]
    return [path for path in paths if path is not None]
