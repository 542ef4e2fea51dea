#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# headers.sh ROOT CC CK_INCLUDE - each header compiles alone; the public ones as C++ too, if CC can.
set -u
root=$1 cc=$2 ck=$3
failed=0
for header in "$root"/src/*/*.h "$root"/pagemap/*.h "$root"/central/*.h "$root"/thread_cache/*.h; do
    "$cc" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function -Wno-pragma-once-outside-header \
        -DZCI_DEBUG_CHECKS=0 -I"$root" -I"$root/src" -I"$root/src/include" -isystem "$ck" \
        -fsyntax-only -x c - <<END || { echo "$header does not compile alone"; failed=1; }
#include "$header"
#include "$header"
END
done
exit $failed
