# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_programs.py - real programs for bench/compare --programs: those that are installed.

Programs that run to their end are here, servers in compare_servers.py. All inputs are made here, the same each
time. Sizes are such that a run takes about a second."""
import os
import random
import shutil
import sys

from compare_rows import Row
from compare_servers import GROUP, server_rows

PYTHON = """
import json, random
random.seed(1)
words = ["".join(random.choice("abcdefghij") for _ in range(random.randint(3, 9))) for _ in range(20000)]
total = 0
for turn in range(2):
    records = [{"id": i, "name": random.choice(words), "tags": random.sample(words, 4),
                "score": random.random()} for i in range(30000)]
    text = json.dumps(records)
    loaded = json.loads(text)
    by_name = {}
    for record in loaded:
        by_name.setdefault(record["name"], []).append((record["score"], record["id"]))
    ranked = sorted(by_name.items(), key=lambda item: (-len(item[1]), item[0]))
    total += len(text) + sum(len(name) for name, _ in ranked[:100])
    pieces = [" ".join(record["tags"]).upper().split() for record in loaded]
    total += sum(len(piece) for piece in pieces)
print(total)
"""

LUA = """
local function tree(depth)
  if depth == 0 then return {} end
  return {tree(depth - 1), tree(depth - 1)}
end
local function count(node)
  if node[1] == nil then return 1 end
  return 1 + count(node[1]) + count(node[2])
end
local total = 0
for i = 1, 80 do total = total + count(tree(14)) end
local names = {}
for i = 1, 200000 do
  local name = "name" .. (i * 7919 % 50021)
  names[name] = (names[name] or "") .. string.char(97 + i % 26)
end
for _, text in pairs(names) do total = total + #text end
print(total)
"""

PERL = """
my ($seed, %seen, @rows) = (1);
sub next_number { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed >> 8 }
for my $i (1 .. 120000) {
    my $name = join '', map { chr(97 + next_number() % 26) } 1 .. 3 + $i % 5;
    push @{ $seen{$name} }, { id => $i, text => "$name " x ($i % 7) };
}
for my $name (sort keys %seen) {
    for my $row (@{ $seen{$name} }) {
        my @parts = split / /, $row->{text};
        push @rows, scalar(@parts) . ":" . $row->{id};
    }
}
my $text = join ',', sort @rows;
print length($text), " ", scalar(keys %seen), "\\n";
"""

SQL = """
create table t(id integer primary key, name text, grp integer, note text);
with recursive c(i) as (select 1 union all select i + 1 from c where i < 150000)
insert into t select i, 'name' || (i * 7919 % 100003), i % 997,
    substr('abcdefghijklmnopqrstuvwxyz', 1 + i % 20) from c;
create index t_name on t(name);
create index t_grp on t(grp, note);
select count(*), sum(length(note)) from t;
select grp, count(*), group_concat(name) from t group by grp having grp % 250 = 0;
select count(*) from t a join t b on a.name = b.name where a.grp < 300;
update t set note = note || name where grp % 3 = 0;
delete from t where id % 5 = 0;
select note, count(*) n from t group by note order by n desc, note limit 5;
"""

GAWK = """
{ for (i = 1; i <= NF; i++) { seen[$i]++; line[$i] = line[$i] (length(line[$i]) < 200 ? NR : "") } }
END {
    n = asorti(seen, order)
    for (i = 1; i <= n; i++) { total += length(line[order[i]]) * seen[order[i]]; gsub(/[aeiou]/, "*", order[i]) }
    print n, total
}
"""

POSTSCRIPT_HEAD = "%!PS\n/Helvetica findfont 9 scalefont setfont\n"

CPP_HEAD = """
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>
template <int N> struct record { int key; std::string text; std::vector<int> values; };
"""
CPP_PART = """
int part_{n}(int seed)
{{
    std::map<std::string, std::shared_ptr<record<{n}>>> by_name;
    std::unordered_map<int, std::vector<record<{n}>>> by_key;
    for (int i = 0; i < seed; i++) {{
        auto made = std::make_shared<record<{n}>>(record<{n}>{{i, std::to_string(i), {{i, seed}}}});
        by_key[i % 7].push_back(*made);
        by_name.emplace(made->text, std::move(made));
    }}
    std::vector<record<{n}>> all;
    for (auto &[key, list] : by_key)
        all.insert(all.end(), list.begin(), list.end());
    std::sort(all.begin(), all.end(), [](auto &a, auto &b) {{ return a.text < b.text; }});
    std::function<int(int)> f = [&](int x) {{ return x + (int)by_name.size(); }};
    return f((int)all.size());
}}
"""

# Factors a product of two primes.
SMT = """
(set-logic QF_BV)
(declare-const a (_ BitVec 34))
(declare-const b (_ BitVec 34))
(assert (bvult a (_ bv{limit} 34)))
(assert (bvult b (_ bv{limit} 34)))
(assert (bvugt a (_ bv1 34)))
(assert (bvule a b))
(assert (= (bvmul a b) (_ bv{product} 34)))
(check-sat)
(get-model)
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path


def words_text(line_count):
    chance = random.Random(1)
    vocabulary = ["".join(chance.choice("abcdefghijklmnop") for _ in range(chance.randint(2, 10)))
                  for _ in range(40000)]
    return "".join(" ".join(chance.choices(vocabulary, k=10)) + "\n" for _ in range(line_count))


def postscript(page_count):
    chance = random.Random(1)
    out = [POSTSCRIPT_HEAD]
    for page in range(page_count):
        for _ in range(300):
            x, y, *curve = (chance.randint(20, 600) for _ in range(8))
            out.append(f"newpath {x} {y} moveto {' '.join(map(str, curve))} curveto stroke\n")
            out.append(f"{x} {y} moveto (page {page} number {chance.randint(0, 9999)}) show\n")
        out.append("showpage\n")
    return "".join(out)


def interpreter_rows(folder):
    system_python = "/usr/bin/python3"
    python = system_python if os.path.exists(system_python) else os.path.realpath(sys.executable)
    script = write(folder, "script.py", PYTHON)
    yield Row("python3", GROUP, [python, "-S", script], ["PYTHONMALLOC=malloc", "PYTHONHASHSEED=0"])
    yield Row("lua", GROUP, ["lua5.4", write(folder, "script.lua", LUA)])
    yield Row("perl", GROUP, ["perl", write(folder, "script.pl", PERL)], ["PERL_HASH_SEED=0"])
    text = write(folder, "words.txt", words_text(60000))
    yield Row("gawk", GROUP, ["gawk", "-f", write(folder, "script.awk", GAWK), text])


def tool_rows(folder):
    sql = write(folder, "script.sql", SQL)
    yield Row("sqlite3", GROUP, ["sqlite3", ":memory:", f".read {sql}"])
    page = write(folder, "pages.ps", postscript(120))
    yield Row("gs", GROUP, ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-o", "/dev/null", page])
    smt = SMT.format(limit=1 << 17, product=40961 * 65537)
    yield Row("z3", GROUP, ["z3", write(folder, "problem.smt2", smt)])
    cpp = write(folder, "parts.cc", CPP_HEAD + "".join(CPP_PART.format(n=n) for n in range(3)))
    for compiler in ("g++", "clang++"):
        yield Row(compiler, GROUP, [compiler, "-std=c++17", "-O1", "-c", cpp, "-o", "/dev/null"])


def database_rows(folder):
    """db_bench: random writes, reads and scans by two threads, with flushes and compactions behind them."""
    benchmarks = "fillrandom,readrandom,overwrite,seekrandom,readseq"
    command = ["db_bench", "--benchmarks=" + benchmarks, "--db=" + os.path.join(folder, "rocksdb"),
               "--num=30000", "--threads=2", "--seed=1", "--value_size=200", "--write_buffer_size=8388608",
               "--disable_wal=1"]
    yield Row("db_bench", GROUP, command)


def program_rows(folder):
    """(rows, [(name, why it is skipped)]); folder is for the inputs and must stay while the rows run."""
    rows, skipped = [], []
    for row in [*interpreter_rows(folder), *tool_rows(folder), *database_rows(folder)]:
        path = shutil.which(row.command[0])
        if path is None:
            skipped.append((row.name, f"{row.command[0]} not installed"))
            continue
        row.command[0] = path
        row.must_agree = row.name != "db_bench"  # which prints times
        rows.append(row)
    for row in server_rows(folder):
        if isinstance(row, Row):
            rows.append(row)
        else:
            skipped.append(row)
    return rows, skipped
