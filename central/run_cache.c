/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_cache.c - see run_cache.h. */
#include "central/run_cache.h"

#include "base/bits.h"
#include "central/page_heap.h"
#include "central/shard.h"
#include "central/slots.h"
#include "os/thread.h"

#define SLOTS          4
#define SHORT_GRANULES 16

/* Where blocks of many lengths come and go, the less waits here the sooner it is used again, out of the processor's
 * caches. Longer runs are few, and dear to cut and join. */
#define SHORT_BYTES_MAX ((uint64_t)1 << 20) /* each shard's */
#define LONG_BYTES_MAX  ((uint64_t)4 << 20) /* all shards' */

static void *cached[ZCI_SHARDS][RUN_CACHE_MAX_GRANULES + 1][SLOTS];

/* Below 0 for good in a child that was forked by a handler which had interrupted a change of its own thread. */
static struct {
    uint64_t bytes ZCI_LINE; /* atomic, signed */
} short_runs[ZCI_SHARDS], long_runs;

static size_t spread(void)
{
    return (size_t)(thread_identity() >> 12);
}

static bool is_short(size_t granules)
{
    return granules <= SHORT_GRANULES;
}

size_t zci_run_cache_round(size_t granules)
{
    if (is_short(granules) || granules > RUN_CACHE_MAX_GRANULES)
        return granules;
    return align_up(granules, (size_t)1 << (log2_floor(granules - 1) - 3));
}

static uint64_t *bytes_with(size_t granules, unsigned shard)
{
    return is_short(granules) ? &short_runs[shard].bytes : &long_runs.bytes;
}

struct span *zci_run_cache_take(size_t granules, unsigned shard)
{
    if (granules > RUN_CACHE_MAX_GRANULES)
        return NULL;
    struct span *span = slots_take(cached[shard][granules], SLOTS, spread());
    if (span != NULL)
        atomic_add_64(bytes_with(granules, shard), -(uint64_t)span_bytes(span));
    return span;
}

bool zci_run_cache_put(struct span *span, unsigned shard)
{
    size_t granules = span->granules;
    if (granules > RUN_CACHE_MAX_GRANULES)
        return false;
    uint64_t most = is_short(granules) ? SHORT_BYTES_MAX : LONG_BYTES_MAX;
    uint64_t *sum = bytes_with(granules, shard);
    uint64_t bytes = span_bytes(span);
    if ((int64_t)atomic_add_64(sum, bytes) <= (int64_t)most &&
        slots_put(cached[shard][granules], SLOTS, spread(), span))
        return true;
    atomic_add_64(sum, -bytes);
    return false;
}

/* What each slot held at the last look. */
static void *seen[ZCI_SHARDS][RUN_CACHE_MAX_GRANULES + 1][SLOTS];

static void age_slot(void **slot, void **seen_slot, unsigned shard)
{
    struct span *span = slots_take_aged(slot, seen_slot);
    if (span == NULL)
        return;
    atomic_add_64(bytes_with(span->granules, shard), -(uint64_t)span_bytes(span));
    zci_page_heap_free(span);
}

void zci_run_cache_age(void)
{
    if (zci_run_cache_bytes() == 0)
        return;
    unsigned shards = atomic_load_relaxed(&zci_shard_count);
    for (unsigned shard = 0; shard < shards; shard++)
        for (size_t granules = 1; granules <= RUN_CACHE_MAX_GRANULES; granules++)
            for (size_t i = 0; i < SLOTS; i++)
                age_slot(&cached[shard][granules][i], &seen[shard][granules][i], shard);
}

void zci_run_cache_drain(void)
{
    unsigned shards = atomic_load_relaxed(&zci_shard_count);
    for (unsigned shard = 0; shard < shards; shard++) {
        for (size_t granules = 1; granules <= RUN_CACHE_MAX_GRANULES; granules++) {
            struct span *span;
            while ((span = zci_run_cache_take(granules, shard)) != NULL)
                zci_page_heap_free(span);
        }
    }
}

uint64_t zci_run_cache_bytes(void)
{
    int64_t sum = (int64_t)atomic_load_relaxed(&long_runs.bytes);
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++)
        sum += (int64_t)atomic_load_relaxed(&short_runs[shard].bytes);
    return sum > 0 ? (uint64_t)sum : 0;
}

void zci_run_cache_fork_child(void)
{
    long_runs.bytes = 0;
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++) {
        short_runs[shard].bytes = 0;
        for (size_t granules = 1; granules <= RUN_CACHE_MAX_GRANULES; granules++)
            for (size_t i = 0; i < SLOTS; i++)
                if (cached[shard][granules][i] != NULL)
                    *bytes_with(granules, shard) += granules * ZCI_GRANULE_BYTES;
    }
}
