/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* private_cache.h - the fast path of a private heap: a thread's bins of its free blocks.
 * Invariants: bins are those of thread_cache.h. A thread finds its cache of a heap in a slot by the heap's
 *             id; the slot's cache is the first of a short chain, and slot->id is its id. Ids are never
 *             used twice, so a cache of a heap that is gone is found by nobody; it is dropped when the
 *             chain is searched, with the pointers in it, never the blocks.
 * Locking:    none, no atomics: only its thread touches a cache. Statistics read it (relaxed). The slow side
 *             takes batches from the thread's cache and gives them back: between zci_heap_enter_cache and
 *             zci_heap_leave_cache. The collector never touches what is in here.
 * Costs:      a pair of zc_heap_malloc and zc_heap_free, of zc_pool_malloc and zc_pool_free: see
 *             docs/design.md. 3.6 KiB per thread and heap, 400 bytes per thread and pool. */
#ifndef ZCI_HEAP_PRIVATE_CACHE_H
#define ZCI_HEAP_PRIVATE_CACHE_H

#include "heap/private_heap.h"
#include "pagemap/pagemap.h"
#include "thread_cache/thread_cache.h"

#define PRIVATE_GRANULES 32

struct private_shelf {
    struct batch *loaded;   /* the bin's batch, or NULL; atomic, relaxed: statistics */
    struct batch *spare;    /* batches with objects, linked by next, or NULL */
    uint32_t spare_objects; /* atomic, relaxed: statistics */
    uint16_t spare_count;
    uint16_t refill; /* blocks to fetch next time */
};

struct private_cache {
    struct private_cache
        *next;   /* in the slot's chain, or among idle ones; atomic, relaxed: statistics */
    uint64_t id; /* of the heap; the same */
    struct private_heap *heap;
    struct thread_cache *thread;   /* whose it is, for good */
    struct private_shelf *shelves; /* behind the bins */
    uint64_t used[2];              /* bit c: class c has, or had, batches */
    uint32_t class_count;
    uint32_t unused;
    uint64_t epoch; /* of the heap, when the oldest of granules was entered */
    /* Granules lately freed into: granule << 8 | class. A short way past the page map. */
    uint64_t granules[PRIVATE_GRANULES];
    struct bin bins[];
};

ZCI_INLINE struct private_slot *private_slot_of(struct thread_cache *cache, uint64_t id)
{
    return &cache->private_slots[id % PRIVATE_SLOTS];
}

/* Relaxed stores, for statistics look at top; on x86-64 they are plain ones. */
ZCI_INLINE void *private_bin_pop(struct bin *bin)
{
    void **top = bin->top;
    void *block = top[-1];
    if (ZCI_LIKELY(block != NULL)) {
        prefetch_to_write(top[-2]);
        atomic_store_relaxed(&bin->top, top - 1);
    }
    return block;
}

/* false: no room, or freed just before. */
ZCI_INLINE bool private_bin_push(struct bin *bin, void *block)
{
    /* Keeps the compiler from computing the address again for the store. */
    __asm__("" : "+r"(bin));
    void **top = bin->top;
    if (ZCI_UNLIKELY(top == bin->end) || ZCI_UNLIKELY(top[-1] == block))
        return false;
    *top = block;
    atomic_store_relaxed(&bin->top, top + 1);
    return true;
}

/* A block, or NULL: ask the slow side. */
ZCI_INLINE void *private_pop(const struct private_heap *heap, size_t size)
{
    if (ZCI_UNLIKELY(size > ZCI_SMALL_MAX_BYTES))
        return NULL;
    uint64_t id = atomic_load_relaxed(&heap->id);
    struct private_slot *slot = private_slot_of(thread_cache_peek(), id);
    if (ZCI_UNLIKELY(slot->id != id))
        return NULL;
    size_t offset = zci_size_to_bin[(size + 7) >> 3];
    return private_bin_pop((struct bin *)((char *)slot->cache->bins + offset));
}

ZCI_INLINE void *private_pool_pop(const struct private_heap *pool)
{
    uint64_t id = atomic_load_relaxed(&pool->id);
    struct private_slot *slot = private_slot_of(thread_cache_peek(), id);
    if (ZCI_UNLIKELY(slot->id != id))
        return NULL;
    return private_bin_pop(&slot->cache->bins[PRIVATE_POOL_CLASS]);
}

/* true if the block is in the cache now; false: ask the slow side (no room, no small block of this heap as
 * far as this cache knows, or the very block that was freed last). A span that has ended since another epoch
 * may have come back with another class, or in another heap. */
ZCI_INLINE bool private_push(const struct private_heap *heap, void *block, bool is_pool)
{
    uint64_t id = atomic_load_relaxed(&heap->id);
    struct private_slot *slot = private_slot_of(thread_cache_peek(), id);
    if (ZCI_UNLIKELY(slot->id != id))
        return false;
    struct private_cache *cache = slot->cache;
    uint64_t granule = (uintptr_t)block >> ZCI_GRANULE_SHIFT;
    uint64_t known = cache->granules[granule % PRIVATE_GRANULES];
    if (ZCI_UNLIKELY(known >> 8 != granule))
        return false;
    if (ZCI_UNLIKELY(cache->epoch != atomic_load_relaxed(&heap->epoch)))
        return false;
    return private_bin_push(&cache->bins[is_pool ? PRIVATE_POOL_CLASS : (uint8_t)known], block);
}

/* --- slow side, private_cache.c ------------------------------------------------------------------- */

/* The calling thread's cache of this heap, made if there is none; NULL if it may have none. thread is its cache,
 * entered, here and until the last use of the result. */
struct private_cache *zci_private_cache_open(struct thread_cache *thread,
                                             struct private_heap *heap);
/* After private_push returned false: asks the page map, and remembers. false: it does not help. */
bool zci_private_cache_push_slow(struct private_heap *heap, void *block);
/* The bin is empty, or full: as zci_thread_cache_refill and zci_thread_cache_spill. */
void *zci_private_cache_refill(struct private_cache *cache, unsigned class_index);
void zci_private_cache_spill(struct private_cache *cache, unsigned class_index, void *block);
/* This thread's blocks of this heap go to their spans, or, of a dead one, are forgotten. Bytes of spans that
 * ended. */
size_t zci_private_cache_close(uint64_t id);
/* All that the calling thread has, of all heaps. thread is its cache, entered. */
void zci_private_cache_flush(struct thread_cache *thread);
/* The same, and enters by itself. */
void zci_private_cache_flush_own(void);
/* Blocks and bytes in the caches of all threads: a snapshot. */
void zci_private_cached(const struct private_heap *heap, uint64_t *count, uint64_t *bytes);

#endif
