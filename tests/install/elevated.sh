#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# elevated.sh PROGRAM WORK_DIR - a set-user-ID copy of PROGRAM, or a set-group-ID one, heeds no ZCMALLOC_ variable.
# Needs root, or a second group; else 77.
set -eu
work=$2
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
skip() {
    echo "SKIPPED: no elevated rights to be had here"
    exit 77
}
plain=$work/plain
elevated=$work/elevated
cp "$1" "$plain"
cp "$1" "$elevated"
if [ "$(id -u)" = 0 ]; then
    chown 1 "$elevated" || skip
    chmod 4755 "$elevated"
else
    for group in $(id -G); do
        [ "$group" = "$(id -g)" ] || chgrp "$group" "$elevated" || skip
    done
    chmod 2755 "$elevated"
fi
export ZCMALLOC_VERBOSE=1 ZCMALLOC_NO_SUCH_OPTION=1 ZCMALLOC_GC_MS=never

code=0
said=$("$plain" 2>&1) || code=$?
for word in 'in use' ZCMALLOC_NO_SUCH_OPTION ZCMALLOC_GC_MS=never; do
    echo "$said" | grep -q "$word" || { echo "FAILED: without elevated rights nothing about $word"; exit 1; }
done
code=0
said=$("$elevated" 2>&1) || code=$?
[ "$code" = 0 ] || skip
[ -z "$said" ] || { echo "FAILED: with elevated rights: $said"; exit 1; }
