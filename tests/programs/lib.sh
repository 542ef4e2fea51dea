# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# lib.sh - what the program tests share; each test sources it.
#   need COMMAND...       skips the test (exit 77) if one of the commands is absent
#   in_use COMMAND...     fails unless COMMAND, preloaded, says that the library is in use
#   compare NAME WORK...  runs WORK, a function or command, with the system's allocator and with the
#                         library preloaded; both must print the same on standard output and exit
#                         with the same code
#   finish                the last line of a test
# Invariants: WORK runs in an empty folder of the same path both times; the shell itself is not
#             preloaded, the programs it starts are. Nothing is left behind.
# Set by ctest: ZC_LIBRARY (the shared library), ZC_SOURCE_DIR.
set -u

export LC_ALL=C
unset LD_PRELOAD
failed=0
compared=0

say() {
    printf '%s\n' "$*"
}

skip() {
    say "SKIPPED: $*"
    exit 77
}

fail() {
    say "FAILED: $*"
    failed=1
}

: "${ZC_LIBRARY:?the path of libzcmalloc.so}"
[ -r "$ZC_LIBRARY" ] || skip "no library at $ZC_LIBRARY"
scripts=$(cd "$(dirname "$0")" && pwd)

# A copy in a folder that every user may read: a server may run as another user than the build.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/zcmalloc-test.XXXXXX") || exit 1
chmod 755 "$scratch"
cp "$ZC_LIBRARY" "$scratch/libzcmalloc.so"
chmod 755 "$scratch/libzcmalloc.so"
preload=$scratch/libzcmalloc.so
trap 'cd / && rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\n' >"$scratch/probe"
chmod 755 "$scratch/probe"
"$scratch/probe" 2>/dev/null || skip "nothing can be run in $scratch"

need() {
    for command_name in "$@"; do
        command -v "$command_name" >/dev/null 2>&1 || skip "$command_name is not installed"
    done
}

in_use() {
    mkdir -p "$scratch/in_use"
    (cd "$scratch/in_use" && LD_PRELOAD=$preload ZCMALLOC_VERBOSE=1 "$@") \
        </dev/null >/dev/null 2>"$scratch/in_use.txt"
    if grep -q '^zcmalloc: .* in use' "$scratch/in_use.txt"; then
        say "  in use in $1"
    else
        fail "the library is not in use in: $*"
        tail -n 5 "$scratch/in_use.txt"
    fi
    rm -rf "$scratch/in_use" "$scratch/in_use.txt"
}

# run_once SIDE PRELOAD WORK...: leaves SIDE.out, SIDE.err and SIDE.code in $scratch.
run_once() {
    side=$1
    library=$2
    shift 2
    rm -rf "$scratch/work"
    mkdir "$scratch/work"
    chmod 777 "$scratch/work"
    (
        cd "$scratch/work" || exit 125
        if [ -n "$library" ]; then
            export LD_PRELOAD="$library"
        fi
        "$@"
    ) </dev/null >"$scratch/$side.out" 2>"$scratch/$side.err"
    echo $? >"$scratch/$side.code"
}

show_difference() {
    for side in system zcmalloc; do
        say "--- $side: exit code $(cat "$scratch/$side.code"), standard error ends with:"
        tail -n 15 "$scratch/$side.err"
    done
    say "--- standard output, system against zcmalloc:"
    diff "$scratch/system.out" "$scratch/zcmalloc.out" | head -n 20
}

compare() {
    label=$1
    shift
    run_once system '' "$@"
    run_once zcmalloc "$preload" "$@"
    compared=$((compared + 1))
    code=$(cat "$scratch/system.code")
    if [ "$code" = 77 ]; then
        skip "$label: $(sed -n 's/^SKIPPED: //p' "$scratch/system.out")"
    fi
    if grep -q 'cannot be preloaded' "$scratch/zcmalloc.err"; then
        fail "$label: the library could not be preloaded"
        show_difference
    elif cmp -s "$scratch/system.out" "$scratch/zcmalloc.out" &&
        [ "$code" = "$(cat "$scratch/zcmalloc.code")" ]; then
        if [ "$code" != 0 ]; then
            fail "$label fails with either allocator (exit code $code)"
            show_difference
        else
            hash=$(cksum <"$scratch/system.out" | cut -d ' ' -f 1)
            say "  same: $label (output $hash, exit code $code)"
        fi
    else
        fail "$label differs"
        show_difference
    fi
}

finish() {
    [ "$compared" -gt 0 ] || [ "$failed" -ne 0 ] || fail "nothing was compared"
    if [ "$failed" -eq 0 ]; then
        say "passed"
    fi
    exit "$failed"
}
