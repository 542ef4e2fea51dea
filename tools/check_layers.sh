#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# check_layers.sh [ROOT] - every #include stays in its layer or goes below; platform #ifs stay in src/os and
# in files named for a platform. Prints each violation; exit status 1 if there is one.
set -u
cd "${1:-.}" || exit 2
# From bottom to top. A folder may include itself and what stands before it.
order='base os pagemap central thread_cache heap api'

rank() {
    n=0
    for layer in $order; do
        n=$((n + 1))
        [ "$layer" = "$1" ] && echo "$n" && return
    done
    echo 0
}

failed=0
for folder in src/base src/os pagemap central thread_cache src/heap src/api; do
    mine=$(rank "$(basename "$folder")")
    for file in "$folder"/*.[ch] "$folder"/*.cc; do
        [ -e "$file" ] || continue
        for included in $(sed -n 's/^#include "\([a-z_]*\)\/.*"/\1/p' "$file" | sort -u); do
            theirs=$(rank "$included")
            if [ "$theirs" -eq 0 ] || [ "$theirs" -gt "$mine" ]; then
                echo "$file includes $included/, a layer above or unknown"
                failed=1
            fi
        done
        case $file in
        src/os/* | *_linux.* | *_darwin.* | *_elf.*) continue ;;
        esac
        if grep -nE '^#[[:space:]]*(el)?if.*(__APPLE__|__linux__|__MACH__|_WIN32|__ANDROID__)' "$file"; then
            echo "$file has a platform #if outside src/os"
            failed=1
        fi
    done
done
if grep -nE '^#[[:space:]]*(el)?if.*(__APPLE__|__linux__|__MACH__|_WIN32|__ANDROID__)' src/include/*; then
    echo "src/include has a platform #if"
    failed=1
fi
exit $failed
