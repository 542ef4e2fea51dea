/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lookup.h - for blocks on their way back to their spans: which is it, and is each really a block?
 * Invariants: a span whose blocks are on their way has not ended, so its fields hold.
 * Locking:    none: start, class and shard of a live span do not change, carved only rises.
 * Costs:      24 instructions and the span's cache line per block. */
#ifndef ZCI_CENTRAL_LOOKUP_H
#define ZCI_CENTRAL_LOOKUP_H

#include "base/check.h"
#include "pagemap/pagemap.h"

/* A block that does not lie in its span as one that is out of it does. */
static ZCI_COLD ZCI_NORETURN void
lookup_report(const struct span *span, const struct size_class *size_class, const void *block)
{
    size_t offset = (uintptr_t)block - span->start;
    uint32_t index;
    if (!size_class_starts(size_class, offset, &index) || index >= size_class->capacity)
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
    if (ZCI_UNLIKELY(span == NULL)) /* the class map took it for another address */
        zci_report_not_a_block("free", block);
    if (ZCI_UNLIKELY(!span_is_small(span, class_index)))
        zci_report_double_free(block, size_class->bytes);
    size_t offset = (uintptr_t)block - span->start;
    if (ZCI_UNLIKELY(!size_class_starts(size_class, offset, index)) ||
        ZCI_UNLIKELY(*index >= atomic_load_relaxed(&span->carved)))
        lookup_report(span, size_class, block);
    return span;
}

#endif
