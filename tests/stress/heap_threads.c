/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_threads.c - private heaps and pools under threads: many on one heap, freeing what others allocated;
 * heaps created and destroyed from all of them; threads that exit with caches of heaps that others destroy;
 * fork in the middle. In the end every byte is back.
 * usage: heap_threads [fork]: only the parts with, or without, fork. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 2048, ROUNDS = 200000, LIVES = 300, CHILDREN = 150, CHURNED = 6000 };

static struct zc_heap *heap;
static struct zc_pool *pool;
static void *slots[SLOTS]; /* atomic */
static int must_stop;
static int forks;

/* The first bytes tell the size, the last one a mark. */
static void *marked(void *block, size_t size)
{
    unsigned char *bytes = block;
    if (!CHECK(block != NULL))
        _exit(1);
    memcpy(bytes, &size, sizeof size);
    bytes[size - 1] = (unsigned char)(size ^ 0x5a);
    return block;
}

static int mark_holds(const void *block)
{
    const unsigned char *bytes = block;
    size_t size;
    memcpy(&size, bytes, sizeof size);
    return bytes[size - 1] == (unsigned char)(size ^ 0x5a);
}

static void *exchange_blocks(void *seed)
{
    uint64_t random = 88172645463325252U + (uint64_t)(uintptr_t)seed * 7919;
    long wrong = 0;
    for (long i = 0; (i < ROUNDS || forks) && !__atomic_load_n(&must_stop, __ATOMIC_RELAXED); i++) {
        uint64_t bits = random_next(&random);
        size_t size = bits % 1000 == 0 ? 100000 + bits % 77777 : 9 + bits % 600;
        void *mine = marked(zc_heap_malloc(heap, size), size);
        void *theirs = __atomic_exchange_n(&slots[(bits >> 20) % SLOTS], mine, __ATOMIC_ACQ_REL);
        if (theirs == NULL)
            continue;
        wrong += !mark_holds(theirs);
        if (bits >> 40 & 1)
            zc_heap_free(heap, theirs);
        else
            zc_free(theirs);
    }
    CHECK_EQ(wrong, 0);
    return NULL;
}

/* Figures that others are changing: any value will do, but reading must be harmless. */
static void watch(struct zc_heap *watched)
{
    struct zc_heap_usage usage;
    for (int i = 0; i < 2000; i++) {
        zc_heap_stats(watched, &usage, sizeof usage);
        CHECK(usage.held_bytes <= usage.held_peak_bytes + (1 << 20));
    }
}

static void run_threads(void *(*body)(void *), struct zc_heap *watched)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, body, (void *)(i + 1)), 0);
    if (watched != NULL)
        watch(watched);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static uint64_t used_bytes(void)
{
    struct zc_stats stats;
    zc_trim(0);
    zc_stats_get(&stats, sizeof stats);
    return stats.large_bytes;
}

static void threads_share_a_heap(void)
{
    uint64_t before = used_bytes();
    struct zc_heap_usage usage;
    heap = zc_heap_new();
    run_threads(exchange_blocks, heap);
    uint64_t left = 0;
    for (int i = 0; i < SLOTS; i++)
        left += slots[i] != NULL;
    zc_heap_collect(heap);
    zc_heap_stats(heap, &usage, sizeof usage);
    CHECK_EQ(usage.live_count, left);
    CHECK_EQ(usage.cached_count, 0); /* the threads have exited */
    memset(slots, 0, sizeof slots);
    zc_heap_destroy(heap);
    CHECK_EQ(used_bytes(), before);
}

/* Heaps of its own, and each time a block of the pool that all share. */
static void *live_many_lives(void *seed)
{
    uint64_t random = 1234567 + (uint64_t)(uintptr_t)seed;

    enum { COUNT = 200 };

    void *blocks[COUNT];
    for (int life = 0; life < LIVES; life++) {
        struct zc_heap *own = zc_heap_new();
        void *shared = marked(zc_pool_malloc(pool), 100);
        for (int i = 0; i < COUNT; i++) {
            size_t size = 9 + random_next(&random) % 5000;
            blocks[i] = marked(zc_heap_malloc(own, size), size);
        }
        long wrong = 0;
        for (int i = 0; i < COUNT; i++) {
            wrong += !mark_holds(blocks[i]);
            if (i % 3 == 0)
                zc_heap_free(own, blocks[i]);
        }
        CHECK_EQ(wrong, 0);
        zc_heap_destroy(own);
        CHECK(mark_holds(shared));
        if (life % 2 == 0)
            zc_pool_free(pool, shared);
    }
    return NULL;
}

static void heaps_come_and_go_in_all_threads(void)
{
    uint64_t before = used_bytes();
    struct zc_heap_usage usage;
    pool = zc_pool_new(100, 0);
    run_threads(live_many_lives, NULL);
    zc_pool_stats(pool, &usage, sizeof usage);
    CHECK_EQ(usage.live_count, THREADS * LIVES / 2);
    zc_pool_destroy(pool);
    CHECK_EQ(used_bytes(), before);
}

/* --- caches that outlive their heap ---------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static struct zc_heap *heaps[64];

/* Uses all heaps; then, while main destroys them, puts others into their slots, and exits. */
static void *use_and_leave(void *unused)
{
    (void)unused;
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 20; j++)
            zc_heap_free(heaps[i], marked(zc_heap_malloc(heaps[i], 64), 64));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 40; i++) {
        struct zc_heap *own = zc_heap_new();
        for (int j = 0; j < 20; j++)
            zc_heap_free(own, marked(zc_heap_malloc(own, 64), 64));
        zc_heap_destroy(own);
    }
    return NULL;
}

static void threads_leave_while_heaps_end(void)
{
    uint64_t before = used_bytes();
    for (int round = 0; round < 30; round++) {
        pthread_t threads[THREADS];
        pthread_barrier_init(&barrier, NULL, THREADS + 1);
        for (int i = 0; i < 64; i++)
            heaps[i] = zc_heap_new();
        for (int i = 0; i < THREADS; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, use_and_leave, NULL), 0);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < 64; i++)
            zc_heap_destroy(heaps[i]);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    CHECK_EQ(used_bytes(), before);
}

/* --- fork ------------------------------------------------------------------------------------------------- */

static void child(void)
{
    uint64_t random = 4711;
    alarm(CHILD_SECONDS);
    for (int i = 0; i < SLOTS; i++) {
        void *theirs = __atomic_exchange_n(&slots[i], NULL, __ATOMIC_ACQ_REL);
        if (theirs != NULL)
            zc_heap_free(heap, theirs);
        size_t size = 9 + random_next(&random) % 3000;
        void *mine = marked(zc_heap_malloc(heap, size), size);
        if (i % 2)
            zc_heap_free(heap, mine);
    }
    struct zc_heap *own = zc_heap_new();
    marked(zc_heap_malloc(own, 100), 100);
    zc_heap_destroy(own);
    zc_heap_collect(heap);
    zc_heap_destroy(heap);
    child_prove_heap(1);
}

static void fork_while_threads_use_a_heap(void)
{
    pthread_t threads[THREADS];
    heap = zc_heap_new();
    __atomic_store_n(&must_stop, 0, __ATOMIC_RELAXED);
    for (uintptr_t i = 0; i < THREADS - 1; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, exchange_blocks, (void *)(i + 1)), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        if (pid == 0)
            child();
        CHECK_EQ(child_wait(pid), 0);
    }
    __atomic_store_n(&must_stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS - 1; i++)
        pthread_join(threads[i], NULL);
    memset(slots, 0, sizeof slots);
    zc_heap_destroy(heap);
}

/* Ordinary spans of one class come and go while a heap has free blocks of the same class. */
static void *churn(void *unused)
{
    static __thread void *blocks[CHURNED];
    (void)unused;
    while (!__atomic_load_n(&must_stop, __ATOMIC_RELAXED)) {
        for (int i = 0; i < CHURNED; i++)
            blocks[i] = zc_malloc(48);
        for (int i = 0; i < CHURNED; i++)
            zc_free(blocks[i]);
        zc_trim(0);
    }
    return NULL;
}

static void malloc_keeps_off_the_heap(void)
{
    alarm(CHILD_SECONDS);
    long taken = 0;
    for (int i = 0; i < 2 * CHURNED; i++)
        taken += zc_heap_owns(heap, zc_malloc(48));
    _exit(taken != 0);
}

static void fork_while_ordinary_spans_come_and_go(void)
{
    static void *blocks[CHURNED];
    pthread_t threads[THREADS];
    heap = zc_heap_new();
    for (int i = 0; i < CHURNED; i++)
        blocks[i] = zc_heap_malloc(heap, 48);
    for (int i = 0; i < CHURNED; i += 2)
        zc_heap_free(heap, blocks[i]);
    zc_heap_collect(heap);
    __atomic_store_n(&must_stop, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        if (pid == 0)
            malloc_keeps_off_the_heap();
        CHECK_EQ(child_wait(pid), 0);
    }
    __atomic_store_n(&must_stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    zc_heap_destroy(heap);
}

int main(int argc, char **argv)
{
    (void)argv;
    alarm(4 * CHILD_SECONDS);
    if (argc > 1) {
        forks = 1;
        RUN(fork_while_threads_use_a_heap);
        RUN(fork_while_ordinary_spans_come_and_go);
        return check_done();
    }
    RUN(threads_share_a_heap);
    RUN(heaps_come_and_go_in_all_threads);
    RUN(threads_leave_while_heaps_end);
    return check_done();
}
