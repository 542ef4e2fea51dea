/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lock_test.c - mutual exclusion with more threads than cores, sleeping and waking included. */
#include "os/lock.h"
#include "support/check.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 8
#define ROUNDS  50000

static struct lock lock = LOCK_INIT(RANK_CENTRAL_LIST);
static long counter;
static int inside;

static void *work(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        lock_acquire(&lock);
        int others = inside++;
        counter++;
        /* A holder that loses the processor makes the others sleep. */
        if (i % 1000 == 0)
            sched_yield();
        inside--;
        lock_release(&lock);
        if (others != 0)
            CHECK(others == 0);
    }
    return NULL;
}

static void one_at_a_time(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(counter, (long)THREADS * ROUNDS);
    CHECK_EQ(lock.word, 0);
}

static void identities_are_even_and_never_zero(void)
{
    CHECK(thread_identity() != 0);
    CHECK_EQ(thread_identity() & 1, 0);
}

static void reset_in_child_spares_ones_own(void)
{
    lock_acquire(&lock);
    CHECK(!lock_reset_in_child(&lock));
    CHECK(lock.word != 0);
    lock_release(&lock);
    CHECK(!lock_reset_in_child(&lock));
    lock.word = thread_identity() + 64;
    CHECK(lock_reset_in_child(&lock));
    CHECK_EQ(lock.word, 0);
    lock.word = (thread_identity() + 64) | 1;
    CHECK(lock_reset_in_child(&lock));
    CHECK_EQ(lock.word, 0);
}

int main(void)
{
    RUN(one_at_a_time);
    RUN(identities_are_even_and_never_zero);
    RUN(reset_in_child_spares_ones_own);
    return check_done();
}
