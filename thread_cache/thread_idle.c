/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_idle.c - see thread_idle.h. */
#include "thread_cache/thread_idle.h"

#include "os/os.h"
#include "thread_cache/thread_registry.h"

struct lock zci_collector_lock = LOCK_INIT(RANK_COLLECTOR);

void zci_thread_idle_wait(void)
{
    lock_acquire(&zci_collector_lock);
    lock_release(&zci_collector_lock);
}

/* Changes whenever a block comes or goes, nearly always. The owner writes meanwhile; any mixture will do. */
static uint64_t mark_of(const struct thread_cache *cache)
{
    uint64_t mark = 0;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        mark = (mark << 7 | mark >> 57) + (uintptr_t)atomic_load_relaxed(&cache->bins[c].top) +
               atomic_load_relaxed(&cache->shelves[c].spare_objects);
    return mark;
}

static bool note_mark(struct thread_cache *cache, uint64_t now_ms)
{
    uint64_t mark = mark_of(cache);
    if (mark == cache->idle_mark)
        return false;
    cache->idle_mark = mark;
    cache->idle_since_ms = now_ms;
    return true;
}

static bool hide(struct thread_cache *cache)
{
    /* Pairs with the owner's load of its pointer, by way of the barrier on all threads. */
    return atomic_cas_ptr((void **)cache->owner, cache, thread_cache_closed(CLOSED_BY_COLLECTOR));
}

static void show(struct thread_cache *cache)
{
    /* Pairs with the owner's load: what was done to its cache comes first. A thread that is ending has put
     * something else there by now. */
    (void)atomic_cas_ptr((void **)cache->owner, thread_cache_closed(CLOSED_BY_COLLECTOR), cache);
}

/* Numbers are used again, and of a thread without an exit hook the cache stays behind: then the owner's pointer may
 * be gone with its stack. */
static bool is_owners_number(const struct thread_cache *cache)
{
    /* Relaxed: pairs with zci_thread_registry_adopt; a value of before its state is not seen. */
    return zci_os_thread_began_by(cache->thread_number, atomic_load_relaxed(&cache->armed_at));
}

static bool owner_sleeps(const struct thread_cache *cache)
{
    return zci_os_barrier_all_threads() &&
           zci_os_thread_sleeps(cache->thread_number, cache->owner) &&
           atomic_load_acquire(&cache->is_busy) == 0;
}

/* true: it stays hidden. */
static bool hide_sleeper(struct thread_cache *cache)
{
    if (atomic_load_relaxed(&cache->is_busy) != 0 ||
        !zci_os_thread_sleeps(cache->thread_number, cache->owner) || !is_owners_number(cache) ||
        !hide(cache))
        return false;
    bool sleeps = owner_sleeps(cache);
    if (!sleeps)
        show(cache);
    return sleeps;
}

/* Caches that are looked at together: their owners wait for each other's to be emptied. */
#define LOOKS_AT_ONCE 8

struct looks {
    struct thread_cache *caches[LOOKS_AT_ONCE];
    bool is_hidden[LOOKS_AT_ONCE];
    unsigned count;
};

static void hide_sleepers(void *argument)
{
    struct looks *looks = argument;
    for (unsigned i = 0; i < looks->count; i++)
        looks->is_hidden[i] = hide_sleeper(looks->caches[i]);
}

/* Whatever is found wrong in a cache is reported here, where standard error is open. */
static uint64_t empty(struct looks *looks)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < looks->count; i++) {
        struct thread_cache *cache = looks->caches[i];
        if (looks->is_hidden[i]) {
            bytes += zci_thread_cache_bytes(cache);
            zci_thread_cache_flush(cache);
            show(cache);
        }
        cache->idle_mark = mark_of(cache);
    }
    return bytes;
}

struct round {
    uint64_t now_ms, idle_ms;
    unsigned looks_left;
    struct thread_cache *cache; /* the next */
};

/* The next cache that is to be looked at, or NULL. */
static struct thread_cache *next_due(struct round *round)
{
    while (round->cache != NULL && round->looks_left > 0) {
        struct thread_cache *cache = round->cache;
        round->cache = cache->next;
        /* Pairs with zci_thread_registry_adopt. */
        if (atomic_load_acquire(&cache->state) != CACHE_LIVE || cache == thread_cache_get())
            continue;
        bool has_moved = note_mark(cache, round->now_ms) && round->idle_ms != 0;
        if (round->now_ms - cache->idle_since_ms < round->idle_ms)
            continue;
        cache->idle_since_ms = round->now_ms;
        if (zci_thread_registry_reap(cache) || has_moved || zci_thread_cache_bytes(cache) == 0)
            continue;
        round->looks_left--;
        return cache;
    }
    return NULL;
}

uint64_t zci_thread_idle_collect(uint64_t now_ms, uint64_t idle_ms, unsigned looks_max)
{
#if ZCI_SANITIZE_THREAD
    /* It could not be told that these looks are meant. */
    return 0;
#endif
    static struct thread_cache *last; /* where the last call stopped */
    static char stack[OS_OWN_FILES_STACK_BYTES] __attribute__((aligned(16)));
    struct round round = {.now_ms = now_ms, .idle_ms = idle_ms, .looks_left = looks_max};
    struct looks looks;
    uint64_t bytes = 0;
    round.cache =
        last != NULL && idle_ms != 0 ? last : atomic_load_acquire(zci_thread_registry_list());
    do {
        looks = (struct looks){0};
        while (looks.count < LOOKS_AT_ONCE &&
               (looks.caches[looks.count] = next_due(&round)) != NULL)
            looks.count++;
        if (looks.count != 0 && zci_os_with_own_files(hide_sleepers, &looks, stack))
            bytes += empty(&looks);
    } while (looks.count == LOOKS_AT_ONCE);
    last = round.cache;
    return bytes;
}

void zci_thread_idle_fork_child(void)
{
    /* The collector may have been at this thread's cache when it forked: whatever is in there is lost to the
     * child, and the thread makes itself a new one. */
    if (lock_reset_in_child(&zci_collector_lock) &&
        thread_cache_get() == thread_cache_closed(CLOSED_BY_COLLECTOR))
        thread_cache_set(thread_cache_closed(CLOSED_UNBORN));
}
