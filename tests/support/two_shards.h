/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* two_shards.h - the start of a white-box test whose threads are of two shards: call it before anything else. The cache
 * of the second one is parked then, for the next thread. */
#ifndef TESTS_SUPPORT_TWO_SHARDS_H
#define TESTS_SUPPORT_TWO_SHARDS_H

#include "central/shard.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <stdbool.h>

#define TWO_SHARDS_SKIPPED 77

static void *two_shards_touch(void *unused)
{
    zc_free(zc_malloc(1));
    return unused;
}

/* false where one processor makes one shard of all threads. */
static inline bool two_shards_begin(void)
{
    pthread_t thread;
    two_shards_touch(NULL);
    CHECK_EQ(zci_shard_count, 1);
    CHECK_EQ(pthread_create(&thread, NULL, two_shards_touch, NULL), 0);
    pthread_join(thread, NULL);
    if (zci_shard_most == 1)
        return false;
    CHECK_EQ(zci_shard_count, 2);
    return true;
}

#endif
