/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* gc.c - see gc.h. */
#include "heap/gc.h"

#include "base/bits.h"
#include "base/options.h"
#include "central/central_list.h"
#include "central/depot.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/run_pool.h"
#include "central/sweep.h"
#include "heap/private_cache.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "thread_cache/thread_idle.h"
#include "thread_cache/thread_registry.h"

/* Ages in ticks, of ZCMALLOC_GC_MS each. */
#define EMPTY_SPAN_TICKS  2
#define SWEEP_TICKS_LEAST 4
#define SWEEP_TICKS_MOST  1200
#define RUN_TICKS         8 /* also of the metadata */
#define PARKED_TICKS      6
#define IDLE_THREAD_TICKS 8

/* Bounds of one step. */
#define SWEEP_GRANULES_LEAST 4096
#define SWEEP_CALLS_MAX      4096
#define IDLE_LOOKS_MAX       64

/* So many bytes of free metadata are worth sorting. */
#define META_BYTES ((size_t)1 << 20)

/* Slow calls between two looks at the clock, at most. */
#define POLLS_MAX 64

/* Threads must come by here even if they go on with what their caches hold, or nobody would see that time has
 * passed. So bins stay closed for some slow calls after each look, also those of classes that come into use while
 * there is something to wait for: what a thread does next is likely to meet one. It is looked often while more than
 * PENDING_BYTES wait, and by a thread that has returned PENDING_OWN since its last look, however short the time. */
#define PENDING_BYTES GC_LARGE_FREED
#define PENDING_OWN   ((uint64_t)2 << 20)
#define CLOSED_CALLS  64
#define PENDING_SHARE 8 /* of a tick */

static struct {
    uint64_t ended_ms;   /* the last step; atomic; written under zci_collector_lock, as all below */
    uint64_t last_ms;    /* when it began */
    uint32_t is_pending; /* atomic, relaxed */
    uint32_t run_tick;   /* when the run cache was looked at */
    uint32_t sweep_age;  /* ticks */
    struct sweep_cursor cursor;
    uint64_t round_swept_bytes; /* in this round of the cursor */
    uint64_t round_refault_bytes;
    uint32_t round_tick;
    uint64_t out_before[2]; /* out_bytes at the last two round_ticks */
    struct gc_stats stats;  /* atomic, relaxed */
} gc ZCI_LINE = {.sweep_age = SWEEP_TICKS_LEAST};

static uint32_t tick_of(uint64_t now_ms)
{
    return (uint32_t)(now_ms / max_size(zci_options.gc_ms, 1));
}

/* What was swept and came back soon was swept too early; a calm round halves the age again. */
static void adapt_sweep_age(void)
{
    uint64_t refaults = zci_central_refault_bytes() - gc.round_refault_bytes;
    if (refaults > gc.round_swept_bytes / 4 && gc.round_swept_bytes != 0)
        gc.sweep_age = (uint32_t)min_size(gc.sweep_age * 2, SWEEP_TICKS_MOST);
    else if (refaults == 0)
        gc.sweep_age = (uint32_t)max_size(gc.sweep_age / 2, SWEEP_TICKS_LEAST);
    gc.round_refault_bytes += refaults;
    gc.round_swept_bytes = 0;
}

/* Blocks that are out of their spans. */
static uint64_t out_bytes(void)
{
    uint64_t bytes = 0;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        struct central_stats central;
        zci_central_stats(c, &central);
        bytes += (central.fetch_count - central.return_count) * zci_size_classes[c].bytes;
    }
    return bytes;
}

/* A round has begun: blocks that come back from now on may be too young for it. */
static void note_round(uint32_t tick)
{
    if (tick - gc.round_tick < gc.sweep_age)
        return;
    gc.round_tick = tick;
    gc.out_before[1] = gc.out_before[0];
    gc.out_before[0] = out_bytes();
}

static void sweep(void)
{
    struct page_heap_stats pages;
    bool is_round;
    zci_page_heap_stats(&pages);
    /* A round takes four ticks at most. */
    size_t granules = max_size(pages.used_bytes >> (ZCI_GRANULE_SHIFT + 2), SWEEP_GRANULES_LEAST);
    size_t bytes = zci_sweep(&gc.cursor, gc.sweep_age, granules, SWEEP_CALLS_MAX, &is_round);
    gc.round_swept_bytes += bytes;
    counter_add(&gc.stats.swept_bytes, bytes);
    if (is_round) {
        adapt_sweep_age();
        note_round(tick_of(gc.last_ms));
    }
}

/* What will go back if nobody needs it before its time. If fewer blocks are out than when the last sweep but one
 * began, there may be pages that nobody uses. */
static uint64_t waiting_bytes(void)
{
    struct page_heap_stats pages;
    struct huge_stats huge;
    zci_page_heap_stats(&pages);
    zci_huge_stats(&huge);
    uint64_t held = min_size(pages.hold_bytes, pages.dirty_bytes);
    uint64_t before = max_size(gc.out_before[0], gc.out_before[1]);
    uint64_t unswept = before - min_size(before, out_bytes());
    uint64_t runs = zci_run_cache_bytes() + zci_run_pool_bytes();
    return pages.dirty_bytes - held + huge.cached_bytes + runs + unswept;
}

/* A process that is done within a tick needs no step: ages count from its first look at the clock. A thread without a
 * cache does not look, so large blocks may have come and gone before. */
static void start_locked(uint64_t now_ms)
{
    struct page_heap_stats pages;
    zci_page_heap_stats(&pages);
    atomic_store_relaxed(&gc.is_pending, pages.dirty_bytes > PENDING_BYTES);
    uint32_t tick = tick_of(now_ms);
    gc.last_ms = now_ms;
    gc.run_tick = gc.round_tick = tick;
    zci_central_set_tick(tick);
    atomic_store_relaxed(&gc.ended_ms, now_ms);
}

/* The clock is read here: what the caller saw of it before it had the lock may be older than the last step, and
 * the tick must not go back. */
static void step_locked(void)
{
    uint64_t now_ms = zci_os_clock_ms();
    uint32_t tick = tick_of(now_ms);
    uint64_t elapsed_ms = gc.last_ms != 0 ? now_ms - gc.last_ms : zci_options.gc_ms;
    gc.last_ms = now_ms;
    zci_central_set_tick(tick);
    uint64_t parked_ms = PARKED_TICKS * zci_options.gc_ms;
    zci_thread_registry_flush_parked(now_ms > parked_ms ? now_ms - parked_ms : 0);
    uint64_t idle_ms = IDLE_THREAD_TICKS * zci_options.gc_ms;
    counter_add(&gc.stats.idle_bytes, zci_thread_idle_collect(now_ms, idle_ms, IDLE_LOOKS_MAX));
    zci_depot_age();
    zci_central_drain(EMPTY_SPAN_TICKS);
    if (tick - gc.run_tick >= RUN_TICKS) {
        gc.run_tick = tick;
        zci_run_cache_age();
        zci_run_pool_drain();
        counter_add(&gc.stats.decayed_bytes, zci_huge_age());
        counter_add(&gc.stats.decayed_bytes, zci_meta_purge(META_BYTES));
    }
    sweep();
    counter_add(&gc.stats.decayed_bytes, zci_page_heap_decay(elapsed_ms, zci_options.decay_ms));
    atomic_store_relaxed(&gc.is_pending, waiting_bytes() > PENDING_BYTES);
    counter_add(&gc.stats.step_count, 1);
    /* Not the begin: a step that takes longer than a tick would be followed by the next at once. */
    atomic_store_relaxed(&gc.ended_ms, zci_os_clock_ms());
}

bool zci_gc_is_time(uint64_t now_ms)
{
    int64_t waited_ms = (int64_t)(now_ms - atomic_load_relaxed(&gc.ended_ms));
    return waited_ms >= 0 && (uint64_t)waited_ms >= zci_options.gc_ms;
}

static void try_step(uint64_t seen_ms)
{
    if (!zci_gc_is_time(seen_ms) || !lock_try_acquire(&zci_collector_lock))
        return;
    /* Another thread may have done one meanwhile. */
    if (gc.last_ms == 0)
        start_locked(seen_ms);
    else if (zci_gc_is_time(seen_ms))
        step_locked();
    lock_release(&zci_collector_lock);
}

/* Busy threads look seldom, so that the clock costs nothing; others at each slow call. */
static unsigned next_polls(const struct thread_cache *cache, uint64_t elapsed_ms, bool is_pending)
{
    if (is_pending || elapsed_ms >= zci_options.gc_ms || cache->polls_before == 0)
        return 1;
    unsigned more = cache->polls_before * 2U;
    return more < POLLS_MAX ? more : POLLS_MAX;
}

/* Then something waits until the next step has seen what does: this may be the thread's last look before it goes on
 * without, and what it frees is not among what the last step saw. */
static bool has_returned_much(struct thread_cache *cache)
{
    bool has_returned =
        cache->returned_bytes >= (int64_t)PENDING_OWN ||
        (cache->large_freed_bytes >= PENDING_BYTES && atomic_load_relaxed(&gc.is_pending) == 0);
    if (has_returned)
        atomic_store_relaxed(&gc.is_pending, 1);
    return has_returned;
}

void zci_gc_poll_slow(struct thread_cache *cache)
{
    if (zci_options.gc_ms == 0) {
        cache->polls_left = UINT16_MAX;
        return;
    }
    uint64_t now_ms = zci_os_clock_ms();
    if (ZCI_UNLIKELY(atomic_load_relaxed(&gc.ended_ms) == 0))
        try_step(now_ms);
    bool has_returned = has_returned_much(cache);
    bool is_pending = atomic_load_relaxed(&gc.is_pending) != 0;
    if (cache->aged_ms == 0 && !is_pending)
        cache->aged_ms = now_ms;
    uint64_t elapsed_ms = now_ms - cache->aged_ms;
    cache->polls_before = (uint16_t)next_polls(cache, elapsed_ms, is_pending);
    cache->polls_left = cache->polls_before;
    cache->closed_calls = is_pending ? CLOSED_CALLS : 0;
    if (has_returned || elapsed_ms >= zci_options.gc_ms / (is_pending ? PENDING_SHARE : 1)) {
        cache->aged_ms = now_ms;
        cache->returned_bytes = 0;
        cache->large_freed_bytes = 0;
        zci_thread_cache_age(cache, CLOSED_CALLS);
    }
    try_step(now_ms);
}

/* --- on demand ------------------------------------------------------------------------------------ */

static void flush_own(void)
{
    struct thread_cache *cache = thread_cache_get();
    if (!thread_cache_is_open(cache))
        return;
    thread_cache_enter(cache);
    /* Hidden since: the collector is at it, and does what is wanted here. */
    if (thread_cache_get() == cache) {
        zci_private_cache_flush(cache);
        zci_thread_cache_flush(cache);
    }
    thread_cache_leave(cache);
}

static size_t sweep_all(void)
{
    struct sweep_cursor cursor = {0};
    bool is_round = false;
    size_t bytes = 0;
    while (!is_round)
        bytes += zci_sweep(&cursor, 0, SWEEP_GRANULES_LEAST, SWEEP_CALLS_MAX, &is_round);
    counter_add(&gc.stats.swept_bytes, bytes);
    return bytes;
}

static void drain_caches(void)
{
    zci_thread_registry_flush_parked(UINT64_MAX);
    zci_thread_idle_collect(zci_os_clock_ms(), 0, UINT32_MAX);
    zci_depot_drain();
    zci_central_drain(0);
    zci_private_drain_all();
    zci_run_cache_drain();
    zci_run_pool_drain();
}

size_t zci_gc_collect(enum gc_level level, size_t keep_bytes)
{
    size_t bytes = 0;
    if (level != GC_STEP)
        flush_own();
    lock_acquire(&zci_collector_lock);
    if (level == GC_STEP) {
        uint64_t before = gc.stats.swept_bytes + gc.stats.decayed_bytes;
        step_locked();
        bytes = gc.stats.swept_bytes + gc.stats.decayed_bytes - before;
    } else {
        drain_caches();
    }
    if (level == GC_ALL)
        bytes =
            zci_huge_drain() + zci_page_heap_release(keep_bytes) + sweep_all() + zci_meta_purge(0);
    lock_release(&zci_collector_lock);
    return bytes;
}

static size_t release_pages(size_t bytes)
{
    struct page_heap_stats pages;
    zci_page_heap_stats(&pages);
    return zci_page_heap_release(pages.dirty_bytes - min_size(pages.dirty_bytes, bytes));
}

/* Pages first: of them just as many can go as are asked for, of mappings only all. */
size_t zci_gc_release(size_t bytes)
{
    size_t released = release_pages(bytes);
    if (released < bytes)
        released += zci_huge_drain();
    if (released < bytes) {
        (void)zci_gc_collect(GC_CACHES, 0);
        released += release_pages(bytes - min_size(bytes, released));
    }
    return released < bytes ? released + zci_gc_collect(GC_ALL, 0) : released;
}

/* --- in the background ----------------------------------------------------------------------------- */

/* With nothing to do, a few looks a second are enough to see that there is; without a collector nothing ever is. */
#define IDLE_WAIT_FACTOR 4
#define NO_GC_WAIT_MS    1000

/* A thread that is to end but has not seen it yet can be told to go on instead: so there is one at most, and nobody
 * ever waits for it, who may keep it from running. */
enum { BACKGROUND_NONE, BACKGROUND_RUNS, BACKGROUND_ENDS };

static uint32_t background_state; /* atomic; enum above; the thread sleeps while it runs */

static void *background(void *unused)
{
    int pressure = zci_options.pressure ? zci_os_pressure_open() : -1;
    while (!atomic_cas_32(&background_state, BACKGROUND_ENDS, BACKGROUND_NONE)) {
        uint32_t wait_ms = zci_options.gc_ms != 0 ? (uint32_t)zci_options.gc_ms : NO_GC_WAIT_MS;
        if (zci_options.gc_ms != 0)
            try_step(zci_os_clock_ms());
        wait_ms *= atomic_load_relaxed(&gc.is_pending) != 0 ? 1 : IDLE_WAIT_FACTOR;
        if (pressure < 0)
            zci_os_wait_for(&background_state, BACKGROUND_RUNS, wait_ms);
        else if (zci_os_pressure_wait(&pressure, wait_ms))
            zci_gc_collect(GC_ALL, 0);
    }
    zci_os_pressure_close(pressure);
    return unused;
}

bool zci_gc_background_start(void)
{
    while (!atomic_cas_32(&background_state, BACKGROUND_NONE, BACKGROUND_RUNS))
        if (atomic_load_relaxed(&background_state) == BACKGROUND_RUNS ||
            atomic_cas_32(&background_state, BACKGROUND_ENDS, BACKGROUND_RUNS))
            return true;
    if (zci_os_thread_start(background))
        return true;
    /* Whatever others have made of it meanwhile. Pairs with their compare-and-swaps. */
    atomic_store_release(&background_state, BACKGROUND_NONE);
    return false;
}

void zci_gc_background_stop(void)
{
    if (atomic_cas_32(&background_state, BACKGROUND_RUNS, BACKGROUND_ENDS))
        zci_os_wake_one(&background_state);
}

/* --- the rest --------------------------------------------------------------------------------------- */

void zci_gc_stats(struct gc_stats *stats)
{
    struct page_heap_stats pages;
    zci_page_heap_stats(&pages);
    stats->step_count = atomic_load_relaxed(&gc.stats.step_count);
    stats->swept_bytes = atomic_load_relaxed(&gc.stats.swept_bytes);
    stats->decayed_bytes = atomic_load_relaxed(&gc.stats.decayed_bytes);
    stats->idle_bytes = atomic_load_relaxed(&gc.stats.idle_bytes);
    stats->refault_bytes = pages.refault_bytes + zci_central_refault_bytes();
    stats->hold_bytes = pages.hold_bytes;
}

void zci_gc_fork_child(void)
{
    zci_thread_idle_fork_child();
    /* The thread is gone, and its wish with it: a child that wants one starts it. */
    background_state = BACKGROUND_NONE;
}
