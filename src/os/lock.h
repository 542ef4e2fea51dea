/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lock.h - the only lock of the allocator: owned, spinning a little, then sleeping.
 * Invariants: the word is 0 when free, else the owner's identity, with bit 0 set if somebody may sleep.
 *             One word tells everything, so that after a fork the child knows which locks were held by
 *             threads that are gone, and no instant exists at which a held lock has no owner.
 * Locking:    ranks rise: a thread that holds a lock takes only locks of higher rank (checked with
 *             ZC_DEBUG_CHECKS). Nothing is ever allocated from the user's side under a lock.
 * Costs:      acquire: one compare-and-swap; release: one exchange; a sleeper: two system calls.
 * Darwin:     the same calls, by os_unfair_lock: lock_darwin.h. */
#ifndef ZCI_OS_LOCK_H
#define ZCI_OS_LOCK_H

#include "base/atomic.h"
#include "base/check.h"
#include "os/thread.h"

#include <stdbool.h>
#include <stdint.h>

/* The central lists' is 0: they are many, and all zeros, so no part of the file. */
enum lock_rank {
    RANK_FIRST = -5,
    RANK_BOOTSTRAP = RANK_FIRST, /* bootstrap.c */
    RANK_COLLECTOR,              /* thread_idle.c: one collector at a time */
    RANK_REGISTRY,               /* thread_registry.c: parked caches */
    RANK_PRIVATE_TABLE,          /* private_heap.c: which heaps there are */
    RANK_PRIVATE_HEAP,           /* private_list.c: one per private heap */
    RANK_CENTRAL_LIST,           /* central_list.c: one per class and shard */
    RANK_HUGE,                   /* huge.c */
    RANK_RUN_POOL,               /* run_pool.c: one per shard */
    RANK_PAGE_HEAP,              /* page_heap.c */
    RANK_META_ARENA,             /* meta_arena.c */
    RANK_END
};

#if defined(__APPLE__)
#include "os/lock_darwin.h"
#else

struct lock {
    uint64_t word;
    int32_t rank;
    uint32_t wait_count; /* how often somebody had to sleep; under the lock */
    uint32_t busy_count; /* how often somebody did not have it at once; likewise */
};

#define LOCK_INIT(lock_rank)                                                                       \
    {                                                                                              \
        .rank = (lock_rank)                                                                        \
    }

ZCI_COLD void zci_lock_acquire_slow(struct lock *lock);
ZCI_COLD void zci_lock_release_slow(struct lock *lock);
void zci_lock_check_acquire(const struct lock *lock);
void zci_lock_check_release(const struct lock *lock);

ZCI_INLINE void lock_acquire(struct lock *lock)
{
#if ZCI_DEBUG_CHECKS
    zci_lock_check_acquire(lock);
#endif
    if (!ZCI_LIKELY(atomic_cas_64(&lock->word, 0, thread_identity())))
        zci_lock_acquire_slow(lock);
}

ZCI_INLINE bool lock_try_acquire(struct lock *lock)
{
    if (atomic_load_relaxed(&lock->word) != 0)
        return false;
#if ZCI_DEBUG_CHECKS
    zci_lock_check_acquire(lock);
#endif
    if (ZCI_LIKELY(atomic_cas_64(&lock->word, 0, thread_identity())))
        return true;
#if ZCI_DEBUG_CHECKS
    zci_lock_check_release(lock);
#endif
    return false;
}

ZCI_INLINE void lock_release(struct lock *lock)
{
#if ZCI_DEBUG_CHECKS
    zci_lock_check_release(lock);
#endif
    if (ZCI_UNLIKELY(atomic_exchange_64(&lock->word, 0) & 1))
        zci_lock_release_slow(lock);
}

/* In the child of a fork: frees the lock if its owner did not survive. True if what it protects may be
 * half-changed. */
ZCI_INLINE bool lock_reset_in_child(struct lock *lock)
{
    uint64_t owner = lock->word & ~(uint64_t)1;
    if (owner == 0 || owner == thread_identity())
        return false;
    lock->word = 0;
    return true;
}

/* Only where no other thread runs: in the child of a fork, which may have come in the middle of a change. */
ZCI_INLINE bool lock_is_free(const struct lock *lock)
{
    return atomic_load_relaxed(&lock->word) == 0;
}

#endif

#endif
