#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# static_check.sh PROGRAM MAP NM [EMULATOR...]
# Runs a static program and checks on its symbols and its linker map that all of the malloc family
# came from zcmalloc's archive and none of it from libc's.
set -eu
program=$1
map=$2
nm=$3
shift 3

symbols=$("$nm" --defined-only "$program" | awk '{print $3}')
has() {
    printf '%s\n' "$symbols" | grep -qx "$1"
}

failed=0
for name in malloc free calloc realloc reallocarray aligned_alloc memalign posix_memalign \
    valloc pvalloc cfree free_sized free_aligned_sized malloc_usable_size malloc_trim \
    malloc_stats malloc_info mallinfo mallinfo2 mallopt __libc_malloc __libc_free \
    __libc_calloc __libc_realloc __libc_memalign zc_malloc; do
    if ! has "$name"; then
        echo "FAILED: $name is not in the program"
        failed=1
    fi
done

# What only the malloc of glibc, or of musl, defines.
for name in main_arena _int_malloc _int_free sysmalloc ptmalloc_init __malloc_fork_lock_parent \
    __malloc_alloc_meta __libc_malloc_impl; do
    if has "$name"; then
        echo "FAILED: libc's own $name was linked"
        failed=1
    fi
done

object='libc\.a\((malloc|lite_malloc|free|libc_calloc|calloc|realloc|reallocarray|memalign'
object="$object|posix_memalign|aligned_alloc|malloc_usable_size|valloc|pvalloc)\\.(o|lo)\\)"
if grep -Eo "$object" "$map" | sort -u | grep .; then
    echo "FAILED: these objects of libc were linked"
    failed=1
fi
# shellcheck disable=SC2016
if ! grep -q 'libzcmalloc\.a(.*malloc_elf' "$map"; then
    echo "FAILED: the object that defines malloc did not come from libzcmalloc.a"
    failed=1
fi

"$@" "$program" || failed=1
exit $failed
