/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* private_heap.h - a heap of one's own: its blocks lie in spans of its own, and end with it, all at once.
 * Invariants: a pool is a private heap with one class, of exactly the size it was made for. A span belongs
 *             to the heap whose number stands in it. Its class map byte is twice ZCI_CLASS_PRIVATE, whose bin has
 *             neither blocks nor room: free never puts a block of a private heap into an ordinary bin, where it
 *             would outlive its heap, and comes to zci_private_free_slow instead. Each heap that ever was has an id
 *             of its own: a thread's cache of a heap that is gone is known by its id, and dropped.
 *             Descriptors are recycled, never unmapped: a stale pointer to one can be looked at.
 * Locking:    one lock per heap (RANK_PRIVATE_HEAP) around its lists and counters; one for all
 *             (RANK_PRIVATE_TABLE) around birth and death. Caches: none, see private_cache.h.
 *             destroy waits for nobody: whoever still uses the heap meanwhile makes a mistake. A thread that
 *             merely has a cache of it does not.
 * Costs:      264 bytes of metadata; 3.3 KiB more for a heap that is no pool. */
#ifndef ZCI_HEAP_PRIVATE_HEAP_H
#define ZCI_HEAP_PRIVATE_HEAP_H

#include "os/lock.h"
#include "pagemap/class_map.h"
#include "pagemap/span.h"

/* Spans of one class. Linked by next and prev; span->bucket says which list. */
struct private_list {
    struct span *partial;
    struct span *full;
    struct span
        *empty; /* one at most: a program that swings around a full span does not carry it */
    uint64_t out_count; /* blocks out of their spans; atomic, relaxed: statistics */
    uint64_t span_count;
};

/* None is a bucket of a central list: to the sweep these spans look unlisted at any instant. */
enum { LIST_PARTIAL = 0x40, LIST_FULL, LIST_EMPTY };

#define PRIVATE_NUMBER_MAX 65535
#define PRIVATE_POOL_CLASS 1
/* Of the table from numbers to descriptors, which has two levels and only grows. */
#define PRIVATE_LEAF_ENTRIES 256
/* Of no heap that lives; its number was never given out with generation 0. */
#define PRIVATE_ID_DEAD UINT64_C(1)

struct private_heap {
    uint64_t id;                      /* generation << 16 | number, or PRIVATE_ID_DEAD; atomic */
    uint64_t epoch;                   /* rises when a span ends; atomic */
    const struct size_class *classes; /* atomic */
    struct private_list *lists;       /* by class; [0] has the blocks above 64 KiB (full) */
    uint32_t class_count;
    uint32_t number; /* for good */
    struct lock lock;
    uint64_t
        held_bytes; /* spans and larger blocks; under lock; atomic, relaxed: statistics, as below */
    uint64_t held_peak_bytes;
    uint64_t large_count;
    uint64_t large_bytes;
    uint64_t huge_count;
    uint64_t pool_bytes; /* of a block, and how it is aligned; 0: no pool */
    uint64_t pool_alignment;
    struct private_heap *next;       /* among those without use; under the table's lock */
    struct private_list *heap_lists; /* room for all classes, once needed */
    struct private_list pool_lists[PRIVATE_POOL_CLASS + 1];
    struct size_class pool_classes[PRIVATE_POOL_CLASS + 1];
};

/* --- private_heap.c: birth, death, what src/api calls --------------------------------------------- */

/* NULL if there is no memory. */
struct private_heap *zci_private_new(void);
/* alignment is a power of two. */
struct private_heap *zci_private_new_pool(size_t bytes, size_t alignment);
/* verb names the caller in a report, here as everywhere below. */
void zci_private_destroy(struct private_heap *heap, const char *verb);
/* Ends the program if the heap does not exist. */
void zci_private_require(const struct private_heap *heap, const char *verb);
/* The heap of a span that belongs to one. */
struct private_heap *zci_private_of(const struct span *span);
/* The class of a SMALL span, of a private heap or not. */
const struct size_class *zci_private_class_of(const struct span *span);

/* After private_pop returned NULL. */
void *zci_private_alloc_slow(struct private_heap *heap, size_t size, const char *verb);
void *zci_private_alloc_zeroed(struct private_heap *heap, size_t size, const char *verb);
void *zci_private_alloc_aligned(struct private_heap *heap, size_t size, size_t alignment,
                                const char *verb);
void *zci_private_pool_alloc_slow(struct private_heap *pool, const char *verb);
/* After private_push returned false. NULL is allowed. */
void zci_private_free_slow(struct private_heap *heap, void *block, const char *verb);
/* The span of a live block of this heap, or the end of the program. */
struct span *zci_private_span(const struct private_heap *heap, const void *block, const char *verb);
size_t zci_private_usable_bytes(const struct span *span);
bool zci_private_owns(const struct private_heap *heap, const void *block);
/* block is not NULL and size not 0; on failure the block is as it was. */
void *zci_private_resize(struct private_heap *heap, void *block, size_t size, const char *verb);
/* Returns the calling thread's cached blocks to their spans, and empty spans to the page heap; the bytes
 * of these. */
size_t zci_private_collect(struct private_heap *heap);

struct private_stats {
    uint64_t live_count;
    uint64_t live_bytes;
    uint64_t cached_count; /* in threads' caches; a snapshot */
    uint64_t cached_bytes;
    uint64_t span_count; /* one for each block above 64 KiB, too */
    uint64_t held_bytes;
    uint64_t held_peak_bytes;
};

void zci_private_stats(const struct private_heap *heap, struct private_stats *stats);

/* Spans without a block out, of all heaps, to the page heap. */
void zci_private_drain_all(void);

/* How many heaps and pools there are, and what they hold: part of the bytes of large blocks elsewhere. */
void zci_private_totals(uint64_t *count, uint64_t *bytes);

/* For the walker, see root.h. */
struct private_heap ***zci_private_table(void);

/* In the child of a fork. */
void zci_private_fork_child(void);

/* --- private_list.c: the spans ---------------------------------------------------------------------- */

/* As zci_central_fetch and zci_central_return, which gives the bytes of spans that ended. A return to a heap
 * that is no longer the one of this id is a return to nowhere. */
size_t zci_private_fetch(struct private_heap *heap, unsigned class_index, void **objects,
                         size_t count);
size_t zci_private_return(struct private_heap *heap, uint64_t id, unsigned class_index,
                          void *const *objects, size_t count);
/* A block above 64 KiB becomes the heap's, and the program's own again: false if it is not the heap's. */
void zci_private_adopt_large(struct private_heap *heap, struct span *span);
bool zci_private_disown_large(struct private_heap *heap, struct span *span);
/* Spans without a block out; the bytes. The heap may be gone. */
size_t zci_private_drain(struct private_heap *heap);
/* Every span and block of a heap that no thread knows any more. */
void zci_private_release_all(struct private_heap *heap);
/* Finds the heap's spans by a walk over all. */
void zci_private_rebuild(struct private_heap *heap);

#endif
