# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_rounds_test.py - the rounds of bench/compare with runs that are made up: their order, and what may fail."""
import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import random
import signal
import sys
import unittest
import unittest.mock

SOURCE = os.environ["ZC_SOURCE_DIR"]
sys.path.insert(0, os.path.join(SOURCE, "bench"))
import compare_allocators
import compare_report
import compare_rows
import compare_runner


def load_compare():
    """It sets signals, which these tests leave as they are."""
    before = signal.getsignal(signal.SIGINT)
    loader = importlib.machinery.SourceFileLoader("compare", os.path.join(SOURCE, "bench", "compare"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    loader.exec_module(module)
    signal.signal(signal.SIGINT, before)
    return module


compare = load_compare()


def made_up_run(seconds):
    return {"time_s": seconds, "wall_s": seconds, "user_s": seconds, "system_s": 0.0, "foreign_cpus": 0.0}


class FakeRunner:
    """time_of: allocator -> seconds; ran: the names of rows and allocators, in order."""

    def __init__(self, time_of):
        self.time_of, self.ran = time_of, []

    def run(self, row, allocator):
        self.ran.append((row.name, allocator.name))
        return made_up_run(self.time_of(allocator))


def measure(runner, row_count, names, **options):
    """The result; zcmalloc is ours."""
    arguments = argparse.Namespace(**{"rounds": 5, "settle": 0, "seconds": 0, "json": "", "scaling": False, **options})
    rows = [compare_rows.Row(f"row{number}/1", "1 thread", ["/row"]) for number in range(row_count)]
    allocators = [compare_allocators.Allocator(name, "", is_ours=name == "zcmalloc") for name in names]
    with unittest.mock.patch.object(compare, "machine", dict), \
         unittest.mock.patch.object(compare, "command_text", lambda _: ""), \
         unittest.mock.patch.object(compare_rows.Row, "version", lambda _: ""), \
         contextlib.redirect_stderr(io.StringIO()):
        result = compare.new_result(rows, allocators, arguments)
        for entry, allocator in zip(result["allocators"], allocators):
            entry["is_ours"] = allocator.is_ours
        compare.run_rounds(result, rows, allocators, runner, arguments)
    return result


class Rounds(unittest.TestCase):
    def test_each_follows_each_other_equally_often_with_several_passes(self):
        for row_count in (1, 3):
            runner = FakeRunner(lambda _: 0.1)
            measure(runner, row_count, "abcde", seconds=0.2)
            for row in range(row_count):
                names = [name for row_name, name in runner.ran if row_name == f"row{row}/1"]
                self.assertEqual(len(names), 5 * 2 * 5)
                runs = [names[begin:begin + 5] for begin in range(0, len(names), 5)]
                pairs = [pair for run in runs for pair in zip(run, run[1:])]
                counts = {pair: pairs.count(pair) for pair in pairs}
                self.assertEqual((len(counts), set(counts.values())), (20, {2}))

    def test_certainty_holds_though_it_is_looked_at_after_each_round(self):
        """Times whose median lies on the bound: no more than one in forty may be found surely over it."""
        chance = random.Random(1)

        def time_of(allocator):
            return compare_report.BEHIND * 2 ** chance.gauss(0, 0.2) if allocator.name == "zcmalloc" else 1.0

        for rounds, settle in ((6, 12), (5, 30)):
            row_count = 600
            result = measure(FakeRunner(time_of), row_count, ["system", "zcmalloc"], rounds=rounds, settle=settle)
            line = compare_report.behind_lines(result, compare_report.TIME, "zcmalloc")[0]
            found = int(line.split(" of them with 95 % certainty")[0].split()[-1])
            self.assertLessEqual(found, row_count * compare_report.UNSURE / 2, (rounds, settle))
            self.assertGreater(found, 0)

    def test_time_left_beyond_a_day(self):
        progress = compare.Progress([compare_rows.Row("a", "1 thread", [])], ["one"], 1001)
        with contextlib.redirect_stderr(io.StringIO()):
            progress.step(progress.rows[0], compare_allocators.Allocator("one", ""), 100)
        self.assertEqual(progress.left_text(), "27:46:40")


class Runs(unittest.TestCase):
    def test_an_error_of_the_system_costs_one_run(self):
        with compare_runner.Runner("/no/such/launcher", 1, 0) as runner:
            run = runner.run(compare_rows.Row("a", "1 thread", ["true"]), compare_allocators.Allocator("system", ""))
        self.assertIn("No such file or directory", run["failed"])


if __name__ == "__main__":
    unittest.main()
