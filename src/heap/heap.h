/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap.h - the malloc that nobody calls malloc: routes a request to its layer.
 * Invariants: sizes are at most PTRDIFF_MAX, alignments powers of two: src/api checks. NULL means that
 *             there is no memory; errno is src/api's business.
 * Locking:    none here; see the layers.
 * Costs:      these are the slow sides: the fast path is thread_cache_pop and thread_cache_push. */
#ifndef ZCI_HEAP_HEAP_H
#define ZCI_HEAP_HEAP_H

#include "base/bits.h"
#include "base/compiler.h"
#include "base/size_class.h"
#include "pagemap/class_map.h"
#include "pagemap/pagemap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread_cache;

/* The calling thread's cache, made if this is its first call, and held against the collector until
 * zci_heap_leave_cache; or a closed one if it may have none. Meanwhile thread_cache_get() may give another. */
struct thread_cache *zci_heap_enter_cache(void);
/* The same for a free: a thread whose first calls are a few frees may be about to end, and has none yet. */
struct thread_cache *zci_heap_enter_cache_to_free(void);
/* Lets the collector have a look, too. Nothing for a closed cache. */
void zci_heap_leave_cache(struct thread_cache *cache);

/* After work on large blocks, which needs no cache: as leave does, if the thread has one. */
void zci_heap_poll(void);

/* A step of at most this share of a block is tiny. */
#define HEAP_TINY_STEP 8

/* After thread_cache_pop returned NULL. */
void *zci_heap_alloc_slow(size_t size);
/* After thread_cache_push returned false. NULL is allowed. */
void zci_heap_free_slow(void *block);

void *zci_heap_alloc_zeroed(size_t size);
void *zci_heap_alloc_aligned(size_t size, size_t alignment);
/* block is not NULL and size not 0; on failure the block is as it was. */
void *zci_heap_resize(void *block, size_t size);
/* The same for a block of usable bytes, heap_small_bytes of it, that size does not fit. A short way that takes
 * heap_room_ahead from the cache and copies is the caller's to try first. */
void *zci_heap_move_small(void *block, size_t usable, size_t size);

/* Stays where it is if it fits and at least half of it is used: a class apart is not worth a copy. */
ZCI_INLINE bool heap_fits(size_t usable, size_t size)
{
    return size <= usable && (size > usable / 2 || usable <= 16);
}

/* By class: the block's bytes, for heap_stays; 0 for what is no class of the common heap, and for all classes once
 * ZCMALLOC_CHECK wants each pointer looked at. */
extern uint32_t zci_heap_stay_bytes[ZCI_CLASS_COUNT + 1] ZCI_HIDDEN;

/* true: the block is a small one, as far as the class map tells, and this size fits. Buffers that grow ask for this
 * most of the time, so a pointer into a block is not told from its start here: as with free, its span does that. */
ZCI_INLINE bool heap_stays(const void *block, size_t size)
{
    /* A class map byte is twice the class: half of its entry's offset. */
    const char *entries = (const char *)zci_heap_stay_bytes;
    size_t usable = *(const uint32_t *)(entries + class_map_get(block) * (sizeof(uint32_t) / 2));
    return usable - size < usable / 2;
}

/* What a block should have that does not fit. Buffers grow a little each time: a quarter ahead halves the
 * number of moves. One that outgrew its block by little grows in tiny steps, like a log: it will
 * need all of twice the room, by powers of two, for there such buffers often end. */
ZCI_INLINE size_t heap_room_ahead(size_t usable, size_t size)
{
    /* A large block grows in place as long as it can. */
    if (size <= usable || size > ZCI_SMALL_MAX_BYTES)
        return size;
    bool is_tiny = size - usable <= usable / HEAP_TINY_STEP;
    size_t ahead = is_tiny ? (size_t)2 << log2_floor(usable) : usable + usable / 4;
    /* A block that is more than half empty would move back at once. */
    return max_size(size, min_size(ahead, ZCI_SMALL_MAX_BYTES));
}

/* The bytes of the small block that starts here; 0 says nothing: private heaps' are not looked for, and none is with
 * ZCMALLOC_CHECK. */
ZCI_INLINE size_t heap_small_bytes(const void *block)
{
    size_t class_index = class_map_get(block) / 2;
    const struct size_class *size_class = &zci_size_classes[class_index];
    /* Neither 0 nor ZCI_CLASS_PRIVATE; nor that of another address, which the map takes for the same. */
    if (ZCI_UNLIKELY(class_index - 1 >= ZCI_CLASS_COUNT - 1) ||
        ZCI_UNLIKELY(class_map_wraps(block)))
        return 0;
    /* The class map knows this granule, so the page map does. */
    uintptr_t start = (uintptr_t)block & ~(ZCI_GRANULE_BYTES - 1);
    if (size_class->granules != 1)
        start = pagemap_get((uintptr_t)block)->start;
    size_t offset = (uintptr_t)block - start;
    uint32_t index;
    bool starts = size_class_starts(size_class, offset, &index);
    return ZCI_LIKELY(starts) ? zci_heap_stay_bytes[class_index] : 0;
}

/* verb names the caller in the report if the pointer is not a live block. */
size_t zci_heap_usable_bytes(const void *block, const char *verb);
/* What zci_heap_alloc_slow(size) would make usable. */
size_t zci_heap_good_bytes(size_t size);
/* Is this the start of a block, live or in a cache? Any value may be asked about. */
bool zci_heap_owns(const void *block);

#endif
