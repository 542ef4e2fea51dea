/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* limit.c - see limit.h. */
#include "heap/limit.h"

#include "base/atomic.h"
#include "base/options.h"
#include "central/central_list.h"
#include "heap/gc.h"
#include "os/footprint.h"

static uint64_t collect_count; /* atomic: only where a collection follows, which costs far more */
static uint64_t refuse_count;

static void collect_for_limit(void)
{
    atomic_add_64(&collect_count, 1);
    zci_gc_collect(GC_ALL, 0);
}

static uint64_t to_footprint(uint64_t bytes)
{
    return bytes != 0 ? bytes : FOOTPRINT_NO_LIMIT;
}

static uint64_t from_footprint(uint64_t bytes)
{
    return bytes != FOOTPRINT_NO_LIMIT ? bytes : 0;
}

void zci_limit_set_soft(uint64_t bytes)
{
    zci_footprint_set_soft_limit(to_footprint(bytes));
    if (zci_footprint_bytes() > to_footprint(bytes))
        collect_for_limit();
}

void zci_limit_set_hard(uint64_t bytes)
{
    zci_footprint_set_hard_limit(to_footprint(bytes));
    zci_central_follow_limit();
    if (zci_footprint_bytes() > to_footprint(bytes))
        collect_for_limit();
}

uint64_t zci_limit_soft(void)
{
    return from_footprint(zci_footprint_soft_limit());
}

uint64_t zci_limit_hard(void)
{
    return from_footprint(zci_footprint_hard_limit());
}

void zci_limit_retry_begin(void)
{
    collect_for_limit();
    zci_footprint_suspend_soft();
}

void zci_limit_retry_end(bool is_served)
{
    zci_footprint_resume_soft();
    if (!is_served)
        atomic_add_64(&refuse_count, 1);
}

void zci_limit_init(void)
{
    zci_footprint_set_soft_limit(to_footprint(zci_options.soft_limit));
    zci_footprint_set_hard_limit(to_footprint(zci_options.hard_limit));
    zci_central_follow_limit();
}

void zci_limit_stats(struct limit_stats *stats)
{
    stats->collect_count = atomic_load_relaxed(&collect_count);
    stats->refuse_count = atomic_load_relaxed(&refuse_count);
}
