#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# java.sh - a Java machine: its compiler threads, its collector, thousands of short threads.
. "$(dirname "$0")/lib.sh"
need java

java -version 2>"$scratch/version.txt" ||
    skip "java does not run: $(tail -n 1 "$scratch/version.txt")"
churn() {
    java -Xmx256m -XX:+UseG1GC "$scripts/ThreadChurn.java"
}

(cd "$scratch" && churn >churn.txt 2>&1) ||
    skip "java cannot run a source file: $(tail -n 1 "$scratch/churn.txt")"
in_use java -version
compare 'ThreadChurn.java' churn
finish
