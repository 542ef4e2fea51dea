#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# perl.sh - perl: hashes, long strings, regular expressions, sorting, nested data.
. "$(dirname "$0")/lib.sh"
need perl

export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
in_use perl -e 1
compare 'workload.pl' perl "$scripts/workload.pl"
finish
