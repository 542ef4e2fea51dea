/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* shard.h - threads in a few groups, at most one per processor. Spans of small blocks and batches, empty ones too, stay
 * with the threads of one shard as far as they can: two threads of different shards then seldom write to the same
 * locks and slots, or to blocks of one cache line.
 * Invariants: shards 0 .. zci_shard_count - 1 are in use; the first thread's is 0, and a program of one thread has
 *             no other.
 * Locking:    none.
 * Costs:      per class and shard a span that is not full, and a few slots. */
#ifndef ZCI_CENTRAL_SHARD_H
#define ZCI_CENTRAL_SHARD_H

#include "base/atomic.h"
#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* A power of two. */
#ifndef ZCI_SHARDS
#define ZCI_SHARDS 16
#endif

extern uint32_t zci_shard_count; /* atomic; only ever rises */
extern uint32_t
    zci_shard_most; /* a power of two; atomic; set once, before a thread has another number than 0 */

/* number counts threads; 0 for callers that are no thread of their own. */
ZCI_INLINE unsigned shard_of(size_t number)
{
    return (unsigned)number & (atomic_load_relaxed(&zci_shard_most) - 1);
}

/* The i-th of the count shards in use, from this one on. */
ZCI_INLINE unsigned shard_after(unsigned shard, unsigned i, unsigned count)
{
    return shard + i < count ? shard + i : shard + i - count;
}

/* Before the thread of this number does anything; numbers come in turn, one call at a time. */
void zci_shard_use(size_t number);

#endif
