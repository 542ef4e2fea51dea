#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# selfbuild.sh - this project builds itself with itself preloaded: CMake, make, compiler, linker.
. "$(dirname "$0")/lib.sh"
need cmake make cc c++
: "${ZC_SOURCE_DIR:?the top of the source tree}"

# Both builds happen in a folder of the same path, so the two libraries must be equal to the byte.
build() {
    cmake -S "$ZC_SOURCE_DIR" -B build -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE=Release \
        -DZC_BUILD_TESTS=OFF -DZC_BUILD_BENCH=OFF >configure.txt 2>&1 || {
        tail -n 30 configure.txt >&2
        return 1
    }
    cmake --build build --target zcmalloc_shared >make.txt 2>&1 || {
        tail -n 30 make.txt >&2
        return 1
    }
    cksum <"$(find build -name 'libzcmalloc.*' -type f | head -n 1)"
}

in_use cmake --version
compare 'the library' build
finish
