#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# check_exports.sh LIBRARY LIST - the library exports exactly the names of the list, one a line.
set -u
exported=$(nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort)
wanted=$(grep -v '^#' "$2" | LC_ALL=C sort)
[ "$exported" = "$wanted" ] && exit 0
echo "exports of $1 (+) differ from $2 (-):"
printf '%s\n' "$wanted" >"${TMPDIR:-/tmp}/wanted.$$"
printf '%s\n' "$exported" | diff "${TMPDIR:-/tmp}/wanted.$$" - | sed -n 's/^</-/p; s/^>/+/p'
rm -f "${TMPDIR:-/tmp}/wanted.$$"
exit 1
