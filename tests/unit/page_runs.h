/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* page_runs.h - runs of the page heap as a test has them, and whether the walk over all of them is right. */
#ifndef TESTS_UNIT_PAGE_RUNS_H
#define TESTS_UNIT_PAGE_RUNS_H

#include "central/page_heap.h"
#include "support/check.h"

static inline struct span *take(size_t granules)
{
    struct span *span = zci_page_heap_alloc(granules, 1, 0);
    if (span != NULL)
        span_set_state(span, SPAN_LARGE);
    return span;
}

static inline void give(struct span *span)
{
    span_set_state(span, SPAN_CACHED);
    zci_page_heap_free(span);
}

static inline void visit_count(struct span *span, void *context)
{
    size_t *granules = context;
    granules[span_state(span)] += span->granules;
}

/* The walk sees each granule once, in a run of the right state. */
static inline void check_walk(size_t live_granules)
{
    size_t granules[SPAN_CACHED + 1] = {0};
    struct page_heap_stats stats;
    zci_page_heap_each_run(visit_count, granules);
    zci_page_heap_stats(&stats);
    CHECK_EQ(granules[SPAN_LARGE], live_granules);
    CHECK_EQ(granules[SPAN_NONE], 0);
    size_t unused = granules[SPAN_FREE] + granules[SPAN_CACHED]; /* those are strips */
    CHECK_EQ(unused * ZCI_GRANULE_BYTES, stats.dirty_bytes + stats.clean_bytes);
    CHECK_EQ((unused + granules[SPAN_LARGE]) * ZCI_GRANULE_BYTES, stats.used_bytes);
}

#endif
