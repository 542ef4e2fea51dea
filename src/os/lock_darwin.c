/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lock_darwin.c - see lock_darwin.h. */
#include "os/lock.h"
#include "os/os_darwin.h"

#include <stddef.h>

static struct lock *locks; /* atomic, push only */

static bool is_mine(const struct lock *lock)
{
    return atomic_load_relaxed(&lock->owner) == thread_identity();
}

static void list_locked(struct lock *lock)
{
    void *first;
    lock->is_listed = 1;
    do {
        first = atomic_load_relaxed((void **)&locks);
        lock->next = first;
        /* Pairs with the acquire loads of locks below. */
    } while (!atomic_cas_ptr((void **)&locks, first, lock));
}

static void take_over_locked(struct lock *lock)
{
    ZCI_ASSERT(lock->rank < RANK_END);
    atomic_store_relaxed(&lock->owner, thread_identity());
    if (ZCI_UNLIKELY(!lock->is_listed))
        list_locked(lock);
}

void zci_lock_acquire(struct lock *lock)
{
    bool waited = false;
    if (ZCI_UNLIKELY(!os_unfair_lock_trylock(&lock->word))) {
        os_unfair_lock_lock(&lock->word);
        waited = true;
    }
    take_over_locked(lock);
    if (waited) {
        counter_add(&lock->wait_count, 1);
        counter_add(&lock->busy_count, 1);
    }
}

bool zci_lock_try_acquire(struct lock *lock)
{
    /* The system's own would refuse as well, or end the process: it is not for the holder. */
    if (is_mine(lock) || !os_unfair_lock_trylock(&lock->word))
        return false;
    take_over_locked(lock);
    return true;
}

void zci_lock_release(struct lock *lock)
{
    ZCI_ASSERT(is_mine(lock));
    atomic_store_relaxed(&lock->owner, 0);
    os_unfair_lock_unlock(&lock->word);
}

/* The word names the owner by a port that the child does not have: it can only be made anew. */
static void make_free(struct lock *lock)
{
    lock->word = OS_UNFAIR_LOCK_INIT;
    lock->is_forced = 0;
    atomic_store_relaxed(&lock->owner, 0);
}

bool zci_lock_reset_in_child(struct lock *lock)
{
    static const os_unfair_lock free_word = OS_UNFAIR_LOCK_INIT;
    if (__builtin_memcmp(&lock->word, &free_word, sizeof free_word) == 0)
        return false;
    uint64_t owner = atomic_load_relaxed(&lock->owner);
    bool was_forced = lock->is_forced;
    make_free(lock);
    if (owner != thread_identity())
        return owner != 0;
    /* A signal handler forked in the middle of what this lock protects, and will return there. */
    if (!was_forced)
        zci_lock_acquire(lock);
    return false;
}

void zci_locks_force(void)
{
    for (int32_t rank = RANK_FIRST; rank < RANK_END; rank++) {
        for (struct lock *lock = atomic_load_acquire(&locks); lock != NULL; lock = lock->next) {
            if (lock->rank != rank || is_mine(lock))
                continue;
            zci_lock_acquire(lock);
            lock->is_forced = 1;
        }
    }
}

void zci_locks_release_forced(void)
{
    for (struct lock *lock = atomic_load_acquire(&locks); lock != NULL; lock = lock->next) {
        if (!is_mine(lock) || !lock->is_forced)
            continue;
        lock->is_forced = 0;
        zci_lock_release(lock);
    }
}

void zci_locks_reset_in_child(void)
{
    for (struct lock *lock = atomic_load_acquire(&locks); lock != NULL; lock = lock->next)
        if (lock->is_forced)
            make_free(lock);
}

bool zci_locks_are_held(void)
{
    for (struct lock *lock = atomic_load_acquire(&locks); lock != NULL; lock = lock->next) {
        if (is_mine(lock) || !os_unfair_lock_trylock(&lock->word))
            return true;
        os_unfair_lock_unlock(&lock->word);
    }
    return false;
}
