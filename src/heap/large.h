/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* large.h - blocks above 64 KiB, or aligned above it: one run of granules, or one mapping, each.
 * Invariants: a block starts its span; the span's state says who has it: SPAN_LARGE or SPAN_HUGE while the
 *             program does. Exactly one free wins the change away from that state.
 * Locking:    none here.
 * Costs:      three locked instructions for a run that the run cache has, else the page heap's lock. */
#ifndef ZCI_HEAP_LARGE_H
#define ZCI_HEAP_LARGE_H

#include "pagemap/span.h"

#include <stdbool.h>
#include <stddef.h>

/* All but the first *stale_bytes read zero; it is NULL where nobody asks. NULL if there is no memory. */
void *zci_large_alloc(size_t size, size_t alignment, size_t *stale_bytes);
/* The block, which has so many stale bytes, reads zero from here on. */
void zci_large_zero(void *block, size_t size, size_t stale_bytes);
/* The same as zci_large_alloc for a block that grows: if possible where it can go on growing. */
void *zci_large_alloc_growing(size_t size, size_t *stale_bytes);
/* The large block, new, was written to as far as it was copied. */
void zci_large_note_touched(void *block);
/* Reports any pointer that is not a live large block. */
void zci_large_free(void *block);
/* span is SPAN_LARGE or SPAN_HUGE, size is large. The block, moved or not, or NULL. */
void *zci_large_resize(struct span *span, size_t size);
size_t zci_large_usable_bytes(const struct span *span);
size_t zci_large_good_bytes(size_t size);

struct large_stats {
    uint64_t run_count; /* live blocks that are a run of granules */
    uint64_t run_bytes;
    uint64_t requested_bytes; /* of these, what was asked for last */
    uint64_t hit_count;       /* of threads without a cache: from the run cache, or not */
    uint64_t miss_count;
};

/* A snapshot, by a walk over all runs without a lock: a cache line for each. */
void zci_large_stats(struct large_stats *stats);

#endif
