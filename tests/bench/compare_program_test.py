# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_program_test.py - tools/compare_run.py as a user runs it: one program under several allocators."""
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

COMPARE_RUN = os.path.join(os.environ["ZC_SOURCE_DIR"], "tools", "compare_run.py")
LIBRARY = os.environ["ZC_LIBRARY"]
WAIT_S = 60


def command(*arguments):
    return [sys.executable, "-B", COMPARE_RUN, *arguments]


def compare_run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zcmalloc-compare-test-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def test_a_table_and_a_csv_that_others_can_read(self):
        for _ in range(2):
            done = compare_run("--rounds", "2", "--lib", f"a={LIBRARY}", "--title", 'x, "y"', "--csv",
                               self.path("r.csv"), "--", "echo", "hello")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"(?m)^ +system +a +a / system$")
        with open(self.path("r.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["allocator"] for row in rows], ["system", "system", "a", "a"] * 2)
        self.assertEqual({row["title"] for row in rows}, {'x, "y"'})
        self.assertTrue(all(int(row["peak_bytes"]) > 0 for row in rows))

    def test_what_would_give_wrong_numbers_is_refused(self):
        for arguments, sentence in ((["--lib", "bad=/etc/passwd"], "bad does not provide malloc"),
                                    (["--lib", f"a={LIBRARY}", "--lib", f"a={LIBRARY}"], "a is given twice"),
                                    (["--lib", f"system={LIBRARY}"], "system is given twice"),
                                    (["--lib", "a=/absent.so"], "no library there"),
                                    (["--csv", self.path("no/r.csv")], "cannot be written")):
            others = [] if "--lib" in arguments else ["--lib", f"a={LIBRARY}"]
            done = compare_run(*arguments, *others, "--rounds", "1", "--", "touch", self.path("ran"))
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn(sentence, done.stderr.splitlines()[-1])
            self.assertNotIn("Traceback", done.stderr)
            self.assertFalse(os.path.exists(self.path("ran")), arguments)

    def test_a_program_that_takes_no_library_is_refused(self):
        """It would be the system's malloc each time."""
        source = self.path("hello.c")
        with open(source, "w", encoding="ascii") as out:
            out.write("int main(void)\n{\n    return 0;\n}\n")
        compiler = os.environ.get("CC", "cc").split()
        refused = []
        for way in ("-static", "-static-pie"):
            if shutil.which(compiler[0]) and subprocess.run([*compiler, way, source, "-o", self.path(way)], check=False,
                                                            capture_output=True).returncode == 0:
                refused.append((self.path(way), "is linked statically"))
        elevated = shutil.copy(shutil.which("id"), self.path("elevated"))
        if os.getuid() == 0:
            os.chown(elevated, 1, -1)
            os.chmod(elevated, 0o4755)
            if subprocess.run([elevated, "-u"], check=False, capture_output=True).stdout == b"1\n":
                refused.append((elevated, "runs with elevated rights"))
        for program, sentence in refused:
            done = compare_run("--lib", f"a={LIBRARY}", "--rounds", "1", "--csv", self.path("r.csv"), "--", program)
            self.assertEqual((done.returncode, done.stdout), (1, ""), program)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(sentence, done.stderr)
        self.assertFalse(os.path.exists(self.path("r.csv")))
        if not refused:
            self.skipTest("no such program can be made here")

    def test_others_are_not(self):
        """A script, whose bits count for nothing; the dynamic linker; a program of one's own rights."""
        with open(self.path("script"), "w", encoding="ascii") as out:
            out.write("#!/bin/sh\necho hello\n")
        os.chmod(self.path("script"), 0o6755)
        own = shutil.copy(shutil.which("true"), self.path("own"))
        os.chmod(own, 0o4755)
        loaders = [path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
                   if os.path.exists(path)]
        for words in ([self.path("script")], [own], *([path, "/bin/echo", "hello"] for path in loaders)):
            done = compare_run("--lib", f"a={LIBRARY}", "--rounds", "1", "--", *words)
            self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk_costs_no_table(self):
        done = compare_run("--lib", f"a={LIBRARY}", "--rounds", "1", "--csv", "/dev/full", "--", "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn("of 1 round,", done.stdout)
        self.assertRegex(done.stderr, r"^compare_run: /dev/full cannot be written: .+\n$")

    def test_what_differs_or_fails_is_told(self):
        done = compare_run("--lib", f"a={LIBRARY}", "--", "sh", "-c", 'echo "$LD_PRELOAD"')
        self.assertEqual((done.returncode, "the output differs" in done.stderr), (1, True))
        done = compare_run("--lib", f"a={LIBRARY}", "--", "sh", "-c", "exit 3")
        self.assertEqual((done.returncode, "exits with 3" in done.stderr), (1, True))

    def test_signals_leave_the_complete_rounds(self):
        script = f"echo x >>{self.path('runs')}; [ $(wc -l <{self.path('runs')}) -lt 4 ] || sleep 1000"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            words = command("--lib", f"a={LIBRARY}", "--csv", self.path("r.csv"), "--", "sh", "-c", script)
            with subprocess.Popen(words, env={**os.environ, "TMPDIR": self.folder.name}, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                give_up = time.monotonic() + WAIT_S
                while self.runs() < 4 and time.monotonic() < give_up:
                    time.sleep(0.02)
                process.send_signal(number)
                output, errors = process.communicate(timeout=WAIT_S)
            self.assertEqual(process.returncode, 130, errors)
            self.assertIn("of 1 round,", output)
            self.assertEqual(sorted(os.listdir(self.folder.name)), ["r.csv", "runs"])
            with open(self.path("r.csv"), encoding="utf-8") as file:
                self.assertEqual(len(file.readlines()), 1 + 3)
            for name in ("r.csv", "runs"):
                os.remove(self.path(name))

    def runs(self):
        try:
            with open(self.path("runs"), encoding="ascii") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0


if __name__ == "__main__":
    unittest.main()
