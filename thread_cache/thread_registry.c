/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_registry.c - see thread_registry.h. */
#include "thread_cache/thread_registry.h"

#include "base/atomic.h"
#include "central/shard.h"
#include "os/lock.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "thread_cache/thread_idle.h"

/* Dead threads' caches that keep their blocks for the next thread; more would only be memory. */
#define CACHES_PARKED_FULL 16
#define PARKED_BYTES_MAX   (256 << 10) /* of blocks in each */

/* Thread-exit destructors run in up to four rounds (PTHREAD_DESTRUCTOR_ITERATIONS). The cache goes in the
 * third: in the last, tools that watch a thread may have let go of it already. */
#define EXIT_ROUNDS 3

/* Live caches that a birth looks at before another one is made: fewer than a third of all are then dead threads'. */
#define REAP_LOOKS 4
#define REAP_STEPS 64 /* over any caches: the child of a fork has many orphans */

static struct {
    struct lock lock;
    struct thread_cache *parked;  /* under lock: those that may hold blocks, the newest first */
    struct thread_cache *emptied; /* under lock: parked ones that hold none */
    struct thread_cache *list;    /* atomic, push only */
    struct thread_cache *suspect; /* under the collector's lock: where reap_some goes on */
    uint32_t process;             /* whose threads these are; atomic, relaxed */
    uint64_t live_count;          /* written under lock; atomic, relaxed: statistics */
    uint64_t parked_count;        /* on both lists */
    uint64_t full_count;          /* on the first */
    uint64_t made_count;
} registry = {.lock = LOCK_INIT(RANK_REGISTRY)};

static struct thread_cache *unpark(void)
{
    lock_acquire(&registry.lock);
    bool is_full = registry.parked != NULL;
    struct thread_cache **first = is_full ? &registry.parked : &registry.emptied;
    struct thread_cache *cache = *first;
    if (cache != NULL) {
        *first = cache->next_parked;
        counter_add(&registry.full_count, -(uint64_t)is_full);
        counter_add(&registry.parked_count, (uint64_t)-1);
        counter_add(&registry.live_count, 1);
    }
    lock_release(&registry.lock);
    return cache;
}

void zci_thread_registry_start(void)
{
    if (atomic_load_relaxed(&registry.process) == 0)
        atomic_store_relaxed(&registry.process, zci_os_process_number());
}

static struct thread_cache *make(void)
{
    struct thread_cache *cache = zci_meta_alloc(sizeof *cache);
    if (cache == NULL)
        return NULL;
    zci_thread_cache_init(cache);
    atomic_store_relaxed(&cache->state, (uint8_t)CACHE_PARKED);
    lock_acquire(&registry.lock);
    zci_thread_registry_start(); /* if that has not been */
    counter_add(&registry.live_count, 1);
    cache->number = (uint32_t)registry.made_count;
    counter_add(&registry.made_count, 1);
    zci_shard_use(cache->number);
    cache->next = registry.list;
    /* Pairs with the readers of zci_thread_registry_list: publishes the cache. */
    atomic_store_release(&registry.list, cache);
    lock_release(&registry.lock);
    return cache;
}

/* Under the registry's lock. */
static void push_parked(struct thread_cache **first, struct thread_cache *cache)
{
    cache->next_parked = *first;
    *first = cache;
}

static void park(struct thread_cache *cache, bool may_be_full)
{
    bool is_full = may_be_full && atomic_load_relaxed(&registry.full_count) < CACHES_PARKED_FULL;
    if (is_full)
        zci_thread_cache_trim(cache, PARKED_BYTES_MAX);
    else
        zci_thread_cache_flush(cache);
    lock_acquire(&registry.lock);
    cache->aged_ms = zci_os_clock_ms();
    push_parked(is_full ? &registry.parked : &registry.emptied, cache);
    counter_add(&registry.full_count, is_full);
    counter_add(&registry.parked_count, 1);
    counter_add(&registry.live_count, (uint64_t)-1);
    lock_release(&registry.lock);
}

/* Of a thread that comes here first in a late round of destructors, or after them, no hook runs to its end. It
 * may have ended in the middle of a call, too: then nobody can tell what the cache holds. */
static void reap(struct thread_cache *cache)
{
    if (atomic_load_relaxed(&cache->is_busy) == 0) {
        atomic_store_relaxed(&cache->state, (uint8_t)CACHE_PARKED);
        park(cache, false);
        return;
    }
    atomic_store_relaxed(&cache->state, (uint8_t)CACHE_ORPHANED);
    lock_acquire(&registry.lock);
    counter_add(&registry.live_count, (uint64_t)-1);
    lock_release(&registry.lock);
}

/* In a process that came of this one by vfork, or by a fork that we did not see, its threads look as if gone. */
static bool is_our_process(void)
{
    return atomic_load_relaxed(&registry.process) == zci_os_process_number();
}

bool zci_thread_registry_reap(struct thread_cache *cache)
{
    if (!is_our_process() || !zci_os_thread_is_gone(cache->thread_number))
        return false;
    reap(cache);
    return true;
}

/* A program whose threads all end so must not make a cache for each. */
static void reap_some(void)
{
    if (!lock_try_acquire(&zci_collector_lock))
        return;
    /* Pairs with make. */
    struct thread_cache *cache =
        registry.suspect != NULL ? registry.suspect : atomic_load_acquire(&registry.list);
    unsigned looks = 0;
    for (unsigned steps = 0; cache != NULL && looks < REAP_LOOKS && steps < REAP_STEPS;
         cache = cache->next, steps++) {
        /* Pairs with adopt. */
        if (atomic_load_acquire(&cache->state) != CACHE_LIVE)
            continue;
        zci_thread_registry_reap(cache);
        looks++;
    }
    registry.suspect = cache;
    lock_release(&zci_collector_lock);
}

static struct thread_cache *unpark_or_make(void)
{
    if (!thread_cache_can_set())
        return NULL;
    struct thread_cache *cache = unpark();
    if (cache == NULL) {
        reap_some();
        cache = unpark();
    }
    return cache != NULL ? cache : make();
}

struct thread_cache *zci_thread_registry_adopt(void)
{
    struct thread_cache *cache = unpark_or_make();
    if (cache == NULL)
        return NULL;
    cache->exit_round = 0;
    cache->owner = thread_cache_owner();
    /* The child of a vfork takes the cache for a thread of its parent, whose number it cannot tell: it has one of its
     * own, and is soon gone. Nobody has number 0. */
    cache->thread_number = is_our_process() ? zci_os_thread_number() : 0;
    atomic_store_relaxed(&cache->armed_at, 0);
    cache->polls_left = 1;
    /* Pairs with the collector's load: it may look for the owner from here on. */
    atomic_store_release(&cache->state, (uint8_t)CACHE_LIVE);
    /* The cache is set first: arming may allocate. */
    thread_cache_set(cache);
    /* A cache that no hook takes away could lose its owner while the collector hides it. */
    if (zci_os_thread_exit_arm(cache))
        atomic_store_relaxed(&cache->armed_at, zci_os_thread_clock());
    return cache;
}

/* From here on the collector lets go of the cache: it looks at live ones only, under its lock. */
static void leave_cache(struct thread_cache *cache, int which)
{
    lock_acquire(&zci_collector_lock);
    atomic_store_relaxed(&cache->state, (uint8_t)CACHE_PARKED);
    thread_cache_set(thread_cache_closed(which));
    lock_release(&zci_collector_lock);
}

void zci_thread_registry_exit(void *argument)
{
    struct thread_cache *cache = argument;
    if (thread_cache_get() == thread_cache_closed(CLOSED_BY_COLLECTOR))
        zci_thread_idle_wait();
    if (thread_cache_get() != cache || !thread_cache_is_open(cache))
        return;
    if (++cache->exit_round < EXIT_ROUNDS && zci_os_thread_exit_arm(cache))
        return;
    leave_cache(cache, CLOSED_DEAD);
    park(cache, true);
}

void zci_thread_registry_close(int which)
{
    struct thread_cache *cache = thread_cache_get();
    if (!thread_cache_is_open(cache)) {
        thread_cache_set(thread_cache_closed(which));
        return;
    }
    leave_cache(cache, which);
    zci_thread_cache_flush(cache);
    park(cache, true);
}

/* Unlinks the caches that were parked full before this instant: the newest stand first. */
static struct thread_cache *take_parked(uint64_t before_ms)
{
    lock_acquire(&registry.lock);
    struct thread_cache **link = &registry.parked;
    while (*link != NULL && (*link)->aged_ms >= before_ms)
        link = &(*link)->next_parked;
    struct thread_cache *taken = *link;
    *link = NULL;
    for (struct thread_cache *cache = taken; cache != NULL; cache = cache->next_parked)
        counter_add(&registry.full_count, (uint64_t)-1);
    lock_release(&registry.lock);
    return taken;
}

void zci_thread_registry_flush_parked(uint64_t before_ms)
{
    struct thread_cache *taken = take_parked(before_ms);
    while (taken != NULL) {
        struct thread_cache *cache = taken;
        taken = cache->next_parked;
        zci_thread_cache_flush(cache);
        lock_acquire(&registry.lock);
        /* No later call comes to it: there may be thousands. */
        push_parked(&registry.emptied, cache);
        lock_release(&registry.lock);
    }
}

uint64_t zci_thread_registry_live_count(void)
{
    return atomic_load_relaxed(&registry.live_count);
}

void zci_thread_registry_stats(struct thread_registry_stats *stats)
{
    *stats = (struct thread_registry_stats){0};
    stats->live_count = atomic_load_relaxed(&registry.live_count);
    stats->parked_count = atomic_load_relaxed(&registry.parked_count);
    for (struct thread_cache *cache = atomic_load_acquire(&registry.list); cache != NULL;
         cache = cache->next) {
        if (atomic_load_relaxed(&cache->state) != CACHE_ORPHANED)
            zci_thread_cache_add_counts(cache, stats->cached_counts);
        for (size_t i = 0; i < THREAD_COUNTS; i++)
            stats->counts[i] += atomic_load_relaxed(&cache->counts[i]);
    }
}

struct thread_cache **zci_thread_registry_list(void)
{
    return &registry.list;
}

static uint64_t parked_length(const struct thread_cache *cache)
{
    uint64_t length = 0;
    for (; cache != NULL; cache = cache->next_parked)
        length++;
    return length;
}

void zci_thread_registry_fork_child(void)
{
    lock_reset_in_child(&registry.lock);
    registry.process = zci_os_process_number();
    uint64_t live_count = 0;
    for (struct thread_cache *cache = registry.list; cache != NULL; cache = cache->next) {
        if (cache->state != CACHE_LIVE)
            continue;
        if (cache == thread_cache_get()) {
            live_count++;
            cache->thread_number = zci_os_thread_number();
            cache->armed_at = cache->armed_at != 0 ? zci_os_thread_clock() : 0;
        } else
            cache->state = CACHE_ORPHANED;
    }
    registry.live_count = live_count;
    /* Who parked one, or took one out, may not have counted it. */
    if (lock_is_free(&registry.lock)) {
        registry.full_count = parked_length(registry.parked);
        registry.parked_count = registry.full_count + parked_length(registry.emptied);
    }
}
