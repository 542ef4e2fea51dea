# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_signals_test.py - bench/compare and tools/measure.c when they are told to end: nothing stays behind."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

SOURCE = os.environ["ZC_SOURCE_DIR"]
COMPARE = os.path.join(SOURCE, "bench", "compare")
sys.path.insert(0, os.path.join(SOURCE, "bench"))
import compare_rows
import compare_runner

OURS = ["--ours", "zcmalloc=" + os.environ["ZC_LIBRARY"], "--allocators", "system,zcmalloc"]
WAIT_S = 600

# Starts argv, in a session of its own or not, and waits to be killed.
PARENT = """
import subprocess, sys, time
subprocess.Popen(sys.argv[2:], start_new_session=sys.argv[1] == "own")
time.sleep(1000)
"""
# Says who it is and who it started; in a group of its own neither would get the terminal's signals.
SERVER = "sleep 1000 & echo $$ $! >pids.new && mv pids.new pids && wait"


def is_alive(pid):
    """A zombie is not: who waits for it is not our matter."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def becomes_true(condition):
    give_up = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


class Ending(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zcmalloc-compare-test-")
        self.addCleanup(self.folder.cleanup)
        self.scratch = self.path("scratch")
        os.mkdir(self.scratch)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self, *arguments, **options):
        """Measures; returns once the first row is kept."""
        command = [sys.executable, "-B", COMPARE, "--quick", "--only", "fixed_sizes/[1]", *OURS, "--json",
                   self.path("r.json"), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "TMPDIR": self.scratch}, **options)
        self.addCleanup(process.kill)
        self.assertTrue(becomes_true(lambda: os.path.exists(self.path("r.json")) or process.poll() is not None))
        return process

    def run_count(self):
        """Kept so far: runs of the first row."""
        with open(self.path("r.json"), encoding="utf-8") as file:
            return len(json.load(file)["rows"][0]["runs"]["zcmalloc"])

    def test_signals_end_it_as_ctrl_c_does(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.start("--rounds", "100000") as process:
                self.assertNotEqual(os.listdir(self.scratch), [])
                process.send_signal(number)
                output, errors = process.communicate(timeout=WAIT_S)
            self.assertEqual(process.returncode, 130, errors)
            self.assertIn("what is done counts", errors)
            self.assertIn("geometric mean", output)
            self.assertEqual(os.listdir(self.scratch), [])
            os.remove(self.path("r.json"))

    def test_a_signal_while_a_run_begins_leaves_nothing(self):
        process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self.addCleanup(process.kill)
        original = threading.Timer.start

        def start(timer):
            original(timer)
            raise KeyboardInterrupt

        with compare_runner.Runner("", 1000, 0) as runner, \
             unittest.mock.patch.object(runner, "start", return_value=process), \
             unittest.mock.patch.object(threading.Timer, "start", start):
            self.assertRaises(KeyboardInterrupt, runner.run_to_end, compare_rows.Row("a", "1 thread", []), None)
        self.assertIsNotNone(process.poll())
        self.assertEqual([each for each in threading.enumerate() if isinstance(each, threading.Timer)
                          and not (each.daemon or each.finished.is_set())], [])

    def test_ctrl_c_outside_the_measuring_is_one_sentence(self):
        """At the start, and when allocators and inputs are there."""
        loader = importlib.machinery.SourceFileLoader("compare", COMPARE)
        compare = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        loader.exec_module(compare)
        for place in ("measure_all", "new_result"):
            with unittest.mock.patch.object(compare, place, side_effect=KeyboardInterrupt), \
                 unittest.mock.patch.object(sys, "argv", ["compare", "--quick", "--only", "fixed_sizes/1", *OURS]), \
                 contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertEqual(compare.main(), 130)
            self.assertEqual(errors.getvalue(), "compare: interrupted\n")
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), before):
            signal.signal(number, handler)

    def test_a_hangup_that_is_ignored_stays_so(self):
        ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            process = self.start("--rounds", "100000")
        finally:
            signal.signal(signal.SIGHUP, ignored)
        with process:
            process.send_signal(signal.SIGHUP)
            before = self.run_count()
            self.assertTrue(becomes_true(lambda: self.run_count() > before + 2 or process.poll() is not None))
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=WAIT_S)
            self.assertGreater(self.run_count(), before + 2, errors)

    @unittest.skipUnless(sys.platform == "linux", "nothing tells a process elsewhere that its parent has ended")
    def test_a_program_ends_with_who_measures_it(self):
        launcher = os.path.join(compare_rows.build(), "measure")
        for session in ("own", "same"):
            command = [sys.executable, "-c", PARENT, session, launcher, self.path("result"), "sh", "-c", SERVER]
            with subprocess.Popen(command, cwd=self.scratch, start_new_session=True) as parent:
                pids_path = os.path.join(self.scratch, "pids")
                self.assertTrue(becomes_true(lambda: os.path.exists(pids_path)))
                with open(pids_path, encoding="ascii") as file:
                    server, worker = map(int, file.read().split())
                self.assertTrue(is_alive(server))
                os.remove(pids_path)
                parent.kill()
                parent.wait()
                try:
                    self.assertTrue(becomes_true(lambda: not is_alive(server)), session)
                    if session == "own":
                        self.assertTrue(becomes_true(lambda: not is_alive(worker)))
                finally:
                    for pid in (server, worker):
                        if is_alive(pid):
                            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
