/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap.c - see heap.h. Small: thread cache, then a central list; large: large.c. */
#include "heap/heap.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/options.h"
#include "central/central_list.h"
#include "central/span_blocks.h"
#include "heap/bootstrap.h"
#include "heap/gc.h"
#include "heap/large.h"
#include "heap/limit.h"
#include "heap/private_cache.h"
#include "os/os.h"
#include "pagemap/pagemap.h"
#include "thread_cache/thread_cache.h"
#include "thread_cache/thread_idle.h"
#include "thread_cache/thread_registry.h"

#include <string.h>

uint32_t zci_heap_stay_bytes[ZCI_CLASS_COUNT + 1] = {
#define SIZE_CLASS(index, size, before, span_granules, blocks) [index] = (size),
#include "base/size_class.def"
#undef SIZE_CLASS
};

/* This is the thread's first call: a cache is made, or a closed one chosen. */
static void open_first_cache(void)
{
    zci_bootstrap();
    if (zci_options.check)
        thread_cache_set(thread_cache_closed(CLOSED_BY_OPTION));
    else
        zci_thread_registry_adopt();
}

ZCI_NOINLINE struct thread_cache *zci_heap_enter_cache(void)
{
    if (thread_cache_get() == thread_cache_closed(CLOSED_UNBORN))
        open_first_cache();
    for (;;) {
        struct thread_cache *cache = thread_cache_get();
        if (thread_cache_is_open(cache)) {
            thread_cache_enter(cache);
            if (thread_cache_get() == cache)
                return cache;
            thread_cache_leave(cache);
        } else if (cache != thread_cache_closed(CLOSED_BY_COLLECTOR)) {
            return cache;
        }
        zci_thread_idle_wait();
    }
}

struct thread_cache *zci_heap_enter_cache_to_free(void)
{
    struct thread_cache *cache = thread_cache_get();
    if (cache == thread_cache_closed(CLOSED_UNBORN) && thread_is_first_free())
        return cache;
    return zci_heap_enter_cache();
}

/* The calling thread's cache, entered; or a closed one if it may have none. */
ZCI_INLINE struct thread_cache *enter_cache(bool to_free)
{
    struct thread_cache *cache = thread_cache_get();
    if (ZCI_LIKELY(thread_cache_is_open(cache))) {
        thread_cache_enter(cache);
        if (ZCI_LIKELY(thread_cache_get() == cache))
            return cache;
        thread_cache_leave(cache);
    }
    return to_free ? zci_heap_enter_cache_to_free() : zci_heap_enter_cache();
}

static void poll_and_leave(struct thread_cache *cache)
{
    gc_poll(cache);
    thread_cache_leave(cache);
}

void zci_heap_leave_cache(struct thread_cache *cache)
{
    if (ZCI_LIKELY(thread_cache_is_open(cache)))
        poll_and_leave(cache);
}

void zci_heap_poll(void)
{
    if (!thread_cache_is_open(thread_cache_get()))
        return;
    zci_heap_leave_cache(enter_cache(false));
}

static void *alloc_large(size_t size, size_t alignment, size_t *stale_bytes)
{
    zci_bootstrap();
    void *block = zci_large_alloc(size, alignment, stale_bytes);
    zci_heap_poll();
    return block;
}

static void *alloc_small(unsigned class_index)
{
    struct thread_cache *cache = enter_cache(false);
    void *block = NULL;
    if (ZCI_LIKELY(thread_cache_is_open(cache))) {
        /* A cache that was adopted just now may have blocks. */
        struct bin *bin = &cache->bins[class_index];
        block = bin->top[-1] != NULL ? *--bin->top : zci_thread_cache_refill(cache, class_index);
        poll_and_leave(cache);
        if (ZCI_LIKELY(block != NULL))
            return block;
    }
    if (zci_central_fetch(class_index, 0, &block, 1) == 0) {
        /* Spans that only wait for their last blocks may be all that is left. */
        zci_limit_retry_begin();
        zci_central_fetch(class_index, 0, &block, 1);
        zci_limit_retry_end(block != NULL);
    }
    return block;
}

void *zci_heap_alloc_slow(size_t size)
{
    if (ZCI_LIKELY(size <= ZCI_SMALL_MAX_BYTES))
        return alloc_small(size_class_of(size));
    return alloc_large(size, 1, NULL);
}

/* Small and correctly placed, but there is no bin that takes it. */
static void free_small(unsigned class_index, void *block)
{
    struct thread_cache *cache = enter_cache(true);
    if (ZCI_UNLIKELY(!thread_cache_is_open(cache))) {
        zci_central_return(class_index, &block, 1);
        return;
    }
    struct bin *bin = &cache->bins[class_index];
    if (bin->top[-1] == block)
        zci_report_double_free(block, zci_size_classes[class_index].bytes);
    if (bin->top != bin->end)
        /* Without a class map free could not find this bin; with one, it was adopted just now. */
        thread_cache_push_to(bin, block);
    else
        zci_thread_cache_spill(cache, class_index, block);
    poll_and_leave(cache);
}

static void free_large(void *block, const struct span *span)
{
    uint64_t bytes = span != NULL ? span_bytes(span) : 0;
    zci_large_free(block);
    if (!thread_cache_is_open(thread_cache_get()))
        return;
    struct thread_cache *cache = enter_cache(false);
    if (ZCI_LIKELY(thread_cache_is_open(cache))) {
        cache->large_freed_bytes += bytes;
        if (cache->large_freed_bytes >= GC_LARGE_FREED)
            cache->polls_left = 1;
    }
    zci_heap_leave_cache(cache);
}

void zci_heap_free_slow(void *block)
{
    size_t class_index = class_map_get(block) / 2;
    if (ZCI_LIKELY(class_index - 1 < ZCI_CLASS_COUNT - 1)) {
        free_small((unsigned)class_index, block);
        return;
    }
    if (block == NULL)
        return;
    struct span *span = pagemap_get((uintptr_t)block);
    if (span != NULL && span_heap(span) != 0 && span_covers(span, (uintptr_t)block)) {
        struct private_heap *heap = zci_private_of(span);
        if (!private_push(heap, block, false))
            zci_private_free_slow(heap, block, "free");
        return;
    }
    if (!zci_class_map_is_active()) {
        if (span != NULL && span_state(span) == SPAN_SMALL) {
            free_small(span->class_index, block);
            return;
        }
    }
    free_large(block, span);
}

void *zci_heap_alloc_zeroed(size_t size)
{
    if (size <= ZCI_SMALL_MAX_BYTES) {
        void *block = thread_cache_pop(size);
        if (block == NULL)
            block = zci_heap_alloc_slow(size);
        return block != NULL ? memset(block, 0, size) : NULL;
    }
    size_t stale_bytes = 0;
    void *block = alloc_large(size, 1, &stale_bytes);
    if (block != NULL)
        zci_large_zero(block, size, stale_bytes);
    return block;
}

void *zci_heap_alloc_aligned(size_t size, size_t alignment)
{
    if (size <= ZCI_SMALL_MAX_BYTES && alignment <= ZCI_SMALL_MAX_BYTES) {
        /* size_class.h: the class of this is aligned. At most 64 KiB, as both are. */
        size_t rounded = ((alignment - 1) | (size - (size != 0))) + 1;
        void *block = thread_cache_pop(rounded);
        return block != NULL ? block : zci_heap_alloc_slow(rounded);
    }
    return alloc_large(size, alignment, NULL);
}

/* The span that a live block lies in, checked; the report names verb. */
static struct span *checked_span(const void *block, const char *verb)
{
    struct span *span = pagemap_get((uintptr_t)block);
    if (span != NULL && span_covers(span, (uintptr_t)block)) {
        enum span_state state = span_state(span);
        size_t offset = (uintptr_t)block - span->start;
        if (state == SPAN_SMALL) {
            const struct size_class *size_class = zci_private_class_of(span);
            uint32_t index;
            if (size_class_starts(size_class, offset, &index) &&
                !(zci_options.check && span_block_is_free(span, index)))
                return span;
        } else if ((state == SPAN_LARGE || state == SPAN_HUGE) && offset == 0) {
            return span;
        }
    }
    zci_report_not_a_block(verb, block);
}

size_t zci_heap_usable_bytes(const void *block, const char *verb)
{
    return zci_private_usable_bytes(checked_span(block, verb));
}

size_t zci_heap_good_bytes(size_t size)
{
    if (size <= ZCI_SMALL_MAX_BYTES)
        return zci_size_classes[size_class_of(size)].bytes;
    return zci_large_good_bytes(size);
}

static void *alloc_growing(size_t size)
{
    size_t stale_bytes;
    void *block = zci_large_alloc_growing(size, &stale_bytes);
    zci_heap_poll();
    return block;
}

void *zci_heap_move_small(void *block, size_t usable, size_t size)
{
    size_t wanted = heap_room_ahead(usable, size);
    void *moved = size > ZCI_SMALL_MAX_BYTES ? alloc_growing(size) : zci_heap_alloc_slow(wanted);
    if (moved == NULL && wanted != size)
        moved = zci_heap_alloc_slow(size);
    if (moved == NULL)
        return size <= usable ? block : NULL;
    memcpy(moved, block, min_size(usable, size));
    if (size > ZCI_SMALL_MAX_BYTES)
        zci_large_note_touched(moved);
    if (!thread_cache_push(block))
        zci_heap_free_slow(block);
    return moved;
}

void *zci_heap_resize(void *block, size_t size)
{
    struct span *span = checked_span(block, "realloc");
    size_t usable = zci_private_usable_bytes(span);
    if (span_heap(span) != 0)
        return zci_private_resize(zci_private_of(span), block, size, "realloc");
    if (span_state(span) != SPAN_SMALL && size > ZCI_SMALL_MAX_BYTES)
        return zci_large_resize(span, size);
    if (heap_fits(usable, size))
        return block;
    return zci_heap_move_small(block, usable, size);
}

bool zci_heap_owns(const void *block)
{
    struct span *span = pagemap_get((uintptr_t)block);
    if (span == NULL || !span_covers(span, (uintptr_t)block))
        return false;
    size_t offset = (uintptr_t)block - span->start;
    switch (span_state(span)) {
    case SPAN_SMALL: {
        const struct size_class *size_class = zci_private_class_of(span);
        uint32_t index;
        return size_class_starts(size_class, offset, &index) &&
               index < atomic_load_relaxed(&span->carved);
    }
    case SPAN_LARGE:
    case SPAN_HUGE:
        return offset == 0;
    default:
        return false;
    }
}
