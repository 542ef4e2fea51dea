/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* large.c - see large.h. */
#include "heap/large.h"

#include "base/bits.h"
#include "base/check.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/shard.h"
#include "central/written.h"
#include "heap/limit.h"
#include "os/os.h"
#include "pagemap/pagemap.h"
#include "thread_cache/thread_cache.h"

#include <string.h>

/* Below this a copy is cheaper than moving page-table entries and faulting the old place in again. Where
 * the new place is resident already it always is: about 0.4 against 1.7 us per page of 4 KiB. */
#define MOVE_BYTES_LEAST ((size_t)2 << 20)

/* A block that has outgrown its place gets one with so many times its length free behind it, and at least so many
 * granules. Nobody is kept from using that, and what is not used costs nothing; but it is used last. */
#define ROOM_FACTOR         3
#define ROOM_LEAST_GRANULES 64

static size_t granules_for(size_t size)
{
    size_t granules = (size + ZCI_GRANULE_BYTES - 1) >> ZCI_GRANULE_SHIFT;
    return zci_run_cache_round(granules != 0 ? granules : 1);
}

static bool is_huge(size_t size, size_t alignment)
{
    return size > PAGE_HEAP_MAX_GRANULES * ZCI_GRANULE_BYTES || alignment > PAGE_HEAP_MAX_ALIGNMENT;
}

/* Of threads that never had a small block, and so have no cache to count in. */
static uint64_t uncached_hits, uncached_misses;

static void count_run(bool is_hit)
{
    struct thread_cache *cache = thread_cache_get();
    if (ZCI_LIKELY(thread_cache_is_open(cache)))
        thread_cache_count(cache, is_hit ? COUNT_RUN_HIT : COUNT_RUN_MISS);
    else
        atomic_add_64(is_hit ? &uncached_hits : &uncached_misses, 1);
}

/* The calling thread's. */
static unsigned own_shard(void)
{
    struct thread_cache *cache = thread_cache_get();
    return shard_of(ZCI_LIKELY(thread_cache_is_open(cache)) ? cache->number : 0);
}

static struct span *alloc_run(size_t size, size_t alignment)
{
    size_t granules = granules_for(size);
    unsigned shard = own_shard();
    struct span *span = NULL;
    if (alignment <= ZCI_GRANULE_BYTES) {
        span = zci_run_cache_take(granules, shard);
        alignment = ZCI_GRANULE_BYTES;
    }
    if (span != NULL) {
        count_run(true);
        return span;
    }
    span = zci_page_heap_alloc(granules, alignment >> ZCI_GRANULE_SHIFT, shard);
    if (span != NULL)
        count_run(false);
    return span;
}

static struct span *alloc_span_once(size_t size, size_t alignment)
{
    return is_huge(size, alignment) ? zci_huge_alloc(size, alignment) : alloc_run(size, alignment);
}

static struct span *alloc_span(size_t size, size_t alignment)
{
    struct span *span = alloc_span_once(size, alignment);
    if (ZCI_LIKELY(span != NULL))
        return span;
    /* What waits for a next time may be what is missing now, or may lie in between. */
    zci_limit_retry_begin();
    span = alloc_span_once(size, alignment);
    zci_limit_retry_end(span != NULL);
    return span;
}

/* The block is the program's from here on. */
static void *hand_out(struct span *span, size_t size)
{
    span->clean = RUN_DIRTY;
    span->class_index = 0;
    if (span_state(span) != SPAN_HUGE) {
        atomic_store_relaxed(&span->bytes, size);
        span->has_grown = false;
        span->shard = (uint8_t)own_shard(); /* whoever frees it: there it will be wanted again */
        span_set_state(span, SPAN_LARGE);
    }
    return (void *)span->start;
}

void *zci_large_alloc(size_t size, size_t alignment, size_t *stale_bytes)
{
    struct span *span = alloc_span(size, alignment);
    if (span == NULL)
        return NULL;
    size_t used_bytes = span->clean ? 0 : size;
    /* What is known of such blocks are those that read zero. */
    if (span->clean && (stale_bytes == NULL || zci_written_guess(size) != WRITTEN_FEW))
        used_bytes = zci_page_heap_fill(span, size);
    if (stale_bytes != NULL)
        *stale_bytes = used_bytes;
    return hand_out(span, size);
}

/* Above this the system call's own time is little beside the clearing's. */
#define POPULATE_BYTES_MAX ((size_t)1 << 20)

/* The block may have ended since; another one that starts there, of such a size, shows as much. */
ZCI_READS_RACILY static void look_at(uint64_t sample, size_t size)
{
    const struct span *span = pagemap_get(sample);
    if (span != NULL && (span_state(span) == SPAN_LARGE || span_state(span) == SPAN_HUGE) &&
        span->start == sample && span->bytes >= size / 2)
        zci_written_look(sample, min_size(span->bytes, size), size);
}

/* How much of it will be written to, or that it is to show it. */
static enum written expect_of(void *block, size_t size)
{
    uint64_t last_sample;
    enum written expected = zci_written_expect((uintptr_t)block, size, &last_sample);
    if (last_sample != 0)
        look_at(last_sample, size);
    return expected;
}

/* A program that reads fresh zeroed memory before it writes, as each hash table does, has two page faults per page, and
 * the second one stops all its threads for a moment; so where all of such blocks is touched their pages come at once.
 * Where little is, as of a table with gaps, pages that were used before are given back rather than cleared. */
void zci_large_zero(void *block, size_t size, size_t stale_bytes)
{
    enum written guess = zci_written_guess(size);
    bool may_give_back = guess == WRITTEN_UNKNOWN || guess == WRITTEN_FEW;
    /* What is cleared anyway shows nothing. */
    if (stale_bytes != 0 && !may_give_back) {
        memset(block, 0, stale_bytes);
        return;
    }
    enum written expected = expect_of(block, size);
    if (stale_bytes == 0) {
        if (expected == WRITTEN_ALL && size <= POPULATE_BYTES_MAX)
            zci_os_populate(block, align_up(size, zci_os_page_bytes()));
        return;
    }
    bool is_few = expected == WRITTEN_FEW || expected == WRITTEN_SAMPLE;
    if (!is_few || !zci_os_clear(block, align_up(stale_bytes, zci_os_page_bytes())))
        memset(block, 0, stale_bytes);
}

/* Not filled: the old place's own pages are to move there. */
void *zci_large_alloc_growing(size_t size, size_t *stale_bytes)
{
    struct span *span = NULL;
    size_t granules = granules_for(size);
    size_t room = max_size(granules * ROOM_FACTOR, ROOM_LEAST_GRANULES);
    if (!is_huge(size, 1) && granules + room <= PAGE_HEAP_MAX_GRANULES)
        span = zci_page_heap_alloc_roomy(granules, room);
    if (span != NULL)
        count_run(false);
    else
        span = alloc_span(size, 1);
    if (span == NULL)
        return NULL;
    *stale_bytes = span->clean ? 0 : size;
    void *block = hand_out(span, size);
    span->has_grown = true;
    return block;
}

void zci_large_note_touched(void *block)
{
    const struct span *span = pagemap_get((uintptr_t)block);
    if (span_state(span) == SPAN_LARGE)
        zci_page_heap_note_touched(span, false);
}

/* Changes LARGE or HUGE to CACHED, once, whatever other threads do with the same pointer. */
static enum span_state claim(struct span *span)
{
    uint8_t state = (uint8_t)span_state(span);
    if (state != SPAN_LARGE && state != SPAN_HUGE)
        return SPAN_NONE;
    /* Orders the block's last use before its next, as any hand-over. */
    if (!atomic_cas_8(&span->state, state, SPAN_CACHED))
        return SPAN_NONE;
    return (enum span_state)state;
}

void zci_large_free(void *block)
{
    struct span *span = pagemap_get((uintptr_t)block);
    if (span == NULL || !span_covers(span, (uintptr_t)block))
        zci_report_not_a_block("free", block);
    if (span_state(span) == SPAN_NONE) {
        /* What a descriptor says of its last block holds until the next. */
        if (span->start == (uintptr_t)block)
            zci_report_double_free(block, 0);
        zci_report_not_a_block("free", block);
    }
    if (span->start != (uintptr_t)block) {
        if (span_state(span) == SPAN_LARGE || span_state(span) == SPAN_HUGE)
            zci_report_interior_free(block, 0);
        zci_report_not_a_block("free", block);
    }
    switch (claim(span)) {
    case SPAN_LARGE:
        zci_written_end(span->start, span->bytes, span->bytes);
        /* A block that grew has a length of its own: the next one that grows wants it as a place, not as a run. */
        if (!span->has_grown && zci_run_cache_put(span, span->shard))
            return;
        zci_page_heap_note_touched(span, false);
        zci_page_heap_free(span);
        return;
    case SPAN_HUGE:
        zci_written_end(span->start, span->bytes, span->bytes);
        zci_huge_free(span);
        return;
    default:
        zci_report_double_free(block, 0);
    }
}

size_t zci_large_usable_bytes(const struct span *span)
{
    return span_state(span) == SPAN_HUGE ? (size_t)span->bytes : span_bytes(span);
}

size_t zci_large_good_bytes(size_t size)
{
    if (is_huge(size, 1))
        return align_up(size, zci_os_page_bytes());
    return granules_for(size) * ZCI_GRANULE_BYTES;
}

/* The block whose first bytes have moved away. */
static void free_moved(struct span *span, size_t moved_bytes)
{
    bool is_run = span_state(span) == SPAN_LARGE;
    if (!is_run || moved_bytes == 0 || claim(span) != SPAN_LARGE) {
        zci_large_free((void *)span->start);
        return;
    }
    zci_page_heap_note_touched(span, true); /* nobody looks beside what is clean */
    zci_page_heap_free_moved(span, moved_bytes);
}

/* A new place of the right size, the old one's bytes in it, by page table where that is cheaper. */
static void *move_block(struct span *span, size_t size)
{
    size_t stale_bytes;
    size_t old_bytes = zci_large_usable_bytes(span);
    size_t moved_bytes = min_size(old_bytes, size);
    void *from = (void *)span->start;
    bool grows = size > old_bytes;
    void *to = grows ? zci_large_alloc_growing(size, &stale_bytes)
                     : zci_large_alloc(size, 1, &stale_bytes);
    if (to == NULL)
        return NULL;
    size_t whole_pages = align_down(moved_bytes, zci_os_page_bytes());
    size_t done = 0;
    if (whole_pages >= MOVE_BYTES_LEAST && stale_bytes == 0)
        done = zci_os_move_pages(from, to, whole_pages);
    memcpy((char *)to + done, (char *)from + done, moved_bytes - done);
    free_moved(span, done);
    zci_large_note_touched(to);
    return to;
}

/* In place. What a limit forbids is tried again after collecting: the alternative, a second place beside
 * the first, needs more still. */
static bool grow_run(struct span *span, size_t granules)
{
    if (zci_page_heap_grow(span, granules))
        return true;
    if (!zci_footprint_is_tight((granules - span->granules) * ZCI_GRANULE_BYTES))
        return false;
    zci_limit_retry_begin();
    bool done = zci_page_heap_grow(span, granules);
    zci_limit_retry_end(true);
    return done;
}

static bool resize_huge(struct span *span, size_t size)
{
    if (zci_huge_resize(span, size))
        return true;
    if (size <= span->bytes || !zci_footprint_is_tight(size - span->bytes))
        return false;
    zci_limit_retry_begin();
    bool done = zci_huge_resize(span, size);
    zci_limit_retry_end(true);
    return done;
}

static void *resize_run(struct span *span, size_t size)
{
    size_t granules = granules_for(size);
    bool shrinks = size < span->bytes;
    bool fits = granules <= span->granules;
    if (!fits && !is_huge(size, 1))
        fits = grow_run(span, granules);
    if (fits) {
        span->has_grown |= !shrinks;
        atomic_store_relaxed(&span->bytes, size);
        /* A little too long is not worth a lock and a hole, nor is room that a growing block will need. */
        if (shrinks && span->granules - granules > span->granules / 8)
            zci_page_heap_shrink(span, granules);
        return (void *)span->start;
    }
    return move_block(span, size);
}

void *zci_large_resize(struct span *span, size_t size)
{
    if (span_state(span) == SPAN_LARGE)
        return resize_run(span, size);
    /* Little is copied into a run; more stays a mapping, cut or made longer by the system. */
    if (size < MOVE_BYTES_LEAST) {
        void *moved = move_block(span, size);
        /* A block that shrinks must not fail for want of a second place. */
        if (moved != NULL || size > span->bytes)
            return moved;
    }
    if (resize_huge(span, size) || size <= span->bytes)
        return (void *)span->start;
    return move_block(span, size);
}

ZCI_READS_RACILY static void visit_run(struct span *span, void *context)
{
    struct large_stats *stats = context;
    if (span_state(span) != SPAN_LARGE)
        return;
    stats->run_count++;
    stats->run_bytes += (uint64_t)atomic_load_relaxed(&span->granules) << ZCI_GRANULE_SHIFT;
    stats->requested_bytes += atomic_load_relaxed(&span->bytes);
}

void zci_large_stats(struct large_stats *stats)
{
    *stats = (struct large_stats){
        .hit_count = atomic_load_relaxed(&uncached_hits),
        .miss_count = atomic_load_relaxed(&uncached_misses),
    };
    zci_page_heap_each_run(visit_run, stats);
}
