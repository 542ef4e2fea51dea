#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# headers.sh ROOT CC CK_INCLUDE [CXX] - each header compiles alone; the public ones as C++ too, where CXX is given.
set -u
root=$1 cc=$2 ck=$3 cxx=${4:-}
failed=0
for header in "$root"/src/*/*.h "$root"/pagemap/*.h "$root"/central/*.h "$root"/thread_cache/*.h; do
    "$cc" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function -Wno-pragma-once-outside-header \
        -DZCI_DEBUG_CHECKS=0 -I"$root" -I"$root/src" -I"$root/src/include" -isystem "$ck" \
        -fsyntax-only -x c - <<END || { echo "$header does not compile alone"; failed=1; }
#include "$header"
#include "$header"
END
done
[ -n "$cxx" ] || exit $failed
for header in "$root"/src/include/*; do
    "$cxx" -std=c++17 -Wall -Wextra -Werror -Wno-pragma-once-outside-header -I"$root/src/include" \
        -fsyntax-only -x c++ - <<END || { echo "$header does not compile alone as C++"; failed=1; }
#include "$header"
#include "$header"
END
done
exit $failed
