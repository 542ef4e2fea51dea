/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* central_list.c - see central_list.h. */
#include "central/central_list.h"

#include "base/bits.h"
#include "base/check.h"
#include "central/lookup.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/run_pool.h"
#include "central/shard.h"
#include "central/small_span.h"
#include "central/span_blocks.h"
#include "os/footprint.h"
#include "os/lock.h"
#include "os/os.h"
#include "pagemap/class_map.h"
#include "pagemap/pagemap.h"

#include <string.h>

/* List 0 holds the fullest spans. */
#define BUCKETS 8

/* Spans without blocks out that a list keeps, so that a program that swings around a full span does not carry it to
 * the page heap and back each time: one, and up to so many granules if the program swings further. */
#ifndef ZCI_EMPTY_GRANULES_KEPT
#define ZCI_EMPTY_GRANULES_KEPT 4
#endif

/* A shard lends blocks of at least so many bytes to others, and smaller ones if it has more spans than this. */
#define LENT_BYTES  2048
#define LENDS_ABOVE 4

/* Spans of a list that are looked at for an empty one before the page heap grows. */
#define GROWTH_LOOKS 16

struct central_list {
    struct lock lock;
    uint32_t filled; /* bit b: buckets[b] is not empty; under lock, as all below; atomic */
    struct span *buckets[BUCKETS];
    uint64_t empty_count;  /* listed spans with no block out; atomic: zci_central_drain looks */
    uint32_t empty_most;   /* of them; one less, so that 0 is what a list starts with */
    uint32_t retired_tick; /* when one was too many; 0: never */
    struct span *sweeping; /* the one that is SPAN_SWEEPING, or NULL */
    uint64_t sweeper;    /* the thread that sweeps it; 0 in the child of a fork: it is not there */
    uint64_t span_count; /* atomic, relaxed: statistics */
    uint64_t fetch_count;
    uint64_t return_count;
    uint64_t span_made_count;
    uint64_t purged_pages; /* sum over the spans */
    uint32_t keeps_charge; /* there is a hard limit; atomic, relaxed: statistics */
} ZCI_LINE;

/* All zeros at first, the locks too. */
static struct central_list lists[ZCI_SHARDS][ZCI_CLASS_COUNT];
ZCI_STATIC_ASSERT(RANK_CENTRAL_LIST == 0, "the lists' locks are all zeros");

/* The lists of all classes of so many shards, in turn; class 0 has none. */
static struct central_list *next_list(struct central_list *list, unsigned shard_count)
{
    struct central_list *end = lists[0] + (size_t)shard_count * ZCI_CLASS_COUNT;
    do
        list = list == NULL ? lists[0] : list + 1;
    while (list < end && (size_t)(list - lists[0]) % ZCI_CLASS_COUNT == 0);
    return list < end ? list : NULL;
}

static struct central_list *list_of(const struct span *span)
{
    return &lists[span->shard][span->class_index];
}

/* The collector's clock, and what it purged in vain. */
static uint32_t tick_now = 1;           /* atomic, relaxed */
static uint64_t refault_bytes ZCI_LINE; /* atomic */

void zci_central_set_tick(uint32_t tick)
{
    atomic_store_relaxed(&tick_now, tick != 0 ? tick : 1);
}

uint64_t zci_central_refault_bytes(void)
{
    return atomic_load_relaxed(&refault_bytes);
}

static void touch_locked(struct span *span)
{
    span->touched_tick = atomic_load_relaxed(&tick_now);
}

/* Under a hard limit purged pages stay charged: somebody will take them into use again, which must neither fail
 * nor pass the limit. */
static void count_purged_locked(struct central_list *list, int64_t pages)
{
    counter_add(&list->purged_pages, (uint64_t)pages);
    if (!list->keeps_charge)
        zci_footprint_add(-pages * (int64_t)zci_os_page_bytes());
}

static void follow_limit_locked(struct central_list *list)
{
    bool keeps_charge = zci_footprint_hard_limit() != FOOTPRINT_NO_LIMIT;
    if (keeps_charge != list->keeps_charge) {
        int64_t bytes = (int64_t)(list->purged_pages * zci_os_page_bytes());
        atomic_store_relaxed(&list->keeps_charge, keeps_charge);
        zci_footprint_add(keeps_charge ? bytes : -bytes);
    }
}

/* Most programs never have a limit, and so many lists would cost each of them forty page faults. */
static bool had_limit; /* atomic */

void zci_central_follow_limit(void)
{
    bool has_limit = zci_footprint_hard_limit() != FOOTPRINT_NO_LIMIT;
    if (!has_limit && !atomic_load_relaxed(&had_limit))
        return;
    atomic_store_relaxed(&had_limit, true);
    for (struct central_list *list = NULL; (list = next_list(list, ZCI_SHARDS)) != NULL;) {
        lock_acquire(&list->lock);
        follow_limit_locked(list);
        lock_release(&list->lock);
    }
}

/* The span's pages count as resident again: somebody will write to them, or the page heap counts anew. */
static void unpurge_locked(struct central_list *list, struct span *span)
{
    if (ZCI_LIKELY(span->purged_pages == 0))
        return;
    zci_os_reuse((void *)span->start, span_bytes(span));
    count_purged_locked(list, -(int64_t)span->purged_pages);
    span->purged_pages = 0;
}

static void unlist_locked(struct central_list *list, struct span *span)
{
    unsigned bucket = span->bucket;
    if (bucket >= BUCKETS)
        return;
    if (span->next != NULL)
        span->next->prev = span->prev;
    if (span->prev != NULL)
        span->prev->next = span->next;
    else if ((list->buckets[bucket] = span->next) == NULL)
        atomic_store_relaxed(&list->filled, list->filled & ~(1U << bucket));
    span->bucket = SPAN_UNLISTED;
}

static void enlist_locked(struct central_list *list, struct span *span, unsigned bucket)
{
    span->prev = NULL;
    span->next = list->buckets[bucket];
    if (span->next != NULL)
        span->next->prev = span;
    list->buckets[bucket] = span;
    atomic_store_relaxed(&list->filled, list->filled | 1U << bucket);
    span->bucket = (uint8_t)bucket;
}

/* Puts the span where its occupancy belongs. */
static void relist_locked(struct central_list *list, struct span *span,
                          const struct size_class *size_class)
{
    if (span->used == size_class->capacity) {
        unlist_locked(list, span);
        span->used_least = span->used;
        return;
    }
    uint32_t eighths = span->used * size_class->eighths >> SIZE_CLASS_EIGHTHS_SHIFT;
    unsigned bucket = BUCKETS - 1 - eighths;
    if (bucket == span->bucket)
        return;
    unlist_locked(list, span);
    enlist_locked(list, span, bucket);
    /* Rounded down at worst: such a span changes lists one block late. At least 1, for an empty one leaves. */
    span->used_least = (uint16_t)max_size(eighths * size_class->capacity / BUCKETS, 1);
}

/* A span is made soon after one was too many: the program swings further than the list keeps. */
static void keep_more_locked(struct central_list *list, const struct size_class *size_class)
{
    if (list->retired_tick == 0 || atomic_load_relaxed(&tick_now) - list->retired_tick > 1)
        return;
    uint32_t most = 2 * list->empty_most + 1;
    if ((most + 1) * size_class->granules <= ZCI_EMPTY_GRANULES_KEPT)
        list->empty_most = most;
}

static void drain(uint32_t age, size_t looks_most);

/* Would another span take pages that are not resident? By the sum of what is free: one glance. */
static bool would_grow(const struct size_class *size_class, unsigned shard)
{
    size_t bytes = size_class->granules * ZCI_GRANULE_BYTES;
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    return stats.dirty_bytes < bytes && zci_run_pool_bytes_of(shard) < bytes;
}

/* A span of the class with no blocks out becomes the list's; false: no memory. */
static bool add_span(struct central_list *list, unsigned class_index, unsigned shard)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    if (would_grow(size_class, shard)) {
        /* What is kept for a next time is used first, where it is found soon. */
        if (zci_run_cache_bytes() >= size_class->granules * ZCI_GRANULE_BYTES)
            zci_run_cache_drain();
        drain(0, GROWTH_LOOKS);
    }
    struct span *span = zci_small_span_make(size_class, class_index, shard);
    if (span == NULL)
        return false;
    touch_locked(span);
    zci_class_map_set(span->start, span->granules, class_index);
    lock_acquire(&list->lock);
    /* Not before: the child of a fork would count it, and this thread, if a handler of it forked, once more. */
    zci_small_span_publish(span);
    counter_add(&list->span_count, 1);
    counter_add(&list->span_made_count, 1);
    keep_more_locked(list, size_class);
    counter_add(&list->empty_count, 1);
    relist_locked(list, span, size_class);
    lock_release(&list->lock);
    return true;
}

static void end_span(struct span *span)
{
    zci_class_map_set(span->start, span->granules, 0);
    zci_small_span_end(span, &zci_size_classes[span->class_index]);
}

static size_t take_from_locked(struct central_list *list, struct span *span,
                               const struct size_class *size_class, void **end, size_t count,
                               struct population *population)
{
    counter_add(&list->empty_count, -(uint64_t)(span->used == 0));
    if (ZCI_UNLIKELY(span->purged_pages != 0)) {
        atomic_add_64(&refault_bytes, span->purged_pages * zci_os_page_bytes());
        unpurge_locked(list, span);
    }
    touch_locked(span);
    size_t taken = span_take_blocks(span, size_class, end, count);
    zci_small_span_carved(span, size_class, list->span_count, population);
    relist_locked(list, span, size_class);
    counter_add(&list->fetch_count, taken);
    return taken;
}

/* From the fullest spans of those in these buckets. */
static size_t take(struct central_list *list, uint32_t which, const struct size_class *size_class,
                   void **end, size_t count)
{
    size_t taken = 0;
    struct population population = {0};
    lock_acquire(&list->lock);
    while (taken < count && (list->filled & which) != 0) {
        struct span *span = list->buckets[__builtin_ctz(list->filled & which)];
        taken += take_from_locked(list, span, size_class, end - taken, count - taken, &population);
    }
    lock_release(&list->lock);
    zci_small_span_populate(&population, size_class);
    return taken;
}

#define ANY_BUCKET   ((1U << BUCKETS) - 1)
#define NEARLY_EMPTY (1U << (BUCKETS - 1))

/* What a list gives to other shards before they take another span. Small blocks share cache lines, so only many spans
 * that are nearly empty are worth that; of large ones few spans are much memory. */
static uint32_t lent_buckets(const struct central_list *list, const struct size_class *size_class)
{
    if (size_class->bytes >= LENT_BYTES)
        return ANY_BUCKET & ~NEARLY_EMPTY;
    return atomic_load_relaxed(&list->span_count) > LENDS_ABOVE ? NEARLY_EMPTY : 0;
}

/* From the spans of other shards, which keep them. */
static size_t borrow(unsigned class_index, unsigned shard, bool any, void **end, size_t count)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    unsigned shard_count = atomic_load_relaxed(&zci_shard_count);
    size_t taken = 0;
    for (unsigned i = 1; i < shard_count && taken == 0; i++) {
        struct central_list *list = &lists[shard_after(shard, i, shard_count)][class_index];
        uint32_t which = any ? ANY_BUCKET : lent_buckets(list, size_class);
        if ((atomic_load_relaxed(&list->filled) & which) != 0)
            taken = take(list, which, size_class, end, count);
    }
    return taken;
}

size_t zci_central_fetch(unsigned class_index, size_t number, void **objects, size_t count)
{
    unsigned shard = shard_of(number);
    struct central_list *list = &lists[shard][class_index];
    const struct size_class *size_class = &zci_size_classes[class_index];
    void **end = objects + count;
    size_t taken = take(list, ANY_BUCKET, size_class, end, count);
    while (taken < count) {
        size_t more = would_grow(size_class, shard)
                          ? borrow(class_index, shard, false, end - taken, count - taken)
                          : 0;
        if (more == 0) {
            bool has_memory = add_span(list, class_index, shard);
            more = take(list, ANY_BUCKET, size_class, end - taken, count - taken);
            if (!has_memory && more == 0)
                more = borrow(class_index, shard, true, end - taken, count - taken);
            if (more == 0 && !has_memory)
                break;
        }
        taken += more;
    }
    span_blocks_to_front(objects, count, taken);
    return taken;
}

/* The span is nobody's from here on: the child of a fork that rebuilds this list must not take it. */
static void retire_locked(struct central_list *list, struct span *span)
{
    unlist_locked(list, span);
    unpurge_locked(list, span);
    span_set_state(span, SPAN_CACHED);
    counter_add(&list->span_count, (uint64_t)-1);
}

/* A block came back, and the span's list may no longer be the right one. true: the span is empty and nobody's. */
static bool settle_locked(struct central_list *list, struct span *span,
                          const struct size_class *size_class)
{
    if (span->used == 0 && list->empty_count > list->empty_most) {
        list->retired_tick = span->touched_tick;
        retire_locked(list, span);
        return true;
    }
    counter_add(&list->empty_count, span->used == 0);
    relist_locked(list, span, size_class);
    return false;
}

static void end_spans(struct span *spans)
{
    while (spans != NULL) {
        struct span *span = spans;
        spans = span->next;
        end_span(span);
    }
}

ZCI_READS_RACILY static bool is_idle(const struct span *span, uint32_t age)
{
    return atomic_load_relaxed(&tick_now) - span->touched_tick >= age;
}

/* Puts back the blocks of this shard; the others move to the front: how many there are. */
static size_t put_blocks(unsigned class_index, unsigned shard, void **objects, size_t count)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    struct central_list *list = &lists[shard][class_index];
    struct pagemap_cursor cursor = PAGEMAP_CURSOR_INIT;
    struct span *empty = NULL;
    size_t others = 0;
    lock_acquire(&list->lock);
    uint32_t tick = atomic_load_relaxed(&tick_now);
    for (size_t i = 0; i < count; i++) {
        void *block = objects[i];
        uint32_t index;
        struct span *span = lookup_span(class_index, size_class, &cursor, block, &index);
        if (ZCI_UNLIKELY(span->shard != shard)) {
            objects[others++] = block;
            continue;
        }
        if (ZCI_UNLIKELY(!span_put_block(span, index)))
            zci_report_double_free(block, size_class->bytes);
        span->touched_tick = tick;
        if (ZCI_LIKELY(--span->used >= span->used_least))
            continue;
        if (settle_locked(list, span, size_class)) {
            span->next = empty;
            empty = span;
        }
    }
    counter_add(&list->return_count, count - others);
    lock_release(&list->lock);
    end_spans(empty);
    return others;
}

void zci_central_return(unsigned class_index, void **objects, size_t count)
{
    while (count > 0) {
        struct pagemap_cursor cursor = PAGEMAP_CURSOR_INIT;
        uint32_t index;
        const struct span *span =
            lookup_span(class_index, &zci_size_classes[class_index], &cursor, objects[0], &index);
        count = put_blocks(class_index, span->shard, objects, count);
    }
}

/* Looks at so many of the least occupied spans of each list, for spans without a block out are among them. */
static void drain(uint32_t age, size_t looks_most)
{
    unsigned shard_count = atomic_load_relaxed(&zci_shard_count);
    for (struct central_list *list = NULL; (list = next_list(list, shard_count)) != NULL;) {
        struct span *empty = NULL;
        if (atomic_load_relaxed(&list->empty_count) == 0)
            continue;
        lock_acquire(&list->lock);
        size_t looks = 0;
        for (struct span *span = list->buckets[BUCKETS - 1], *next;
             span != NULL && looks++ < looks_most; span = next) {
            next = span->next;
            if (span->used != 0 || !is_idle(span, age))
                continue;
            retire_locked(list, span);
            counter_add(&list->empty_count, (uint64_t)-1);
            span->next = empty;
            empty = span;
        }
        if (age != 0 && empty != NULL)
            list->empty_most /= 2;
        lock_release(&list->lock);
        end_spans(empty);
    }
}

void zci_central_drain(uint32_t age)
{
    drain(age, SIZE_MAX);
}

/* The descriptor may be of any run, of which others write it: only what is listed here holds still. */
ZCI_READS_RACILY static bool list_of_any(const struct span *span, unsigned *class_index,
                                         unsigned *shard)
{
    *class_index = span->class_index;
    *shard = span->shard;
    return *class_index - 1 < ZCI_CLASS_COUNT - 1 && *shard < ZCI_SHARDS;
}

ZCI_READS_RACILY static bool can_sweep_locked(const struct span *span, unsigned class_index,
                                              unsigned shard, uint32_t age)
{
    return span_state(span) == SPAN_SMALL && span->class_index == class_index &&
           span->shard == shard && span_heap(span) == 0 && span->bucket < BUCKETS &&
           span->touched_tick != 0 && is_idle(span, age);
}

/* Blocks only came back since its last sweep: what went then is among what went now, unless the OS refused. How many
 * pages are gone that were not. */
static size_t end_sweep_locked(struct central_list *list, struct span *span, size_t purged_pages)
{
    size_t before = span->purged_pages;
    size_t after = max_size(before, purged_pages);
    list->sweeping = NULL;
    span->bucket = SPAN_UNLISTED;
    span->purged_pages = (uint16_t)after;
    count_purged_locked(list, (int64_t)(after - before));
    counter_add(&list->empty_count, span->used == 0);
    relist_locked(list, span, &zci_size_classes[span->class_index]);
    return after - before;
}

bool zci_central_sweep_begin(struct span *span, uint32_t age, struct span_image *image)
{
    unsigned class_index, shard;
    if (!list_of_any(span, &class_index, &shard))
        return false;
    struct central_list *list = &lists[shard][class_index];
    lock_acquire(&list->lock);
    if (ZCI_UNLIKELY(list->sweeping != NULL && list->sweeper == 0))
        (void)end_sweep_locked(list, list->sweeping, 0);
    bool can = can_sweep_locked(span, class_index, shard, age);
    if (can) {
        unlist_locked(list, span);
        counter_add(&list->empty_count, -(uint64_t)(span->used == 0));
        span->bucket = SPAN_SWEEPING;
        span->used_least = 0; /* however few are out, it is on no list */
        span->touched_tick = 0;
        list->sweeper = thread_identity();
        atomic_order_for_thread(); /* the child of a fork asks whose it is */
        list->sweeping = span;
        image->size_class = &zci_size_classes[class_index];
        image->carved = span->carved;
        memcpy(image->bits, span->bitmap, (span->carved + 63) / 64 * sizeof(uint64_t));
    }
    lock_release(&list->lock);
    return can;
}

size_t zci_central_sweep_end(struct span *span, size_t purged_pages)
{
    struct central_list *list = list_of(span);
    struct span *empty = NULL;
    lock_acquire(&list->lock);
    size_t gone = end_sweep_locked(list, span, purged_pages);
    if (span->used == 0 && list->empty_count > list->empty_most + 1) {
        retire_locked(list, span);
        counter_add(&list->empty_count, (uint64_t)-1);
        span->next = NULL;
        empty = span;
    }
    lock_release(&list->lock);
    end_spans(empty);
    return gone;
}

static void add_stats(const struct central_list *list, struct central_stats *stats)
{
    stats->span_count += atomic_load_relaxed(&list->span_count);
    stats->fetch_count += atomic_load_relaxed(&list->fetch_count);
    stats->return_count += atomic_load_relaxed(&list->return_count);
    stats->span_made_count += atomic_load_relaxed(&list->span_made_count);
    if (atomic_load_relaxed(&list->keeps_charge) == 0)
        stats->purged_bytes += atomic_load_relaxed(&list->purged_pages) * zci_os_page_bytes();
}

void zci_central_stats(unsigned class_index, struct central_stats *stats)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    unsigned shard_count = atomic_load_relaxed(&zci_shard_count);
    *stats = (struct central_stats){0};
    for (unsigned shard = 0; shard < shard_count; shard++)
        add_stats(&lists[shard][class_index], stats);
    stats->span_bytes = stats->span_count * size_class->granules * ZCI_GRANULE_BYTES;
    uint64_t out = stats->fetch_count - stats->return_count;
    uint64_t all = stats->span_count * size_class->capacity;
    stats->free_count = all > out ? all - out : 0;
}

/* A span of the list, as found in the page heap's arenas, is listed and counted anew. Bits of blocks that were on their
 * way are as that thread left them: at worst such a block is lost to the child. */
static void rebuild_span(struct span *span, void *context)
{
    struct central_list *list = context;
    if (span_state(span) != SPAN_SMALL || span_heap(span) != 0 || list_of(span) != list)
        return;
    span->used = (uint16_t)span_count_used(span);
    list->span_count++;
    list->purged_pages += span->purged_pages;
    list->fetch_count += span->used;
    if (span == list->sweeping)
        return;
    span->bucket = SPAN_UNLISTED;
    counter_add(&list->empty_count, span->used == 0);
    relist_locked(list, span, &zci_size_classes[span->class_index]);
}

/* Who set a limit may not have come to this list yet. */
static void recount_list(struct central_list *list, struct footprint_recount *recount)
{
    if (!lock_is_free(&list->lock)) {
        recount->is_midway = true;
        return;
    }
    if (atomic_load_relaxed(&had_limit))
        follow_limit_locked(list);
    if (!list->keeps_charge)
        recount->bytes -= list->purged_pages * zci_os_page_bytes();
}

void zci_central_fork_child(struct footprint_recount *recount)
{
    /* Who was setting one may not have come to the next line. */
    if (zci_footprint_hard_limit() != FOOTPRINT_NO_LIMIT)
        atomic_store_relaxed(&had_limit, true);
    /* Who was setting a limit held locks of shards that nobody uses, too. */
    unsigned shard_count =
        atomic_load_relaxed(&had_limit) ? ZCI_SHARDS : atomic_load_relaxed(&zci_shard_count);
    for (struct central_list *list = NULL; (list = next_list(list, shard_count)) != NULL;) {
        if (!lock_reset_in_child(&list->lock)) {
            /* The list is whole, or this thread was about to make it so when a handler of it forked, and no
             * lock can be had. If nobody is left to end a sweep, the next one does. */
            if (list->sweeper != thread_identity())
                list->sweeper = 0;
            recount_list(list, recount);
            continue;
        }
        if (list->sweeper != thread_identity())
            list->sweeping = NULL;
        list->filled = 0;
        list->span_count = 0;
        list->purged_pages = 0;
        atomic_store_relaxed(&list->empty_count, 0);
        list->fetch_count = list->return_count;
        memset(list->buckets, 0, sizeof list->buckets);
        zci_page_heap_each_run(rebuild_span, list);
        recount_list(list, recount);
    }
}
