/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* private_cache.c - the slow side of a thread's cache of a private heap. Works as thread_cache.c does, but
 * for what leaves a thread: it goes to the heap's spans, there is no depot. */
#include "heap/private_cache.h"

#include "base/bits.h"
#include "central/batch.h"
#include "heap/heap.h"
#include "pagemap/meta_arena.h"
#include "thread_cache/thread_registry.h"

#include <string.h>

/* First fetch of a class, as in thread_cache.c. */
#define REFILL_FIRST_BYTES 1024
#define REFILL_FIRST_MAX   16

/* Spare batches of a class, by bytes. Four times a thread cache's: there is no depot behind. */
#ifndef ZCI_PRIVATE_SPARE_BYTES
#define ZCI_PRIVATE_SPARE_BYTES 131072
#endif
#define SPARE_COUNT_MAX 32

/* Caches in one slot's chain. A thread that uses more heaps at a time empties those it used last. */
#define CHAIN_MAX 4

/* What a bin without a batch points at, as in thread_cache.c. */
static void *const no_objects[2];

#define NO_TOP ((void **)(uintptr_t)&no_objects[1])

/* --- batches --------------------------------------------------------------------------------------- */

static size_t batch_most(const struct private_cache *cache, unsigned class_index)
{
    return cache->heap->classes[class_index].batch;
}

static size_t batch_limit(const struct private_cache *cache, unsigned class_index,
                          const struct batch *batch)
{
    return min_size(batch->capacity, batch_most(cache, class_index));
}

/* The bin works on this batch from now on; NULL closes it. */
static void load(struct private_cache *cache, unsigned class_index, struct batch *batch)
{
    struct bin *bin = &cache->bins[class_index];
    /* Pairs with add_cached. */
    atomic_store_release(&cache->shelves[class_index].loaded, batch);
    if (batch == NULL) {
        atomic_store_relaxed(&bin->top, NO_TOP);
        bin->end = NO_TOP;
        return;
    }
    cache->used[class_index / 64] |= (uint64_t)1 << class_index % 64;
    atomic_store_relaxed(&bin->top, batch->objects + batch->count);
    bin->end = batch->objects + batch_limit(cache, class_index, batch);
}

static struct batch *unload(struct private_cache *cache, unsigned class_index)
{
    struct batch *batch = cache->shelves[class_index].loaded;
    if (batch != NULL)
        batch->count = (uint32_t)(cache->bins[class_index].top - batch->objects);
    return batch;
}

/* Another batch takes the place of the loaded one, which is empty. */
static void load_instead(struct private_cache *cache, unsigned class_index, struct batch *batch)
{
    struct batch *old = unload(cache, class_index);
    load(cache, class_index, batch);
    if (old != NULL)
        zci_thread_cache_put_batch(cache->thread, old);
}

/* A batch with room for this many objects takes the place of the loaded one, with its objects. */
static bool enlarge(struct private_cache *cache, unsigned class_index, size_t objects)
{
    struct batch *larger = zci_thread_cache_take_batch(cache->thread, batch_grade_for(objects));
    if (larger == NULL)
        return false;
    struct batch *old = unload(cache, class_index);
    larger->count = old != NULL ? old->count : 0;
    for (size_t i = 0; i < larger->count; i++)
        larger->objects[i] = old->objects[i];
    load_instead(cache, class_index, larger);
    return true;
}

static void *pop(struct private_cache *cache, unsigned class_index)
{
    return private_bin_pop(&cache->bins[class_index]);
}

static size_t spare_limit(const struct private_cache *cache, unsigned class_index)
{
    const struct size_class *size_class = &cache->heap->classes[class_index];
    size_t count = ZCI_PRIVATE_SPARE_BYTES / ((size_t)size_class->bytes * size_class->batch);
    return max_size(1, min_size(count, SPARE_COUNT_MAX));
}

static void spare_push(struct private_shelf *shelf, struct batch *batch)
{
    batch->next = shelf->spare;
    shelf->spare = batch;
    shelf->spare_count++;
    counter_add(&shelf->spare_objects, batch->count);
}

static struct batch *spare_pop(struct private_shelf *shelf)
{
    struct batch *batch = shelf->spare;
    if (batch == NULL)
        return NULL;
    shelf->spare = batch->next;
    shelf->spare_count--;
    counter_add(&shelf->spare_objects, -batch->count);
    return batch;
}

/* --- empty and full -------------------------------------------------------------------------------- */

/* How many to fetch now; the next time twice as many. */
static size_t slow_start(struct private_cache *cache, unsigned class_index)
{
    struct private_shelf *shelf = &cache->shelves[class_index];
    size_t most = batch_most(cache, class_index);
    size_t first = REFILL_FIRST_BYTES / cache->heap->classes[class_index].bytes;
    size_t count =
        shelf->refill != 0 ? shelf->refill : max_size(1, min_size(first, REFILL_FIRST_MAX));
    shelf->refill = (uint16_t)min_size(2 * count, most);
    /* Eight blocks end where a cache line does: the next ones go to another thread. */
    return count >= 8 ? count & ~(size_t)7 : count;
}

void *zci_private_cache_refill(struct private_cache *cache, unsigned class_index)
{
    struct private_shelf *shelf = &cache->shelves[class_index];
    struct batch *batch = spare_pop(shelf);
    if (batch != NULL) {
        load_instead(cache, class_index, batch);
        return pop(cache, class_index);
    }
    size_t count = slow_start(cache, class_index);
    batch = shelf->loaded;
    if ((batch == NULL || batch_limit(cache, class_index, batch) < count) &&
        !enlarge(cache, class_index, count))
        return NULL;
    batch = shelf->loaded;
    batch->count = (uint32_t)zci_private_fetch(cache->heap, class_index, batch->objects, count);
    load(cache, class_index, batch);
    return batch->count != 0 ? pop(cache, class_index) : NULL;
}

void zci_private_cache_spill(struct private_cache *cache, unsigned class_index, void *block)
{
    struct private_shelf *shelf = &cache->shelves[class_index];
    struct bin *bin = &cache->bins[class_index];
    size_t most = batch_most(cache, class_index);
    struct batch *loaded = shelf->loaded;
    bool has_room = false;
    if (loaded == NULL || loaded->capacity < most)
        has_room = enlarge(cache, class_index,
                           loaded == NULL ? 1 : min_size(2 * (size_t)loaded->capacity, most));
    if (!has_room && loaded != NULL) {
        struct batch *full = unload(cache, class_index);
        struct batch *fresh = NULL;
        if (shelf->spare_count < spare_limit(cache, class_index))
            fresh = zci_thread_cache_take_batch(cache->thread, full->grade);
        if (fresh != NULL) {
            spare_push(shelf, full);
        } else {
            zci_private_return(cache->heap, cache->id, class_index, full->objects, full->count);
            full->count = 0;
            fresh = full;
        }
        load(cache, class_index, fresh);
        has_room = true;
    }
    if (!has_room) {
        zci_private_return(cache->heap, cache->id, class_index, &block, 1);
        return;
    }
    *bin->top = block;
    atomic_store_relaxed(&bin->top, bin->top + 1);
}

static void forget_granules(struct private_cache *cache, uint64_t epoch)
{
    memset(cache->granules, 0xff, sizeof cache->granules);
    cache->epoch = epoch;
}

bool zci_private_cache_push_slow(struct private_heap *heap, void *block)
{
    uint64_t id = atomic_load_relaxed(&heap->id);
    struct private_slot *slot = private_slot_of(thread_cache_get(), id);
    const struct span *span = pagemap_get((uintptr_t)block);
    /* A large block's class is 0. */
    if (slot->id != id || span == NULL || span_heap(span) != (uint16_t)id ||
        !span_covers(span, (uintptr_t)block) || span->class_index == 0)
        return false;
    struct private_cache *cache = slot->cache;
    /* While the block is not returned its span stays; each that ends is another epoch. */
    uint64_t epoch = atomic_load_relaxed(&heap->epoch);
    if (cache->epoch != epoch)
        forget_granules(cache, epoch);
    uint64_t granule = (uintptr_t)block >> ZCI_GRANULE_SHIFT;
    cache->granules[granule % PRIVATE_GRANULES] = granule << 8 | span->class_index;
    return private_bin_push(&cache->bins[span->class_index], block);
}

/* --- life ------------------------------------------------------------------------------------------- */

static unsigned kind_of(unsigned class_count)
{
    return class_count > PRIVATE_POOL_CLASS + 1;
}

/* Bytes of spans that ended; here as below. */
static size_t flush_batch(struct thread_cache *thread, struct private_cache *cache,
                          unsigned class_index, struct batch *batch)
{
    size_t bytes = 0;
    if (batch == NULL)
        return 0;
    if (batch->count != 0)
        bytes =
            zci_private_return(cache->heap, cache->id, class_index, batch->objects, batch->count);
    zci_thread_cache_put_batch(thread, batch);
    return bytes;
}

/* Its blocks go back, or, if the heap is gone, nowhere; then it waits for another heap. */
static size_t retire(struct thread_cache *thread, struct private_cache *cache)
{
    size_t bytes = 0;
    for (unsigned w = 0; w < 2; w++) {
        for (uint64_t word = cache->used[w]; word != 0; word &= word - 1) {
            unsigned c = w * 64 + (unsigned)__builtin_ctzll(word);
            struct private_shelf *shelf = &cache->shelves[c];
            struct batch *loaded = unload(cache, c);
            struct batch *spare;
            load(cache, c, NULL);
            shelf->refill = 0;
            bytes += flush_batch(thread, cache, c, loaded);
            while ((spare = spare_pop(shelf)) != NULL)
                bytes += flush_batch(thread, cache, c, spare);
        }
        cache->used[w] = 0;
    }
    struct private_cache **idle = &thread->private_idle[kind_of(cache->class_count)];
    atomic_store_relaxed(&cache->id, PRIVATE_ID_DEAD);
    atomic_store_relaxed(&cache->next, *idle);
    *idle = cache;
    return bytes;
}

static bool is_stale(const struct private_cache *cache)
{
    return atomic_load_relaxed(&cache->heap->id) != cache->id;
}

static void set_head(struct private_slot *slot, struct private_cache *cache)
{
    /* Pairs with zci_private_cached: publishes the cache. */
    atomic_store_release(&slot->cache, cache);
    atomic_store_relaxed(&slot->id, cache != NULL ? cache->id : 0);
}

/* Caches of heaps that are gone leave the chain, then those used longest ago, until most are left. */
static void trim_chain(struct thread_cache *thread, struct private_slot *slot, unsigned most)
{
    struct private_cache *kept[CHAIN_MAX];
    unsigned count = 0;
    struct private_cache *next;
    for (struct private_cache *cache = slot->cache; cache != NULL; cache = next) {
        next = cache->next;
        if (count < most && !is_stale(cache))
            kept[count++] = cache;
        else
            retire(thread, cache);
    }
    for (unsigned i = 0; i < count; i++)
        atomic_store_relaxed(&kept[i]->next, i + 1 < count ? kept[i + 1] : NULL);
    set_head(slot, count != 0 ? kept[0] : NULL);
}

static struct private_cache *make(struct thread_cache *thread, struct private_heap *heap)
{
    struct private_cache **idle = &thread->private_idle[kind_of(heap->class_count)];
    struct private_cache *cache = *idle;
    if (cache != NULL) {
        *idle = cache->next;
    } else {
        size_t bins = sizeof *cache + heap->class_count * sizeof(struct bin);
        cache = zci_meta_alloc(bins + heap->class_count * sizeof(struct private_shelf));
        if (cache == NULL)
            return NULL;
        cache->shelves = (struct private_shelf *)((char *)cache + bins);
        cache->thread = thread;
        cache->class_count = heap->class_count;
        for (unsigned c = 0; c < cache->class_count; c++)
            cache->bins[c] = (struct bin){NO_TOP, NO_TOP};
    }
    cache->heap = heap;
    forget_granules(cache, atomic_load_relaxed(&heap->epoch));
    atomic_store_relaxed(&cache->id, heap->id);
    return cache;
}

struct private_cache *zci_private_cache_open(struct thread_cache *thread, struct private_heap *heap)
{
    if (!thread_cache_is_open(thread))
        return NULL;
    struct private_slot *slot = private_slot_of(thread, heap->id);
    if (slot->id == heap->id)
        return slot->cache;
    struct private_cache *cache = slot->cache;
    struct private_cache *before = NULL;
    while (cache != NULL && cache->id != heap->id) {
        before = cache;
        cache = cache->next;
    }
    if (cache != NULL) {
        atomic_store_relaxed(&before->next, cache->next);
    } else {
        trim_chain(thread, slot, CHAIN_MAX - 1);
        cache = make(thread, heap);
        if (cache == NULL)
            return NULL;
    }
    atomic_store_relaxed(&cache->next, slot->cache);
    set_head(slot, cache);
    return cache;
}

/* The calling thread's cache, entered, if it has one; else a closed one. */
static struct thread_cache *enter_if_any(void)
{
    struct thread_cache *thread = thread_cache_get();
    return thread != thread_cache_closed(CLOSED_UNBORN) ? zci_heap_enter_cache() : thread;
}

static size_t close_entered(struct thread_cache *thread, uint64_t id)
{
    struct private_slot *slot = private_slot_of(thread, id);
    struct private_cache *before = NULL;
    struct private_cache *cache = slot->cache;
    while (cache != NULL && cache->id != id) {
        before = cache;
        cache = cache->next;
    }
    if (cache == NULL)
        return 0;
    if (before != NULL)
        atomic_store_relaxed(&before->next, cache->next);
    else
        set_head(slot, cache->next);
    return retire(thread, cache);
}

size_t zci_private_cache_close(uint64_t id)
{
    size_t bytes = 0;
    struct thread_cache *thread = enter_if_any();
    if (thread_cache_is_open(thread))
        bytes = close_entered(thread, id);
    zci_heap_leave_cache(thread);
    return bytes;
}

void zci_private_cache_flush(struct thread_cache *thread)
{
    for (unsigned i = 0; i < PRIVATE_SLOTS; i++)
        if (thread->private_slots[i].cache != NULL)
            trim_chain(thread, &thread->private_slots[i], 0);
}

void zci_private_cache_flush_own(void)
{
    struct thread_cache *thread = enter_if_any();
    if (thread_cache_is_open(thread))
        zci_private_cache_flush(thread);
    zci_heap_leave_cache(thread);
}

/* --- statistics --------------------------------------------------------------------------------------- */

/* Its thread may be changing it: counts are clipped, not trusted, and batches, which may be another's by now,
 * not read. */
static void add_cached(const struct private_heap *heap, const struct private_cache *cache,
                       uint64_t *count, uint64_t *bytes)
{
    for (unsigned c = 1; c < heap->class_count; c++) {
        /* Pairs with load. */
        struct batch *loaded = atomic_load_acquire(&cache->shelves[c].loaded);
        uint64_t blocks = atomic_load_relaxed(&cache->shelves[c].spare_objects);
        if (loaded != NULL) {
            uintptr_t top = (uintptr_t)atomic_load_relaxed(&cache->bins[c].top);
            uintptr_t objects = (top - (uintptr_t)loaded->objects) / sizeof(void *);
            blocks += objects <= ZCI_BATCH_MAX ? objects : 0;
        }
        *count += blocks;
        *bytes += blocks * heap->classes[c].bytes;
    }
}

void zci_private_cached(const struct private_heap *heap, uint64_t *count, uint64_t *bytes)
{
    uint64_t id = atomic_load_relaxed(&heap->id);
    *count = 0;
    *bytes = 0;
    /* Pairs with the registry's list, which only grows. */
    struct thread_cache *thread = atomic_load_acquire(zci_thread_registry_list());
    for (; thread != NULL; thread = thread->next) {
        struct private_slot *slot = private_slot_of(thread, id);
        /* Pairs with set_head. Deeper in the chain are only those that were heads once. */
        struct private_cache *cache = atomic_load_acquire(&slot->cache);
        for (unsigned i = 0; i < CHAIN_MAX && cache != NULL; i++) {
            if (atomic_load_relaxed(&cache->id) == id) {
                add_cached(heap, cache, count, bytes);
                break;
            }
            cache = atomic_load_relaxed(&cache->next);
        }
    }
}
