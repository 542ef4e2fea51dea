/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* span_blocks.h - takes blocks out of a SMALL span and puts them back: its bitmap and its frontier.
 * Invariants: bit i is set iff block i is free in the span; blocks from carved on were never handed out.
 * Locking:    the lock of whoever lists the span.
 * Costs:      a word of the bitmap per 64 blocks, a bit per block. */
#ifndef ZCI_CENTRAL_SPAN_BLOCKS_H
#define ZCI_CENTRAL_SPAN_BLOCKS_H

#include "base/bits.h"
#include "pagemap/span.h"

#include <string.h>

/* So many blocks, or fewer, are fetched for a thread that starts on a class. */
#define SPAN_FRESH_COUNT_MAX 16

/* Blocks never handed out, to the places below end; the place of the last one. */
ZCI_INLINE void **span_carve(struct span *span, const struct size_class *size_class, void **end,
                             size_t count)
{
    uint32_t carved = span->carved;
    void **stop = end - min_size(count, size_class->capacity - carved);
    while (end != stop)
        *--end = (void *)(span->start + (uint64_t)carved++ * size_class->bytes);
    /* Others ask, without the lock, whether a block was ever handed out. */
    atomic_store_relaxed(&span->carved, (uint16_t)carved);
    return end;
}

/* Free blocks in address order, likewise. */
ZCI_INLINE void **span_take_bits(struct span *span, const struct size_class *size_class, void **end,
                                 size_t count)
{
    void **stop = end - count;
    size_t words = (span->carved + 63U) / 64;
    uint64_t start = span->start;
    for (size_t w = 0; w < words && end != stop; w++, start += 64U * size_class->bytes) {
        uint64_t word = span->bitmap[w];
        for (; word != 0 && end != stop; word &= word - 1)
            *--end = (void *)(start + (uint64_t)__builtin_ctzll(word) * size_class->bytes);
        span->bitmap[w] = word;
    }
    return end;
}

/* Puts up to count blocks below end, the first one highest, for a cache pops from the end: free blocks in address
 * order, then blocks never handed out; the other way round for few of them, which are a thread's first: among freed
 * ones it would get cache lines that others use. How many. */
ZCI_INLINE size_t span_take_blocks(struct span *span, const struct size_class *size_class,
                                   void **end, size_t count)
{
    void **place = end;
    size_t free_bits = (size_t)span->carved - span->used;
    if (count <= SPAN_FRESH_COUNT_MAX)
        place = span_carve(span, size_class, place, count);
    size_t taken = (size_t)(end - place);
    place = span_take_bits(span, size_class, place, min_size(count - taken, free_bits));
    taken = (size_t)(end - place);
    if (taken < count)
        place = span_carve(span, size_class, place, count - taken);
    taken = (size_t)(end - place);
    span->used = (uint16_t)(span->used + taken);
    return taken;
}

/* What was put below end is all there is: it comes to the front of the count places. */
ZCI_INLINE void span_blocks_to_front(void **objects, size_t count, size_t taken)
{
    if (ZCI_UNLIKELY(taken < count))
        memmove(objects, objects + (count - taken), taken * sizeof *objects);
}

/* index is below carved. false: the block is free already. */
ZCI_INLINE bool span_put_block(struct span *span, uint32_t index)
{
    uint64_t *word = &span->bitmap[index / 64];
    uint64_t bits = *word;
    /* A test of the bit, not of what changed: one instruction less. */
    if (ZCI_UNLIKELY(bits >> index % 64 & 1))
        return false;
    *word = bits | (uint64_t)1 << index % 64;
    return true;
}

/* Is it free in the span, or was it never handed out? Without the lock for a block that may be the caller's: nobody
 * else changes the bit of such a one. */
ZCI_INLINE bool span_block_is_free(const struct span *span, uint32_t index)
{
    return index >= atomic_load_relaxed(&span->carved) ||
           (atomic_load_relaxed(&span->bitmap[index / 64]) >> index % 64 & 1) != 0;
}

/* What used must be, from the bitmap: in the child of a fork. */
ZCI_INLINE uint32_t span_count_used(const struct span *span)
{
    uint32_t free_bits = 0;
    for (size_t w = 0; w < (span->carved + 63U) / 64; w++)
        free_bits += (uint32_t)__builtin_popcountll(span->bitmap[w]);
    return span->carved - free_bits;
}

#endif
