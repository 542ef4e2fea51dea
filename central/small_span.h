/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* small_span.h - birth and end of a span of small blocks: its run, its bitmap, its entries in the page map.
 * Invariants: until zci_small_span_publish the span is its maker's alone.
 * Locking:    none of its own; may be called under the lock of whoever will list the span.
 * Costs:      the page heap's lock, and the meta arena's for spans of more than 64 blocks; a system call for as
 *             many pages as a batch has or more, where they are new; now and then the touch of a huge page. */
#ifndef ZCI_CENTRAL_SMALL_SPAN_H
#define ZCI_CENTRAL_SMALL_SPAN_H

#include "pagemap/span.h"

/* A span with no blocks out, on no list, or NULL. class_index is the maker's own numbering; shard: whose threads will
 * use it most. */
struct span *zci_small_span_make(const struct size_class *size_class, unsigned class_index,
                                 unsigned shard);
/* From here on the span is SMALL. */
void zci_small_span_publish(struct span *span);

/* Pages of a span that are to be made resident by one call instead of a fault for each; 0 bytes: none. */
struct population {
    uint64_t start;
    uint64_t bytes;
    uint64_t sample; /* written.h */
};

/* Blocks of the span may have been carved: the pages up to there that no one touched yet, and as many sixteenths of the
 * span beyond as its class has other spans; span_count: with this one. So not much more than a sixteenth of a class is
 * resident before its time. Of blocks above 4 KiB only where written.h expects that they are written to. Adds nothing
 * to what population already holds. Under the lock of whoever lists the span. */
void zci_small_span_carved(struct span *span, const struct size_class *size_class,
                           uint64_t span_count, struct population *population);
/* After that lock is released, and while a block of the span is the caller's. */
void zci_small_span_populate(const struct population *population,
                             const struct size_class *size_class);

/* Bitmap and run go back; of a sample (written.h) pages are looked at before. The state is no longer SMALL: the child
 * of a fork must not take the span back. */
void zci_small_span_end(struct span *span, const struct size_class *size_class);

#endif
