#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# node.sh - node: JSON, Buffers, collection, worker threads that pass messages.
. "$(dirname "$0")/lib.sh"
need node

in_use node --version
compare 'workload.js' node --expose-gc "$scripts/workload.js"
finish
