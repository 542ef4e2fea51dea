# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_workloads_test.py - the workloads of bench/compare: they do some work however short the time is, count it
rightly, and find what an allocator loses."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ["ZC_SOURCE_DIR"], "bench"))
import compare_rows
import compare_runner

PROBE = os.environ["ZC_BLOCK_PROBE"]
MANY = 64
WEB_SERVER_READY = 4096 * 10  # blocks of the sessions that are there before the first request


class Workloads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.built = compare_rows.build()

    def run_workload(self, name, *arguments, **variables):
        command = [os.path.join(self.built, name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})

    def operations(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        printed = compare_runner.printed_numbers(done.stdout)
        return printed["operations_per_second"] * printed["seconds"]

    def test_many_threads_work_in_a_moment(self):
        """It is over before the last of them is there."""
        for name in ("random_sizes", "mixed_sizes", "web_server", "producer_consumer", "rptest_like", "thread_churn"):
            done = self.run_workload(name, "--threads", MANY, "--seconds", 0.001)
            self.assertGreater(self.operations(done), 0, name)

    def test_operations_are_the_blocks_made(self):
        done = self.run_workload("web_server", "--iterations", 10, LD_PRELOAD=PROBE)
        made = compare_runner.printed_numbers(done.stderr)["blocks"]
        self.assertAlmostEqual(self.operations(done), made - WEB_SERVER_READY, delta=200)

    def test_what_main_prepares_is_no_operation(self):
        """A block for each thread, which frees it at once; one iteration makes one more."""
        done = self.run_workload("false_sharing", "--mode", "passive", "--threads", MANY, "--iterations", 1)
        self.assertLess(self.operations(done), MANY / 2)

    def test_a_page_that_is_lost_is_found(self):
        arguments = ["large_blocks", "--iterations", 12]
        self.assertEqual(self.run_workload(*arguments, LD_PRELOAD=PROBE).returncode, 0)
        done = self.run_workload(*arguments, LD_PRELOAD=PROBE, PROBE_LOSES_A_PAGE="1")
        self.assertEqual((done.returncode, "lost its contents" in done.stderr), (1, True), done.stderr)

    @unittest.skipUnless(shutil.which("stdbuf"), "what is printed comes at the end only")
    def test_a_heap_grows_again_while_there_is_time(self):
        command = ["stdbuf", "-oL", os.path.join(self.built, "grow_shrink_idle"), "--threads", "2", "--seconds", "1000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                grown = 0
                while grown < 2 and (line := process.stdout.readline()):
                    grown += line.startswith("rss_grown_mib")
            finally:
                process.kill()
        self.assertEqual(grown, 2)


if __name__ == "__main__":
    unittest.main()
