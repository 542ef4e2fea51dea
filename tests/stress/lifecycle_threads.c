/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lifecycle_threads.c - 10,000 threads are born, allocate, leave some blocks to others, and die; then
 * 10,000 more. The resident size in the second half may not be above that in the first by more than
 * the bound: what a dead thread had must serve the living. Compared are the lowest of some looks in
 * the later part of each half: what is lost stays lost, but on a busy machine a look may come before
 * a collector's. The threads of a group wait for each other while they hold their blocks: without that
 * chance decides how many caches ever exist at the same time, and so how much they hold. A half above the bound
 * is followed by another one, at most three times: a loss only grows with the threads. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

/* A sanitizer starts threads slowly, and there the growth is not looked at. */
#ifdef STRESS_SANITIZED
#define THREAD_COUNT 2000
#else
#define THREAD_COUNT 10000
#endif

enum {
    TOGETHER_COUNT = 10, /* threads that live at the same time */
    LOOK_COUNT = 10,
    MORE_HALVES_MAX = 3,
    BLOCK_COUNT = 16,    /* blocks each thread allocates; half are left behind */
    GROWTH_MAX = 3 << 20 /* bytes */
};

struct life {
    pthread_t thread;
    uint64_t state;
    void *left[BLOCK_COUNT]; /* freed by the next thread of this struct */
};

static struct life lives[TOGETHER_COUNT];
static pthread_barrier_t all_hold_blocks;

static void *live(void *argument)
{
    struct life *life = argument;
    void *own[BLOCK_COUNT];
    for (int i = 0; i < BLOCK_COUNT; i++) {
        size_t size = random_size(&life->state, 15);
        own[i] = t_malloc(size);
        if (CHECK(own[i] != NULL))
            memset(own[i], 'x', size); /* what leaks must be resident to show */
    }
    pthread_barrier_wait(&all_hold_blocks);
    for (int i = 0; i < BLOCK_COUNT; i++) {
        t_free(life->left[i]);
        life->left[i] = NULL;
        if (i % 2 == 0)
            life->left[i] = own[i];
        else
            t_free(own[i]);
    }
    return NULL;
}

static void live_and_die(int count)
{
    for (int done = 0; done < count; done += TOGETHER_COUNT) {
        for (int i = 0; i < TOGETHER_COUNT; i++)
            CHECK_EQ(pthread_create(&lives[i].thread, NULL, live, &lives[i]), 0);
        for (int i = 0; i < TOGETHER_COUNT; i++)
            CHECK_EQ(pthread_join(lives[i].thread, NULL), 0);
    }
}

/* Of the looks in the later half of so many threads. */
static long long lowest_rss_bytes(int count)
{
    live_and_die(count / 2);
    long long lowest = rss_bytes();
    for (int look = 0; look < LOOK_COUNT; look++) {
        live_and_die(count / 2 / LOOK_COUNT);
        long long bytes = rss_bytes();
        lowest = bytes < lowest ? bytes : lowest;
    }
    return lowest;
}

int main(void)
{
    for (uint64_t i = 0; i < TOGETHER_COUNT; i++)
        lives[i].state = 2 * i + 1;
    CHECK_EQ(pthread_barrier_init(&all_hold_blocks, NULL, TOGETHER_COUNT), 0);
    long long before = lowest_rss_bytes(THREAD_COUNT);
    long long growth = lowest_rss_bytes(THREAD_COUNT) - before;
    for (int half = 0; half < MORE_HALVES_MAX && growth > GROWTH_MAX; half++)
        growth = lowest_rss_bytes(THREAD_COUNT) - before;
    print_figure("resident bytes after the warm-up: ", before);
    print_figure("growth over as many threads again, bytes: ", growth);
#ifndef STRESS_SANITIZED
    CHECK(growth <= GROWTH_MAX);
#endif
    CHECK(heap_works(1));
    return check_done();
}
