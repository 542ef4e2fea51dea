#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# arm64.sh SOURCE_DIR WORK_DIR
# Builds the libraries, the tools and the unit and api tests for arm64 with the cross compiler and runs these tests in
# an emulator. 77: no cross compiler or no emulator here.
set -eu
source=$1
work=$2

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "SKIPPED: no $tool"
        exit 77
    fi
done

mkdir -p "$work"
cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DZC_OPERATOR_NEW=OFF "-DZC_TEST_KINDS=unit;api" \
    -DCMAKE_TOOLCHAIN_FILE="$source/cmake/toolchain-aarch64-linux-gnu.cmake" \
    >"$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build" -j2 >"$work/build.log" 2>&1 || { tail -50 "$work/build.log"; exit 1; }
cd "$work/build"
# Left out: tests that limit or place address space, for here these are the emulator's own; and one of the
# three linkages, for time.
exec ctest -L '^(unit|api)$' -E 'situations|unit\.os_|\.shared$' -j2 --output-on-failure
