#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# compiler.sh COMPILER - a C++ compiler on a source full of templates: its assembly must not change.
. "$(dirname "$0")/lib.sh"
compiler=$1
need "$compiler"

echo 'int main() { return 0; }' >"$scratch/empty.cc"
"$compiler" -x c++ -std=c++17 -fsyntax-only -include map "$scratch/empty.cc" 2>/dev/null ||
    skip "$compiler cannot compile C++"

compile() {
    cp "$scripts/templates.cc" .
    "$compiler" -x c++ -std=c++17 -O1 -g -S templates.cc -o templates.s && cat templates.s
}

in_use "$compiler" --version
compare "$compiler -O1 -g -S templates.cc" compile
finish
