# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_outputs_test.py - the files of bench/compare: refused before anything runs, and each written by itself."""
import argparse
import contextlib
import io
import json
import os
import shlex
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

SOURCE = os.environ["ZC_SOURCE_DIR"]
COMPARE = os.path.join(SOURCE, "bench", "compare")
sys.path.insert(0, os.path.join(SOURCE, "bench"))
import compare_charts
import compare_markdown
import compare_outputs

OURS = ["--ours", "zcmalloc=" + os.environ["ZC_LIBRARY"], "--allocators", "system,zcmalloc"]
QUICK = ["--quick", "--rounds", "1", "--only", "fixed_sizes/[1]", *OURS]
WAIT_S = 600


def compare(*arguments):
    return subprocess.run([sys.executable, "-B", COMPARE, *arguments], capture_output=True, text=True, check=False)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zcmalloc-compare-test-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name, text=None):
        path = os.path.join(self.folder.name, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def measured(self):
        """A JSON file of one round."""
        done = compare(*QUICK, "--json", self.path("r.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path("r.json")

    def test_what_cannot_be_written_is_refused_before_anything_runs(self):
        os.mkdir(self.path("folder"))
        os.mkdir(self.path("folder.svg"))
        file = self.path("file", "")
        for arguments in (["--json", self.path("no/r.json")], ["--csv", self.path("no/r.csv")],
                          ["--csv", self.path("folder")], ["--svg", self.path("no/r.svg")],
                          ["--svg", self.path("folder.svg")], ["--svg", os.path.join(file, "charts")],
                          ["--svg", "/proc/charts"], ["--markdown", self.path("absent.md")],
                          ["--markdown", self.path("plain.md", "no such lines\n")],
                          ["--markdown", self.path("twice.md", f"{compare_markdown.BEGIN}\n" * 2)]):
            done = compare(*QUICK, *arguments)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(arguments[1], done.stderr)

    def test_what_is_asked_leaves_nothing(self):
        self.assertEqual(compare("--quick", *OURS, "--only", "no such row", "--svg", self.path("a/b/charts"), "--csv",
                                 self.path("r.csv"), "--json", self.path("r.json")).returncode, 1)
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_measuring_goes_on_without_its_json(self):
        """The folder goes away after the first row is kept."""
        os.mkdir(self.path("folder"))
        json_path = self.path("folder/r.json")
        command = [sys.executable, "-B", COMPARE, *QUICK, "--rounds", "40", "--json", json_path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            give_up = time.monotonic() + WAIT_S
            while not os.path.exists(json_path) and time.monotonic() < give_up:
                time.sleep(0.01)
            os.rename(self.path("folder"), self.path("gone"))
            output, errors = process.communicate(timeout=WAIT_S)
        self.assertEqual(process.returncode, 1, errors)
        self.assertEqual(errors.count("the measuring goes on"), 1, errors)
        self.assertIn("geometric mean", output)
        self.assertNotIn("Traceback", errors)

    def load(self, path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def asked(self, **more):
        nothing = {"json": "", "csv": "", "svg": [], "all_tables": False, "markdown": ""}
        return argparse.Namespace(**{**nothing, **more})

    def write_all(self, result, asked):
        """(whether all is well, standard output, standard error)"""
        with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(io.StringIO()) as errors:
            is_well = compare_outputs.write_all(result, asked)
        return is_well, output.getvalue(), errors.getvalue()

    def document(self):
        return self.path("doc.md", f"{compare_markdown.BEGIN}\n{compare_markdown.END}\n")

    @staticmethod
    def damaged(value):
        """It with one place missing or of another type, each time another, and the place; of lists the first element."""
        for key in list(value) if isinstance(value, dict) else range(len(value[:1])) if isinstance(value, list) else []:
            kept = value[key]
            for other in (None, True, -1, 0, 1e400, "", "x", "\ud800", [], [1], [[1]], {}, {"x": 1}):
                value[key] = other
                yield value, f"{key} {other!r}"
            if isinstance(value, dict):
                del value[key]
                yield value, f"{key} gone"
            value[key] = kept
            for _, place in Files.damaged(kept):
                yield value, f"{key}.{place}"

    def test_a_damaged_result_is_told_in_one_sentence(self):
        """Whatever is read: it is refused, or all tables can be made of it."""
        result = self.load(self.measured())
        result["is_scaling"] = True
        path, refused, count = self.path("damaged.json"), 0, 0
        for damaged, place in self.damaged(result):
            count += 1
            with open(path, "w", encoding="utf-8") as out:
                json.dump(damaged, out)
            try:
                read = compare_outputs.read_json(path)
            except compare_outputs.CannotCompare as reason:
                self.assertRegex(str(reason), f"^{path} is (damaged: [^\n]+|not of bench/compare --json)$")
                refused += 1
                continue
            if read["rows"]:
                with self.subTest(place):
                    self.assertTrue(self.write_all(read, self.asked(all_tables=True, csv=self.path("r.csv"),
                                                                    markdown=self.document()))[0])
        self.assertGreater(refused, count / 2)

    def test_what_is_damaged_is_named(self):
        saved = self.measured()
        for change, sentence in ((lambda result: result.pop("machine"), "machine is missing"),
                                 (lambda result: result["machine"].pop("cpu"), "machine.cpu is missing"),
                                 (lambda result: result["rows"][0].update(runs=[]), "rows[0].runs is no dictionary"),
                                 (lambda result: result["rows"][0]["runs"]["system"][0].update(time_s="1"),
                                  "rows[0].runs.system[0].time_s is not a number above 0")):
            result = self.load(saved)
            change(result)
            self.path("damaged.json", json.dumps(result))
            done = compare("--from", self.path("damaged.json"))
            self.assertEqual((done.returncode, done.stdout), (1, ""), sentence)
            self.assertEqual(done.stderr, f"compare: {self.path('damaged.json')} is damaged: {sentence}\n")

    def test_a_section_made_later_has_a_command_that_makes_it(self):
        saved, document = self.measured(), self.document()
        done = compare("--from", saved, "--markdown", document)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = next(line for line in self.read("doc.md").splitlines() if line.startswith("bench/compare "))
        self.assertEqual(shlex.split(told), ["bench/compare", *QUICK, "--markdown", document])

    def test_one_that_fails_costs_no_other(self):
        result = self.load(self.measured())
        asked = self.asked(csv=self.path("no/r.csv"), markdown=self.document())
        is_well, output, errors = self.write_all(result, asked)
        self.assertFalse(is_well)
        self.assertEqual(errors.count("\n"), 1)
        self.assertIn("geometric mean", output)
        self.assertIn("### Geometric means", self.read("doc.md"))
        asked.csv = self.path("r.csv")
        self.assertTrue(self.write_all(result, asked)[0])

    def other_python(self, text):
        """In place of the system's, for a Python without matplotlib."""
        path = self.path("python", "#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return (unittest.mock.patch.object(compare_charts, "SYSTEM_PYTHON", path),
                unittest.mock.patch.object(compare_charts, "load_matplotlib", lambda: None))

    def test_charts_that_fail_are_not_blamed_on_matplotlib(self):
        result = self.load(self.measured())
        asked = self.asked(svg=[self.path("charts")], markdown=self.document())
        for text, is_expected_well, sentence in (
                ("echo 'line 1\nNo space left' >&2; exit 1", False, "could not be drawn: No space left"),
                (f"exit {compare_charts.NO_MATPLOTLIB}", True, "no Python here has matplotlib"),
                (f"echo {self.path('charts')}/time.svg", True, "time.svg")):
            with contextlib.ExitStack() as stack:
                for patch in self.other_python(text):
                    stack.enter_context(patch)
                is_well, output, errors = self.write_all(result, asked)
            self.assertEqual(is_well, is_expected_well, text)
            self.assertIn(sentence, output + errors)
            self.assertEqual("matplotlib" in output + errors, "has matplotlib" in sentence)
            self.assertEqual("is written without charts" in errors, not is_well)
        self.assertIn("### Charts", self.read("doc.md"))

    def test_drawing_tells_a_missing_matplotlib_from_a_failure(self):
        done = subprocess.run([sys.executable, "-B", compare_charts.__file__, self.measured(), "/proc/charts"],
                              capture_output=True, text=True, check=False)
        has_matplotlib = compare_charts.load_matplotlib() is not None
        self.assertEqual(done.returncode, 1 if has_matplotlib else compare_charts.NO_MATPLOTLIB, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_a_link_stays_one(self):
        saved = self.measured()
        os.mkdir(self.path("folder"))
        os.symlink("folder/real.json", self.path("link.json"))
        for _ in range(2):
            compare_outputs.check_file(self.path("link.json"))
            compare_outputs.write_json(self.path("link.json"), self.load(saved))
            self.assertTrue(os.path.islink(self.path("link.json")))
            self.assertEqual(self.load(self.path("folder/real.json")), self.load(saved))
        os.symlink("absent/real.json", self.path("nowhere.json"))
        with self.assertRaises(compare_outputs.CannotCompare):
            compare_outputs.check_file(self.path("nowhere.json"))

    def test_a_dollar_in_a_name_is_one(self):
        result = self.load(self.measured())
        text = json.dumps(result).replace('"zcmalloc"', '"a$b$c"')
        self.path("dollar.json", text)
        done = compare("--from", self.path("dollar.json"), "--svg", self.path("r.svg"))
        self.assertEqual(done.returncode, 0, done.stderr)
        if "has matplotlib" in done.stdout:
            self.skipTest("no matplotlib")
        self.assertIn(">a$b$c</text>", self.read("r.svg"))

    def test_a_pipe_is_written_not_replaced(self):
        saved = self.measured()
        os.mkfifo(self.path("pipe"))
        with subprocess.Popen(["cat", self.path("pipe")], stdout=subprocess.PIPE, text=True) as reader:
            done = compare("--from", saved, "--json", self.path("pipe"))
            if not stat.S_ISFIFO(os.stat(self.path("pipe")).st_mode):
                reader.kill()
            written = reader.communicate()[0]
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(written), self.load(saved))


if __name__ == "__main__":
    unittest.main()
