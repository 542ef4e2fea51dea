/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lock.c - the contended half of lock.h. */
#include "os/lock.h"

#include "os/os.h"

/* Longer than most critical sections take whose holder runs (about 1 us); one that calls the system, or sorts, takes
 * longer, and a holder that was descheduled is not waited for. */
#define SPIN_COUNT 200

/* The half of the word that the kernel compares; bit 0 lies in it. */
static uint32_t *futex_half(struct lock *lock)
{
    return (uint32_t *)&lock->word + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

void zci_lock_acquire_slow(struct lock *lock)
{
    uint64_t self = thread_identity();
    for (int spin = 0; spin < SPIN_COUNT; spin++) {
        atomic_stall();
        /* Pairs with the exchange in lock_release. */
        if (atomic_load_acquire(&lock->word) == 0 && atomic_cas_64(&lock->word, 0, self)) {
            counter_add(&lock->busy_count, 1);
            return;
        }
    }
    for (;;) {
        /* Pairs with lock_release. */
        uint64_t word = atomic_load_acquire(&lock->word);
        if (word == 0) {
            /* Others may sleep still: whoever slept must wake the next. */
            if (atomic_cas_64(&lock->word, 0, self | 1))
                break;
            continue;
        }
        if ((word & 1) == 0 && !atomic_cas_64(&lock->word, word, word | 1))
            continue;
        zci_os_wait(futex_half(lock), (uint32_t)(word | 1));
    }
    counter_add(&lock->wait_count, 1);
    counter_add(&lock->busy_count, 1);
}

void zci_lock_release_slow(struct lock *lock)
{
    zci_os_wake_one(futex_half(lock));
}

#if ZCI_DEBUG_CHECKS
static __thread uint32_t held_ranks __attribute__((tls_model("initial-exec")));

void zci_lock_check_acquire(const struct lock *lock)
{
    ZCI_ASSERT(lock->rank < RANK_END);
    ZCI_ASSERT((held_ranks >> (lock->rank - RANK_FIRST)) == 0);
    held_ranks |= 1U << (lock->rank - RANK_FIRST);
}

void zci_lock_check_release(const struct lock *lock)
{
    ZCI_ASSERT((held_ranks >> (lock->rank - RANK_FIRST)) & 1);
    held_ranks &= ~(1U << (lock->rank - RANK_FIRST));
}
#endif
