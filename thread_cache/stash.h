/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stash.h - the empty batches that a thread keeps for its bins, so that they and their cache lines stay with it.
 * Invariants: stash_count counts; a batch there has no objects. away: a chain of away_count such ones, all of one
 *             other shard.
 * Locking:    only the owner; the pool behind it has its own.
 * Costs:      a few instructions, once per batch that a bin takes or gives; what passes the limit goes by half. */
#ifndef ZCI_THREAD_CACHE_STASH_H
#define ZCI_THREAD_CACHE_STASH_H

#include "central/batch.h"
#include "central/shard.h"
#include "thread_cache/thread_cache.h"

ZCI_STATIC_ASSERT(BATCH_GRADES == sizeof(((struct thread_cache *)0)->stash) / sizeof(void *),
                  "a stash per grade");

/* NULL if there is no memory. */
static inline struct batch *stash_take(struct thread_cache *cache, unsigned grade)
{
    struct batch *batch = cache->stash[grade];
    if (batch == NULL) {
        unsigned count;
        batch = zci_batch_alloc(grade, cache->number, &count);
        if (batch == NULL)
            return NULL;
        cache->stash_count[grade] = (uint16_t)count;
    }
    cache->stash[grade] = batch->next;
    cache->stash_count[grade]--;
    return batch;
}

ZCI_INLINE unsigned stash_limit(const struct thread_cache *cache, unsigned grade)
{
    size_t count = CACHE_STASH_BYTES / ZCI_META_GRADE_BYTES(grade);
    return cache->stash_more[grade] +
           (count < CACHE_STASH_COUNT ? (unsigned)count : CACHE_STASH_COUNT);
}

/* The newest of the stash leave as one chain: half of it, if it is not larger than usual. */
static inline void stash_reduce(struct thread_cache *cache, unsigned grade)
{
    unsigned count = cache->stash_count[grade] / 2U;
    if (count > CACHE_STASH_COUNT / 2)
        count = CACHE_STASH_COUNT / 2;
    struct batch *chain = cache->stash[grade];
    struct batch *last = chain;
    for (unsigned i = 1; i < count; i++)
        last = last->next;
    cache->stash[grade] = last->next;
    cache->stash_count[grade] = (uint16_t)(cache->stash_count[grade] - count);
    last->next = NULL;
    zci_batch_free(chain, cache->number, count);
}

/* What lies among another shard's batches goes back there, a chain at a time. */
static inline void away_flush(struct thread_cache *cache)
{
    struct batch *chain = cache->away;
    unsigned count = cache->away_count;
    cache->away = NULL;
    cache->away_count = 0;
    if (chain != NULL)
        zci_batch_free(chain, chain->home, count);
}

static inline void away_put(struct thread_cache *cache, struct batch *batch)
{
    if (cache->away_count == CACHE_STASH_COUNT / 2 ||
        (cache->away != NULL && cache->away->home != batch->home))
        away_flush(cache);
    batch->next = cache->away;
    cache->away = batch;
    cache->away_count++;
}

static inline void stash_put(struct thread_cache *cache, struct batch *batch)
{
    unsigned grade = batch->grade;
    batch->count = 0;
    if (grade == BATCH_GRADE_GROUPED && ZCI_UNLIKELY(batch->home != shard_of(cache->number))) {
        away_put(cache, batch);
        return;
    }
    if (cache->stash_count[grade] >= stash_limit(cache, grade))
        stash_reduce(cache, grade);
    batch->next = cache->stash[grade];
    cache->stash[grade] = batch;
    cache->stash_count[grade]++;
}

#endif
