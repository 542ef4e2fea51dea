/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lifecycle_rss.c - what an idle thread that has done two mallocs costs: at most four pages
 * resident (16 KiB where a page has 4), the used part of its stack included. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

enum { THREAD_COUNT = 1000, PER_THREAD_PAGES = 4 };

static pthread_t threads[THREAD_COUNT];
static sem_t ready;
static sem_t leave;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR)
        continue;
}

static void *idle(void *unused)
{
    void *first = t_malloc(24);
    void *second = t_malloc(500);
    CHECK(first != NULL && second != NULL);
    sem_post(&ready);
    wait_for(&leave);
    t_free(first);
    t_free(second);
    return unused;
}

/* Returns how many of count threads could be started; they wait in idle. */
static int start(pthread_t *at, int count)
{
    pthread_attr_t attributes;
    int started = 0;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, stack_bytes()), 0);
    while (started < count && pthread_create(&at[started], &attributes, idle, NULL) == 0)
        started++;
    for (int i = 0; i < started; i++)
        wait_for(&ready);
    pthread_attr_destroy(&attributes);
    return started;
}

static void stop(const pthread_t *at, int count)
{
    for (int i = 0; i < count; i++)
        sem_post(&leave);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_join(at[i], NULL), 0);
}

int main(void)
{
    CHECK_EQ(sem_init(&ready, 0, 0), 0);
    CHECK_EQ(sem_init(&leave, 0, 0), 0);
    stop(threads, start(threads, 4));
    long long before = rss_bytes();
    int started = start(threads, THREAD_COUNT);
    long long growth = rss_bytes() - before;
    stop(threads, started);
    if (started < THREAD_COUNT) {
        check_skip("cannot start 1000 threads");
        return check_done();
    }
    print_figure("resident bytes per idle thread: ", growth / THREAD_COUNT);
    CHECK(growth / THREAD_COUNT <= PER_THREAD_PAGES * sysconf(_SC_PAGESIZE));
    return check_done();
}
