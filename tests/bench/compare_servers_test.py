# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_servers_test.py - servers of bench/compare that go wrong: they are told to end, and the reason is said."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.environ["ZC_SOURCE_DIR"], "bench"))
import compare_allocators
import compare_rows
import compare_runner
import compare_servers

WAIT_S = 60
SYSTEM = compare_allocators.Allocator("system", "")
# One that leaves a file behind only if it ends by its signal.
SERVER = "trap 'touch stopped; exit 0' TERM; touch up; while :; do sleep 0.02; done"


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.launcher = os.path.join(compare_rows.build(), "measure")

    def runner(self, timeout_s):
        runner = compare_runner.Runner(self.launcher, timeout_s, 0)
        self.addCleanup(runner.folder.cleanup)
        return runner

    @staticmethod
    def row(clients, script=SERVER):
        server = compare_servers.Server(lambda folder: os.path.exists(os.path.join(folder, "up")), lambda _: clients,
                                        signal.SIGTERM)
        return compare_rows.Row("server", "programs", ["sh", "-c", script], server=server)

    def assert_stopped(self, runner):
        self.assertTrue(os.path.exists(runner.path("stopped")), "it was killed")

    def test_one_whose_client_fails_is_told_to_end(self):
        runner = self.runner(60)
        self.assertEqual(runner.run(self.row([["false"]]), SYSTEM), {"failed": "false failed"})
        self.assert_stopped(runner)

    def test_one_whose_client_takes_too_long_is_told_to_end(self):
        runner = self.runner(5)  # the start is in it
        self.assertEqual(runner.run(self.row([["sleep", "60"]]), SYSTEM), {"failed": "stopped after 5 s"})
        self.assert_stopped(runner)

    def test_one_that_is_interrupted_is_told_to_end(self):
        runner = self.runner(60)
        row = self.row([["true"]])
        with unittest.mock.patch.object(compare_servers, "does", side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, runner.run, row, SYSTEM)
        self.assert_stopped(runner)

    def test_one_that_does_not_end_is_killed(self):
        runner = self.runner(60)
        script = "trap '' TERM; echo $$ >pid; touch up; while :; do sleep 0.02; done"
        with unittest.mock.patch.object(compare_servers, "STOP_S", 0.1):
            self.assertEqual(runner.run(self.row([["false"]], script), SYSTEM), {"failed": "false failed"})
        with open(runner.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        give_up = time.monotonic() + WAIT_S
        while compare_servers.is_running(pid):
            self.assertLess(time.monotonic(), give_up)
            time.sleep(0.02)

    def test_clients_have_the_time_that_was_asked_for(self):
        given = []

        def does(_command, timeout_s=0):
            given.append(timeout_s)
            return True

        with unittest.mock.patch.object(compare_servers, "does", does):
            self.assertNotIn("failed", self.runner(5000).run(self.row([["true"]]), SYSTEM))
        self.assertTrue(4000 < given[0] <= 5000, given)

    def test_what_it_said_before_it_ended_is_told(self):
        run = self.runner(60).run(self.row([], "echo first >&2; echo the reason >&2; exit 3"), SYSTEM)
        self.assertEqual(run["failed"], "the server ended at once with exit code 3 the reason")
        run = self.runner(60).run(self.row([], "exit 3"), SYSTEM)
        self.assertEqual(run["failed"], "the server ended at once with exit code 3")

    def test_one_that_ends_by_itself_meanwhile(self):
        """Between the look for its processes and the signal; one that ended before is not found, and gets none."""
        runner = self.runner(60)

        def is_late(_pid, _signal):
            with open(runner.path("over"), "w", encoding="ascii"):
                raise ProcessLookupError

        with unittest.mock.patch.object(compare_servers.os, "kill", side_effect=is_late) as kill:
            run = runner.run(self.row([["true"]], "touch up; while ! [ -e over ]; do sleep 0.02; done"), SYSTEM)
        self.assertNotIn("failed", run)
        self.assertTrue(kill.called)


class Locks(unittest.TestCase):
    def is_removed(self, pid):
        with tempfile.TemporaryDirectory(prefix="zcmalloc-compare-test-") as folder:
            path = os.path.join(folder, "postmaster.pid")
            with open(path, "w", encoding="ascii") as out:
                out.write(f"{pid}\n/data\n")
            with unittest.mock.patch.object(compare_servers, "STOP_S", 0.05):
                compare_servers.remove_stale_lock(path)
            return not os.path.exists(path)

    @unittest.skipUnless(os.path.isdir("/proc/self"), "nothing tells what has ended")
    def test_the_lock_of_a_server_that_ended_is_removed(self):
        with subprocess.Popen(["true"]) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is still listed
            self.assertTrue(self.is_removed(process.pid))
        self.assertTrue(self.is_removed(process.pid))
        self.assertFalse(self.is_removed(os.getpid()))
        compare_servers.remove_stale_lock("/no/such/file")


if __name__ == "__main__":
    unittest.main()
