/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_pool.c - see run_pool.h. */
#include "central/run_pool.h"

#include "central/free_runs.h"
#include "central/page_heap.h"
#include "central/shard.h"
#include "os/lock.h"

/* Pools open when the page heap was found busy so many times since the last look, and every so many-th time that
 * somebody came: when threads start, all of them need spans at once, and that passes. */
#define BUSY_LEAST 512
#define BUSY_SHARE 2

ZCI_STATIC_ASSERT(SPAN_POOLED + ZCI_SHARDS <= UINT8_MAX, "a state for each pool");

static struct run_pool {
    struct lock lock;
    struct free_runs runs; /* under lock */
} ZCI_LINE pools[ZCI_SHARDS] = {[0 ... ZCI_SHARDS - 1] = {.lock = LOCK_INIT(RANK_RUN_POOL)}};

static uint32_t is_open ZCI_LINE; /* atomic, as all below */
static uint64_t busy_seen;        /* of the page heap, at the last look */
static uint64_t passes_seen;

static uint64_t bytes_of(const struct run_pool *pool)
{
    return atomic_load_relaxed(&pool->runs.dirty.granules) << ZCI_GRANULE_SHIFT;
}

static struct run_pool *lock_pool(unsigned shard)
{
    struct run_pool *pool = &pools[shard];
    lock_acquire(&pool->lock);
    pool->runs.state = (uint8_t)(SPAN_POOLED + shard);
    return pool;
}

static uint64_t pass_count(const struct page_heap_stats *pages)
{
    return pages->reuse_count + pages->refault_count + pages->fresh_count + pages->return_count;
}

static bool is_busy(void)
{
    struct page_heap_stats pages;
    zci_page_heap_stats(&pages);
    uint32_t busy = (uint32_t)(pages.busy_count - atomic_load_relaxed(&busy_seen));
    uint64_t passes = pass_count(&pages) - atomic_load_relaxed(&passes_seen);
    return busy >= BUSY_LEAST && busy >= passes / BUSY_SHARE;
}

void zci_run_pool_open(void)
{
    atomic_store_relaxed(&is_open, 1);
}

struct span *zci_run_pool_take(size_t granules, unsigned shard)
{
    if (bytes_of(&pools[shard]) < granules * ZCI_GRANULE_BYTES)
        return NULL;
    struct run_pool *pool = lock_pool(shard);
    struct span *span = zci_run_tree_best(&pool->runs.dirty, granules);
    if (span != NULL)
        span = zci_free_runs_carve(&pool->runs, span, 0, granules);
    lock_release(&pool->lock);
    return span;
}

bool zci_run_pool_put(struct span *span, unsigned shard)
{
    if (ZCI_LIKELY(!atomic_load_relaxed(&is_open))) {
        if (ZCI_LIKELY(!is_busy()))
            return false;
        zci_run_pool_open();
    }
    struct run_pool *pool = lock_pool(shard);
    bool has_room = bytes_of(pool) + span_bytes(span) <= RUN_POOL_BYTES;
    if (has_room) {
        span->clean = RUN_DIRTY;
        zci_free_runs_put(&pool->runs, span);
    }
    lock_release(&pool->lock);
    return has_room;
}

static void drain(unsigned shard)
{
    while (bytes_of(&pools[shard]) != 0) {
        struct run_pool *pool = lock_pool(shard);
        struct span *span = zci_run_tree_longest(&pool->runs.dirty);
        if (span != NULL)
            zci_free_runs_carve(&pool->runs, span, 0, span->granules);
        lock_release(&pool->lock);
        if (span != NULL)
            zci_page_heap_free(span);
    }
}

void zci_run_pool_drain(void)
{
    atomic_store_relaxed(&is_open, 0);
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++)
        drain(shard);
    struct page_heap_stats pages;
    zci_page_heap_stats(&pages);
    atomic_store_relaxed(&busy_seen, pages.busy_count);
    atomic_store_relaxed(&passes_seen, pass_count(&pages));
}

uint64_t zci_run_pool_bytes_of(unsigned shard)
{
    return bytes_of(&pools[shard]);
}

uint64_t zci_run_pool_bytes(void)
{
    uint64_t bytes = 0;
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++)
        bytes += bytes_of(&pools[shard]);
    return bytes;
}

static void rebuild_run(struct span *span, void *context)
{
    struct run_pool *pool = context;
    if ((uint8_t)span_state(span) == pool->runs.state)
        zci_free_runs_list(&pool->runs, span);
}

void zci_run_pool_fork_child(void)
{
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++) {
        struct run_pool *pool = &pools[shard];
        if (!lock_reset_in_child(&pool->lock))
            continue;
        pool->runs = (struct free_runs){.state = (uint8_t)(SPAN_POOLED + shard)};
        zci_page_heap_each_run(rebuild_run, pool);
    }
}
