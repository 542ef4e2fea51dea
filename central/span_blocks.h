/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* span_blocks.h - takes blocks out of a SMALL span and puts them back: its bitmap and its frontier.
 * Invariants: bit i is set iff block i is free in the span; blocks from carved on were never handed out.
 * Locking:    the lock of whoever lists the span.
 * Costs:      a word of the bitmap per 64 blocks, a bit per block. */
#ifndef ZCI_CENTRAL_SPAN_BLOCKS_H
#define ZCI_CENTRAL_SPAN_BLOCKS_H

#include "pagemap/span.h"

/* So many blocks, or fewer, are fetched for a thread that starts on a class. */
#define SPAN_FRESH_COUNT_MAX 16

/* Blocks never handed out. */
ZCI_INLINE size_t span_carve(struct span *span, const struct size_class *size_class, void **objects,
                             size_t count)
{
    size_t taken = 0;
    uint32_t carved = span->carved;
    while (taken < count && carved < size_class->capacity)
        objects[taken++] = (void *)(span->start + (uint64_t)carved++ * size_class->bytes);
    /* Others ask, without the lock, whether a block was ever handed out. */
    atomic_store_relaxed(&span->carved, carved);
    return taken;
}

/* Free blocks in address order, then blocks never handed out; the other way round for few of them, which
 * are a thread's first: among freed ones it would get cache lines that others use. */
ZCI_INLINE size_t span_take_blocks(struct span *span, const struct size_class *size_class,
                                   void **objects, size_t count)
{
    size_t taken = count <= SPAN_FRESH_COUNT_MAX ? span_carve(span, size_class, objects, count) : 0;
    size_t fresh = taken;
    size_t words = (span->carved + 63) / 64;
    uint32_t free_bits = span->carved - span->used - (uint32_t)fresh;
    for (size_t w = 0; w < words && taken < count && free_bits != 0; w++) {
        uint64_t word = span->bitmap[w];
        while (word != 0 && taken < count) {
            size_t i = w * 64 + (unsigned)__builtin_ctzll(word);
            word &= word - 1;
            objects[taken++] = (void *)(span->start + i * size_class->bytes);
            free_bits--;
        }
        span->bitmap[w] = word;
    }
    taken += span_carve(span, size_class, objects + taken, count - taken);
    span->used += (uint32_t)taken;
    return taken;
}

/* The objects were taken in rising order; a cache pops from the end. */
ZCI_INLINE void span_reverse_blocks(void **objects, size_t count)
{
    for (size_t i = 0, j = count; i + 1 < j; i++) {
        void *object = objects[--j];
        objects[j] = objects[i];
        objects[i] = object;
    }
}

/* index is below carved. false: the block is free already. */
ZCI_INLINE bool span_put_block(struct span *span, uint32_t index)
{
    uint64_t *word = &span->bitmap[index / 64];
    uint64_t before = *word;
    uint64_t after = before | (uint64_t)1 << index % 64;
    *word = after;
    return ZCI_LIKELY(after != before);
}

/* What used must be, from the bitmap: in the child of a fork. */
ZCI_INLINE uint32_t span_count_used(const struct span *span)
{
    uint32_t free_bits = 0;
    for (size_t w = 0; w < (span->carved + 63) / 64; w++)
        free_bits += (uint32_t)__builtin_popcountll(span->bitmap[w]);
    return span->carved - free_bits;
}

#endif
