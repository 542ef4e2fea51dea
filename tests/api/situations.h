/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations.h - what the files of the situation program share.
 * Invariants: a situation runs in a process of its own, so it may use up memory, change limits,
 * leave threads behind or crash; it fails when a CHECK fails, it dies, or it takes too long.
 * Costs:      one fork per situation. */
#ifndef TESTS_API_SITUATIONS_H
#define TESTS_API_SITUATIONS_H

#include "tests/support/check.h"

#include <stddef.h>

struct situation {
    const char *name;
    void (*run)(void);
};

struct situation_group {
    const struct situation *list;
    size_t count;
    const long *failed_count; /* check.h counts per file */
    const long *skipped_count;
};

#define SITUATION_GROUP(group, situations)                                                         \
    const struct situation_group group = {situations, sizeof(situations) / sizeof(situations)[0],  \
                                          &check_failed_count, &check_skipped_count}

extern const struct situation_group situations_blocks;
extern const struct situation_group situations_aligned;
extern const struct situation_group situations_fork;
extern const struct situation_group situations_threads;
extern const struct situation_group situations_reports;
extern const struct situation_group situations_libc;

#endif
