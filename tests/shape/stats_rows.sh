#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# stats_rows.sh ROOT PYTHON - the lists of statistics in docs/zcmalloc.3 are what src/heap/stats.def and
# stats_class.def say, and each row is a field of the public structs. (That each field has a row is an
# assertion in stats_print.c.)
set -u
failed=0
"$2" "$1/tools/gen_stats_rows.py" "$1/docs/zcmalloc.3" | diff "$1/docs/zcmalloc.3" - || {
    echo "run tools/gen_stats_rows.py > page && mv page docs/zcmalloc.3"
    failed=1
}
rows=0
for name in $(sed -nE 's/^(CLASS_)?ROW\(([a-z_]+),.*/\2/p' "$1/src/heap/stats.def" "$1/src/heap/stats_class.def"); do
    rows=$((rows + 1))
    grep -qw "uint64_t $name;" "$1/src/include/zcmalloc.h" || {
        echo "zcmalloc.h has no field $name"
        failed=1
    }
    grep -q "^\.It Va $name\$" "$1/docs/zcmalloc.3" || {
        echo "zcmalloc.3 does not list $name"
        failed=1
    }
done
[ "$rows" -gt 50 ] || { echo "found $rows rows only"; failed=1; }
exit $failed
