/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lookup.h - for blocks on their way back to their spans: which is it, and is each really a block?
 * Invariants: a span whose blocks are on their way has not ended, so its fields hold; one whose blocks were all put
 *             there may have.
 * Locking:    none: start, class and shard of a live span do not change, carved only rises.
 * Costs:      about 34 instructions and the span's cache line per block; its word of the bitmap is prefetched. */
#ifndef ZCI_CENTRAL_LOOKUP_H
#define ZCI_CENTRAL_LOOKUP_H

#include "base/check.h"
#include "pagemap/pagemap.h"

/* Blocks looked up before a lock is taken. */
#define LOOKUP_CHUNK 128

/* Blocks, and where each belongs. */
struct lookup {
    void **objects;
    struct span **spans;
    uint32_t *indices;
};

/* A block that does not lie in its span as one that is out of it does. */
static ZCI_COLD ZCI_NORETURN void
lookup_report(const struct span *span, const struct size_class *size_class, const void *block)
{
    size_t offset = (uintptr_t)block - span->start;
    size_t index = size_class_index(size_class, offset);
    if (index * size_class->bytes != offset || index >= size_class->capacity)
        zci_report_interior_free(block, size_class->bytes);
    zci_report_double_free(block, size_class->bytes);
}

/* The span of a block that the class map called a small one of this class when it was freed. A span that has ended
 * since had all its blocks back, this one included. */
ZCI_INLINE struct span *lookup_span(unsigned class_index, const struct size_class *size_class,
                                    struct pagemap_cursor *cursor, const void *block,
                                    uint32_t *index)
{
    struct span *span = pagemap_get_near(cursor, (uintptr_t)block);
    if (ZCI_UNLIKELY(span == NULL) || ZCI_UNLIKELY(!span_is_small(span, class_index)))
        zci_report_double_free(block, size_class->bytes);
    size_t offset = (uintptr_t)block - span->start;
    *index = size_class_index(size_class, offset);
    if (ZCI_UNLIKELY(*index * (size_t)size_class->bytes != offset) ||
        ZCI_UNLIKELY(*index >= atomic_load_relaxed(&span->carved)))
        lookup_report(span, size_class, block);
    return span;
}

/* Fills in spans and indices. true: all of them are of one shard. */
ZCI_INLINE bool lookup_spans(const struct lookup *lookup, unsigned class_index, size_t count,
                             unsigned *shard)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    struct pagemap_cursor cursor = PAGEMAP_CURSOR_INIT;
    unsigned any_shard = 0;
    unsigned all_shards = UINT8_MAX;
    for (size_t i = 0; i < count; i++) {
        uint32_t index;
        struct span *span =
            lookup_span(class_index, size_class, &cursor, lookup->objects[i], &index);
        lookup->indices[i] = index;
        lookup->spans[i] = span;
        any_shard |= span->shard;
        all_shards &= span->shard;
        __builtin_prefetch(&span->bitmap[index / 64], 1);
    }
    *shard = any_shard;
    return any_shard == all_shards;
}

/* Moves those of this shard to the front; how many there are. */
ZCI_INLINE size_t lookup_part_shard(const struct lookup *lookup, size_t count, unsigned shard)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        struct span *span = lookup->spans[i];
        void *object = lookup->objects[i];
        uint32_t index = lookup->indices[i];
        if (span->shard != shard)
            continue;
        lookup->spans[i] = lookup->spans[front];
        lookup->objects[i] = lookup->objects[front];
        lookup->indices[i] = lookup->indices[front];
        lookup->spans[front] = span;
        lookup->objects[front] = object;
        lookup->indices[front++] = index;
    }
    return front;
}

#endif
