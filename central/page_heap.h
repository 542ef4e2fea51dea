/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* page_heap.h - runs of 64 KiB granules: split, joined, grown, given back.
 * Invariants: a free run never touches another of its kind (dirty or clean); best fit, then lowest
 *             address; of dirty ones rather one of the asking shard's (run_tree.h). Arenas are 2 MiB-aligned
 *             ranges of address space, committed from the front; what lies behind an arena's frontier was
 *             never used. Arenas are never unmapped.
 *             A shard's strip is room of up to 2 MiB: no free run, and given up when there is no other room left.
 *             Resident only if huge: strips.h.
 *             A walk from an arena's first granule, by each run's length, is valid at every instant: a
 *             split publishes the tail before the head shrinks, a join is one store. No descriptor inside of a run
 *             says that it is a free one: the child of a fork may have any instant.
 * Locking:    one lock (RANK_PAGE_HEAP); a private heap holds its own above it, a central list does not.
 * Costs:      O(log free runs) under the lock. */
#ifndef ZCI_CENTRAL_PAGE_HEAP_H
#define ZCI_CENTRAL_PAGE_HEAP_H

#include "central/arena.h"
#include "os/footprint.h"
#include "pagemap/span.h"

/* Runs longer than this are mappings of their own (huge.h). */
#define PAGE_HEAP_MAX_GRANULES  4096
#define PAGE_HEAP_MAX_ALIGNMENT ((size_t)16 << 20)

/* Once the options are read. Before, strips are not huge. */
void zci_page_heap_init(void);

/* A run aligned to align_granules (a power of two) granules, or NULL if the OS has no more. Its state is
 * the caller's to set; whether its pages read zero says clean: RUN_ZERO or RUN_DIRTY. Of resident runs it is rather one
 * whose shard is this one, that of the thread that asks: its lines may be in that processor's caches. */
struct span *zci_page_heap_alloc(size_t granules, size_t align_granules, unsigned shard);

/* The same, for small blocks of this shard's threads: where there are several shards, fresh pages of two of them lie in
 * different page tables, of 2 MiB, as far as that goes. */
struct span *zci_page_heap_alloc_small(size_t granules, unsigned shard);

/* The same, for a block that is growing: where room_granules are free behind it, or fewer if there is resident memory
 * with less room, or fresh room lies behind many blocks already. NULL if there is no such place, and nothing was given
 * back to find one. */
struct span *zci_page_heap_alloc_roomy(size_t granules, size_t room_granules);

/* Pages of the run, which is the caller's, were touched. If that made huge pages of them, unasked, free memory beside
 * it is resident, and is so for the heap from here on: unasked.h. For sure, or with a pause after looks in vain. */
void zci_page_heap_note_touched(const struct span *span, bool is_sure);

/* The run's state may be any but FREE; its shard is that of whoever had it last. */
void zci_page_heap_free(struct span *span);

/* The same where the pages of the first moved_bytes have moved away, so that they read zero. */
void zci_page_heap_free_moved(struct span *span, size_t moved_bytes);

/* A new run, or huge block, of so many bytes; its pages are not resident, for no resident run was long enough. So those
 * of shorter runs move there, by whole page tables of 2 MiB: that costs less than faulting new ones in, and nothing
 * stays resident twice. So many bytes from its start may read other than zero now, whole pages; 0 where none moved. */
size_t zci_page_heap_fill(const struct span *filling, size_t bytes);

/* Takes the granules behind the run if they are free; false if not. */
bool zci_page_heap_grow(struct span *span, size_t granules);
/* Gives back the end of the run. */
void zci_page_heap_shrink(struct span *span, size_t granules);

/* Gives free runs back to the OS, except keep_bytes of them, rounded down to granules; the bytes given back. */
size_t zci_page_heap_release(size_t keep_bytes);

/* One step of giving back by age, elapsed_ms after the last: what lies idle is gone decay_ms later, half of it
 * after half that time. One caller at a time. The bytes given back. */
size_t zci_page_heap_decay(uint64_t elapsed_ms, uint64_t decay_ms);

struct page_heap_stats {
    uint64_t reserved_bytes;
    uint64_t used_bytes;    /* ever */
    uint64_t dirty_bytes;   /* free, resident */
    uint64_t clean_bytes;   /* free, given back */
    uint64_t refault_bytes; /* given back and taken again, growth in place included */
    uint64_t hold_bytes;    /* kept because of that */
    uint64_t wait_count;    /* sleeps on the lock */
    uint64_t busy_count;    /* how often somebody did not have it at once */
    uint64_t reuse_count;   /* runs taken from dirty ones, */
    uint64_t refault_count; /* from clean ones, */
    uint64_t fresh_count;   /* and from behind a frontier */
    uint64_t return_count;  /* runs freed, ends cut off included */
};

void zci_page_heap_stats(struct page_heap_stats *stats);

/* Every run of every arena, free or not, in address order; takes no lock. */
void zci_page_heap_each_run(void (*visit)(struct span *span, void *context), void *context);

/* The list of arenas, for walkers of the heap. */
struct arena **zci_page_heap_arenas(void);

/* In the child of a fork. */
void zci_page_heap_fork_child(struct footprint_recount *recount);

#endif
