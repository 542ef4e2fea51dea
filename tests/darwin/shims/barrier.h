/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* barrier.h - pthread_barrier_t for tests on Darwin, which has none. */
#ifndef TESTS_DARWIN_SHIMS_BARRIER_H
#define TESTS_DARWIN_SHIMS_BARRIER_H

#include <pthread.h>

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    unsigned wanted;
    unsigned arrived;
    unsigned round;
} pthread_barrier_t;

static inline __attribute__((unused)) int
pthread_barrier_init(pthread_barrier_t *barrier, const void *attributes, unsigned count)
{
    (void)attributes;
    barrier->wanted = count;
    barrier->arrived = barrier->round = 0;
    pthread_cond_init(&barrier->condition, NULL);
    return pthread_mutex_init(&barrier->mutex, NULL);
}

static inline __attribute__((unused)) int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    pthread_mutex_lock(&barrier->mutex);
    unsigned round = barrier->round;
    if (++barrier->arrived == barrier->wanted) {
        barrier->arrived = 0;
        barrier->round++;
        pthread_cond_broadcast(&barrier->condition);
    }
    while (round == barrier->round)
        pthread_cond_wait(&barrier->condition, &barrier->mutex);
    pthread_mutex_unlock(&barrier->mutex);
    return 0;
}

#endif
