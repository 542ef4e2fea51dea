#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# python.sh - CPython with every object from malloc: JSON, regular expressions, threads.
. "$(dirname "$0")/lib.sh"
need python3

export PYTHONMALLOC=malloc PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
in_use python3 -c 'pass'
compare 'workload.py' python3 "$scripts/workload.py"
finish
