#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# check_symbols.sh ARCHIVE - of the prefixed library: every global name begins with zc_ or zci_, so that a
# static link cannot clash; and nothing in it needs an allocation function of libc, or anything that
# allocates behind the scenes.
set -u
failed=0
foreign=$(nm --defined-only --extern-only "$1" 2>/dev/null | awk 'NF == 3 && $3 !~ /^zci?_/ { print $3 }')
if [ -n "$foreign" ]; then
    echo "global names without our prefix: $foreign"
    failed=1
fi
allocating=$(nm --undefined-only "$1" 2>/dev/null | awk '{ print $2 }' | sort -u |
    grep -xE 'malloc|calloc|realloc|free|posix_memalign|aligned_alloc|memalign|strdup|strndup|asprintf|printf|puts|fopen|fwrite|getline|qsort|atexit|__cxa_atexit|dlsym|dlopen|getenv|_Zn.*|_Zd.*')
if [ -n "$allocating" ]; then
    echo "names that allocate, or may: $allocating"
    failed=1
fi
exit $failed
