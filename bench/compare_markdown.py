# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_markdown.py - the whole report of bench/compare, as text, or as the section of a Markdown file.

The section lies between the lines BEGIN and END of the file and is replaced as a whole; the rest of the file is
not touched. Everything in it comes from the result and from where it goes, so that the same gives the same section."""
import os
import shlex
import urllib.parse

from compare_allocators import CannotCompare
from compare_report import (METRICS, RSS, TIME, behind_lines, failure_lines, geomean_table, goal_lines, idle_table,
                            metric_table, names_of, noise_line, ours_of)
from compare_threads import thread_blocks

BEGIN = "<!-- bench/compare wrote from here -->"
END = "<!-- bench/compare wrote to here -->"
OUTPUT_OPTIONS = ["--json", "--csv", "--svg", "--markdown"]


def summary_blocks(result):
    """Lists of lines; ours against the others."""
    blocks = []
    for name in ours_of(result):
        blocks.append(goal_lines(result, name))
        if len(ours_of(result)) < len(names_of(result)):
            blocks += [behind_lines(result, metric, name) for metric in (TIME, RSS)]
    return blocks


def closing_lines(result):
    return [*failure_lines(result), noise_line(result)]


def text_report(result, has_all_tables):
    blocks = [metric_table(result, metric) for metric in (METRICS if has_all_tables else [TIME, RSS])]
    blocks += [idle_table(result), *thread_blocks(result), geomean_table(result)]
    blocks += [*summary_blocks(result), closing_lines(result)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def machine_text(machine):
    memory = f"{machine['memory_gib']} GiB, " if machine.get("memory_gib") else ""
    pages = f", transparent huge pages `{machine['huge_pages']}`" if machine.get("huge_pages") else ""
    system = f"{machine['system']}, " if machine.get("system") else ""
    return (f"{machine['cpu']}, {machine['cpus']} CPUs, {memory}{system}Linux {machine['kernel']}, "
            f"{machine['libc']}{pages}")


def rounds_of(result):
    """Of rows that are run several times in a round, and of those that went on, that too."""
    rounds = result.get("rounds", max(counts_of(row) for row in result["rows"]))
    by_row = [row.get("rounds", rounds) for row in result["rows"]]
    passes = max(counts_of(row) // max(count, 1) for row, count in zip(result["rows"], by_row))
    text = f"{rounds}" if max(by_row) <= rounds else f"{rounds}, of rows that were undecided up to {max(by_row)}"
    return text if passes <= 1 else f"{text}, of up to {passes} runs"


def counts_of(row):
    return max(map(len, row["runs"].values()), default=0)


def fenced(lines):
    return ["```", *lines, "```", ""]


def command_for(command, outputs):
    """The command that measured, but with these outputs instead of its own."""
    try:
        typed = iter(shlex.split(command))
    except ValueError:  # not a command that a shell would take
        return command
    words = []
    for word in typed:
        name, equals, _ = word.partition("=")
        if len(name) < 3 or not any(option.startswith(name) for option in OUTPUT_OPTIONS):  # abbreviated, perhaps
            words.append(word)
        elif not equals:
            next(typed, None)
    return shlex.join([*words, *outputs])


def section_lines(result, charts, outputs=()):
    """charts: paths relative to the Markdown file; outputs: the words of the command that say what is written."""
    lines = ["Written by this command; all figures of this section come from it.", "",
             "```sh", command_for(result.get("command", "bench/compare"), outputs), "```", "",
             f"{result['started'][:10]}, {machine_text(result['machine'])}; rounds: {rounds_of(result)}.", "",
             "| allocator | version |", "|---|---|"]
    for allocator in result["allocators"]:
        cells = [allocator["name"], allocator.get("version") or "–"]
        lines.append("| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |")
    versions = [row["version"] for row in result["rows"] if row.get("version")]
    lines += ["", "Programs: " + ", ".join(versions) + "." if versions else "", "", "### Where it stands", ""]
    for block in summary_blocks(result):
        lines += fenced(block)
    lines += ["### Geometric means", "", *fenced(geomean_table(result))]
    for metric in METRICS:
        title = metric.title[0].upper() + metric.title[1:]
        lines += [f"### {title}", "", *fenced(metric_table(result, metric))]
    if idle_table(result):
        lines += ["### A heap that shrinks", "", *fenced(idle_table(result))]
    blocks = [block for block in thread_blocks(result) if block]
    lines += ["### Threads", ""] if blocks else []
    for block in blocks:
        lines += fenced(block)
    if charts:
        lines += ["### Charts", ""]
    for chart in charts:
        title = os.path.basename(chart)[:-4].replace("_", " ")
        lines.append(f"![{title}]({urllib.parse.quote(chart)})\n")
    return [*lines, *fenced(closing_lines(result))]


def split_at_section(path):
    """(the text before, the text after); CannotCompare if the file does not have the two lines, once and in order."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        raise CannotCompare(f"{path} is not UTF-8") from None
    begin, end = text.find(BEGIN), text.find(END)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or begin > end:
        raise CannotCompare(f"{path} lacks the lines {BEGIN} and {END}, between which to write")
    return text[:begin], text[end + len(END):]


def write_section(path, result, charts, outputs=()):
    before, after = split_at_section(path)
    real = os.path.realpath(path)  # a link stays one
    folder = os.path.dirname(os.path.abspath(path))
    relative = [os.path.relpath(os.path.abspath(chart), folder) for chart in charts]
    section = "\n".join(section_lines(result, relative, outputs))
    while "\n\n\n" in section:
        section = section.replace("\n\n\n", "\n\n")
    with open(real + ".part", "w", encoding="utf-8") as out:
        out.write(f"{before}{BEGIN}\n{section.rstrip()}\n{END}{after}")
    os.replace(real + ".part", real)
