# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_run_test.py - bench/compare as a user runs it: files written, Ctrl-C, servers, wrong arguments."""
import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

COMPARE = os.path.join(os.environ["ZC_SOURCE_DIR"], "bench", "compare")
OURS = ["--ours", "zcmalloc=" + os.environ["ZC_LIBRARY"], "--allocators", "system,zcmalloc"]
WAIT_S = 120
METRICS = ["wall_s", "user_s", "system_s", "peak_bytes", "minor_faults", "voluntary_switches", "involuntary_switches"]


def compare(*arguments):
    return subprocess.run([sys.executable, "-B", COMPARE, *arguments], capture_output=True, text=True, check=False)


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zcmalloc-compare-test-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def load(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def test_everything_is_measured_and_read_again(self):
        arguments = ["--quick", "--rounds", "2", "--only", "fixed_sizes/[12]", "--only", "grow_shrink_idle-short/1"]
        done = compare(*arguments, *OURS, "--json", self.path("r.json"), "--csv", self.path("r.csv"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        result = self.load("r.json")
        self.assertEqual([row["name"] for row in result["rows"]],
                         ["fixed_sizes/1", "fixed_sizes/2", "grow_shrink_idle-short/1"])
        for row in result["rows"]:
            for name in ("system", "zcmalloc"):
                self.assertEqual(len(row["runs"][name]), 2)
                for run in row["runs"][name]:
                    self.assertLessEqual(set(METRICS), set(run))
        self.assertGreater(len(result["rows"][2]["runs"]["zcmalloc"][0]["rss_over_time"]), 1)
        with open(self.path("r.csv"), encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        self.assertEqual([line["run"] for line in lines], ["1", "2"] * 3 * 2)
        again = compare("--from", self.path("r.json"))
        self.assertEqual(again.stdout, done.stdout)

    def test_the_command_is_what_was_typed(self):
        asked = ["--quick", "--rounds", "1", "--settle", "1", "--seconds", "0.001", "--patience", "0.5",
                 "--timeout", "77", "--only", "fixed_sizes/1", "--threads", "1,2", *OURS[:2], "--add",
                 "a b=" + os.environ["ZC_LIBRARY"], "--allocators", "a b,zcmalloc"]
        done = compare(*asked, "--json", self.path("r.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        words = shlex.split(self.load("r.json")["command"])
        self.assertEqual(words, ["bench/compare", *asked, "--json", self.path("r.json")])

    def test_undecided_rows_go_on(self):
        """Fewer than six rounds decide nothing."""
        rows = ["--only", "symbolic/1", "--only", "fixed_sizes/1"]
        done = compare("--quick", "--rounds", "1", "--settle", "3", *rows, *OURS, "--json", self.path("settled.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("rounds: 1, of rows that were undecided up to 3", done.stdout)
        self.assertIn("round 3: 3 rows go on", done.stderr)
        for row in self.load("settled.json")["rows"]:
            self.assertEqual([len(each) for each in row["runs"].values()], [3, 3])

    def test_short_rows_run_several_times(self):
        """As often under each allocator; a row that takes as long as was asked for runs once."""
        rows = ["--only", "symbolic/1", "--only", "fixed_sizes/[1]"]
        done = compare("--quick", "--rounds", "2", "--seconds", "0.001", *rows, *OURS, "--json", self.path("once.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        done = compare("--quick", "--rounds", "2", "--seconds", "60", *rows, *OURS, "--json", self.path("often.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("rounds: 2, of up to 10 runs", done.stdout)
        self.assertIn("round 2 of 2 done, 00:00:00 left", done.stderr)
        for name, runs in (("once.json", 2), ("often.json", 20)):
            for row in self.load(name)["rows"]:
                self.assertEqual([len(each) for each in row["runs"].values()], [runs, runs])

    def test_scaling(self):
        done = compare("--quick", "--rounds", "1", "--scaling", "--threads", "1,2", "--only", "fixed_sizes", *OURS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^geometric mean +zcmalloc +1 +1\.00 +[0-9.]+$")

    def test_counters_tell_failures_and_write_no_files(self):
        rows = ["--threads", "1", "--only", "symbolic", "--timeout", "0.001"]
        done = compare("--counters", *rows, *OURS)  # not so quick that it may end before the timer
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("FAILED symbolic/1"), 2, done.stdout)
        for option in ("--json", "--csv", "--svg", "--markdown"):
            done = compare("--quick", "--counters", *rows, *OURS, option, self.path("file"))
            self.assertEqual(done.returncode, 2, option)
            self.assertIn(option, done.stderr.splitlines()[-1])

    @staticmethod
    def interrupt(process):
        """Again, as people do, where one came at a moment that swallows it."""
        for _ in range(WAIT_S // 5):
            process.send_signal(signal.SIGINT)
            try:
                return process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                pass
        process.kill()
        return process.communicate()

    def test_an_interrupt_keeps_what_is_done(self):
        command = [sys.executable, "-B", COMPARE, "--quick", "--rounds", "100000", "--only", "fixed_sizes/1", *OURS,
                   "--json", self.path("r.json")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            give_up = time.monotonic() + WAIT_S
            while not os.path.exists(self.path("r.json")) and time.monotonic() < give_up:
                time.sleep(0.02)
            output, errors = self.interrupt(process)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("what is done counts", errors)
        self.assertIn("geometric mean", output)
        self.assertGreaterEqual(len(self.load("r.json")["rows"][0]["runs"]["zcmalloc"]), 1)

    def test_servers_run_preloaded_and_end(self):
        """Those that are installed; a missing one is named."""
        done = compare("--only-programs", "--rounds", "1", "--only", "redis", "--only", "memcached", "--only", "nginx",
                       "--only", "pgbench", *OURS[:2], "--allocators", "zcmalloc", "--json", self.path("r.json"))
        if "no row matches" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for row in self.load("r.json")["rows"]:
            for run in row["runs"]["zcmalloc"]:
                self.assertGreater(run["time_s"], 0)
                self.assertGreater(run["peak_bytes"], 0)

    def test_a_server_without_the_library_does_not_count(self):
        """What the loader only warns about, for a library that the server's user cannot read."""
        sys.path.insert(0, os.path.dirname(COMPARE))
        import compare_servers
        with subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True) as launcher:
            try:
                while not compare_servers.children_of(launcher.pid) and launcher.poll() is None:
                    time.sleep(0.01)
                self.assertFalse(compare_servers.is_preloaded(launcher.pid, os.environ["ZC_LIBRARY"]))
                self.assertTrue(compare_servers.is_preloaded(launcher.pid, ""))
            finally:
                os.killpg(launcher.pid, signal.SIGKILL)

    def test_a_map_cut_short_is_read_again(self):
        """As that of a process which is just ending."""
        sys.path.insert(0, os.path.dirname(COMPARE))
        import compare_servers
        answers = iter([False, False, True])
        with unittest.mock.patch.object(compare_servers, "is_preloaded", lambda *_: next(answers)):
            self.assertTrue(compare_servers.becomes_preloaded(1, "x"))
        with unittest.mock.patch.object(compare_servers, "is_preloaded", lambda *_: False), \
             unittest.mock.patch.object(compare_servers, "MAPS_S", 0.05):
            self.assertFalse(compare_servers.becomes_preloaded(1, "x"))

    def test_missing_programs_are_named(self):
        listing = subprocess.run([sys.executable, "-B", COMPARE, "--only-programs", "--list", *OURS], check=False,
                                 capture_output=True, text=True, env={**os.environ, "PATH": self.folder.name})
        self.assertEqual(listing.returncode, 0 if "python3" in listing.stdout else 1, listing.stderr)
        self.assertIn("skipped: db_bench: db_bench not installed", listing.stderr)

    def test_a_variant_has_variables_of_its_own(self):
        library = os.environ["ZC_LIBRARY"]
        done = compare("--quick", "--rounds", "1", "--only", "symbolic/1", "--ours", f"a={library}",
                       "--ours", f"b={library},ZCMALLOC_GC_MS=7", "--allocators", "a,b", "--json", self.path("r.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([entry["variables"] for entry in self.load("r.json")["allocators"]], [[], ["ZCMALLOC_GC_MS=7"]])
        sys.path.insert(0, os.path.dirname(COMPARE))
        import compare_allocators
        variant = compare_allocators.named_library(f"b={library},ZCMALLOC_VERBOSE=1,X=y", "--ours")
        said = subprocess.run(["env", *variant.settings(), "sh", "-c", "echo $X"], capture_output=True, text=True,
                              check=True)
        self.assertEqual(said.stdout, "y\n")
        self.assertIn("zcmalloc", said.stderr)
        done = compare("--quick", "--ours", f"b={library},nonsense", "--allocators", "b")
        self.assertEqual(done.returncode, 1)
        self.assertIn("VARIABLE=VALUE, not nonsense", done.stderr)

    def test_wrong_arguments(self):
        for arguments in (["--threads", "1,x"], ["--threads", "²"], ["--timeout", "nan"], ["--timeout", "-1"],
                          ["--timeout", "0"], ["--timeout", "inf"], ["--patience", "nan"], ["--seconds", "nan"],
                          ["--settle", "-1"], ["--rounds", "0"]):
            done = compare("--quick", "--list", *OURS, *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(arguments[0], done.stderr.splitlines()[-1].replace("at least one round", "--rounds"))
            self.assertNotIn("Traceback", done.stderr)
        for arguments in (["--only", "no such row"], ["--add", "x=/nowhere"], ["--add", f"x={__file__}"]):
            names = "system,x" if "--add" in arguments else "system"
            done = compare("--quick", *OURS, "--allocators", names, *arguments)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_what_is_no_saved_result(self):
        for content in (b"{}", b"[]", b"7", b"{", b"\xff\xfe", b'{"format": 1, "rows": {}, "allocators": []}',
                        b'{"format": 2, "rows": [], "allocators": []}'):
            with open(self.path("r.json"), "wb") as out:
                out.write(content)
            done = compare("--from", self.path("r.json"))
            self.assertEqual(done.returncode, 1, content)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_compiler_with_options(self):
        sys.path.insert(0, os.path.dirname(COMPARE))
        import compare_allocators
        import compare_rows
        commands = []

        def remember(command, **_):
            """A compiler: nobody may find its output before it is complete."""
            commands.append(command)
            output = command[command.index("-o") + 1]
            with open(output, "w", encoding="ascii"):
                pass
            self.assertFalse(output.endswith(names))
            return subprocess.CompletedProcess(command, len(commands) == fails_at)

        fails_at = 0
        names = ("/batch_free", "/measure")

        with unittest.mock.patch.object(compare_rows, "BUILT", self.path("built")), \
             unittest.mock.patch.object(compare_rows.subprocess, "run", remember), \
             unittest.mock.patch.dict(os.environ, {"CC": "sh -O2 '-Da=b c'"}):
            compare_rows.build()
            self.assertEqual({tuple(command[:3]) for command in commands}, {("sh", "-O2", "-Da=b c")})
            built = os.listdir(self.path("built"))
            self.assertEqual(len(built), len(commands))
            self.assertEqual({"batch_free", "measure"} - set(built), set())
            shutil.rmtree(self.path("built"))
            fails_at = len(commands) + 2
            with self.assertRaises(compare_allocators.CannotCompare):
                compare_rows.build()
            self.assertEqual(os.listdir(self.path("built")), ["batch_free"])
            os.environ["CC"] = "no-such-compiler -O2"
            with self.assertRaises(compare_allocators.CannotCompare):
                compare_rows.build()

    def test_a_program_whose_path_has_an_equals_sign(self):
        sys.path.insert(0, os.path.dirname(COMPARE))
        import compare_rows
        os.mkdir(self.path("a=b"))
        program = self.path("a=b/program")
        with open(program, "w", encoding="ascii") as out:
            out.write('#!/bin/sh\necho "$X $1"\n')
        os.chmod(program, 0o755)
        launcher = os.path.join(compare_rows.build(), "measure")
        done = subprocess.run([launcher, self.path("result"), "X=y/z", program, "c=d"], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "y/z c=d\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
