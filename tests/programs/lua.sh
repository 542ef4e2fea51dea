#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# lua.sh - lua 5.4: every object through realloc; strings, tables, closures, coroutines, collection.
. "$(dirname "$0")/lib.sh"
need lua5.4

in_use lua5.4 -e 'return'
compare 'workload.lua' lua5.4 "$scripts/workload.lua"
finish
