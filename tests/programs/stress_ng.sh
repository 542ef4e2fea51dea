#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# stress_ng.sh - stress-ng's malloc, fork and page-mapping workers for a fixed number of operations,
# with their own checks of what the blocks hold.
. "$(dirname "$0")/lib.sh"
need stress-ng

# Rates differ from run to run; the verdict may not. The time limit only stops a hang.
stress() {
    stress-ng --quiet --verify --timeout 50 --temp-path "$PWD" "$@" >log.txt 2>&1
    code=$?
    [ "$code" -eq 0 ] || cat log.txt >&2
    say "exit code $code"
    return "$code"
}

in_use stress-ng --version
compare 'malloc, all pages touched' stress --malloc 2 --malloc-ops 20000 --malloc-bytes 512K \
    --malloc-max 400 --malloc-touch
compare 'malloc, four threads a worker' stress --malloc 2 --malloc-ops 60000 --malloc-bytes 64K \
    --malloc-max 2000 --malloc-pthreads 4 --malloc-touch
compare 'malloc of up to 1 KiB, zeroed when freed' stress --malloc 2 --malloc-ops 60000 \
    --malloc-bytes 1K --malloc-zerofree
compare 'fork' stress --fork 2 --fork-ops 400
finish
