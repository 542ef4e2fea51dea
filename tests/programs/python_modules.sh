#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# python_modules.sh - nine modules of CPython's own test suite with every object from malloc.
. "$(dirname "$0")/lib.sh"
need python3
python3 -c 'import test.test_json, test.test_dict' 2>/dev/null ||
    skip "CPython's test suite is not installed (Debian: libpython3.*-testsuite)"

# Quick modules that allocate in every way the interpreter knows; together about 16 s.
modules='test_json test_re test_dict test_list test_bytes test_thread test_heapq
    test_collections test_struct'

# Times and load averages differ from run to run; the verdicts may not.
run_modules() {
    # shellcheck disable=SC2086 # a list of words
    python3 -m test $modules >log.txt 2>&1
    code=$?
    grep -E '^(Result|Tests result|All [0-9]+ tests OK|[0-9]+ tests? (failed|OK))' log.txt
    [ "$code" -eq 0 ] || tail -n 40 log.txt >&2
    return "$code"
}

export PYTHONMALLOC=malloc
in_use python3 -c 'pass'
compare 'nine modules' run_modules
finish
