#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# check_symbols.sh ARCHIVE [NM] - of the prefixed library: every global name begins with zc_ or zci_, so that a
# static link cannot clash; and nothing in it needs an allocation function of libc, or anything that
# allocates behind the scenes.
set -u
nm=${2:-nm}
failed=0
cannot_read() {
    echo "$nm cannot read $1"
    exit 1
}
defined=$("$nm" --defined-only --extern-only "$1" 2>/dev/null) || cannot_read "$1"
undefined=$("$nm" --undefined-only "$1" 2>/dev/null) || cannot_read "$1"
defined=$(printf '%s\n' "$defined" | awk 'NF == 3 { print $3 }')
printf '%s\n' "$defined" | grep -qx zc_malloc || {
    echo "no zc_malloc in $1"
    exit 1
}
foreign=$(printf '%s\n' "$defined" | grep -vE '^zci?_')
if [ -n "$foreign" ]; then
    echo "global names without our prefix: $foreign"
    failed=1
fi
allocating=$(printf '%s\n' "$undefined" | awk '{ print $2 }' | sort -u |
    grep -xE 'malloc|calloc|realloc|free|posix_memalign|aligned_alloc|memalign|strdup|strndup|asprintf|printf|puts|fopen|fwrite|getline|qsort|atexit|__cxa_atexit|dlsym|dlopen|getenv|_Zn.*|_Zd.*')
if [ -n "$allocating" ]; then
    echo "names that allocate, or may: $allocating"
    failed=1
fi
exit $failed
