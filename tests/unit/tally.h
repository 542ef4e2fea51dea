/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* tally.h - what a walk over all runs finds, and whether the counts that are kept agree. */
#ifndef TESTS_UNIT_TALLY_H
#define TESTS_UNIT_TALLY_H

#include "base/size_class.h"
#include "central/arena.h"
#include "central/central_list.h"
#include "central/page_heap.h"
#include "support/check.h"

/* By state: granules of runs; and those of descriptors that lie inside of a run but say that they are one. */
struct tally {
    uint64_t free_granules;
    uint64_t dirty_granules;
    uint64_t cached_granules;
    uint64_t other_granules;
    uint64_t wrong_count;
    uint64_t span_count; /* of small blocks, not of private heaps */
};

static inline void tally_run(struct span *span, void *context)
{
    struct tally *tally = context;
    enum span_state state = span_state(span);
    uint64_t *sum = state == SPAN_FREE     ? &tally->free_granules
                    : state == SPAN_CACHED ? &tally->cached_granules
                                           : &tally->other_granules;
    *sum += span->granules;
    tally->span_count += state == SPAN_SMALL && span_heap(span) == 0;
    tally->dirty_granules += state == SPAN_FREE && span->clean == 0 ? span->granules : 0;
    tally->wrong_count += span->granules == 0;
    for (uint32_t i = 1; i < span->granules; i++)
        tally->wrong_count +=
            span_state(span + i) != SPAN_NONE && span_state(span + i) != SPAN_CACHED;
}

static inline int runs_are_whole(void)
{
    struct tally tally = {0};
    struct page_heap_stats stats;
    zci_page_heap_each_run(tally_run, &tally);
    zci_page_heap_stats(&stats);
    uint64_t unused = (stats.dirty_bytes + stats.clean_bytes) / ZCI_GRANULE_BYTES;
    uint64_t all = tally.free_granules + tally.cached_granules + tally.other_granules;
    int ok = CHECK_EQ(tally.wrong_count, 0);
    ok &= CHECK(unused >= tally.free_granules); /* the rest are strips */
    ok &= CHECK(unused <= tally.free_granules + tally.cached_granules);
    uint64_t frontiers = 0;
    for (struct arena *arena = *zci_page_heap_arenas(); arena != NULL; arena = arena->next)
        frontiers += arena->frontier;
    return ok & CHECK_EQ(all, frontiers);
}

/* By the lists' own counts. */
static inline uint64_t listed_span_count(void)
{
    uint64_t count = 0;
    for (unsigned i = 1; i < ZCI_CLASS_COUNT; i++) {
        struct central_stats stats;
        zci_central_stats(i, &stats);
        count += stats.span_count;
    }
    return count;
}

#endif
