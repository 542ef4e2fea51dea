/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* private_heap.c - see private_heap.h. Numbers lead to descriptors by a table of two levels that only grows;
 * descriptors without use are linked. */
#include "heap/private_heap.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/options.h"
#include "heap/bootstrap.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/limit.h"
#include "heap/private_cache.h"
#include "pagemap/meta_arena.h"
#include "pagemap/pagemap.h"

#include <string.h>

static struct {
    struct lock lock;
    struct private_heap **leaves[(PRIVATE_NUMBER_MAX + 1) / PRIVATE_LEAF_ENTRIES]; /* atomic */
    struct private_heap *unused; /* under lock, as all below */
    uint64_t
        made_count; /* numbers 1 .. made_count have a descriptor; atomic, relaxed: statistics */
    uint64_t generation;
} table = {.lock = LOCK_INIT(RANK_PRIVATE_TABLE)};

struct private_heap ***zci_private_table(void)
{
    return table.leaves;
}

static struct private_heap *heap_at(size_t number)
{
    /* Pairs with make_locked. */
    struct private_heap **leaf = atomic_load_acquire(&table.leaves[number / PRIVATE_LEAF_ENTRIES]);
    return leaf != NULL ? atomic_load_acquire(&leaf[number % PRIVATE_LEAF_ENTRIES]) : NULL;
}

static struct private_heap *make_locked(void)
{
    uint64_t number = table.made_count + 1;
    if (number > PRIVATE_NUMBER_MAX)
        return NULL;
    struct private_heap ***leaf = &table.leaves[number / PRIVATE_LEAF_ENTRIES];
    if (*leaf == NULL) {
        struct private_heap **fresh = zci_meta_alloc(PRIVATE_LEAF_ENTRIES * sizeof *fresh);
        if (fresh == NULL)
            return NULL;
        /* Pairs with heap_at. */
        atomic_store_release(leaf, fresh);
    }
    struct private_heap *heap = zci_meta_alloc(sizeof *heap);
    if (heap == NULL)
        return NULL;
    heap->number = (uint32_t)number;
    heap->id = PRIVATE_ID_DEAD;
    heap->lock = (struct lock)LOCK_INIT(RANK_PRIVATE_HEAP);
    /* Pairs with heap_at: publishes the descriptor. */
    atomic_store_release(&(*leaf)[number % PRIVATE_LEAF_ENTRIES], heap);
    atomic_store_relaxed(&table.made_count, number);
    return heap;
}

/* A descriptor without a life, or NULL. */
static struct private_heap *take_descriptor(void)
{
    zci_bootstrap();
    lock_acquire(&table.lock);
    struct private_heap *heap = table.unused;
    if (heap != NULL)
        table.unused = heap->next;
    else
        heap = make_locked();
    lock_release(&table.lock);
    return heap;
}

static void give_descriptor(struct private_heap *heap)
{
    lock_acquire(&table.lock);
    heap->next = table.unused;
    table.unused = heap;
    lock_release(&table.lock);
}

static struct private_heap *come_alive(struct private_heap *heap, uint32_t class_count)
{
    heap->class_count = class_count;
    memset(heap->lists, 0, class_count * sizeof *heap->lists);
    heap->held_bytes = 0;
    heap->held_peak_bytes = 0;
    heap->large_count = 0;
    heap->large_bytes = 0;
    heap->huge_count = 0;
    lock_acquire(&table.lock);
    uint64_t id = ++table.generation << 16 | heap->number;
    lock_release(&table.lock);
    /* Pairs with zci_private_drain, which comes to all heaps; whoever gets the heap gets it from here. */
    atomic_store_release(&heap->id, id);
    return heap;
}

struct private_heap *zci_private_new(void)
{
    struct private_heap *heap = take_descriptor();
    if (heap == NULL)
        return NULL;
    if (heap->heap_lists == NULL) {
        heap->heap_lists = zci_meta_alloc(ZCI_CLASS_COUNT * sizeof *heap->heap_lists);
        if (heap->heap_lists == NULL) {
            give_descriptor(heap);
            return NULL;
        }
    }
    atomic_store_relaxed(&heap->classes, zci_size_classes);
    heap->lists = heap->heap_lists;
    heap->pool_bytes = 0;
    heap->pool_alignment = 0;
    return come_alive(heap, ZCI_CLASS_COUNT);
}

/* The span of blocks of this size: the shortest that wastes at most 1/32 at its end, else the one of up to 15 granules
 * that wastes least. Of the longest blocks it has one only. */
static size_t pool_granules(size_t bytes)
{
    size_t best = 1;
    size_t best_waste = SIZE_MAX; /* of 2^20 */
    for (size_t granules = 1; granules < 16; granules++) {
        size_t all = granules * ZCI_GRANULE_BYTES;
        if (all < bytes)
            continue;
        size_t waste = ((all % bytes) << 20) / all;
        if (waste <= (1 << 20) / 32)
            return granules;
        if (waste < best_waste) {
            best = granules;
            best_waste = waste;
        }
    }
    return best;
}

/* As tools/gen_size_classes.py makes them, but for the exact size, and in short spans. */
static struct size_class pool_class(size_t bytes)
{
    size_t granules = pool_granules(bytes);
    size_t batch = 16384 / bytes;
    return (struct size_class){
        .bytes = (uint32_t)bytes,
        .capacity = (uint32_t)(granules * ZCI_GRANULE_BYTES / bytes),
        .granules = (uint16_t)granules,
        .batch = (uint16_t)max_size(8, min_size(batch, ZCI_BATCH_MAX)),
        .reciprocal = SIZE_CLASS_RECIPROCAL(bytes),
    };
}

struct private_heap *zci_private_new_pool(size_t bytes, size_t alignment)
{
    size_t stride = align_up(max_size(bytes, sizeof(void *)), alignment);
    struct private_heap *pool = take_descriptor();
    if (pool == NULL)
        return NULL;
    memset(pool->pool_classes, 0, sizeof pool->pool_classes);
    if (stride <= ZCI_SMALL_MAX_BYTES)
        pool->pool_classes[PRIVATE_POOL_CLASS] = pool_class(stride);
    atomic_store_relaxed(&pool->classes, pool->pool_classes);
    pool->lists = pool->pool_lists;
    pool->pool_bytes = stride;
    pool->pool_alignment = alignment;
    return come_alive(pool, PRIVATE_POOL_CLASS + 1);
}

void zci_private_require(const struct private_heap *heap, const char *verb)
{
    if (heap == NULL || atomic_load_relaxed(&heap->id) == PRIVATE_ID_DEAD)
        zci_report_dead_heap(verb, heap);
}

void zci_private_destroy(struct private_heap *heap, const char *verb)
{
    /* From here on no cache of another thread returns a block. */
    lock_acquire(&heap->lock);
    uint64_t id = atomic_load_relaxed(&heap->id);
    if (id == PRIVATE_ID_DEAD)
        zci_report_dead_heap(verb, heap);
    atomic_store_relaxed(&heap->id, PRIVATE_ID_DEAD);
    lock_release(&heap->lock);
    zci_private_cache_close(id);
    zci_private_release_all(heap);
    give_descriptor(heap);
}

void zci_private_drain_all(void)
{
    uint64_t made = atomic_load_relaxed(&table.made_count);
    for (size_t number = 1; number <= made; number++) {
        struct private_heap *heap = heap_at(number);
        if (heap != NULL && atomic_load_relaxed(&heap->id) != PRIVATE_ID_DEAD)
            zci_private_drain(heap);
    }
}

void zci_private_totals(uint64_t *count, uint64_t *bytes)
{
    *count = 0;
    *bytes = 0;
    uint64_t made = atomic_load_relaxed(&table.made_count);
    for (size_t number = 1; number <= made; number++) {
        const struct private_heap *heap = heap_at(number);
        if (heap == NULL || atomic_load_relaxed(&heap->id) == PRIVATE_ID_DEAD)
            continue;
        ++*count;
        *bytes += atomic_load_relaxed(&heap->held_bytes);
    }
}

struct private_heap *zci_private_of(const struct span *span)
{
    return heap_at(span_heap(span));
}

const struct size_class *zci_private_class_of(const struct span *span)
{
    const struct private_heap *heap = span_heap(span) != 0 ? zci_private_of(span) : NULL;
    /* Who asks about any pointer may come when the heap is gone, and a pool in its place. */
    bool is_common = heap == NULL || atomic_load_relaxed(&heap->classes) == zci_size_classes;
    return is_common ? &zci_size_classes[span->class_index]
                     : &heap->pool_classes[PRIVATE_POOL_CLASS];
}

/* --- blocks --------------------------------------------------------------------------------------------- */

static void *alloc_small(struct private_heap *heap, unsigned class_index)
{
    struct thread_cache *thread = zci_heap_enter_cache();
    struct private_cache *cache = zci_private_cache_open(thread, heap);
    void *block = NULL;
    if (ZCI_LIKELY(cache != NULL)) {
        /* It may just have come to the front. */
        block = private_bin_pop(&cache->bins[class_index]);
        if (block == NULL)
            block = zci_private_cache_refill(cache, class_index);
    }
    zci_heap_leave_cache(thread);
    if (ZCI_LIKELY(block != NULL))
        return block;
    if (zci_private_fetch(heap, class_index, &block, 1) == 0) {
        zci_limit_retry_begin();
        zci_private_fetch(heap, class_index, &block, 1);
        zci_limit_retry_end(block != NULL);
    }
    return block;
}

static void *alloc_large(struct private_heap *heap, size_t size, size_t alignment,
                         size_t *stale_bytes)
{
    void *block = zci_large_alloc(size, alignment, stale_bytes);
    if (block != NULL)
        zci_private_adopt_large(heap, pagemap_get((uintptr_t)block));
    zci_heap_poll();
    return block;
}

void *zci_private_alloc_slow(struct private_heap *heap, size_t size, const char *verb)
{
    zci_private_require(heap, verb);
    if (ZCI_LIKELY(size <= ZCI_SMALL_MAX_BYTES))
        return alloc_small(heap, size_class_of(size));
    return alloc_large(heap, size, 1, NULL);
}

void *zci_private_alloc_zeroed(struct private_heap *heap, size_t size, const char *verb)
{
    size_t stale_bytes;
    void *block = private_pop(heap, size);
    if (block == NULL) {
        zci_private_require(heap, verb);
        if (size > ZCI_SMALL_MAX_BYTES) {
            block = alloc_large(heap, size, 1, &stale_bytes);
            if (block != NULL)
                zci_large_zero(block, size, stale_bytes);
            return block;
        }
        block = alloc_small(heap, size_class_of(size));
    }
    return block != NULL ? memset(block, 0, size) : NULL;
}

void *zci_private_alloc_aligned(struct private_heap *heap, size_t size, size_t alignment,
                                const char *verb)
{
    zci_private_require(heap, verb);
    if (size <= ZCI_SMALL_MAX_BYTES && alignment <= ZCI_SMALL_MAX_BYTES) {
        /* size_class.h: the class of this is aligned. */
        size_t rounded = ((alignment - 1) | (size - (size != 0))) + 1;
        void *block = private_pop(heap, rounded);
        return block != NULL ? block : alloc_small(heap, size_class_of(rounded));
    }
    return alloc_large(heap, size, alignment, NULL);
}

void *zci_private_pool_alloc_slow(struct private_heap *pool, const char *verb)
{
    size_t stale_bytes;
    zci_private_require(pool, verb);
    if (ZCI_LIKELY(pool->pool_bytes <= ZCI_SMALL_MAX_BYTES))
        return alloc_small(pool, PRIVATE_POOL_CLASS);
    return alloc_large(pool, pool->pool_bytes, pool->pool_alignment, &stale_bytes);
}

/* Is this where a block of the span starts? */
static bool is_start(const struct span *span, uintptr_t address)
{
    size_t offset = address - span->start;
    if (span_state(span) != SPAN_SMALL)
        return offset == 0;
    const struct size_class *size_class = zci_private_class_of(span);
    uint32_t index;
    return size_class_starts(size_class, offset, &index) &&
           index < atomic_load_relaxed(&span->carved);
}

bool zci_private_owns(const struct private_heap *heap, const void *block)
{
    const struct span *span = pagemap_get((uintptr_t)block);
    return span != NULL && span_heap(span) == heap->number && span_covers(span, (uintptr_t)block) &&
           is_start(span, (uintptr_t)block);
}

static bool is_in_use(const struct span *span)
{
    enum span_state state = span_state(span);
    return state == SPAN_SMALL || state == SPAN_LARGE || state == SPAN_HUGE;
}

static struct span *span_of(const struct private_heap *heap, const void *block, const char *verb)
{
    struct span *span = pagemap_get((uintptr_t)block);
    if (span == NULL || !span_covers(span, (uintptr_t)block))
        zci_report_not_a_block(verb, block);
    if (!is_in_use(span))
        zci_report_not_a_block(verb, block);
    if (span_heap(span) != heap->number)
        zci_report_other_heap(verb, block);
    return span;
}

struct span *zci_private_span(const struct private_heap *heap, const void *block, const char *verb)
{
    struct span *span = span_of(heap, block, verb);
    if (!is_start(span, (uintptr_t)block))
        zci_report_not_a_block(verb, block);
    if (zci_options.check)
        (void)zci_heap_usable_bytes(block, verb); /* not of a block that was freed */
    return span;
}

size_t zci_private_usable_bytes(const struct span *span)
{
    return span_state(span) == SPAN_SMALL ? zci_private_class_of(span)->bytes
                                          : zci_large_usable_bytes(span);
}

static void push_or_spill(struct private_cache *cache, unsigned class_index, void *block)
{
    struct bin *bin = &cache->bins[class_index];
    if (bin->top[-1] == block)
        zci_report_double_free(block, cache->heap->classes[class_index].bytes);
    /* The cache may have come to the front just now. */
    if (!private_bin_push(bin, block))
        zci_private_cache_spill(cache, class_index, block);
}

void zci_private_free_slow(struct private_heap *heap, void *block, const char *verb)
{
    if (block == NULL)
        return;
    if (ZCI_LIKELY(zci_private_cache_push_slow(heap, block)))
        return;
    zci_private_require(heap, verb);
    struct span *span = pagemap_get((uintptr_t)block);
    /* What a descriptor says of its last block holds until the next. */
    if (span != NULL && span->start == (uintptr_t)block && !is_in_use(span))
        zci_report_double_free(block, 0);
    span = span_of(heap, block, verb);
    if (!is_start(span, (uintptr_t)block))
        zci_report_interior_free(block, 0);
    if (span_state(span) != SPAN_SMALL) {
        if (!zci_private_disown_large(heap, span))
            zci_report_double_free(block, 0);
        zci_large_free(block);
        zci_heap_poll();
        return;
    }
    unsigned class_index = span->class_index;
    struct thread_cache *thread = zci_heap_enter_cache_to_free();
    struct private_cache *cache = zci_private_cache_open(thread, heap);
    if (ZCI_LIKELY(cache != NULL))
        push_or_spill(cache, class_index, block);
    else
        zci_private_return(heap, heap->id, class_index, &block, 1);
    zci_heap_leave_cache(thread);
}

/* Large to large: the heap lets go of it meanwhile. */
static void *resize_large(struct private_heap *heap, struct span *span, size_t size)
{
    void *block = (void *)span->start;
    if (!zci_private_disown_large(heap, span))
        zci_report_double_free(block, 0);
    void *resized = zci_large_resize(span, size);
    zci_private_adopt_large(heap, pagemap_get((uintptr_t)(resized != NULL ? resized : block)));
    return resized;
}

void *zci_private_resize(struct private_heap *heap, void *block, size_t size, const char *verb)
{
    zci_private_require(heap, verb);
    struct span *span = zci_private_span(heap, block, verb);
    size_t usable = zci_private_usable_bytes(span);
    if (heap->pool_bytes != 0)
        return size <= usable ? block : NULL;
    if (span_state(span) != SPAN_SMALL && size > ZCI_SMALL_MAX_BYTES)
        return resize_large(heap, span, size);
    if (heap_fits(usable, size))
        return block;
    size_t wanted = heap_room_ahead(usable, size);
    void *moved = private_pop(heap, wanted);
    if (moved == NULL)
        moved = zci_private_alloc_slow(heap, wanted, verb);
    if (moved == NULL && wanted != size)
        moved = zci_private_alloc_slow(heap, size, verb);
    if (moved == NULL)
        return size <= usable ? block : NULL;
    memcpy(moved, block, min_size(usable, size));
    if (!private_push(heap, block, false))
        zci_private_free_slow(heap, block, verb);
    return moved;
}

/* --- as a whole ------------------------------------------------------------------------------------------ */

size_t zci_private_collect(struct private_heap *heap)
{
    size_t bytes = zci_private_cache_close(heap->id);
    return bytes + zci_private_drain(heap);
}

void zci_private_stats(const struct private_heap *heap, struct private_stats *stats)
{
    uint64_t out_count = atomic_load_relaxed(&heap->large_count);
    uint64_t out_bytes = atomic_load_relaxed(&heap->large_bytes);
    memset(stats, 0, sizeof *stats);
    stats->span_count = out_count;
    for (unsigned c = 1; c < heap->class_count; c++) {
        uint64_t count = atomic_load_relaxed(&heap->lists[c].out_count);
        out_count += count;
        out_bytes += count * heap->classes[c].bytes;
        stats->span_count += atomic_load_relaxed(&heap->lists[c].span_count);
    }
    zci_private_cached(heap, &stats->cached_count, &stats->cached_bytes);
    stats->live_count = out_count > stats->cached_count ? out_count - stats->cached_count : 0;
    stats->live_bytes = out_bytes > stats->cached_bytes ? out_bytes - stats->cached_bytes : 0;
    stats->held_bytes = atomic_load_relaxed(&heap->held_bytes);
    stats->held_peak_bytes = atomic_load_relaxed(&heap->held_peak_bytes);
}

/* A heap that was being destroyed stays without use, and its memory with it. */
void zci_private_fork_child(void)
{
    lock_reset_in_child(&table.lock);
    for (size_t number = 1; number <= table.made_count; number++) {
        struct private_heap *heap = heap_at(number);
        if (lock_reset_in_child(&heap->lock) && heap->id != PRIVATE_ID_DEAD)
            zci_private_rebuild(heap);
    }
}
