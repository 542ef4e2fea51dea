/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* idle_threads.c - 1,000 threads use 1 MiB each, free it, and sleep. While they sleep and the main thread does
 * a little, nearly all of it goes back. Then they all wake up and find a heap that works. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

enum {
    THREAD_COUNT = 1000,
    USED_BYTES = 1 << 20,
    HELD_PAGES = 4096, /* by all of them together, above what they had before */
    /* It takes three seconds; of what was wanted back meanwhile, a minute more: decay.c. */
    PATIENCE_S = 120
};

static pthread_t threads[THREAD_COUNT];
static sem_t ready;
static sem_t leave;
static sem_t end;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR)
        continue;
}

/* Each block holds the address of the one before, so that nothing but blocks is used. */
static void use_memory(uint64_t seed)
{
    void *last = NULL;
    uint64_t state = 2 * seed + 1;
    for (size_t used = 0; used < USED_BYTES;) {
        size_t size = sizeof(void *) + random_size(&state, 14);
        void *block = t_malloc(size);
        if (!CHECK(block != NULL))
            break;
        memset(block, 'x', size);
        memcpy(block, &last, sizeof last);
        last = block;
        used += size;
    }
    while (last != NULL) {
        void *block = last;
        memcpy(&last, block, sizeof last);
        t_free(block);
    }
}

static void *live(void *seed)
{
    t_free(t_malloc(1)); /* the thread's own structures are there before the measurement */
    sem_post(&ready);
    wait_for(&leave);
    use_memory((uint64_t)(uintptr_t)seed);
    sem_post(&ready);
    wait_for(&end);
    CHECK(heap_works((uint64_t)(uintptr_t)seed));
    return NULL;
}

static void all(sem_t *semaphore, int count, int is_post)
{
    for (int i = 0; i < count; i++)
        if (is_post)
            sem_post(semaphore);
        else
            wait_for(semaphore);
}

/* Some blocks come and go, so that time passes for the allocator too. */
static long long wait_for_return(long long before, long long held_max)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    uint64_t state = 1;
    long long held = 0;
    for (int i = 0; i < PATIENCE_S * 100; i++) {
        for (int j = 0; j < 20; j++)
            t_free(t_malloc(random_size(&state, 17)));
        nanosleep(&pause, NULL);
        held = rss_bytes() - before;
        if (held <= held_max)
            break;
    }
    return held;
}

int main(void)
{
    pthread_attr_t attributes;
    long long held_max = HELD_PAGES * (long long)sysconf(_SC_PAGESIZE);
    int count = 0;
    sem_init(&ready, 0, 0);
    sem_init(&leave, 0, 0);
    sem_init(&end, 0, 0);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, stack_bytes()), 0);
    while (count < THREAD_COUNT &&
           pthread_create(&threads[count], &attributes, live, (void *)(uintptr_t)count) == 0)
        count++;
    all(&ready, count, 0);
    long long before = rss_bytes();
    all(&leave, count, 1);
    all(&ready, count, 0);
    print_figure("threads: ", count);
    print_figure("held when they fell asleep, bytes: ", rss_bytes() - before);
    long long held = wait_for_return(before, held_max);
    print_figure("held while they sleep, bytes: ", held);
#ifndef STRESS_SANITIZED
    CHECK(held <= held_max);
#endif
    all(&end, count, 1);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    return check_done();
}
