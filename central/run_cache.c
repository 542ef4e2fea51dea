/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_cache.c - see run_cache.h. */
#include "central/run_cache.h"

#include "base/bits.h"
#include "central/page_heap.h"
#include "central/shard.h"
#include "central/slots.h"
#include "os/thread.h"

#define SLOTS     4
#define BYTES_MAX ((uint64_t)4 << 20)

static void *cached[ZCI_SHARDS][RUN_CACHE_MAX_GRANULES + 1][SLOTS];
static uint64_t cached_bytes ZCI_LINE; /* atomic */

static size_t spread(void)
{
    return (size_t)(thread_identity() >> 12);
}

size_t zci_run_cache_round(size_t granules)
{
    if (granules <= 16 || granules > RUN_CACHE_MAX_GRANULES)
        return granules;
    return align_up(granules, (size_t)1 << (log2_floor(granules - 1) - 3));
}

struct span *zci_run_cache_take(size_t granules, unsigned shard)
{
    if (granules > RUN_CACHE_MAX_GRANULES)
        return NULL;
    struct span *span = slots_take(cached[shard][granules], SLOTS, spread());
    if (span != NULL)
        atomic_add_64(&cached_bytes, -(uint64_t)span_bytes(span));
    return span;
}

bool zci_run_cache_put(struct span *span, unsigned shard)
{
    uint64_t bytes = span_bytes(span);
    if (span->granules > RUN_CACHE_MAX_GRANULES)
        return false;
    if (atomic_add_64(&cached_bytes, bytes) <= BYTES_MAX &&
        slots_put(cached[shard][span->granules], SLOTS, spread(), span))
        return true;
    atomic_add_64(&cached_bytes, -bytes);
    return false;
}

/* What each slot held at the last look. */
static void *seen[ZCI_SHARDS][RUN_CACHE_MAX_GRANULES + 1][SLOTS];

static void age_slot(void **slot, void **seen_slot)
{
    struct span *span = atomic_load_relaxed(slot);
    /* Pairs with the cas in slots_put: what it succeeds on is ours alone. */
    if (span != NULL && span == *seen_slot && atomic_cas_ptr(slot, span, NULL)) {
        atomic_add_64(&cached_bytes, -(uint64_t)span_bytes(span));
        zci_page_heap_free(span);
        span = NULL;
    }
    if (span != *seen_slot)
        *seen_slot = span;
}

void zci_run_cache_age(void)
{
    if (atomic_load_relaxed(&cached_bytes) == 0)
        return;
    unsigned shards = atomic_load_relaxed(&zci_shard_count);
    for (unsigned shard = 0; shard < shards; shard++)
        for (size_t granules = 1; granules <= RUN_CACHE_MAX_GRANULES; granules++)
            for (size_t i = 0; i < SLOTS; i++)
                age_slot(&cached[shard][granules][i], &seen[shard][granules][i]);
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
    return atomic_load_relaxed(&cached_bytes);
}
