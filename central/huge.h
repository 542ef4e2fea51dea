/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge.h - blocks with a mapping of their own: above 256 MiB, aligned to more than 16 MiB, or cut from such a one to no
 * less than 2 MiB.
 * Invariants: the block is its mapping, starts at a multiple of 64 KiB and is never in the class map.
 *             Descriptors are recycled, never unmapped, and stay on one list for walkers of the heap.
 * Locking:    one lock (RANK_HUGE) around the lists; system calls are made without it.
 * Costs:      system calls, unless the cache has a mapping of about the size. */
#ifndef ZCI_CENTRAL_HUGE_H
#define ZCI_CENTRAL_HUGE_H

#include "os/footprint.h"
#include "pagemap/span.h"

/* state SPAN_HUGE; NULL if the OS gives no memory. alignment is a power of two. */
struct span *zci_huge_alloc(size_t bytes, size_t alignment);
/* The caller has set SPAN_CACHED: from then on a second free is recognised. */
void zci_huge_free(struct span *span);
/* Changes the size, moving pages rather than bytes, so that the block may start elsewhere; false: nothing changed. */
bool zci_huge_resize(struct span *span, size_t bytes);
/* Unmaps what the cache keeps; the bytes. */
size_t zci_huge_drain(void);
/* The same for what was there at the last call. */
size_t zci_huge_age(void);

struct huge_stats {
    uint64_t live_bytes;
    uint64_t live_count;
    uint64_t cached_bytes;
    uint64_t hit_count; /* blocks from the cache, and those that had to be mapped */
    uint64_t miss_count;
};

void zci_huge_stats(struct huge_stats *stats);

/* The list of all descriptors, linked by prev, for walkers of the heap. */
struct span **zci_huge_descriptors(void);

/* In the child of a fork. */
void zci_huge_fork_child(struct footprint_recount *recount);

#endif
