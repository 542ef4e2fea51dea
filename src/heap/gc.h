/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* gc.h - the collector: memory goes back.
 * What lies idle goes down a layer by age, and from the last to the OS: blocks of a thread's cache to their
 * spans, batches in the depots too, empty spans and cached runs to the page heap, free pages to the OS along a
 * curve, pages inside spans that nobody touched for a while. What is taken into use again soon after it went
 * back is kept the next time.
 * Invariants: bounded work per step; one thread at a time, others do not wait for it.
 * Locking:    zci_collector_lock, tried, not awaited, but for zci_gc_collect.
 * Costs:      driven by slow calls: a counter, now and then a look at a coarse clock (some ns). With nothing to
 *             do a step is some microseconds every ZCMALLOC_GC_MS. */
#ifndef ZCI_HEAP_GC_H
#define ZCI_HEAP_GC_H

#include "thread_cache/thread_cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks at the clock, ages the calling thread's cache, and does a step if it is time. */
void zci_gc_poll_slow(struct thread_cache *cache);

/* After so many bytes of freed large blocks a thread looks at the clock. */
#define GC_LARGE_FREED ((uint64_t)8 << 20)

/* After each slow call; the cache is open. */
ZCI_INLINE void gc_poll(struct thread_cache *cache)
{
    if (ZCI_UNLIKELY(--cache->polls_left == 0))
        zci_gc_poll_slow(cache);
}

/* Did the last step end a tick before this instant of zci_os_clock_ms? Not if it ended after it. */
bool zci_gc_is_time(uint64_t now_ms);

/* How much zci_gc_collect does: a step now; everything that is free to the page heap; and to the OS. */
enum gc_level { GC_STEP, GC_CACHES, GC_ALL };

/* Waits for a collector that is at work. Keeps keep_bytes of free pages. The bytes given back to the OS. */
size_t zci_gc_collect(enum gc_level level, size_t keep_bytes);
/* Gives back this much, rounded up to granules, if there is so much; cheap sources first. Of mappings that wait for
 * their next use all or none go. */
size_t zci_gc_release(size_t bytes);

/* The thread of ZCMALLOC_BACKGROUND. false if there can be none. */
bool zci_gc_background_start(void);
/* Does not wait for its last step. */
void zci_gc_background_stop(void);

struct gc_stats {
    uint64_t step_count;
    uint64_t swept_bytes;   /* given back out of spans */
    uint64_t decayed_bytes; /* given back as free pages, those of metadata too */
    uint64_t idle_bytes;    /* taken out of the caches of sleeping threads */
    uint64_t refault_bytes; /* given back and taken into use again */
    uint64_t hold_bytes;    /* kept because of that */
};

void zci_gc_stats(struct gc_stats *stats);

void zci_gc_fork_child(void);

#endif
