/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_threads.c - fork while other threads are inside malloc and free.
 * Every child allocates, frees, starts a thread that does so too, and exits; a child that finds a
 * lock taken by a thread it does not have hangs, and is ended by its alarm. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <unistd.h>

enum {
    BACKGROUND_COUNT = 3,
    CHILD_COUNT = 100,
    SPANS_CHILD_COUNT = 150,
    STORM_COUNT = 4,
    STORM_CHILD_COUNT = 25
};

static void fork_one(uint64_t seed)
{
    void *before = t_malloc(1000);
    pid_t child = fork();
    if (child == 0) {
        t_free(before);
        child_prove_heap(seed);
    }
    t_free(before);
    CHECK_EQ(child_wait(child), 0);
}

static void *fork_many(void *seed)
{
    for (uint64_t i = 0; i < STORM_CHILD_COUNT; i++)
        fork_one((uint64_t)(uintptr_t)seed * 1000 + i);
    return NULL;
}

static void fork_while_threads_allocate(void)
{
    pthread_t threads[BACKGROUND_COUNT];
    background_start(threads, BACKGROUND_COUNT);
    for (uint64_t i = 0; i < CHILD_COUNT; i++)
        fork_one(i);
    background_stop(threads, BACKGROUND_COUNT);
}

static void fork_while_spans_come_and_go(void)
{
    pthread_t threads[BACKGROUND_COUNT];
    background_start_job(threads, BACKGROUND_COUNT, background_churn);
    for (uint64_t i = 0; i < SPANS_CHILD_COUNT; i++) {
        churn_change(i / 50);
        pid_t child = fork();
        if (child == 0) {
            alarm(CHILD_SECONDS);
            if (!churned_spans_work())
                _exit(2);
            child_prove_heap(i);
        }
        CHECK_EQ(child_wait(child), 0);
    }
    background_stop(threads, BACKGROUND_COUNT);
}

static void fork_storm(void)
{
    pthread_t threads[STORM_COUNT];
    for (uintptr_t i = 0; i < STORM_COUNT; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, fork_many, (void *)(i + 1)), 0);
    for (int i = 0; i < STORM_COUNT; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* Blocks that other threads owned at the fork are the child's too: it may free them. */
static void child_frees_what_threads_left(void)
{
    enum { BLOCK_COUNT = 500 };

    static void *blocks[BLOCK_COUNT];
    pthread_t threads[BACKGROUND_COUNT];
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < BLOCK_COUNT; i++)
            blocks[i] = t_malloc((size_t)i * 40 + 1);
        background_start(threads, BACKGROUND_COUNT);
        pid_t child = fork();
        if (child == 0) {
            alarm(CHILD_SECONDS);
            for (int i = 0; i < BLOCK_COUNT; i++)
                t_free(blocks[i]);
            t_trim(0);
            child_prove_heap(5);
        }
        CHECK_EQ(child_wait(child), 0);
        background_stop(threads, BACKGROUND_COUNT);
        for (int i = 0; i < BLOCK_COUNT; i++)
            t_free(blocks[i]);
    }
}

/* Children that fork again, each generation with threads of its own. */
static void grandchildren(void)
{
    pid_t child = fork();
    for (int depth = 0; child == 0 && depth < 4; depth++) {
        pthread_t threads[2];
        alarm(CHILD_SECONDS);
        background_start(threads, 2);
        pid_t next = fork();
        if (next == 0)
            continue;
        int status = child_wait(next);
        background_stop(threads, 2);
        _exit(status == 0 && heap_works(3) ? 0 : 1);
    }
    if (child == 0)
        child_prove_heap(11);
    CHECK_EQ(child_wait(child), 0);
}

int main(void)
{
    alarm(4 * CHILD_SECONDS);
    RUN(fork_while_threads_allocate);
    RUN(fork_while_spans_come_and_go);
    RUN(fork_storm);
    RUN(child_frees_what_threads_left);
    RUN(grandchildren);
    CHECK(heap_works_with_threads(1));
    return check_done();
}
