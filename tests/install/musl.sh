#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# musl.sh SOURCE_DIR WORK_DIR NM
# Builds the archive with musl's compiler wrapper and runs a static program with it. 77: no musl
# here.
set -eu
source=$1
work=$2
nm=$3

if ! command -v musl-gcc >/dev/null 2>&1; then
    echo "SKIPPED: no musl-gcc"
    exit 77
fi

mkdir -p "$work"
cmake -S "$source" -B "$work/build" -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_BUILD_TYPE=Release \
    -DZC_OPERATOR_NEW=OFF -DZC_BUILD_SHARED=OFF -DZC_BUILD_TESTS=OFF >"$work/configure.log" 2>&1 ||
    { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build" --target zcmalloc_static >"$work/build.log" 2>&1 ||
    { cat "$work/build.log"; exit 1; }

musl-gcc -std=gnu11 -O2 -fno-builtin -D_GNU_SOURCE -Wall -Wextra \
    -I"$source" -I"$source/src/include" \
    -static "$source/tests/install/static_test.c" -o "$work/static_test" \
    -Wl,-Map="$work/static_test.map" "$work/build/libzcmalloc.a" -pthread
exec "$source/tests/install/static_check.sh" "$work/static_test" "$work/static_test.map" "$nm"
