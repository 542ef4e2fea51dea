/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* spares.h - the batches of a class that a thread keeps besides its loaded one: a stack, from whose bottom they leave.
 * Invariants: linked by next from the newest to the oldest, and back by newer, which stands where a batch has its
 *             floor: it is NULL again when the batch leaves. spare_count and spare_objects count; spare_least is
 *             not above spare_count, spare_most not below.
 * Locking:    only the owner; a walker of a stopped process follows next alone.
 * Costs:      a few instructions, once per batch. What was freed last is in the processor's caches still and comes back
 *             first; what leaves the thread is what it freed longest ago. */
#ifndef ZCI_THREAD_CACHE_SPARES_H
#define ZCI_THREAD_CACHE_SPARES_H

#include "base/bits.h"
#include "central/batch.h"
#include "thread_cache/thread_cache.h"

/* Spare batches of a class, by bytes: a batch of 16-byte blocks is 2 KiB only. */
#define SPARE_BYTES     32768
#define SPARE_COUNT_MAX 16
/* A thread that sends batches away and soon takes batches of the class again would get another thread's blocks for its
 * own, line by line out of the other core's cache, and pays for the way there and back; in time its blocks would lie on
 * everybody's pages. It may keep more, over all classes at most its share among all threads: of this, or of three
 * quarters of what is resident, if that is more. Of blocks that it fetched itself it keeps so many from the
 * first swing on, for it will want them again; others' blocks it may free for ever. */
#define SPARE_MORE_BYTES       ((size_t)64 << 20)
#define SPARE_MORE_SHARE_LEAST ((size_t)128 << 10)
#define SPARE_MORE_SHARE_MOST  ((size_t)8 << 20)

/* More than a class can have, of the smallest blocks too. */
#define SPARES_MAX (2 * (SPARE_COUNT_MAX + SPARE_MORE_SHARE_MOST / (8 * ZCI_BATCH_MAX)))

ZCI_STATIC_ASSERT(SPARES_MAX <= UINT16_MAX, "spare_count and stash_more count spares");

ZCI_INLINE void spare_push(struct shelf *shelf, struct batch *batch)
{
    if (shelf->spare != NULL)
        shelf->spare->newer = batch;
    else
        shelf->spare_oldest = batch;
    batch->next = shelf->spare;
    shelf->spare = batch;
    shelf->spare_count++;
    shelf->spare_most = (uint16_t)max_size(shelf->spare_most, shelf->spare_count);
    shelf->spare_objects += batch->count;
}

ZCI_INLINE void spare_uncount(struct shelf *shelf, const struct batch *batch)
{
    shelf->spare_count--;
    shelf->spare_least = (uint16_t)min_size(shelf->spare_least, shelf->spare_count);
    shelf->spare_objects -= batch->count;
}

/* NULL if there is none. */
ZCI_INLINE struct batch *spare_pop(struct shelf *shelf)
{
    struct batch *batch = shelf->spare;
    if (batch == NULL)
        return NULL;
    shelf->spare = batch->next;
    if (shelf->spare != NULL)
        shelf->spare->newer = NULL;
    spare_uncount(shelf, batch);
    return batch;
}

/* Blocks came from spans or a depot; a thread may take for ever and never free. */
ZCI_INLINE void spare_fetched(struct shelf *shelf, size_t count)
{
    shelf->fetched_objects = (uint32_t)min_size(shelf->fetched_objects + count, UINT32_MAX / 2);
}

/* Blocks go back there. */
ZCI_INLINE void spare_left(struct shelf *shelf, size_t count)
{
    shelf->fetched_objects -= (uint32_t)min_size(count, shelf->fetched_objects);
}

/* There is one. */
ZCI_INLINE struct batch *spare_pop_oldest(struct shelf *shelf)
{
    struct batch *batch = shelf->spare_oldest;
    shelf->spare_oldest = batch->newer;
    if (batch->newer != NULL)
        batch->newer->next = NULL;
    else
        shelf->spare = NULL;
    batch->newer = NULL;
    spare_uncount(shelf, batch);
    return batch;
}

#endif
