/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_registry.h - birth, death and adoption of thread caches.
 * Invariants: a cache is never freed. One whose thread has died is parked, with its blocks, and adopted by
 *             the next thread that is born; only CACHES_PARKED_FULL of them keep blocks.
 *             A live cache whose thread is gone without its exit hook is parked, too, by the collector or by the
 *             next births: there is no thread of that number any more. All caches ever made are on one list
 *             that only grows, for statistics and for walkers of the heap.
 * Locking:    one lock (RANK_REGISTRY) around the parked ones; the list of all is read without.
 * Costs:      birth and death: one lock, and a system call or two of the C library; up to nine more where
 *             no parked cache is left. */
#ifndef ZCI_THREAD_CACHE_THREAD_REGISTRY_H
#define ZCI_THREAD_CACHE_THREAD_REGISTRY_H

#include "thread_cache/thread_cache.h"

/* Gives the calling thread, which has a closed cache, one of its own. NULL if there is no memory. */
struct thread_cache *zci_thread_registry_adopt(void);
/* The exit hook, see os.h. Runs again in later rounds of thread-exit destructors, for these may malloc. */
void zci_thread_registry_exit(void *cache);
/* Takes the calling thread's cache away for good: its blocks go to their spans. */
void zci_thread_registry_close(int which);
/* As the program starts: its threads' process is this one, not the child of a vfork that makes the first cache. */
void zci_thread_registry_start(void);
/* Flushes the caches of threads that died before this instant of zci_os_clock_ms. */
void zci_thread_registry_flush_parked(uint64_t before_ms);

/* Parks a live cache, emptied, if its thread is gone without its exit hook; false if it is not. Under the
 * collector's lock. */
bool zci_thread_registry_reap(struct thread_cache *cache);

/* Threads that have a cache. */
uint64_t zci_thread_registry_live_count(void);

struct thread_registry_stats {
    uint64_t live_count;
    uint64_t parked_count;
    uint64_t cached_counts[ZCI_CLASS_COUNT]; /* blocks of each class: a snapshot */
    uint64_t counts[THREAD_COUNTS];          /* sums over all threads, dead ones included */
};

void zci_thread_registry_stats(struct thread_registry_stats *stats);

/* The list of all caches, for walkers of the heap. */
struct thread_cache **zci_thread_registry_list(void);

/* In the child of a fork: the other threads' caches have no owner any more. What they hold is lost to the
 * child; their pages are the parent's until written. */
void zci_thread_registry_fork_child(void);

#endif
