/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge.c - see huge.h. */
#include "central/huge.h"

#include "base/bits.h"
#include "os/footprint.h"
#include "os/lock.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "pagemap/pagemap.h"

/* Bounds of what may wait for reuse: a program that frees and takes back its one big buffer pays no page
 * faults; one that is done with it keeps no more than this. */
#define CACHE_ENTRIES   4
#define CACHE_BYTES_MAX ((uint64_t)64 << 20)

static struct {
    struct lock lock;
    struct span *descriptors; /* every one ever made, linked by prev; atomic, push only */
    struct span *unused;      /* linked by next; under lock, as all below */
    struct span *cache[CACHE_ENTRIES];
    uint64_t cached_bytes; /* atomic, relaxed: statistics */
    uint64_t hit_count;
    uint64_t miss_count;
    uint64_t live_bytes; /* atomic, without the lock */
    uint64_t live_count; /* likewise */
} huge = {.lock = LOCK_INIT(RANK_HUGE)};

/* Between, the footprint and the mapping are not what the descriptor says: for the child of a fork. */
static void begin_change(struct span *span)
{
    span->changer = thread_identity();
    atomic_order_for_thread();
}

static void end_change(struct span *span)
{
    atomic_order_for_thread();
    span->changer = 0;
}

static struct span *descriptor_alloc(void)
{
    lock_acquire(&huge.lock);
    struct span *span = huge.unused;
    if (span != NULL) {
        huge.unused = span->next;
        lock_release(&huge.lock);
        return span;
    }
    lock_release(&huge.lock);
    span = zci_meta_alloc(sizeof *span);
    if (span == NULL)
        return NULL;
    lock_acquire(&huge.lock);
    span->prev = huge.descriptors;
    /* Pairs with the walk from zci_huge_descriptors. */
    atomic_store_release(&huge.descriptors, span);
    lock_release(&huge.lock);
    return span;
}

static void descriptor_free(struct span *span)
{
    span_set_state(span, SPAN_NONE);
    end_change(span);
    lock_acquire(&huge.lock);
    span->next = huge.unused;
    huge.unused = span;
    lock_release(&huge.lock);
}

static void count_live(int64_t bytes, int64_t blocks)
{
    atomic_add_64(&huge.live_bytes, (uint64_t)bytes);
    atomic_add_64(&huge.live_count, (uint64_t)blocks);
}

static size_t mapping_bytes(size_t bytes)
{
    return align_up(bytes, zci_os_page_bytes());
}

static void describe(struct span *span, void *start, size_t bytes, bool is_zero)
{
    span->start = (uintptr_t)start;
    span->bytes = bytes;
    /* For span_covers; a block of more than 2^48 bytes does not exist. */
    span->granules = (uint32_t)((bytes + ZCI_GRANULE_BYTES - 1) >> ZCI_GRANULE_SHIFT);
    span->class_index = 0;
    span->clean = is_zero ? RUN_ZERO : RUN_DIRTY;
    span->bucket = SPAN_UNLISTED;
    pagemap_set(span->start, span);
    span_set_state(span, SPAN_HUGE);
}

/* A cached mapping that fits and wastes at most a quarter of itself. */
static struct span *cache_take(size_t bytes, size_t alignment)
{
    struct span *found = NULL;
    lock_acquire(&huge.lock);
    for (size_t i = 0; i < CACHE_ENTRIES && found == NULL; i++) {
        struct span *span = huge.cache[i];
        if (span == NULL || span->bytes < bytes || span->bytes - bytes > span->bytes / 4 ||
            (span->start & (alignment - 1)) != 0)
            continue;
        found = span;
        huge.cache[i] = NULL;
        counter_add(&huge.cached_bytes, -span->bytes);
    }
    counter_add(found != NULL ? &huge.hit_count : &huge.miss_count, 1);
    lock_release(&huge.lock);
    return found;
}

static bool cache_put(struct span *span)
{
    bool done = false;
    lock_acquire(&huge.lock);
    for (size_t i = 0; i < CACHE_ENTRIES && !done; i++) {
        if (huge.cache[i] != NULL || huge.cached_bytes + span->bytes > CACHE_BYTES_MAX)
            continue;
        huge.cache[i] = span;
        counter_add(&huge.cached_bytes, span->bytes);
        done = true;
    }
    lock_release(&huge.lock);
    return done;
}

static void unmap(struct span *span)
{
    begin_change(span);
    /* The page map's entry stays, to tell a second free. */
    zci_os_release((void *)span->start, span->bytes);
    zci_footprint_add(-(int64_t)span->bytes);
    descriptor_free(span);
}

/* only_seen: mappings that were there at the last such call. */
static size_t drain(bool only_seen)
{
    static struct span *seen[CACHE_ENTRIES]; /* under lock */
    size_t bytes = 0;
    for (size_t i = 0; i < CACHE_ENTRIES; i++) {
        lock_acquire(&huge.lock);
        struct span *span = huge.cache[i];
        if (only_seen && span != seen[i]) {
            seen[i] = span;
            span = NULL;
        }
        if (span != NULL) {
            huge.cache[i] = NULL;
            counter_add(&huge.cached_bytes, -span->bytes);
        }
        lock_release(&huge.lock);
        if (span == NULL)
            continue;
        bytes += span->bytes;
        unmap(span);
    }
    return bytes;
}

size_t zci_huge_drain(void)
{
    return drain(false);
}

size_t zci_huge_age(void)
{
    return drain(true);
}

/* The OS first: the page map's leaves stay for good. Of the block's granules the page map knows the first only. */
static bool commit_and_cover(void *start, size_t bytes)
{
    return pagemap_reaches((uintptr_t)start, bytes) && zci_os_commit(start, bytes) &&
           zci_pagemap_cover((uintptr_t)start, ZCI_GRANULE_BYTES);
}

/* Committed address space that the page map reaches, counted in the footprint; or NULL. */
static void *map_block(size_t bytes, size_t alignment)
{
    if (bytes > PAGEMAP_ADDRESS_MAX || !zci_footprint_try_add(bytes))
        return NULL;
    void *start = zci_os_reserve(bytes, alignment);
    if (start != NULL && commit_and_cover(start, bytes)) {
        zci_footprint_settle();
        return start;
    }
    if (start != NULL)
        zci_os_release(start, bytes);
    zci_footprint_add(-(int64_t)bytes);
    return NULL;
}

struct span *zci_huge_alloc(size_t bytes, size_t alignment)
{
    bytes = mapping_bytes(max_size(bytes, 1));
    alignment = max_size(alignment, ZCI_GRANULE_BYTES);
    struct span *span = cache_take(bytes, alignment);
    if (span != NULL) {
        describe(span, (void *)span->start, span->bytes, false);
        count_live((int64_t)span->bytes, 1);
        return span;
    }
    span = descriptor_alloc();
    if (span == NULL)
        return NULL;
    begin_change(span);
    void *start = map_block(bytes, alignment);
    if (start == NULL && zci_huge_drain() != 0)
        start = map_block(bytes, alignment);
    if (start == NULL) {
        descriptor_free(span);
        return NULL;
    }
    describe(span, start, bytes, true);
    end_change(span);
    count_live((int64_t)bytes, 1);
    return span;
}

void zci_huge_free(struct span *span)
{
    count_live(-(int64_t)span->bytes, -1);
    if (!cache_put(span))
        unmap(span);
}

/* The mapping moves to a place where it fits; its pages with it. */
static bool move_mapping(struct span *span, size_t bytes)
{
    void *to = zci_os_reserve(bytes, ZCI_GRANULE_BYTES);
    if (to == NULL)
        return false;
    bool done = commit_and_cover(to, bytes);
    if (done) {
        /* First: once the OS has the address back it may be another thread's, whose entry it then is. */
        pagemap_set(span->start, NULL);
        done = zci_os_move_mapping((void *)span->start, to, span->bytes, bytes);
    }
    if (!done) {
        pagemap_set(span->start, span);
        zci_os_release(to, bytes);
        return false;
    }
    describe(span, to, bytes, false);
    return true;
}

static bool resize(struct span *span, size_t bytes, bool grows)
{
    if (!pagemap_reaches(span->start, bytes) ||
        !zci_os_resize((void *)span->start, span->bytes, bytes))
        return grows && move_mapping(span, bytes);
    describe(span, (void *)span->start, bytes, false);
    return true;
}

bool zci_huge_resize(struct span *span, size_t bytes)
{
    size_t old_bytes = span->bytes;
    bytes = mapping_bytes(bytes);
    if (bytes == old_bytes)
        return true;
    int64_t change = (int64_t)bytes - (int64_t)old_bytes;
    bool grows = change > 0;
    begin_change(span);
    bool is_charged = !grows || zci_footprint_try_add((uint64_t)change);
    bool done = is_charged && resize(span, bytes, grows);
    if (done) {
        count_live(change, 0);
        zci_footprint_settle();
    }
    if (is_charged && done != grows)
        zci_footprint_add(done ? change : -change);
    end_change(span);
    return done;
}

void zci_huge_stats(struct huge_stats *stats)
{
    stats->live_bytes = atomic_load_relaxed(&huge.live_bytes);
    stats->live_count = atomic_load_relaxed(&huge.live_count);
    stats->cached_bytes = atomic_load_relaxed(&huge.cached_bytes);
    stats->hit_count = atomic_load_relaxed(&huge.hit_count);
    stats->miss_count = atomic_load_relaxed(&huge.miss_count);
}

struct span **zci_huge_descriptors(void)
{
    return &huge.descriptors;
}

/* What others were mapping or unmapping is lost to the child, whether the OS has it back or not: not counted, also not
 * by the child's own children. */
static void recount_descriptor(struct span *span, struct footprint_recount *recount)
{
    if (span->changer == thread_identity()) {
        recount->is_midway = true;
        return;
    }
    if (span->changer != 0) {
        if (span_state(span) == SPAN_CACHED)
            span_set_state(span, SPAN_NONE);
        span->changer = 0;
    }
    if (span_state(span) != SPAN_NONE)
        recount->bytes += span->bytes;
}

void zci_huge_fork_child(struct footprint_recount *recount)
{
    lock_reset_in_child(&huge.lock);
    /* Lists change by one store; the sum of the cache is another. */
    if (lock_is_free(&huge.lock)) {
        uint64_t cached_bytes = 0;
        for (size_t i = 0; i < CACHE_ENTRIES; i++)
            cached_bytes += huge.cache[i] != NULL ? huge.cache[i]->bytes : 0;
        atomic_store_relaxed(&huge.cached_bytes, cached_bytes);
    }
    for (struct span *span = huge.descriptors; span != NULL; span = span->prev)
        recount_descriptor(span, recount);
}
