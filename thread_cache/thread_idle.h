/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_idle.h - takes the blocks out of the caches of threads that sleep, without waking them.
 * Before all that it parks the caches of threads that are gone: a thread that comes here first in a late round of
 * destructors, or after them, leaves one behind that no exit hook takes away.
 * The fast path has no lock and no atomic instruction, so its owner must not be on it. The collector
 *   1. hides the cache: exchanges the owner's pointer for a closed cache, so that the owner's next call goes
 *      to the slow side and waits there for the collector's lock;
 *   2. makes every running thread pass a memory barrier: a call that begins after this sees 1;
 *   3. asks the OS whether the owner sleeps in a system call. If so it began no call before 2 that it has not
 *      left, but for two cases: the slow side makes system calls itself, which is_busy tells, and a signal
 *      handler that sleeps may have interrupted the fast path: then the kernel's signal frame is on its stack;
 *   4. empties the cache, and shows it to its owner again.
 * 1 to 3 run where the files that they open are not the program's (zci_os_with_own_files), for some caches at a time.
 * Invariants: a cache is hidden only under the collector's lock, and shown again before it is released.
 *             Not safe against a handler that switches stacks itself and then sleeps, above a malloc that it
 *             interrupted.
 *             The owner's pointer may go with its thread. So a cache without an exit hook is not hidden, nor one
 *             whose thread's number belongs to a thread that is younger than the adoption. What is left: a
 *             thread that comes here first in its last destructors, sleeps there, and ends just between 3 and 4.
 * Locking:    zci_collector_lock, also for all other work that is one thread's at a time.
 * Costs:      nothing for the owner but two plain stores per slow call. Here: a look at the bins of each
 *             cache, about 50 microseconds for each that looks idle, and as much once for all. Only on Linux so far. */
#ifndef ZCI_THREAD_CACHE_THREAD_IDLE_H
#define ZCI_THREAD_CACHE_THREAD_IDLE_H

#include "os/lock.h"
#include "thread_cache/thread_cache.h"

extern struct lock zci_collector_lock;

/* The owner's brackets around everything it does to its cache beside the fast path. Relaxed: they pair with the look of
 * the collector at is_busy behind a barrier on all threads (thread_idle.c). */
ZCI_INLINE void thread_cache_enter(struct thread_cache *cache)
{
    atomic_store_relaxed(&cache->is_busy, 1);
    atomic_order_for_thread();
}

ZCI_INLINE void thread_cache_leave(struct thread_cache *cache)
{
    atomic_order_for_thread();
    atomic_store_relaxed(&cache->is_busy, 0);
}

/* The calling thread found its cache hidden: waits until it is not. */
void zci_thread_idle_wait(void);

/* Looks at up to looks_max caches that hold blocks, from where the last call stopped, and empties those whose bins did
 * not move for idle_ms and whose threads sleep. With 0 at all of them, whatever their bins did. Under the collector's
 * lock; blocks freed, in bytes. */
uint64_t zci_thread_idle_collect(uint64_t now_ms, uint64_t idle_ms, unsigned looks_max);

/* In the child of a fork. */
void zci_thread_idle_fork_child(void);

#endif
