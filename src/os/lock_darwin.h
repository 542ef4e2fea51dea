/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lock_darwin.h - the lock of lock.h on Darwin: os_unfair_lock, which lends its holder the waiter's priority.
 * Invariants: owner is written after the lock is taken and cleared before it is released; what a lock
 *             protects changes only in between. So in the child of a fork a lock that is held without an
 *             owner protects nothing half-changed. Every lock that was ever taken is on one list, which
 *             only grows.
 * Locking:    fork itself goes through zci_locks_force, which takes all locks by rank, so that nobody is
 *             in the middle of a change; locks that the caller holds already are left alone, and the
 *             child repairs what they protect (src/heap/fork.c).
 * Costs:      two calls into libSystem per acquire and release; no system call without contention. */
#ifndef ZCI_OS_LOCK_DARWIN_H
#define ZCI_OS_LOCK_DARWIN_H

#if defined(__APPLE__)

#include "os/unfair_darwin.h"

#include <stdbool.h>
#include <stdint.h>

struct lock {
    os_unfair_lock word;
    int32_t rank;
    uint32_t wait_count; /* how often somebody had to wait; under the lock */
    uint32_t busy_count; /* the same */
    uint8_t is_listed;   /* under the lock */
    uint8_t is_forced;   /* taken by zci_locks_force; under the lock */
    uint64_t owner;      /* thread_identity of the holder; atomic */
    struct lock *next;   /* the list of all; written once */
};

#define LOCK_INIT(lock_rank)                                                                       \
    {                                                                                              \
        .rank = (lock_rank)                                                                        \
    }

void zci_lock_acquire(struct lock *lock);
bool zci_lock_try_acquire(struct lock *lock);
void zci_lock_release(struct lock *lock);
/* In the child of a fork, see lock.h. */
bool zci_lock_reset_in_child(struct lock *lock);

static inline __attribute__((always_inline)) void lock_acquire(struct lock *lock)
{
    zci_lock_acquire(lock);
}

static inline __attribute__((always_inline)) bool lock_try_acquire(struct lock *lock)
{
    return zci_lock_try_acquire(lock);
}

static inline __attribute__((always_inline)) void lock_release(struct lock *lock)
{
    zci_lock_release(lock);
}

static inline __attribute__((always_inline)) bool lock_reset_in_child(struct lock *lock)
{
    return zci_lock_reset_in_child(lock);
}

static inline __attribute__((always_inline)) bool lock_is_free(const struct lock *lock)
{
    return atomic_load_relaxed(&lock->owner) == 0;
}

#endif

#endif
