# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_report_test.py - the tables, means and checks of bench/compare, on made-up results."""
import csv
import fnmatch
import os
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.environ["ZC_SOURCE_DIR"], "bench"))
import compare_allocators
import compare_charts
import compare_counters
import compare_markdown
import compare_report
import compare_runner
import compare_sampling
import compare_threads

MIB = 1 << 20
MACHINE = {"cpu": "a CPU", "cpus": 2, "memory_gib": 8, "system": "a system", "kernel": "6", "libc": "a libc",
           "huge_pages": "never"}


def run(seconds, mib=10, **more):
    return {"time_s": seconds, "wall_s": seconds, "user_s": seconds, "system_s": 0.0, "peak_bytes": mib * MIB,
            "minor_faults": 100, "major_faults": 0, "switches": 3, "voluntary_switches": 1,
            "involuntary_switches": 2, "foreign_cpus": 0.0, "printed": {}, "output_sha256": "", **more}


def result_of(rows):
    """rows: {name: {allocator: runs}}"""
    names = ["system", "zcmalloc", "jemalloc", "tcmalloc"]
    allocators = [{"name": name, "path": "" if name == "system" else f"/{name}.so", "is_ours": name == "zcmalloc"}
                  for name in names]
    return {"started": "2026-01-02 03:04:05", "machine": MACHINE, "command": "bench/compare --rounds 1",
            "allocators": allocators,
            "rows": [{"name": name, "group": "1 thread", "runs": runs} for name, runs in rows.items()]}


def simple_result():
    return result_of({
        "a/1": {"system": [run(4, 10)], "zcmalloc": [run(1, 20)], "jemalloc": [run(2, 40)], "tcmalloc": [run(2, 20)]},
        "b/1": {"system": [run(4, 10)], "zcmalloc": [run(4, 20)], "jemalloc": [run(1, 10)], "tcmalloc": [run(4, 20)]},
    })


class Order(unittest.TestCase):
    def test_each_follows_each_other_equally_often(self):
        for count in range(1, 9):
            follows = {}
            turns = count * 2 if count % 2 else count
            for turn in range(turns):
                order = compare_allocators.order(list(range(count)), turn)
                self.assertEqual(sorted(order), list(range(count)))
                for pair in zip(order, order[1:]):
                    follows[pair] = follows.get(pair, 0) + 1
            self.assertEqual(len(follows), count * (count - 1))
            self.assertEqual(set(follows.values()), {turns // count} if count > 1 else set())


class Choice(unittest.TestCase):
    def test_libraries_are_of_this_machine(self):
        for machine in ("i386", "x86_64", "aarch64"):
            folder = f"/usr/lib/{machine}-linux-gnu"
            is_searched = any(fnmatch.fnmatch(folder, each) for each in compare_allocators.LIBRARY_FOLDERS)
            self.assertEqual(is_searched, folder == f"/usr/lib/{compare_allocators.MULTIARCH}", folder)
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, each, "libx.so") for each in ("none", "first", "second")]
            for path in paths[1:]:
                os.mkdir(os.path.dirname(path))
                with open(path, "w", encoding="ascii"):
                    pass
            with unittest.mock.patch.object(compare_allocators, "LIBRARY_FOLDERS", list(map(os.path.dirname, paths))):
                self.assertEqual(compare_allocators.find_library(["liby.so", "libx.so"]), paths[1])
                self.assertIsNone(compare_allocators.find_library(["liby.so"]))

    def test_ours_need_not_be_built_where_it_is_not_wanted(self):
        with unittest.mock.patch.object(compare_allocators, "OURS_PATH", "/absent/libzcmalloc.so"):
            chosen = compare_allocators.choose([], [], ["system"])
            self.assertEqual([allocator.name for allocator in chosen], ["system"])
            for wanted in ([], ["system", compare_allocators.OURS]):
                with self.assertRaisesRegex(compare_allocators.CannotCompare, "cmake --preset release"):
                    compare_allocators.choose([], [], wanted)

    def test_a_package_that_is_not_known_any_more(self):
        answers = {"-S": "libx:amd64: /usr/lib/libx.so", "-W": ""}
        with unittest.mock.patch.object(compare_allocators, "ask", lambda command: answers[command[1]]):
            self.assertEqual(compare_allocators.package_version("/usr/lib/libx.so"), "")


class Means(unittest.TestCase):
    def test_ratios_are_to_the_best_of_the_row(self):
        by_name = compare_report.ratios(simple_result(), simple_result()["rows"], compare_report.TIME)
        self.assertEqual(by_name["zcmalloc"], [1, 4])
        self.assertEqual(by_name["jemalloc"], [2, 1])
        self.assertEqual(by_name["zcmalloc / other"], [0.5, 4])

    def test_geometric_mean(self):
        self.assertAlmostEqual(compare_report.geomean([1, 4, None]), 2)
        table = compare_report.geomean_table(simple_result())
        time = next(line.split() for line in table if line.startswith("time, all  "))
        self.assertEqual(time[2:], ["2", "4.000", "2.000", "1.414", "2.828", "1.414"])

    def test_goals_compare_with_the_best_single_peer_over_common_rows(self):
        lines = compare_report.goal_lines(simple_result(), "zcmalloc")
        self.assertIn("needs 1.41 of the best single peer, jemalloc", lines[0])  # sqrt(1/2 * 4)
        self.assertIn("needs 1.00 of the leanest fast peer", lines[1])
        result = simple_result()
        self.assertIn("over all 2 rows", lines[0])
        result["rows"][1]["runs"]["jemalloc"] = [{"failed": "why"}]
        line = compare_report.goal_lines(result, "zcmalloc")[0]
        self.assertIn("needs 0.50 of the best single peer", line)  # 0.71 of tcmalloc over both rows
        self.assertIn("over the 1 of 2 rows that every allocator ended", line)

    def test_means_are_over_rows_that_all_ended(self):
        """One failed a row, or has not come to it; one that failed all would leave none."""
        for missing in ([{"failed": "why"}], []):
            result = simple_result()
            result["rows"][1]["runs"]["jemalloc"] = missing
            table = compare_report.geomean_table(result)
            time = next(line.split() for line in table if line.startswith("time, all  "))
            self.assertEqual(time[2:], ["1", "4.000", "1.000", "2.000", "2.000", "0.500"])
            self.assertEqual(table[-1], "over the 1 of 2 rows that every allocator ended")
        result["rows"][0]["runs"]["jemalloc"] = []
        table = compare_report.geomean_table(result)
        time = next(line.split() for line in table if line.startswith("time, all  "))
        self.assertEqual(time[2:], ["2", "2.000", "1.000", "-", "1.414", "0.707"])
        self.assertNotIn("over", table[-1])

    def test_rows_behind(self):
        lines = compare_report.behind_lines(simple_result(), compare_report.TIME, "zcmalloc")
        self.assertEqual(len(lines), 2)
        self.assertIn("4.00 times jemalloc", lines[1])

    def test_disturbed_runs_do_not_count_where_two_are_quiet(self):
        row = {"runs": {"x": [run(1), run(1), run(9, foreign_cpus=1.0)]}}
        self.assertEqual(compare_report.cell(row, "x", compare_report.TIME, max), 1)

    def test_failures_and_differing_outputs_are_told(self):
        result = simple_result()
        result["rows"][0]["runs"]["zcmalloc"] = [run(1, output_sha256="1"), {"failed": "exit code 1"}]
        lines = compare_report.failure_lines(result)
        self.assertTrue(any("a/1 under zcmalloc, 1 of 2: exit code 1" in line for line in lines))
        self.assertTrue(any("do not all print the same" in line for line in lines))


class Pairs(unittest.TestCase):
    """A machine that is slow in every other round: medians of all runs are of different rounds."""

    def result(self, *ours):
        ours = [run(seconds) for seconds in ours]
        theirs = [run(1 if number % 2 else 10) for number in range(len(ours))]
        return result_of({"a/1": {"system": [], "zcmalloc": ours, "jemalloc": theirs,
                                  "tcmalloc": [run(20) for _ in ours]}})

    def pairs(self, result):
        return compare_report.pairs_to_other(result, result["rows"][0], "zcmalloc", compare_report.TIME)

    def test_ratios_are_of_runs_of_one_round(self):
        result = self.result(10.5, 1.1, 11, 1, 9)
        self.assertEqual([round(ratio, 2) for ratio in self.pairs(result)], [1.05, 1.1, 1.1, 1, 0.9])
        self.assertEqual(compare_report.pairs_text(self.pairs(result)), "1.05 (0.90-1.10)")
        self.assertIn("1.05 (0.90-1.10)", compare_report.metric_table(result, compare_report.TIME)[2])
        self.assertNotIn("in pairs", compare_report.metric_table(result, compare_report.RSS)[0])

    def test_disturbed_and_failed_runs_have_no_pair(self):
        result = self.result(10, 2, 10, 1)
        result["rows"][0]["runs"]["zcmalloc"][1]["foreign_cpus"] = 1.0
        result["rows"][0]["runs"]["jemalloc"][0] = {"failed": "why"}
        self.assertEqual(self.pairs(result), [1, 1])
        self.assertEqual(compare_report.pairs_text([]), "-")

    def test_interval_of_the_median_by_the_sign_test(self):
        # The usual table of such intervals: from the k-th smallest on with n values.
        for count, kth in ((1, 1), (5, 1), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (30, 10)):
            values = [count - number for number in range(count)]
            self.assertEqual(compare_report.interval(values), (kth, count + 1 - kth), count)

    def test_intervals_are_wider_where_they_are_looked_at_often(self):
        for looks, least in ((1, 6), (2, 7), (8, 9), (26, 11)):
            self.assertEqual(compare_report.pairs_least(looks), least)
            for count, is_sure in ((least - 1, False), (least, True)):
                result = self.result(*[1.2 * (1 if number % 2 else 10) for number in range(count)])
                result["looks"] = looks
                self.assertEqual(compare_report.is_undecided(result, result["rows"][0]), not is_sure)
                line = compare_report.behind_lines(result, compare_report.TIME, "zcmalloc")[0]
                self.assertIn(f"{int(is_sure)} of them with 95 %", line)
        self.assertEqual(compare_report.interval(list(range(20)), 1), (5, 14))
        self.assertEqual(compare_report.interval(list(range(20)), 8), (3, 16))

    def test_undecided_is_what_may_be_over_the_bound_or_not(self):
        for ours, is_undecided in (([10, 1, 10, 1, 10, 1], False), ([12, 1.2, 12, 1.2, 12, 1.2], False),
                                   ([10, 1, 10, 1, 10, 1.2], True), ([10.5, 1.2] * 3, True), ([10, 1, 10, 1, 10], True)):
            result = self.result(*ours)
            self.assertEqual(compare_report.is_undecided(result, result["rows"][0]), is_undecided, ours)

    def test_rows_behind_by_medians_or_in_pairs(self):
        result = self.result(10, 1.2, 12, 1.2, 10.5, 1.2)
        lines = compare_report.behind_lines(result, compare_report.TIME, "zcmalloc")
        self.assertIn("0 rows in which zcmalloc is over 1.10 times the best other; 1 in pairs, 0 of them with", lines[0])
        self.assertIn("1.02 times jemalloc, in pairs 1.20 (1.00-1.20)", lines[1])
        result = self.result(12, 1.2, 12, 1.2, 12, 1.2)
        lines = compare_report.behind_lines(result, compare_report.TIME, "zcmalloc")
        self.assertIn("1 row in which zcmalloc is over 1.10 times the best other; 1 in pairs, 1 of them with", lines[0])
        result = self.result(12, 1.2, 12, 1.2, 12)
        self.assertIn("0 of them with", compare_report.behind_lines(result, compare_report.TIME, "zcmalloc")[0])


class Threads(unittest.TestCase):
    def result(self):
        def runs(system, ours, rate):
            return {"system": [run(system)], "zcmalloc": [run(ours, printed={"operations_per_second": rate})],
                    "jemalloc": [run(9)], "tcmalloc": []}
        return result_of({"w/1": runs(1, 1, 1e6), "w/2": runs(2, 1, 2e6), "w/16": runs(2, 3, 5e6),
                          "v/2": runs(2, 1, 1e6), "v/16": runs(2, 1, 1e6), "v/64": runs(2, 1.4, 1e6)})

    def test_more_threads_than_cpus(self):
        found = {(workload, threads): many / few
                 for workload, threads, many, few in compare_threads.degradations(self.result(), "zcmalloc")}
        self.assertEqual(found, {("w", 16): 3, ("v", 16): 1, ("v", 64): 1.4})
        lines = compare_threads.oversubscription_lines(self.result(), "zcmalloc")
        self.assertTrue(lines[-2].endswith("than with 2 threads: w/16, v/64"), lines[-2])
        self.assertTrue(lines[-1].endswith("the system's time: w/16"), lines[-1])

    def test_scaling_is_relative_to_the_fewest_threads(self):
        lines = compare_threads.scaling_lines(self.result())
        line = next(line.split() for line in lines if line.startswith("w "))
        self.assertEqual(line[1:], ["zcmalloc", "1", "1.00", "1.00", "2.00", "5.00", "-"])

    def test_means_of_scaling_are_over_workloads_that_all_ended(self):
        def runs(ours, theirs):
            return {name: [run(1, printed={"operations_per_second": rate})] if rate else [{"failed": "why"}]
                    for name, rate in (("zcmalloc", ours), ("jemalloc", theirs))}
        rows = {"w/1": runs(1e6, 1e6), "w/2": runs(2e6, 4e6), "v/1": runs(1e6, 1e6), "v/2": runs(8e6, 1e6)}
        for failed, ours, theirs, count in (((8e6, 1e6), "4.00", "2.00", 2), ((8e6, 0), "2.00", "4.00", 1)):
            lines = compare_threads.scaling_lines(result_of({**rows, "v/2": runs(*failed)}))
            means = {line.split()[2]: line.split()[-1] for line in lines if line.startswith("geometric mean ")}
            self.assertEqual((means["zcmalloc"], means["jemalloc"]), (ours, theirs))
            self.assertEqual(lines[-1], f"geometric means over {count} of 2 workloads")


class Files(unittest.TestCase):
    def test_markdown_section_is_replaced_and_the_rest_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "doc.md")
            with open(path, "w", encoding="utf-8") as out:
                out.write(f"before\n{compare_markdown.BEGIN}\nold\n{compare_markdown.END}\nafter\n")
            texts = []
            for _ in range(2):
                compare_markdown.write_section(path, simple_result(), [os.path.join(folder, "charts", "time.svg")])
                with open(path, encoding="utf-8") as file:
                    texts.append(file.read())
            self.assertEqual(texts[0], texts[1])
            self.assertTrue(texts[0].startswith("before\n") and texts[0].endswith("\nafter\n"))
            self.assertNotIn("\nold\n", texts[0])
            self.assertIn("![time](charts/time.svg)", texts[0])
            for metric in compare_report.METRICS:
                self.assertIn("\n" + compare_report.metric_table(simple_result(), metric)[0], texts[0])

    def test_markdown_of_names_that_it_could_misread(self):
        result = simple_result()
        result["allocators"][1]["name"] = "a|b"
        lines = compare_markdown.section_lines(result, ["my charts/time.svg"])
        self.assertIn("| a\\|b | – |", lines)
        self.assertIn("![time](my%20charts/time.svg)\n", lines)

    def test_markdown_has_the_command_that_measured_with_its_own_outputs(self):
        outputs = ["--svg", "a b", "--markdown", "doc.md"]
        for typed in ("bench/compare --only x --rounds 3 --settle 5 --seconds 1 --counters",
                      "bench/compare --json r.json --only x --svg=s.svg --rounds 3 --svg t --settle 5 --markdown d.md "
                      "--seconds 1 --cs 'r r.csv' --counters --js r.json"):
            lines = compare_markdown.section_lines({**simple_result(), "command": typed}, [], outputs)
            self.assertEqual(lines[3], "bench/compare --only x --rounds 3 --settle 5 --seconds 1 --counters "
                                       "--svg 'a b' --markdown doc.md")
        self.assertEqual(compare_markdown.command_for("no ' command", outputs), "no ' command")

    def test_a_link_to_a_document_stays_one(self):
        with tempfile.TemporaryDirectory() as folder:
            document, link = os.path.join(folder, "doc.md"), os.path.join(folder, "link.md")
            with open(document, "w", encoding="utf-8") as out:
                out.write(f"{compare_markdown.BEGIN}\n{compare_markdown.END}\n")
            os.symlink("doc.md", link)
            compare_markdown.write_section(link, simple_result(), [])
            self.assertTrue(os.path.islink(link))
            with open(document, encoding="utf-8") as file:
                self.assertIn("### Geometric means", file.read())

    def test_markdown_without_the_lines_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".md") as file:
            with self.assertRaises(compare_allocators.CannotCompare):
                compare_markdown.write_section(file.name, simple_result(), [])

    def test_the_document_has_the_lines(self):
        with open(os.path.join(os.environ["ZC_SOURCE_DIR"], "docs", "benchmarks.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual((text.count(compare_markdown.BEGIN), text.count(compare_markdown.END)), (1, 1))

    def test_csv_has_every_run_and_metric(self):
        with tempfile.NamedTemporaryFile("r", suffix=".csv", encoding="utf-8") as file:
            compare_report.write_csv(file.name, simple_result())
            lines = list(csv.DictReader(file))
        self.assertEqual(len(lines), 8)
        for column in ("wall_s", "user_s", "system_s", "peak_bytes", "minor_faults", "switches"):
            self.assertNotEqual(lines[0][column], "", column)

    def test_charts_follow_the_page(self):
        text = compare_charts.adapt_to_dark('<svg a="b">\n<text style="fill: #1f2328; font: 9px \'X\'" x="1.23456"/>')
        self.assertIn('<svg a="b"><!-- SPDX-License-Identifier: MIT --><style>@media (prefers-color-scheme: dark)', text)
        self.assertIn('[style*="fill: #1f2328"]{fill:#e6edf3!important}', text)
        self.assertIn('x="1.23"', text)

    def test_charts_keep_numbers_in_names(self):
        path = '<path d="M 1.23456 2\n7.89123"/>'
        text = compare_charts.adapt_to_dark(f'<svg a="b">\n{path}<text>mine.20251130</text>')
        self.assertIn('<path d="M 1.23 2\n7.89"/><text>mine.20251130</text>', text)


class Parsing(unittest.TestCase):
    def test_samples_keep_their_peak(self):
        samples = [(at, 7 if at == 777 else 1) for at in range(1000)]
        thin = compare_sampling.thinned(samples)
        self.assertEqual(len(thin), compare_sampling.KEPT_COUNT)
        self.assertIn((777, 7), thin)

    def test_printed_numbers(self):
        found = compare_runner.printed_numbers("a 1\n\nb 1 2\nb 3 4\nwords here\n")
        self.assertEqual(found, {"a": 1.0, "b": [[1.0, 2.0], [3.0, 4.0]]})

    def test_printed_numbers_of_both_kinds(self):
        for text in ("x 1\nx 1 2\n", "x 1 2\nx 1\n"):
            self.assertEqual(compare_runner.printed_numbers(text), {"x": [[1.0, 2.0]]})

    def test_strace_counts(self):
        text = ("% time     seconds  usecs/call     calls    errors syscall\n"
                " 90.00    0.010000          10      1234        12 futex\n"
                "  1.00    0.000001           1         7           mmap\n")
        found = compare_counters.parse_strace(text)
        self.assertEqual((found["futex"], found["mmap"], found["munmap"]), (1234, 7, 0))

    def test_perf_symbols_and_locks(self):
        found = compare_counters.parse_perf("    50.00%  libc.so.6   [.] __lll_lock_wait\n"
                                            "    40.00%  [kernel.kallsyms]  [k] clear_page\n")
        self.assertEqual(found[0], (50.0, "libc.so.6", "__lll_lock_wait"))
        self.assertEqual(found[1][1], "kernel")
        for symbol, is_lock in (("__lll_lock_wait", True), ("pthread_mutex_trylock", True), ("futex_wake", True),
                                ("block_free", False), ("clock_gettime", False), ("_raw_spin_unlock", True)):
            self.assertEqual(bool(compare_counters.LOCK.search(symbol)), is_lock, symbol)


if __name__ == "__main__":
    unittest.main()
